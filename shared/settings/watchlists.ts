import { homeTenant, mailWhens, type Watchlist, weekdays } from "../core/watchlist.ts";
import { excerpt, fewOf, shown } from "./excerpt.ts";
import { parseJson } from "./json.ts";
import { choice, isDomain, isGuid, textKind, wholeNumber } from "./kinds.ts";
import { addressesKind } from "./mail-addresses.ts";
import { isSet, type Kind, type Reader } from "./reader.ts";
import { softwareIdsKind } from "./software-ids.ts";

type Manner = Pick<Watchlist, "thresholds" | "mailWhen" | "heartbeatDay" | "dueDays">;

const minMachinesKind = wholeNumber(0, 1_000_000, 5);
const minPercentKind = wholeNumber(0, 10_000, 10);
const dueDaysKind = wholeNumber(0, 3_650, 14);
const mailWhenKind = choice(mailWhens, "worse");
const heartbeatKind = choice([...weekdays, "none"], "Monday");

/** The one watchlist of SOFTWARE_IDS and MAIL_TO, or those of WATCHLISTS, which take the rest from the plain settings. */
export function readWatchlists(reader: Reader): readonly Watchlist[] {
  const manner: Manner = {
    thresholds: {
      minMachines: reader.read("WORSE_MIN_MACHINES", minMachinesKind, 1),
      minPercent: reader.read("WORSE_MIN_PERCENT", minPercentKind, 0),
    },
    mailWhen: reader.read("MAIL_WHEN", mailWhenKind, "worse"),
    heartbeatDay: reader.read("HEARTBEAT_DAY", heartbeatKind, "Monday"),
    dueDays: reader.read("DUE_DAYS", dueDaysKind, 14),
  };
  if (!reader.has("WATCHLISTS")) {
    const softwareIds = reader.require("SOFTWARE_IDS", orWatchlists(softwareIdsKind), []);
    const mailTo = reader.require("MAIL_TO", orWatchlists(addressesKind), []);
    return [{ name: "default", softwareIds, mailTo, tenant: homeTenant, ...manner }];
  }
  const both = (["SOFTWARE_IDS", "MAIL_TO"] as const).filter(reader.has);
  if (both.length > 0) {
    const fault = `is given together with ${both.join(" and ")}, which it stands instead of`;
    reader.refuse("WATCHLISTS", fault, { ...watchlistsKind, allowed: "either of the two" });
    // Whichever of the two stays, its own faults are told now, not at the next start.
    reader.read("SOFTWARE_IDS", softwareIdsKind, []);
    reader.read("MAIL_TO", addressesKind, []);
  }
  const entries = reader.read("WATCHLISTS", watchlistsKind, []);
  const watchlists = entries.map((entry, index) => readWatchlist(reader, entry, index, manner));
  refuseSameNames(reader, watchlists);
  return watchlists;
}

function orWatchlists<T>(kind: Kind<T>): Kind<T> {
  return { ...kind, allowed: `${kind.allowed}; or WATCHLISTS instead of SOFTWARE_IDS and MAIL_TO` };
}

const mostWatchlists = 1_000;

const watchlistsKind: Kind<readonly object[]> = textKind(
  {
    allowed: "a JSON array of objects, in double quotation marks and without a comma after the last entry",
    example: '[{"name": "Servers", "softwareIds": ["microsoft-_-windows_server_2022"], "mailTo": ["ops@contoso.com"]}]',
  },
  (text, { fault }) => {
    const entries = parseJson(text, fault);
    if (entries === undefined) return null;
    if (!Array.isArray(entries)) fault("is not an array; put its objects between [ and ]");
    else if (entries.length === 0) fault("is empty");
    else if (entries.length > mostWatchlists) fault(`holds ${entries.length} watchlists, where ${mostWatchlists} fit`);
    else if (entries.every(isObject)) return entries;
    else fault("holds something else than objects");
    return null;
  },
);

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const properties = [
  "name",
  "softwareIds",
  "mailTo",
  "tenantId",
  "minMachines",
  "minPercent",
  "mailWhen",
  "dueDays",
] as const;
type Property = (typeof properties)[number];

function readWatchlist(reader: Reader, entry: object, index: number, manner: Manner): Watchlist {
  const given: Partial<Record<Property, unknown>> = entry;
  const label = labelOf(index, given.name);
  refuseUnknown(reader, label, entry);
  const read = <T>(key: Property, kind: Kind<T>, fallback: T): T =>
    isAbsent(given[key]) ? fallback : reader.check(`${label} ${key}`, kind, given[key], fallback);
  const require = <T>(key: Property, kind: Kind<T>, fallback: T): T => {
    if (isAbsent(given[key])) reader.refuse(`${label} ${key}`, "is missing", kind);
    return read(key, kind, fallback);
  };
  return {
    name: require("name", nameKind, ""),
    softwareIds: require("softwareIds", softwareIdsKind, []),
    mailTo: require("mailTo", addressesKind, []),
    tenant: read("tenantId", tenantKind, homeTenant),
    thresholds: {
      minMachines: read("minMachines", minMachinesKind, manner.thresholds.minMachines),
      minPercent: read("minPercent", minPercentKind, manner.thresholds.minPercent),
    },
    mailWhen: read("mailWhen", mailWhenKind, manner.mailWhen),
    heartbeatDay: manner.heartbeatDay,
    dueDays: read("dueDays", dueDaysKind, manner.dueDays),
  };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && !isSet(value));
}

// A name is a table's key, a part of a URL and a file's name.
const nameKind = textKind(
  {
    allowed: "1 to 63 letters (a to z), digits, spaces, dots, underscores and hyphens, a letter or digit first",
    example: "Servers",
  },
  (text, { fault }) => {
    if (/^[a-z0-9][a-z0-9 ._-]{0,62}$/i.test(text)) return text;
    fault(`${shown(text)} cannot be a name`);
    return null;
  },
);

const tenantKind = textKind(
  { allowed: "a tenant id (GUID) or one of the tenant's verified domains", example: "contoso.onmicrosoft.com" },
  (text, { fault }) => {
    if (isGuid(text) || isDomain(text)) return text.toLowerCase();
    fault(`${shown(text)} is neither a GUID nor a domain`);
    return null;
  },
);

function refuseUnknown(reader: Reader, label: string, entry: object): void {
  const unknown = Object.keys(entry).filter((key) => !properties.some((known) => known === key));
  const faults = fewOf("; ");
  for (const key of unknown) faults.add(() => `has a property ${shown(key)}, which is unknown${likelyProperty(key)}`);
  if (unknown.length > 0)
    reader.refuse(label, faults.text(), { allowed: properties.join(", "), example: "softwareIds" });
}

function likelyProperty(key: string): string {
  const near = properties.find((known) => distance(known.toLowerCase(), key.toLowerCase()) <= 2);
  return near ? `; ${near} is probably meant` : "";
}

function refuseSameNames(reader: Reader, watchlists: readonly Watchlist[]): void {
  const places = new Map<string, number>();
  for (const [index, { name }] of watchlists.entries()) {
    const place = places.get(name.toLowerCase());
    if (place === undefined) places.set(name.toLowerCase(), index);
    else if (name !== "") {
      const fault = `is the name of WATCHLISTS[${place}] already, capitals aside`;
      reader.refuse(`${labelOf(index, name)} name`, fault, { ...nameKind, allowed: "each name once" });
    }
  }
}

function labelOf(index: number, name: unknown): string {
  const text = typeof name === "string" ? excerpt(name) : "";
  return text === "" ? `WATCHLISTS[${index}]` : `WATCHLISTS[${index}] (${text})`;
}

/** How many letters must be changed, added or left out to make one word another; beyond 40 letters nobody asks. */
function distance(a: string, b: string): number {
  if (Math.max(a.length, b.length) > 40) return 40;
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...a].entries()) {
    const here = [row + 1];
    for (const [column, other] of [...b].entries()) {
      const change = (above[column] ?? 0) + (letter === other ? 0 : 1);
      here.push(Math.min(change, (above[column + 1] ?? 0) + 1, (here[column] ?? 0) + 1));
    }
    above = here;
  }
  return above.at(-1) ?? 0;
}
