import type { Probes } from "./http/doctor.ts";
import { createCredential } from "./io/credential.ts";
import { createDefender } from "./io/defender/defender.ts";
import { createMailer } from "./io/mail/sendgrid.ts";
import { createQueueProbe } from "./io/storage/queue-probe.ts";
import { createRunQueue } from "./io/storage/run-queue.ts";
import { createStore } from "./io/storage/tables.ts";
import type { Ports } from "./ports.ts";
import { rememberSnapshots } from "./run/remember-snapshots.ts";
import type { Settings } from "./settings.ts";

/** The world outside, and what the doctor tries of it besides. */
export interface Connections {
  ports: Omit<Ports, "log">;
  probes: Probes;
}

/** Connects the app to its real neighbours; nothing is called before a port is used. */
export function openConnections(settings: Settings): Connections {
  const { identity, defender, storage, sendgrid, mailFrom, watchlists, rules } = settings;
  const credential = createCredential(identity);
  const connection = storage.kind === "identity" ? { ...storage, credential: credential("home") } : storage;
  const mail = { ...sendgrid, from: mailFrom };
  return {
    ports: {
      defender: createDefender({ ...defender, credential }),
      store: rememberSnapshots(createStore(connection)),
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
