import { type Chain, chainKey } from "./message.ts";

/** The tenant of the app's own identity; any other is named by its tenant id. */
export const homeTenant = "home";

export const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
export type Weekday = (typeof weekdays)[number];

export const mailWhens = ["worse", "changed", "always"] as const;
export type MailWhen = (typeof mailWhens)[number];

/** The largest values that these settings may have; the least is 0. */
export const ruleLimits = {
  ...{ minMachines: 1_000_000, minPercent: 10_000, minCves: 1_000 },
  ...{ dueDays: 3_650, dueDaysExploited: 3_650 },
} as const;

/** What a rise must reach to be reported; a smaller one is held back and adds up until it does. */
export interface Thresholds {
  /** Of `machineMissedOn`; both this and `minPercent` must be reached. */
  minMachines: number;
  /** Of the count last reported, 0 to 100 and above. */
  minPercent: number;
  /** Of `cveAddressed`; 0: a rise in CVEs is never a reason. */
  minCves: number;
}

export const dueFroms = ["released", "first-seen"] as const;
export type DueFrom = (typeof dueFroms)[number];

/** When a missing KB is overdue. */
export interface DueRules {
  /** A KB that is older than this many days is overdue. */
  dueDays: number;
  /** The same for a KB that closes an exploited CVE, where it is less. */
  dueDaysExploited: number;
  /** What its age counts from: its oldest release, or our first sight; the latter too where the release is unknown. */
  dueFrom: DueFrom;
}

/** The due rules alone. */
export function dueRulesOf({ dueDays, dueDaysExploited, dueFrom }: DueRules): DueRules {
  return { dueDays, dueDaysExploited, dueFrom };
}

/** Whose products of Defender's list a watchlist watches: only Microsoft's have KBs; `*` is every vendor's. */
export type Vendor = "microsoft" | "*";

/** Which products a watchlist watches. */
export interface WatchedProducts {
  /** Those that it names. */
  softwareIds: readonly string[];
  /** Whose products it watches besides, as Defender lists them; `null`: no others. */
  vendor: Vendor | null;
  /** Products that `vendor` does not find. */
  leftOut: readonly string[];
}

/** Who watches what, and who gets the digest. */
export interface Watchlist extends WatchedProducts, DueRules {
  name: string;
  /** Addresses as configured, `a@b` or `Name <a@b>`. */
  mailTo: readonly string[];
  /** Whether the readers see each other's addresses. */
  mailTogether: boolean;
  /** `home` or a tenant id. */
  tenant: string;
  thresholds: Thresholds;
  mailWhen: MailWhen;
  /** The day on which a digest comes whatever happened. */
  heartbeatDay: Weekday | "none";
  /** Whether a CVE that becomes exploited is mailed at once. */
  alertExploited: boolean;
  /** The Entra app role whose holders may read it; `null`: everyone who may call the app. */
  readerRole: string | null;
}

/** Whose runs a configured watchlist shows. */
export function chainOf({ tenant, name }: Watchlist): Chain {
  return { tenant, watchlist: name };
}

/** Whether a watchlist was removed: it is not configured, and is not what is wrong with the configuration either. */
export function removalTest(configured: {
  list: readonly Watchlist[];
  faults: readonly { watchlist: string | null }[];
}): (chain: Chain) => boolean {
  const { list, faults } = configured;
  // A configuration that cannot be read must not look like the removal of everything.
  const isUnclear = list.length === 0 || faults.some(({ watchlist }) => watchlist === null);
  const known = new Set(list.map((watchlist) => chainKey(chainOf(watchlist))));
  const faulty = new Set(faults.map(({ watchlist }) => watchlist?.toLowerCase()));
  return (chain) => !isUnclear && !known.has(chainKey(chain)) && !faulty.has(chain.watchlist.toLowerCase());
}
