import { isLoopback } from "./core/loopback.ts";
import { homeTenant, type Watchlist } from "./core/watchlist.ts";
import { logTexts } from "./log.ts";
import type { Rules } from "./ports.ts";
import { type Cloud, clouds } from "./settings/clouds.ts";
import { connectionInAzure, developmentStorage } from "./settings/connection-string.ts";
import { listShown } from "./settings/excerpt.ts";
import { isSet } from "./settings/kinds.ts";
import { steadierSchedule } from "./settings/ncrontab.ts";
import { type Environment, openReader, type Reader } from "./settings/reader.ts";
import { signInFault } from "./settings/sign-in.ts";
import { settingNames, settingsTable } from "./settings/table.ts";
import { readWatchlists, type WatchlistsDocument } from "./settings/watchlists.ts";

/** Everything an operator can decide, checked and ready to use. */
export interface Settings {
  watchlists: readonly Watchlist[];
  /** Where the watchlists are instead, and what they lack there; `null`: `watchlists` are all. */
  watchlistsDocument: WatchlistsDocument | null;
  rules: Rules;
  /** `a@b` or `Name <a@b>`. */
  mailFrom: string;
  identity: {
    kind: "managed" | "developer";
    /** The user-assigned identity; `null`: the system-assigned one. */
    clientId: string | null;
    /** The multi-tenant app registration that trusts the identity, for watchlists with a tenant id. */
    appId: string | null;
    authorityHost: string;
  };
  defender: { baseUrl: string; scope: string };
  /** Where MSRC's and CISA's feeds are; `null`: they are never called. */
  advisories: { msrcUrl: string; kevUrl: string } | null;
  storage:
    | { kind: "connectionString"; connectionString: string }
    | { kind: "identity"; tableServiceUri: string; queueServiceUri: string };
  mail: SendGridSettings | { transport: "acs"; endpoint: string };
  auth: "key" | "entra";
  /** Sentences, without secrets, about what works but may be a mistake. */
  warnings: readonly string[];
}

interface SendGridSettings {
  transport: "sendgrid";
  apiKey: string;
  region: "global" | "eu";
  /** Instead of the region's address. */
  url: string | null;
  sandbox: boolean;
}

/**
 * Everything that is wrong with the settings, without secrets. The message is one line with the word "error" in it: the
 * Functions host logs standard error line by line, and only lines with such a word as errors.
 */
export class SettingsError extends Error {
  /** One line each, `NAME: fault. Allowed: …. Example: …`. */
  readonly problems: readonly string[];

  constructor(found: readonly string[]) {
    const problems = found.map(onOneLine);
    const count = new Set(problems.map((problem) => /^\w*/.exec(problem)?.[0])).size;
    const wrong = count === 1 ? "1 setting" : `${count} settings`;
    super(`${logTexts.notStarted} because of an error in ${wrong}. ${whereToChange} ${numbered(problems)}`);
    this.name = "SettingsError";
    this.problems = problems;
  }
}

const whereToChange =
  "Correct this in the function app's environment variables (Azure portal: Settings > Environment variables) or, on your own machine, in local.settings.json:";

function onOneLine(text: string): string {
  const escaped = (end: string) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text
    .replaceAll("\r", "\\r")
    .replaceAll("\n", "\\n")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, escaped);
}

// A log record has 32,768 characters.
const longestList = 30_000;

function numbered(problems: readonly string[]): string {
  let list = "";
  for (const [index, problem] of problems.entries()) {
    const entry = `(${index + 1}) ${problem} `;
    if (list.length + entry.length > longestList) return `${list}and ${problems.length - index} more`;
    list += entry;
  }
  return list.trimEnd();
}

/** The settings of an environment; throws a `SettingsError` that lists every problem at once. */
export function readSettings(env: Environment): Settings {
  const reader = openReader(env);
  const cloud = clouds[reader.read("DEFENDER_CLOUD")];
  const hosted = isSet(env.WEBSITE_SITE_NAME) || isSet(env.WEBSITE_INSTANCE_ID);
  const auth = readAuth(reader, env);
  const otherTenants = !isManaged(reader, env) || reader.has("DEFENDER_APP_ID");
  const { watchlists, document } = readWatchlists(reader, { otherTenants, readerRoles: auth === "entra" });
  const settings = {
    watchlists,
    watchlistsDocument: document,
    mailFrom: reader.require("MAIL_FROM", ""),
    rules: readRules(reader, cloud),
    auth,
    defender: readDefender(reader, cloud),
    advisories: readAdvisories(reader),
    identity: readIdentity(reader, env, cloud, watchlists),
    storage: readStorage(reader, cloud, hosted),
    mail: readMail(reader),
  };
  if (reader.problems.length > 0) throw new SettingsError(reader.problems);
  return { ...settings, warnings: reader.warnings };
}

function readRules(reader: Reader, cloud: Cloud): Rules {
  return {
    ...readTimes(reader),
    callsPerMinute: reader.read("DEFENDER_CALLS_PER_MINUTE"),
    callsPerHour: reader.read("DEFENDER_CALLS_PER_HOUR"),
    graceMinutes: reader.read("REPORT_GRACE_MINUTES"),
    reportUrl: reader.read("REPORT_URL"),
    retentionDays: reader.read("RETENTION_DAYS"),
    portalUrl: cloud.portalUrl,
  };
}

function readTimes(reader: Reader): Pick<Rules, "schedule" | "timeZone"> {
  const problems = reader.problems.length;
  const [schedule, timeZone] = [reader.read("REPORT_SCHEDULE"), reader.read("REPORT_TIME_ZONE")];
  const better = reader.problems.length === problems ? steadierSchedule(schedule, timeZone, new Date()) : null;
  if (better !== null) {
    reader.refuse(
      "REPORT_SCHEDULE",
      `${schedule} (UTC) is before midnight in ${timeZone} for a part of the year and after it for the rest, so that a day would have no run when the clocks change`,
      { allowed: "an hour that is on the same day all year", example: better },
    );
  }
  return { schedule, timeZone };
}

function readAuth(reader: Reader, env: Environment): Settings["auth"] {
  const auth = reader.read("AUTH");
  const fault = auth === "entra" ? signInFault(env) : null;
  if (fault)
    reader.refuse("AUTH", fault, { allowed: "key, or entra with App Service authentication on", example: "key" });
  return auth;
}

function readDefender(reader: Reader, cloud: Cloud): Settings["defender"] {
  const baseUrl = reader.read("DEFENDER_URL") ?? cloud.baseUrl;
  const { hostname } = new URL(baseUrl);
  if (!hostname.endsWith(cloud.hostSuffix) && !isLoopback(hostname)) {
    reader.warn(
      `DEFENDER_URL: is not a Defender host of the chosen DEFENDER_CLOUD (*${cloud.hostSuffix}), but the app sends its Defender tokens there.`,
    );
  }
  return { baseUrl, scope: cloud.scope };
}

function readAdvisories(reader: Reader): Settings["advisories"] {
  const urls = { msrcUrl: reader.read("MSRC_URL"), kevUrl: reader.read("KEV_URL") };
  return reader.read("ADVISORIES") === "on" ? urls : null;
}

function readIdentity(
  reader: Reader,
  env: Environment,
  { authorityHost }: Cloud,
  watchlists: readonly Watchlist[],
): Settings["identity"] {
  reader.read("REPORTER_STORAGE__credential");
  const managed = isManaged(reader, env);
  const appId = reader.read("DEFENDER_APP_ID");
  const abroad = watchlists.filter(({ tenant }) => tenant !== homeTenant).map(({ name }) => name);
  if (managed && abroad.length > 0 && !reader.has("DEFENDER_APP_ID")) {
    reader.refuse(
      "DEFENDER_APP_ID",
      `is missing, but these watchlists have a tenantId and a managed identity alone reads only its own tenant: ${listShown(abroad)}`,
      {
        allowed: "the client id of a multi-tenant app registration that trusts the identity (federated credential)",
        example: settingsTable.DEFENDER_APP_ID.example,
      },
    );
  }
  return { kind: managed ? "managed" : "developer", clientId: readClientId(reader), appId, authorityHost };
}

function isManaged(reader: Reader, env: Environment): boolean {
  return isSet(env.IDENTITY_ENDPOINT) || isSet(env.MSI_ENDPOINT) || reader.has("REPORTER_STORAGE__credential");
}

function readClientId(reader: Reader): string | null {
  const own = reader.read("AZURE_CLIENT_ID");
  const ofStorage = reader.read("REPORTER_STORAGE__clientId");
  if (own && ofStorage && own !== ofStorage) {
    reader.refuse(
      "REPORTER_STORAGE__clientId",
      "differs from AZURE_CLIENT_ID, but one identity reads both Defender and storage",
      { allowed: "the same client id in both", example: settingsTable.REPORTER_STORAGE__clientId.example },
    );
  }
  return own ?? ofStorage;
}

const identityNames = settingNames.filter((name) => name.startsWith("REPORTER_STORAGE__"));

function readStorage(reader: Reader, cloud: Cloud, hosted: boolean): Settings["storage"] {
  const named = identityNames.filter(reader.has);
  if (named.length === 0) return readConnectionString(reader, hosted);
  if (reader.has("REPORTER_STORAGE")) {
    reader.refuse("REPORTER_STORAGE", `is set together with ${named.join(", ")}`, {
      allowed: "either a connection string or the identity-based names",
      example: "REPORTER_STORAGE__tableServiceUri and REPORTER_STORAGE__queueServiceUri, without REPORTER_STORAGE",
    });
  }
  return { kind: "identity", ...readServiceUris(reader, cloud) };
}

function readConnectionString(reader: Reader, hosted: boolean): Settings["storage"] {
  const connectionString = hosted
    ? reader.require("REPORTER_STORAGE", "", connectionInAzure)
    : reader.read("REPORTER_STORAGE");
  if (hosted && connectionString === developmentStorage) {
    reader.refuse("REPORTER_STORAGE", "names the storage emulator, which does not exist in Azure", connectionInAzure);
  }
  return { kind: "connectionString", connectionString: connectionString ?? developmentStorage };
}

function readServiceUris(reader: Reader, { storageSuffix }: Cloud) {
  const name = reader.read("REPORTER_STORAGE__accountName");
  const hasUris = reader.has("REPORTER_STORAGE__tableServiceUri") || reader.has("REPORTER_STORAGE__queueServiceUri");
  if (!reader.has("REPORTER_STORAGE__accountName")) {
    return {
      tableServiceUri: reader.require("REPORTER_STORAGE__tableServiceUri", ""),
      queueServiceUri: reader.require("REPORTER_STORAGE__queueServiceUri", ""),
    };
  }
  if (hasUris) {
    reader.refuse(
      "REPORTER_STORAGE__accountName",
      "is set together with service URIs, which the Functions host then ignores",
      {
        allowed: "either the account name or both service URIs",
        example: settingsTable.REPORTER_STORAGE__accountName.example,
      },
    );
  }
  if (storageSuffix !== "core.windows.net") {
    reader.warn(
      `REPORTER_STORAGE__accountName: the Functions host looks for this account under core.windows.net, not ${storageSuffix}; set REPORTER_STORAGE__tableServiceUri and REPORTER_STORAGE__queueServiceUri instead.`,
    );
  }
  return {
    tableServiceUri: `https://${name}.table.${storageSuffix}`,
    queueServiceUri: `https://${name}.queue.${storageSuffix}`,
  };
}

function readMail(reader: Reader): Settings["mail"] {
  if (reader.read("MAIL_TRANSPORT") === "sendgrid") return readSendGrid(reader);
  return { transport: "acs", endpoint: reader.require("ACS_ENDPOINT", "") };
}

function readSendGrid(reader: Reader): SendGridSettings {
  const sandbox = reader.read("SENDGRID_SANDBOX") === "true";
  if (sandbox) reader.warn("SENDGRID_SANDBOX: is true, so SendGrid checks mails but delivers none.");
  return {
    transport: "sendgrid",
    apiKey: reader.require("SENDGRID_API_KEY", ""),
    region: reader.read("SENDGRID_REGION"),
    url: reader.read("SENDGRID_URL"),
    sandbox,
  };
}
