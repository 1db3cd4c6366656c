import { isLoopback } from "./core/loopback.ts";
import { homeTenant, type Watchlist } from "./core/watchlist.ts";
import type { Rules } from "./ports.ts";
import { type Cloud, clouds } from "./settings/clouds.ts";
import { azureConnectionKind, developmentStorage, localConnectionKind } from "./settings/connection-string.ts";
import { listShown } from "./settings/excerpt.ts";
import { choice, clientIdKind, shapedText, timeZoneKind, wholeNumber } from "./settings/kinds.ts";
import { addressKind } from "./settings/mail-addresses.ts";
import type { SettingName } from "./settings/names.ts";
import { scheduleKind } from "./settings/ncrontab.ts";
import { type Environment, isSet, openReader, type Reader } from "./settings/reader.ts";
import { defenderUrlKind, queueUriKind, reportUrlKind, sendGridUrlKind, tableUriKind } from "./settings/service-url.ts";
import { signInFault } from "./settings/sign-in.ts";
import { readWatchlists } from "./settings/watchlists.ts";

/** Everything an operator can decide, checked: what stands here can be used as it is. */
export interface Settings {
  watchlists: readonly Watchlist[];
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
  defender: { baseUrl: string; scope: string; callsPerMinute: number; callsPerHour: number };
  storage:
    | { kind: "connectionString"; connectionString: string }
    | { kind: "identity"; tableServiceUri: string; queueServiceUri: string };
  sendgrid: {
    apiKey: string;
    region: "global" | "eu";
    /** Instead of the region's address. */
    url: string | null;
    sandbox: boolean;
  };
  auth: "key" | "entra";
  /** Whole sentences about what works and may yet be a mistake; no secrets in them. */
  warnings: readonly string[];
}

/** All that is wrong with the settings, in one message that holds no secret. */
export class SettingsError extends Error {
  /** One line each, `NAME: fault. Allowed: …. Example: …`. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = new Set(problems.map((problem) => /^\w*/.exec(problem)?.[0])).size;
    const wrong = count === 1 ? "1 setting is wrong" : `${count} settings are wrong`;
    super(`${wrong}. ${whereToChange}\n${problems.join("\n")}`);
    this.name = "SettingsError";
    this.problems = problems;
  }
}

const whereToChange =
  "Change this in the function app's environment variables (Azure portal: Settings > Environment variables) or, on your own machine, in local.settings.json:";

/** The settings that an environment holds; throws a `SettingsError` that tells every problem at once. */
export function readSettings(env: Environment): Settings {
  const reader = openReader(env);
  const cloud = clouds[reader.read("DEFENDER_CLOUD", cloudKind, "public")];
  const hosted = isSet(env.WEBSITE_SITE_NAME) || isSet(env.WEBSITE_INSTANCE_ID);
  const watchlists = readWatchlists(reader);
  const settings = {
    watchlists,
    mailFrom: reader.require("MAIL_FROM", addressKind, ""),
    rules: readRules(reader, cloud),
    auth: readAuth(reader, env),
    defender: readDefender(reader, cloud),
    identity: readIdentity(reader, env, cloud, watchlists),
    storage: readStorage(reader, cloud, hosted),
    sendgrid: readSendGrid(reader),
  };
  if (reader.problems.length > 0) throw new SettingsError(reader.problems);
  return { ...settings, warnings: reader.warnings };
}

const cloudKind = choice(["public", "gcc", "gcc-high", "dod"], "public");
const authKind = choice(["key", "entra"], "key");
const credentialKind = choice(["managedidentity"], "managedidentity");
const regionKind = choice(["global", "eu"], "eu");
const switchKind = choice(["true", "false"], "true");

const apiKeyKind = shapedText(
  {
    allowed: "a SendGrid API key with the permission Mail Send, without quotation marks",
    example: "SG.key-id.key-secret",
  },
  /^SG\.[\x21-\x7e]{1,500}$/,
  "is no SendGrid API key, which begins with SG. and holds no spaces; the value is not shown here",
);
const accountNameKind = shapedText(
  { allowed: "a storage account's name: 3 to 24 small letters and digits", example: "streporter" },
  /^[a-z0-9]{3,24}$/,
  "is no storage account's name",
);

function readRules(reader: Reader, cloud: Cloud): Rules {
  return {
    schedule: reader.read("REPORT_SCHEDULE", scheduleKind, "0 0 5 * * *"),
    timeZone: reader.read("REPORT_TIME_ZONE", timeZoneKind, "UTC"),
    graceMinutes: reader.read("REPORT_GRACE_MINUTES", wholeNumber(0, 1_440, 120), 120),
    reportUrl: reader.read("REPORT_URL", reportUrlKind, null),
    retentionDays: reader.read("RETENTION_DAYS", wholeNumber(40, 3_650, 400), 400),
    portalUrl: cloud.portalUrl,
  };
}

function readAuth(reader: Reader, env: Environment): Settings["auth"] {
  const auth = reader.read("AUTH", authKind, "key");
  const fault = auth === "entra" ? signInFault(env) : null;
  if (fault) reader.refuse("AUTH", fault, { allowed: "entra with that sign-in on, or key", example: "key" });
  return auth;
}

function readDefender(reader: Reader, cloud: Cloud): Settings["defender"] {
  const baseUrl = reader.read("DEFENDER_URL", defenderUrlKind, cloud.baseUrl);
  const { hostname } = new URL(baseUrl);
  if (!hostname.endsWith(cloud.hostSuffix) && !isLoopback(hostname)) {
    reader.warn(
      `DEFENDER_URL: names no host of Defender in the chosen DEFENDER_CLOUD (*${cloud.hostSuffix}), and tokens for Defender are sent there.`,
    );
  }
  return {
    baseUrl,
    scope: cloud.scope,
    callsPerMinute: reader.read("DEFENDER_CALLS_PER_MINUTE", wholeNumber(1, 10_000, 100), 100),
    callsPerHour: reader.read("DEFENDER_CALLS_PER_HOUR", wholeNumber(1, 100_000, 1_500), 1_500),
  };
}

function readIdentity(
  reader: Reader,
  env: Environment,
  { authorityHost }: Cloud,
  watchlists: readonly Watchlist[],
): Settings["identity"] {
  const credential = reader.read("REPORTER_STORAGE__credential", credentialKind, null);
  const managed = isSet(env.IDENTITY_ENDPOINT) || isSet(env.MSI_ENDPOINT) || credential !== null;
  const appId = reader.read("DEFENDER_APP_ID", clientIdKind, null);
  const abroad = watchlists.filter(({ tenant }) => tenant !== homeTenant).map(({ name }) => name);
  if (managed && abroad.length > 0 && !reader.has("DEFENDER_APP_ID")) {
    const fault = `is missing, and a managed identity alone reaches its own tenant only, while these watchlists have a tenantId: ${listShown(abroad)}`;
    const allowed = "the client id of a multi-tenant app registration that trusts the identity (federated credential)";
    reader.refuse("DEFENDER_APP_ID", fault, { ...clientIdKind, allowed });
  }
  return { kind: managed ? "managed" : "developer", clientId: readClientId(reader), appId, authorityHost };
}

function readClientId(reader: Reader): string | null {
  const own = reader.read("AZURE_CLIENT_ID", clientIdKind, null);
  const ofStorage = reader.read("REPORTER_STORAGE__clientId", clientIdKind, null);
  if (own && ofStorage && own !== ofStorage) {
    const fault = "differs from AZURE_CLIENT_ID, but one identity reads Defender and storage alike";
    reader.refuse("REPORTER_STORAGE__clientId", fault, { ...clientIdKind, allowed: "the same client id in both" });
  }
  return own ?? ofStorage;
}

const storageNames = [
  "REPORTER_STORAGE__tableServiceUri",
  "REPORTER_STORAGE__queueServiceUri",
  "REPORTER_STORAGE__accountName",
  "REPORTER_STORAGE__credential",
  "REPORTER_STORAGE__clientId",
] as const satisfies readonly SettingName[];

function readStorage(reader: Reader, cloud: Cloud, hosted: boolean): Settings["storage"] {
  const named = storageNames.filter(reader.has);
  if (named.length === 0) return readConnectionString(reader, hosted);
  if (reader.has("REPORTER_STORAGE")) {
    reader.refuse("REPORTER_STORAGE", `is given together with ${named.join(", ")}`, {
      allowed: "either a connection string or the identity-based names",
      example: "REPORTER_STORAGE__tableServiceUri and REPORTER_STORAGE__queueServiceUri, without REPORTER_STORAGE",
    });
  }
  return { kind: "identity", ...readServiceUris(reader, cloud) };
}

function readConnectionString(reader: Reader, hosted: boolean): Settings["storage"] {
  const connectionString = hosted
    ? reader.require("REPORTER_STORAGE", azureConnectionKind, "")
    : reader.read("REPORTER_STORAGE", localConnectionKind, developmentStorage);
  return { kind: "connectionString", connectionString };
}

function readServiceUris(reader: Reader, { storageSuffix }: Cloud) {
  const name = reader.read("REPORTER_STORAGE__accountName", accountNameKind, null);
  const hasUris = reader.has("REPORTER_STORAGE__tableServiceUri") || reader.has("REPORTER_STORAGE__queueServiceUri");
  if (!reader.has("REPORTER_STORAGE__accountName")) {
    return {
      tableServiceUri: reader.require("REPORTER_STORAGE__tableServiceUri", tableUriKind, ""),
      queueServiceUri: reader.require("REPORTER_STORAGE__queueServiceUri", queueUriKind, ""),
    };
  }
  if (hasUris) {
    const fault = "is given together with service URIs, which the Functions host then leaves aside";
    reader.refuse("REPORTER_STORAGE__accountName", fault, {
      ...accountNameKind,
      allowed: "either the account's name or both service URIs",
    });
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

function readSendGrid(reader: Reader): Settings["sendgrid"] {
  const sandbox = reader.read("SENDGRID_SANDBOX", switchKind, "false") === "true";
  if (sandbox) reader.warn("SENDGRID_SANDBOX: is true, so SendGrid checks mails and delivers none.");
  return {
    apiKey: reader.require("SENDGRID_API_KEY", apiKeyKind, ""),
    region: reader.read("SENDGRID_REGION", regionKind, "global"),
    url: reader.read("SENDGRID_URL", sendGridUrlKind, null),
    sandbox,
  };
}
