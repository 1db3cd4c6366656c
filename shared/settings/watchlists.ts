import type { WatchlistEntry } from "../core/configuration.ts";
import { type DueRules, dueRulesOf, homeTenant, type WatchedProducts, type Watchlist } from "../core/watchlist.ts";
import { closest } from "./closest.ts";
import { excerpt, fewOf, shown } from "./excerpt.ts";
import { entryPlaces, jsonArrayKind } from "./json.ts";
import { isDomain, isGuid, isSet, shapedText, textKind, type ValueOf } from "./kinds.ts";
import type { Readers } from "./mail-addresses.ts";
import { adviceOf, type Checker, didYouMean, type Example, openChecker, type Reader } from "./reader.ts";
import { type Described, settingsTable } from "./table.ts";

// A name is a table's key, a part of a URL and a file's name.
const nameKind = textKind(
  "1 to 63 letters (a to z), digits, spaces, dots, underscores and hyphens, starting with a letter or digit",
  (text, { fault }) => {
    if (/^[a-z0-9][a-z0-9 ._-]{0,62}$/i.test(text)) return text;
    fault(`${shown(text)} is not a valid name`);
    return null;
  },
  { pattern: "^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$" },
);

const roleKind = shapedText(
  "the value of an app role in Entra ID: 1 to 120 characters without spaces, not starting with a dot",
  /^[!#$%&'()*+,\-/:;<=>?@[\]^`{|}~\w][!#$%&'()*+,\-./:;<=>?@[\]^`{|}~\w]{0,119}$/,
  "is not the value of an app role",
);

const tenantKind = textKind("a tenant id (GUID) or one of the tenant's verified domains", (text, { fault }) => {
  if (isGuid(text) || isDomain(text)) return text.toLowerCase();
  fault(`${shown(text)} is neither a GUID nor a domain`);
  return null;
});

const sameForOne = "The same, for this watchlist only.";

/** The properties of a watchlist in JSON, in the order of the document. */
export const watchlistProperties = {
  name: {
    kind: nameKind,
    absent: "required",
    meaning: "Each name once; names are case-insensitive.",
    example: "Servers",
  },
  softwareIds: {
    ...settingsTable.SOFTWARE_IDS,
    absent: "required",
    meaning: "An array of strings, or one string as in `SOFTWARE_IDS`.",
  },
  mailTo: {
    ...settingsTable.MAIL_TO,
    absent: "required",
    meaning: "An array of strings, or one string as in `MAIL_TO`.",
  },
  tenantId: {
    kind: tenantKind,
    absent: "the app's own tenant",
    meaning:
      "Another tenant. Write it the same way in every watchlist, so that they share what is read. With a managed identity this needs `DEFENDER_APP_ID`.",
    example: "contoso.onmicrosoft.com",
  },
  minMachines: { ...settingsTable.WORSE_MIN_MACHINES, absent: "`WORSE_MIN_MACHINES`", meaning: sameForOne },
  minPercent: { ...settingsTable.WORSE_MIN_PERCENT, absent: "`WORSE_MIN_PERCENT`", meaning: sameForOne },
  minCves: { ...settingsTable.WORSE_MIN_CVES, absent: "`WORSE_MIN_CVES`", meaning: sameForOne },
  mailWhen: { ...settingsTable.MAIL_WHEN, absent: "`MAIL_WHEN`", meaning: sameForOne },
  dueDays: { ...settingsTable.DUE_DAYS, absent: "`DUE_DAYS`", meaning: sameForOne },
  dueDaysExploited: { ...settingsTable.DUE_DAYS_EXPLOITED, absent: "`DUE_DAYS_EXPLOITED`", meaning: sameForOne },
  dueFrom: { ...settingsTable.DUE_FROM, absent: "`DUE_FROM`", meaning: sameForOne },
  alertExploited: { ...settingsTable.ALERT_EXPLOITED, absent: "`ALERT_EXPLOITED`", meaning: sameForOne },
  readerRole: {
    kind: roleKind,
    absent: "everyone who may sign in",
    meaning:
      "Only people with this app role, or with `Reports.Read.All`, may read this watchlist. Needs `AUTH=entra`: with function keys, anyone with the key reads every watchlist.",
    example: "Reports.Read.Contoso",
  },
} as const satisfies Record<string, Described>;

type Property = keyof typeof watchlistProperties;
type Values = { [P in Property]: ValueOf<(typeof watchlistProperties)[P]["kind"]> };
const properties: { [P in Property]: Example<Values[P]> } = watchlistProperties;
const propertyNames = Object.keys(watchlistProperties) as Property[];

const noProducts: WatchedProducts = { softwareIds: [], vendor: null, leftOut: [] };
const nobody: Readers = { addresses: [], together: false };

/** What a watchlist takes from elsewhere. */
export interface WatchlistDefaults
  extends Pick<Watchlist, "thresholds" | "mailWhen" | "heartbeatDay" | "alertExploited" | keyof DueRules> {
  /** Whether the app can sign in to other tenants. */
  otherTenants: boolean;
  /** Whether it knows who its callers are. */
  readerRoles: boolean;
}

/** The address of a document, and what its watchlists lack. */
export interface WatchlistsDocument {
  url: string;
  defaults: WatchlistDefaults;
}

interface Configured {
  watchlists: readonly Watchlist[];
  document: WatchlistsDocument | null;
}

/** The one watchlist of SOFTWARE_IDS and MAIL_TO, those of WATCHLISTS, or the address of their document. */
export function readWatchlists(
  reader: Reader,
  able: Pick<WatchlistDefaults, "otherTenants" | "readerRoles">,
): Configured {
  const defaults: WatchlistDefaults = {
    thresholds: {
      minMachines: reader.read("WORSE_MIN_MACHINES"),
      minPercent: reader.read("WORSE_MIN_PERCENT"),
      minCves: reader.read("WORSE_MIN_CVES"),
    },
    mailWhen: reader.read("MAIL_WHEN"),
    heartbeatDay: reader.read("HEARTBEAT_DAY"),
    dueDays: reader.read("DUE_DAYS"),
    dueDaysExploited: reader.read("DUE_DAYS_EXPLOITED"),
    dueFrom: reader.read("DUE_FROM"),
    alertExploited: reader.read("ALERT_EXPLOITED"),
    ...able,
  };
  if (reader.has("WATCHLISTS_URL")) {
    refuseOthers(reader, "WATCHLISTS_URL", ["SOFTWARE_IDS", "MAIL_TO", "WATCHLISTS"]);
    return { watchlists: [], document: { url: reader.read("WATCHLISTS_URL") ?? "", defaults } };
  }
  if (reader.has("WATCHLISTS")) {
    refuseOthers(reader, "WATCHLISTS", ["SOFTWARE_IDS", "MAIL_TO"]);
    // Settings say in one place what they lack for other tenants.
    return { watchlists: readSetting(reader, { ...defaults, otherTenants: true }), document: null };
  }
  const products = reader.require("SOFTWARE_IDS", noProducts);
  const readers = reader.require("MAIL_TO", nobody);
  const only = { ...noWatchlist, name: "default", ...products, ...mailOf(readers), ...commonOf(defaults) };
  return { watchlists: [only], document: null };
}

type Source = "SOFTWARE_IDS" | "MAIL_TO" | "WATCHLISTS";

function refuseOthers(reader: Reader, name: "WATCHLISTS" | "WATCHLISTS_URL", others: readonly Source[]): void {
  const given = others.filter(reader.has);
  if (given.length === 0) return;
  reader.refuse(name, `is set together with ${given.join(" and ")}, which it replaces`, {
    allowed: `either ${name}, or ${name === "WATCHLISTS" ? "" : "WATCHLISTS, or "}SOFTWARE_IDS and MAIL_TO`,
    example: settingsTable[name].example,
  });
  // Whichever of them stays, its own faults are reported now, not at the next start.
  for (const other of given) reader.read(other);
}

function readSetting(reader: Reader, defaults: WatchlistDefaults): Watchlist[] {
  const entries = readEntries(reader.read("WATCHLISTS") ?? [], (index) => `WATCHLISTS[${index}]`, defaults);
  for (const { problems, warnings } of entries) {
    reader.problems.push(...problems);
    reader.warnings.push(...warnings);
  }
  return entries.map(({ watchlist }) => watchlist);
}

/** The entries of a document, each with what is wrong with it; a text instead, if none can be read. */
export function parseWatchlists(text: string, defaults: WatchlistDefaults): readonly WatchlistEntry[] | string {
  const checker = openChecker();
  const { example } = settingsTable.WATCHLISTS;
  const sources = checker.check("The document", { kind: jsonArrayKind, example }, text, null);
  if (sources === null) return `${checker.problems.join(" ")}. Correct it.`;
  const entries = parseEntries(sources, defaults);
  if (entries.every(({ fault }) => fault === null)) return entries;
  const places = entryPlaces(text);
  return entries.map(({ fault, ...entry }, index) => {
    const where = `Correct it at line ${places[index]?.line}, column ${places[index]?.column}.`;
    return { ...entry, fault: fault && `${fault} ${where}` };
  });
}

/** The same for the entries alone. */
export function parseEntries(sources: readonly unknown[], defaults: WatchlistDefaults): WatchlistEntry[] {
  const entries = readEntries(sources, (index) => `Entry ${index + 1}`, defaults);
  return entries.map(({ watchlist, problems }, index) => ({
    name: watchlist.name === "" ? null : watchlist.name,
    watchlist: problems.length === 0 ? watchlist : null,
    fault: problems.length === 0 ? null : `${problems.join(". ")}.`,
    source: sources[index],
  }));
}

interface ReadEntry extends Pick<Checker, "problems" | "warnings"> {
  /** Usable only if there are no problems; its name is `""` if that is faulty. */
  watchlist: Watchlist;
}

function readEntries(
  entries: readonly unknown[],
  labelOf: (index: number) => string,
  defaults: WatchlistDefaults,
): ReadEntry[] {
  const places = new Map<string, number>();
  return entries.map((entry, index) => {
    const checker = openChecker();
    const watchlist = readWatchlist(checker, entry, labelOf(index), defaults);
    const key = watchlist.name.toLowerCase();
    const place = places.get(key);
    if (place === undefined) places.set(key, index);
    else if (key !== "") {
      const { example } = watchlistProperties.name;
      const fault = `duplicates the name of ${labelOf(place)} (names are case-insensitive)`;
      const label = withName(labelOf(index), watchlist.name);
      checker.refuse(`${label} name`, fault, { allowed: "each name once", example });
    }
    return { watchlist, problems: checker.problems, warnings: checker.warnings };
  });
}

function readWatchlist(checker: Checker, entry: unknown, place: string, defaults: WatchlistDefaults): Watchlist {
  const given: Partial<Record<Property, unknown>> = isObject(entry) ? entry : {};
  const label = withName(place, given.name);
  const read = <P extends Property, F>(key: P, fallback: F): Values[P] | F =>
    isAbsent(given[key]) ? fallback : checker.check(`${label} ${key}`, properties[key], given[key], fallback);
  const require = <P extends Property>(key: P, fallback: Values[P]): Values[P] => {
    if (isAbsent(given[key])) checker.refuse(`${label} ${key}`, "is missing", adviceOf(properties[key]));
    return read(key, fallback);
  };
  if (!isObject(entry)) {
    const { example } = settingsTable.WATCHLISTS;
    checker.refuse(label, "is not an object", { allowed: "an object with a watchlist's properties", example });
    return { ...noWatchlist, ...commonOf(defaults) };
  }
  refuseUnknown(checker, label, entry);
  const { thresholds } = defaults;
  const watchlist = {
    name: require("name", ""),
    ...require("softwareIds", noProducts),
    ...mailOf(require("mailTo", nobody)),
    tenant: read("tenantId", homeTenant),
    thresholds: {
      minMachines: read("minMachines", thresholds.minMachines),
      minPercent: read("minPercent", thresholds.minPercent),
      minCves: read("minCves", thresholds.minCves),
    },
    mailWhen: read("mailWhen", defaults.mailWhen),
    heartbeatDay: defaults.heartbeatDay,
    dueDays: read("dueDays", defaults.dueDays),
    dueDaysExploited: read("dueDaysExploited", defaults.dueDaysExploited),
    dueFrom: read("dueFrom", defaults.dueFrom),
    alertExploited: read("alertExploited", defaults.alertExploited),
    readerRole: read("readerRole", null),
  };
  refuseUnable(checker, label, watchlist, defaults);
  return watchlist;
}

const noWatchlist = { name: "", ...noProducts, ...mailOf(nobody), tenant: homeTenant, readerRole: null };

function commonOf({ thresholds, mailWhen, heartbeatDay, alertExploited, ...due }: WatchlistDefaults) {
  return { thresholds, mailWhen, heartbeatDay, alertExploited, ...dueRulesOf(due) };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mailOf({ addresses, together }: Readers): Pick<Watchlist, "mailTo" | "mailTogether"> {
  return { mailTo: addresses, mailTogether: together };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && !isSet(value));
}

/** Refuses what the app as it is set up cannot do. */
function refuseUnable(checker: Checker, label: string, watchlist: Watchlist, able: WatchlistDefaults): void {
  if (watchlist.tenant !== homeTenant && !able.otherTenants) {
    checker.refuse(
      `${label} tenantId`,
      "needs the setting DEFENDER_APP_ID: a managed identity alone reads only its own tenant",
      {
        allowed: "without DEFENDER_APP_ID, only the app's own tenant, which needs no tenantId",
        example: watchlistProperties.tenantId.example,
      },
    );
  }
  if (watchlist.readerRole !== null && !able.readerRoles) {
    checker.refuse(
      `${label} readerRole`,
      "needs AUTH=entra: with function keys, anyone with the key reads every watchlist",
      { allowed: "with AUTH=key, no readerRole", example: watchlistProperties.readerRole.example },
    );
  }
}

function refuseUnknown(checker: Checker, label: string, entry: object): void {
  const unknown = Object.keys(entry).filter((key) => !propertyNames.some((known) => known === key));
  const faults = fewOf("; ");
  const suggestions = fewOf(", ");
  for (const key of unknown) {
    faults.add(`has an unknown property ${shown(key)}`);
    const near = closest(key, propertyNames);
    if (near) suggestions.add(near);
  }
  if (unknown.length === 0) return;
  const fault = faults.text() + didYouMean(suggestions.text());
  checker.refuse(label, fault, { allowed: propertyNames.join(", "), example: "softwareIds" });
}

function withName(place: string, name: unknown): string {
  const text = typeof name === "string" ? excerpt(name) : "";
  return text === "" ? place : `${place} (${text})`;
}
