import { homeTenant, type Watchlist } from "../core/watchlist.ts";
import { closest } from "./closest.ts";
import { excerpt, fewOf, shown } from "./excerpt.ts";
import { isDomain, isGuid, isSet, textKind, type ValueOf } from "./kinds.ts";
import type { Readers } from "./mail-addresses.ts";
import { adviceOf, didYouMean, type Example, type Reader } from "./reader.ts";
import { type Described, settingsTable } from "./table.ts";

// A name is a table's key, a part of a URL and a file's name.
const nameKind = textKind(
  "1 to 63 letters (a to z), digits, spaces, dots, underscores and hyphens, starting with a letter or digit",
  (text, { fault }) => {
    if (/^[a-z0-9][a-z0-9 ._-]{0,62}$/i.test(text)) return text;
    fault(`${shown(text)} is not a valid name`);
    return null;
  },
);

const tenantKind = textKind("a tenant id (GUID) or one of the tenant's verified domains", (text, { fault }) => {
  if (isGuid(text) || isDomain(text)) return text.toLowerCase();
  fault(`${shown(text)} is neither a GUID nor a domain`);
  return null;
});

const sameForOne = "The same, for this watchlist only.";

/** The properties of an object of WATCHLISTS, in the order of the document. */
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
} as const satisfies Record<string, Described>;

type Property = keyof typeof watchlistProperties;
type Values = { [P in Property]: ValueOf<(typeof watchlistProperties)[P]["kind"]> };
const properties: { [P in Property]: Example<Values[P]> } = watchlistProperties;
const propertyNames = Object.keys(watchlistProperties) as Property[];

const nobody: Readers = { addresses: [], together: false };

type Common = Pick<Watchlist, "thresholds" | "mailWhen" | "heartbeatDay" | "dueDays">;

/** The one watchlist of SOFTWARE_IDS and MAIL_TO, or those of WATCHLISTS, which take what they lack from the other settings. */
export function readWatchlists(reader: Reader): readonly Watchlist[] {
  const common: Common = {
    thresholds: {
      minMachines: reader.read("WORSE_MIN_MACHINES"),
      minPercent: reader.read("WORSE_MIN_PERCENT"),
      minCves: reader.read("WORSE_MIN_CVES"),
    },
    mailWhen: reader.read("MAIL_WHEN"),
    heartbeatDay: reader.read("HEARTBEAT_DAY"),
    dueDays: reader.read("DUE_DAYS"),
  };
  if (!reader.has("WATCHLISTS")) {
    const softwareIds = reader.require("SOFTWARE_IDS", []);
    const readers = reader.require("MAIL_TO", nobody);
    return [{ name: "default", softwareIds, ...mailOf(readers), tenant: homeTenant, ...common }];
  }
  const both = (["SOFTWARE_IDS", "MAIL_TO"] as const).filter(reader.has);
  if (both.length > 0) {
    reader.refuse("WATCHLISTS", `is set together with ${both.join(" and ")}, which it replaces`, {
      allowed: "either WATCHLISTS, or SOFTWARE_IDS and MAIL_TO",
      example: settingsTable.WATCHLISTS.example,
    });
    // Whichever of the two stays, its own faults are reported now, not at the next start.
    reader.read("SOFTWARE_IDS");
    reader.read("MAIL_TO");
  }
  const entries = reader.read("WATCHLISTS") ?? [];
  const watchlists = entries.map((entry, index) => readWatchlist(reader, entry, index, common));
  refuseSameNames(reader, watchlists);
  return watchlists;
}

function readWatchlist(reader: Reader, entry: object, index: number, common: Common): Watchlist {
  const given: Partial<Record<Property, unknown>> = entry;
  const label = labelOf(index, given.name);
  refuseUnknown(reader, label, entry);
  const read = <P extends Property>(key: P, fallback: Values[P]): Values[P] =>
    isAbsent(given[key]) ? fallback : reader.check(`${label} ${key}`, properties[key], given[key], fallback);
  const require = <P extends Property>(key: P, fallback: Values[P]): Values[P] => {
    if (isAbsent(given[key])) reader.refuse(`${label} ${key}`, "is missing", adviceOf(properties[key]));
    return read(key, fallback);
  };
  return {
    name: require("name", ""),
    softwareIds: require("softwareIds", []),
    ...mailOf(require("mailTo", nobody)),
    tenant: read("tenantId", homeTenant),
    thresholds: {
      minMachines: read("minMachines", common.thresholds.minMachines),
      minPercent: read("minPercent", common.thresholds.minPercent),
      minCves: read("minCves", common.thresholds.minCves),
    },
    mailWhen: read("mailWhen", common.mailWhen),
    heartbeatDay: common.heartbeatDay,
    dueDays: read("dueDays", common.dueDays),
  };
}

function mailOf({ addresses, together }: Readers): Pick<Watchlist, "mailTo" | "mailTogether"> {
  return { mailTo: addresses, mailTogether: together };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && !isSet(value));
}

function refuseUnknown(reader: Reader, label: string, entry: object): void {
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
  reader.refuse(label, fault, { allowed: propertyNames.join(", "), example: "softwareIds" });
}

function refuseSameNames(reader: Reader, watchlists: readonly Watchlist[]): void {
  const places = new Map<string, number>();
  for (const [index, { name }] of watchlists.entries()) {
    const place = places.get(name.toLowerCase());
    if (place === undefined) places.set(name.toLowerCase(), index);
    else if (name !== "") {
      const { example } = watchlistProperties.name;
      const fault = `duplicates the name of WATCHLISTS[${place}] (names are case-insensitive)`;
      reader.refuse(`${labelOf(index, name)} name`, fault, { allowed: "each name once", example });
    }
  }
}

function labelOf(index: number, name: unknown): string {
  const text = typeof name === "string" ? excerpt(name) : "";
  return text === "" ? `WATCHLISTS[${index}]` : `WATCHLISTS[${index}] (${text})`;
}
