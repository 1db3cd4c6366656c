import type { InvocationContext } from "@azure/functions";
import type { Connections } from "./connections.ts";
import { formatLog } from "./log.ts";
import type { Log, Ports } from "./ports.ts";
import { readSettings } from "./settings.ts";

// A setting that cannot be used throws here, while the app loads: it then does not start, and the host shows why.
const settings = readSettings(process.env);

/** NCRONTAB in UTC. */
export const schedule = settings.rules.schedule;

/** Behind the platform's sign-in no keys are wanted; otherwise every call but health carries one. */
export const authLevel = settings.auth === "key" ? "function" : "anonymous";

let connections: Promise<Connections> | undefined;

/** The connections of this process. Their code loads with the first call, which keeps the app's start short. */
export function connect(): Promise<Connections> {
  connections ??= import("./connections.ts").then(({ openConnections }) => openConnections(settings));
  return connections;
}

/** The world as one invocation sees it: its log lines carry the invocation's id. */
export async function portsFor(context: InvocationContext): Promise<Ports> {
  const { ports } = await connect();
  return { ...ports, log: logTo(context) };
}

const untold = [...settings.warnings];

function logTo(context: InvocationContext): Log {
  for (const warning of untold.splice(0)) context.warn(formatLog("settings can be better", { warning }));
  return (level, message, fields) => context[level](formatLog(message, fields));
}
