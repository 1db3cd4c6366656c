import type { InvocationContext } from "@azure/functions";
import type { Connections } from "./connections.ts";
import type { RequestPorts } from "./http/caller.ts";
import type { HttpRequest } from "./http/response.ts";
import { formatLog } from "./log.ts";
import type { Log, Ports } from "./ports.ts";
import { proxyVariables } from "./settings/proxies.ts";
import { readSettings } from "./settings.ts";

// Before an SDK reads them with its first call.
Object.assign(process.env, proxyVariables(process.env));

// A wrong setting throws here, while the app loads: it does not start, and the host shows why.
const settings = readSettings(process.env);

/** NCRONTAB in UTC. */
export const schedule = settings.rules.schedule;

/** Whether MSRC and CISA are read. */
export const hasFeeds = settings.advisories !== null;

/** With the platform's sign-in no keys are needed; otherwise every call except health needs one. */
export const authLevel = settings.auth === "key" ? "function" : "anonymous";

let connections: Promise<Connections> | undefined;

/** The connections of this process. Their code loads with the first call, so that the app starts quickly. */
export function connect(): Promise<Connections> {
  connections ??= import("./connections.ts").then(({ openConnections }) => openConnections(settings));
  return connections;
}

/** The ports of one invocation: its log lines carry the invocation's id. */
export async function portsFor(context: InvocationContext): Promise<Ports> {
  const { ports, readCatalogue } = await connect();
  const log = logTo(context);
  return { ...ports, log, catalogue: () => readCatalogue(log) };
}

/** The ports of a request: they show no more than its caller may read. Every HTTP function takes these; health is for everybody. */
export async function portsForRequest(
  { headers }: Pick<HttpRequest, "headers">,
  context: InvocationContext,
): Promise<RequestPorts> {
  const { callerOf, portsOf } = await import("./http/caller.ts");
  return portsOf(callerOf(headers, settings.auth), await portsFor(context));
}

const warnings = [...settings.warnings];

function logTo(context: InvocationContext): Log {
  for (const warning of warnings.splice(0)) context.warn(formatLog("setting warning", { warning }));
  return (level, message, fields) => context[level](formatLog(message, fields));
}
