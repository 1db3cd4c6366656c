import type { InvocationContext } from "@azure/functions";
import type { Probes } from "./doctor.ts";
import { createCredential } from "./io/credential.ts";
import { createDefender } from "./io/defender.ts";
import { createQueueProbe } from "./io/queue-probe.ts";
import { createRunQueue } from "./io/run-queue.ts";
import { createMailer } from "./io/sendgrid.ts";
import { createStore } from "./io/tables.ts";
import { formatLog } from "./log.ts";
import type { Log, Ports } from "./ports.ts";
import { readSettings } from "./settings.ts";

// A setting that cannot be used throws here, while the app loads: it then does not start, and the host shows why.
const settings = readSettings(process.env);

/** NCRONTAB in UTC. */
export const schedule = settings.rules.schedule;

/** Behind the platform's sign-in no keys are wanted; otherwise every call but health carries one. */
export const authLevel = settings.auth === "key" ? "function" : "anonymous";

/** The world outside, and what the doctor tries of it besides. */
export const { connections, probes } = connect();

function connect(): { connections: Omit<Ports, "log">; probes: Probes } {
  const { identity, defender, storage, sendgrid, mailFrom, watchlists, rules } = settings;
  const credential = createCredential(identity);
  const connection = storage.kind === "identity" ? { ...storage, credential: credential("home") } : storage;
  const mail = { ...sendgrid, from: mailFrom };
  return {
    connections: {
      defender: createDefender({ ...defender, credential }),
      store: createStore(connection),
      queue: createRunQueue(connection),
      mailer: createMailer(mail),
      now: () => new Date(),
      watchlists,
      rules,
    },
    probes: {
      defenderScope: defender.scope,
      defenderToken: async (tenant) => (await credential(tenant).getToken(defender.scope))?.token ?? "",
      tryQueue: createQueueProbe(connection),
      sandbox: createMailer({ ...mail, sandbox: true }),
    },
  };
}

/** The world as one invocation sees it: its log lines carry the invocation's id. */
export function portsFor(context: InvocationContext): Ports {
  return { ...connections, log: logTo(context) };
}

const untold = [...settings.warnings];

function logTo(context: InvocationContext): Log {
  for (const warning of untold.splice(0)) context.warn(formatLog("settings can be better", { warning }));
  return (level, message, fields) => context[level](formatLog(message, fields));
}
