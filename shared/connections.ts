import type { TokenCredential } from "@azure/core-auth";
import { homeTenant } from "./core/watchlist.ts";
import type { Probes } from "./http/finding.ts";
import { createCredential } from "./io/credential.ts";
import { createDefender } from "./io/defender/defender.ts";
import { createMailer, fingerprint } from "./io/mail/sendgrid.ts";
import { createQueueProbe, createRunQueue } from "./io/storage/run-queue.ts";
import { createStore } from "./io/storage/tables.ts";
import { createDocument } from "./io/watchlists/document.ts";
import { createWatchlists } from "./io/watchlists/watchlists.ts";
import type { Ports } from "./ports.ts";
import { parseEntries, parseWatchlists } from "./settings/watchlists.ts";
import type { Settings } from "./settings.ts";

/** The outside world, and what else of it the doctor tries. */
export interface Connections {
  ports: Omit<Ports, "log">;
  probes: Probes;
}

/** Connects the app to its real neighbours. Nothing is called until a port is used. */
export function openConnections(settings: Settings): Connections {
  const { identity, defender, storage, sendgrid, mailFrom, rules } = settings;
  const credential = createCredential(identity);
  const connection = storage.kind === "identity" ? { ...storage, credential: credential("home") } : storage;
  const store = createStore(connection);
  const mail = { ...sendgrid, from: mailFrom };
  const { callsPerMinute, callsPerHour } = rules;
  return {
    ports: {
      defender: createDefender({ ...defender, callsPerMinute, callsPerHour, credential }),
      store,
      queue: createRunQueue(connection),
      mailer: createMailer(mail),
      now: () => new Date(),
      watchlists: openWatchlists(settings, store, () => credential("home")),
      rules,
    },
    probes: {
      defenderScope: defender.scope,
      defenderToken: async (tenant) => (await credential(tenant).getToken(defender.scope))?.token ?? "",
      consentUrl: (tenant) => consentUrl(tenant, identity),
      tryQueue: createQueueProbe(connection),
      keyFingerprint: fingerprint(sendgrid.apiKey),
      sandbox: createMailer({ ...mail, sandbox: true }),
    },
  };
}

function consentUrl(tenant: string, { appId, authorityHost }: Settings["identity"]): string | null {
  if (tenant === homeTenant || appId === null) return null;
  return `${authorityHost}/${encodeURIComponent(tenant)}/adminconsent?client_id=${encodeURIComponent(appId)}`;
}

function openWatchlists(
  { watchlists, watchlistsDocument }: Settings,
  store: Ports["store"],
  home: () => TokenCredential,
): Ports["watchlists"] {
  if (watchlistsDocument === null) return async () => ({ list: watchlists, faults: [] });
  const { url, defaults } = watchlistsDocument;
  const token = async () => (await home().getToken("https://storage.azure.com/.default"))?.token ?? "";
  return createWatchlists({
    read: createDocument({ url, token }),
    parse: (text) => parseWatchlists(text, defaults),
    parseEntries: (sources) => parseEntries(sources, defaults),
    store,
    now: () => new Date(),
  });
}
