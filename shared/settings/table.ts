import { dueFroms, mailWhens, ruleLimits, weekdays } from "../core/watchlist.ts";
import { connectionKind, developmentStorage } from "./connection-string.ts";
import { jsonArrayKind } from "./json.ts";
import { choice, clientIdKind, flag, type Kind, shapedText, timeZoneKind, type ValueOf, wholeNumber } from "./kinds.ts";
import { addressKind, readersKind } from "./mail-addresses.ts";
import { scheduleKind } from "./ncrontab.ts";
import { acsUrlKind, blobUrlKind, feedUrlKind, hostUrlKind, reportUrlKind, storageUriKind } from "./service-url.ts";
import { softwareIdsKind } from "./software-ids.ts";

/** Markdown for docs/settings.md, which `npm run docs` writes. */
export interface Described {
  kind: Kind<unknown>;
  /** Says in the document what happens where nothing is given; else it shows the default. */
  absent?: string;
  meaning: string;
  /** Follows a fault too, so it can be used as it is. */
  example: string;
}

interface Setting extends Described {
  section: string;
  /** The value where the setting is absent; `null` where there is none. */
  default: string | number | boolean | null;
}

const watched = "What to watch";
const digests = "Runs, reports and digests";
const defender = "Defender";
const advisories = "MSRC and CISA";
const storage = "Storage";
const mail = "Mail";
const sendGrid = "SendGrid";

/**
 * Every setting, in the order of docs/settings.md, without the platform's own variables. To add one, add it here, read it in
 * settings.ts and run `npm run docs`.
 */
export const settingsTable = {
  SOFTWARE_IDS: {
    section: watched,
    kind: softwareIdsKind,
    default: null,
    absent: "required, unless `WATCHLISTS` or `WATCHLISTS_URL` is set",
    meaning:
      "The products to watch: Defender's ids, or `vendor:microsoft`. Defender's portal shows display names; `npm run products -- edge` and `GET /api/products?search=edge` find ids.",
    example: "microsoft-_-windows_11,microsoft-_-edge_chromium-based",
  },
  MAIL_TO: {
    section: watched,
    kind: readersKind,
    default: null,
    absent: "required, unless `WATCHLISTS` or `WATCHLISTS_URL` is set",
    meaning:
      "Who gets the digest. Each reader gets a copy that shows no other address; with `together:` in front, as in `together: a@contoso.com, b@contoso.com`, they get one mail and see each other.",
    example: "Patch Team <patch-team@contoso.com>, ciso@contoso.com",
  },
  MAIL_FROM: {
    section: watched,
    kind: addressKind,
    default: null,
    absent: "required",
    meaning:
      "The sender, verified at SendGrid, or with `MAIL_TRANSPORT=acs` of a domain that is linked to the resource; Azure shows the name that the domain has for it.",
    example: "Missing KBs <missing-kbs@contoso.com>",
  },
  WATCHLISTS: {
    section: watched,
    kind: jsonArrayKind,
    default: null,
    absent: "one watchlist, `default`",
    meaning:
      "Several watchlists, instead of `SOFTWARE_IDS` and `MAIL_TO`; their [properties](#properties-of-a-watchlist) are below. On Linux an environment variable is shorter than 128 KiB: about 300 watchlists of ten ids.",
    example: '[{"name": "Servers", "softwareIds": ["microsoft-_-windows_server_2022"], "mailTo": ["ops@contoso.com"]}]',
  },
  WATCHLISTS_URL: {
    section: watched,
    kind: blobUrlKind,
    default: null,
    absent: "none",
    meaning:
      "A blob with the array of `WATCHLISTS`, instead of that setting: up to 2,000 watchlists and 16 MiB, in UTF-8. The app reads it with its identity, at each schedule and otherwise once a minute, so a change needs no restart. A faulty entry disables its own watchlist only; the last good version of it goes on for a day, and health names it.",
    example: "https://streporter.blob.core.windows.net/configuration/watchlists.json",
  },
  REPORT_SCHEDULE: {
    section: digests,
    kind: scheduleKind,
    default: "0 0 5 * * *",
    meaning:
      "When the scheduled run starts. If both days and days of the week are given, both must match. There is one scheduled run a day, so a schedule that fires more often gets a warning. It must be on the same day all year in `REPORT_TIME_ZONE`: not 22:30 in Berlin, which is before midnight in winter and after it in summer.",
    example: "0 30 4 * * 1-5",
  },
  REPORT_TIME_ZONE: {
    section: digests,
    kind: timeZoneKind,
    default: "UTC",
    meaning: "The time zone of days and times in reports.",
    example: "Europe/Berlin",
  },
  REPORT_GRACE_MINUTES: {
    section: digests,
    kind: wholeNumber(0, 1_440),
    default: 120,
    meaning:
      "How long a scheduled run waits for products that cannot be read before it reports without them. It does not wait for a product that the last two runs could not read either.",
    example: "60",
  },
  WORSE_MIN_MACHINES: {
    section: digests,
    kind: wholeNumber(0, ruleLimits.minMachines),
    default: 1,
    meaning: "How many more machines than last reported make a KB worse. Smaller rises add up until they are reported.",
    example: "5",
  },
  WORSE_MIN_PERCENT: {
    section: digests,
    kind: wholeNumber(0, ruleLimits.minPercent),
    default: 0,
    meaning: "The same in percent of the machines last reported. A KB is worse when both limits are reached.",
    example: "10",
  },
  WORSE_MIN_CVES: {
    section: digests,
    kind: wholeNumber(0, ruleLimits.minCves),
    default: 1,
    meaning:
      "A KB is also worse when its CVEs rise by this many since the last report; smaller rises add up. `0`: CVEs are never a reason.",
    example: "5",
  },
  MAIL_WHEN: {
    section: digests,
    kind: choice(...mailWhens),
    default: "worse",
    meaning:
      "When a scheduled run sends a digest: `worse` (something is new, worse or back), `changed` (also when something got better), `always`.",
    example: "changed",
  },
  HEARTBEAT_DAY: {
    section: digests,
    kind: choice(...weekdays, "none"),
    default: "Monday",
    meaning:
      "The day on which a digest is sent even if nothing changed, so that silence is never mistaken for good news.",
    example: "Friday",
  },
  DUE_DAYS: {
    section: digests,
    kind: wholeNumber(0, ruleLimits.dueDays),
    default: 14,
    meaning: "A KB that is older than this many days is overdue.",
    example: "30",
  },
  DUE_DAYS_EXPLOITED: {
    section: digests,
    kind: wholeNumber(0, ruleLimits.dueDaysExploited),
    default: 3,
    meaning: "The same for a KB that closes a CVE known to be exploited, if that is sooner.",
    example: "1",
  },
  DUE_FROM: {
    section: digests,
    kind: choice(...dueFroms),
    default: "released",
    meaning:
      "What a KB's age counts from: `released`, the oldest release in its line of replaced KBs, or `first-seen`, the day on which the app first saw it. Where the release is unknown, as with `ADVISORIES=none`, it is always `first-seen`.",
    example: "first-seen",
  },
  ALERT_EXPLOITED: {
    section: digests,
    kind: flag,
    default: true,
    meaning:
      "Whether a mail comes at once, not only with the next digest, when a CVE becomes known to be exploited and a KB that closes it is missing.",
    example: "false",
  },
  REPORT_URL: {
    section: digests,
    kind: reportUrlKind,
    default: null,
    absent: "no links",
    meaning: "The base of the links in digests, without `/api`.",
    example: "https://my-reporter.azurewebsites.net",
  },
  RETENTION_DAYS: {
    section: digests,
    kind: wholeNumber(40, 3_650),
    default: 400,
    meaning: "How many days runs and snapshots are kept.",
    example: "730",
  },
  AUTH: {
    section: digests,
    kind: choice("key", "entra"),
    default: "key",
    meaning:
      "Who may call the HTTP functions: `key` asks for function keys; `entra` relies on App Service authentication in front of the app, and the app refuses to start if that is off or lets anonymous callers in.",
    example: "entra",
  },
  DEFENDER_CLOUD: {
    section: defender,
    kind: choice("public", "gcc", "gcc-high", "dod"),
    default: "public",
    meaning: "Sets Defender's host, the token's scope, the sign-in, the portal and the storage names together.",
    example: "gcc-high",
  },
  DEFENDER_URL: {
    section: defender,
    kind: hostUrlKind,
    default: null,
    absent: "of the cloud",
    meaning: "Another host of Defender, such as one nearer to you. The token's scope stays that of the cloud.",
    example: "https://eu.api.security.microsoft.com",
  },
  DEFENDER_CALLS_PER_MINUTE: {
    section: defender,
    kind: wholeNumber(1, 10_000),
    default: 100,
    meaning: "The most calls to Defender in a minute.",
    example: "50",
  },
  DEFENDER_CALLS_PER_HOUR: {
    section: defender,
    kind: wholeNumber(1, 100_000),
    default: 1500,
    meaning: "The most calls to Defender in an hour.",
    example: "1000",
  },
  DEFENDER_APP_ID: {
    section: defender,
    kind: clientIdKind,
    default: null,
    absent: "none",
    meaning:
      "Client id of a multi-tenant app registration that trusts the managed identity (federated credential). Needed if a watchlist has a `tenantId`.",
    example: "00000000-1111-2222-3333-444444444444",
  },
  AZURE_CLIENT_ID: {
    section: defender,
    kind: clientIdKind,
    default: null,
    absent: "the system-assigned identity",
    meaning: "Client id of the user-assigned identity that reads Defender and storage.",
    example: "11111111-2222-3333-4444-555555555555",
  },
  ADVISORIES: {
    section: advisories,
    kind: choice("on", "none"),
    default: "on",
    meaning:
      "`on`: once an hour the app asks MSRC and CISA what they changed: which KBs close exploited CVEs, when they were released, and what they replace. Both are public and get no credentials. `none`: it never calls them, and reports say nothing of this.",
    example: "none",
  },
  MSRC_URL: {
    section: advisories,
    kind: feedUrlKind,
    default: "https://api.msrc.microsoft.com/cvrf/v3.0",
    meaning: "MSRC's API, or a mirror that has `/updates` and `/cvrf/{month}` below this address.",
    example: "https://mirror.contoso.com/cvrf/v3.0",
  },
  KEV_URL: {
    section: advisories,
    kind: feedUrlKind,
    default: "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
    meaning: "CISA's catalogue of known exploited vulnerabilities (KEV), or a mirror of it.",
    example: "https://mirror.contoso.com/known_exploited_vulnerabilities.json",
  },
  REPORTER_STORAGE: {
    section: storage,
    kind: connectionKind,
    default: null,
    absent: `\`${developmentStorage}\` on your own machine; in Azure required, unless the next two are set`,
    meaning: "The storage account for tables and queue.",
    example: developmentStorage,
  },
  REPORTER_STORAGE__tableServiceUri: {
    section: storage,
    kind: storageUriKind,
    default: null,
    absent: "none",
    meaning:
      "The same account without a key: the app signs in with its identity. Set it with `REPORTER_STORAGE__queueServiceUri`, instead of `REPORTER_STORAGE`.",
    example: "https://streporter.table.core.windows.net",
  },
  REPORTER_STORAGE__queueServiceUri: {
    section: storage,
    kind: storageUriKind,
    default: null,
    absent: "none",
    meaning: "See `REPORTER_STORAGE__tableServiceUri`.",
    example: "https://streporter.queue.core.windows.net",
  },
  REPORTER_STORAGE__accountName: {
    section: storage,
    kind: shapedText(
      "a storage account name: 3 to 24 lower-case letters and digits",
      /^[a-z0-9]{3,24}$/,
      "is not a storage account name",
    ),
    default: null,
    absent: "none",
    meaning:
      "The account's name, instead of both service URIs. In `gcc-high` and `dod` set the URIs: the Functions host completes a name with `core.windows.net`.",
    example: "streporter",
  },
  REPORTER_STORAGE__credential: {
    section: storage,
    kind: choice("managedidentity"),
    default: null,
    absent: "none",
    meaning: "`managedidentity` makes the app and the Functions host sign in with a managed identity.",
    example: "managedidentity",
  },
  REPORTER_STORAGE__clientId: {
    section: storage,
    kind: clientIdKind,
    default: null,
    absent: "`AZURE_CLIENT_ID`",
    meaning: "The same client id as `AZURE_CLIENT_ID`, under the name that the Functions host reads.",
    example: "11111111-2222-3333-4444-555555555555",
  },
  MAIL_TRANSPORT: {
    section: mail,
    kind: choice("sendgrid", "acs"),
    default: "sendgrid",
    meaning:
      "How digests are sent: `sendgrid`, or `acs` for Azure Communication Services Email, to which the app signs in with its identity and needs no key.",
    example: "acs",
  },
  ACS_ENDPOINT: {
    section: mail,
    kind: acsUrlKind,
    default: null,
    absent: "required with `MAIL_TRANSPORT=acs`",
    meaning: "The endpoint of the Azure Communication Services resource.",
    example: "https://acs-reporter.europe.communication.azure.com",
  },
  SENDGRID_API_KEY: {
    section: sendGrid,
    kind: shapedText(
      "a SendGrid API key with the permission Mail Send, without quotation marks",
      /^SG\.[\x21-\x7e]{1,500}$/,
      "is not a SendGrid API key, which starts with SG. and has no spaces; the value is not shown here",
    ),
    default: null,
    absent: "required with `MAIL_TRANSPORT=sendgrid`",
    meaning:
      "In Azure, a Key Vault reference: `@Microsoft.KeyVault(SecretUri=https://my-vault.vault.azure.net/secrets/sendgrid-api-key)`.",
    example: "SG.key-id.key-secret",
  },
  SENDGRID_REGION: {
    section: sendGrid,
    kind: choice("global", "eu"),
    default: "global",
    meaning: "Where SendGrid keeps the account.",
    example: "eu",
  },
  SENDGRID_URL: {
    section: sendGrid,
    kind: hostUrlKind,
    default: null,
    absent: "of the region",
    meaning: "Another host that offers SendGrid's API.",
    example: "http://localhost:3000",
  },
  SENDGRID_SANDBOX: {
    section: sendGrid,
    kind: choice("true", "false"),
    default: "false",
    meaning: "`true`: SendGrid checks mails but delivers none.",
    example: "true",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settingsTable;

type Table = typeof settingsTable;

/** What each setting is once it is read; `null` where it is absent and has no default. */
export type SettingValues = { [N in SettingName]: ValueOf<Table[N]["kind"]> | Table[N]["default"] };

export const settingNames = Object.keys(settingsTable) as SettingName[];
