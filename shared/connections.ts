import type { TokenCredential } from "@azure/core-auth";
import { homeTenant } from "./core/watchlist.ts";
import type { Probes } from "./http/finding.ts";
import { createCatalogue, type ReadCatalogue } from "./io/advisories/catalogue.ts";
import { createFeeds } from "./io/advisories/feeds.ts";
import { createCredential } from "./io/credential.ts";
import { createDefender } from "./io/defender/defender.ts";
import { createAcsCheck, createAcsMailer, tryAcs } from "./io/mail/acs.ts";
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
  ports: Omit<Ports, "log" | "catalogue">;
  readCatalogue: ReadCatalogue;
  probes: Probes;
}

/** Connects the app to its real neighbours. Nothing is called until a port is used. */
export function openConnections(settings: Settings): Connections {
  const { identity, defender, storage, rules, advisories } = settings;
  const credential = createCredential(identity);
  const connection = storage.kind === "identity" ? { ...storage, credential: credential("home") } : storage;
  const store = createStore(connection);
  const mail = openMail(settings, () => credential("home"));
  const { callsPerMinute, callsPerHour } = rules;
  const now = () => new Date();
  return {
    ports: {
      defender: createDefender({ ...defender, callsPerMinute, callsPerHour, credential }),
      store,
      queue: createRunQueue(connection),
      mailer: mail.mailer,
      now,
      feeds: advisories && createFeeds(advisories),
      watchlists: openWatchlists(settings, store, () => credential("home")),
      rules,
    },
    readCatalogue: advisories ? createCatalogue(store, now) : async () => null,
    probes: {
      warnings: settings.warnings,
      defenderScope: defender.scope,
      defenderToken: async (tenant) => (await credential(tenant).getToken(defender.scope))?.token ?? "",
      consentUrl: (tenant) => consentUrl(tenant, identity),
      tryQueue: createQueueProbe(connection),
      ...mail.probes,
    },
  };
}

interface Mail {
  mailer: Ports["mailer"];
  probes: Pick<Probes, "keyFingerprint" | "sandbox" | "tryAcs">;
}

function openMail({ mail, mailFrom: from }: Settings, home: () => TokenCredential): Mail {
  if (mail.transport === "sendgrid") {
    const sandbox = createMailer({ ...mail, from, sandbox: true });
    return { mailer: createMailer({ ...mail, from }), probes: { keyFingerprint: fingerprint(mail.apiKey), sandbox } };
  }
  const acs = { endpoint: mail.endpoint, credential: home(), from };
  return {
    mailer: createAcsMailer(acs),
    probes: { keyFingerprint: null, sandbox: createAcsCheck(acs), tryAcs: () => tryAcs(acs) },
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
