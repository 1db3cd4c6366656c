import { chainKey } from "./message.ts";
import type { RunId } from "./run-id.ts";
import { searchWords } from "./search.ts";
import type { SortOrder } from "./selection.ts";
import { sortByKey } from "./sort.ts";
import { compareText } from "./text.ts";
import { countWatched, countWorse, isNothingRead, isPartial, type TotalName } from "./totals.ts";
import { type Expected, troublesOf } from "./trouble.ts";
import { chainOf, type Watchlist } from "./watchlist.ts";
import { type OpenMail, summarize, type WatchlistStatus } from "./watchlist-status.ts";

/** States in which figures are missing or old, the most urgent first: no known figure is worse than one nobody knows. */
export const urgentStates = ["faulty", "no-run", "late", "not-read"] as const;

/** What an overview can say of a watchlist; several may hold at once. */
export const overviewStates = [...urgentStates, "worse", "overdue", "mail"] as const;
export type OverviewState = (typeof overviewStates)[number];

/** `worst` is the overview's own order. */
export const overviewSorts = [
  ...(["worst", "watchlist", "tenant", "day", "not-read", "kbs", "installs"] as const),
  ...(["worse", "overdue", "overdue-share"] as const),
] as const;
export type OverviewSort = (typeof overviewSorts)[number];

/** How each key sorts where no order is asked for. A day sorts the oldest run first, for that is the one to look into. */
export const overviewOrder: Readonly<Record<OverviewSort, SortOrder>> = {
  ...{ worst: "asc", watchlist: "asc", tenant: "asc", day: "asc" },
  ...{ "not-read": "desc", kbs: "desc", installs: "desc", worse: "desc", overdue: "desc", "overdue-share": "desc" },
};

export const digestStatuses = ["none", "sent", "refused", "waiting"] as const;

/** What became of a watchlist's last digest. `refused` and `waiting` are of mails since the last one that was sent. */
export interface DigestFate {
  status: (typeof digestStatuses)[number];
  /** `null`: there never was one. */
  runId: RunId | null;
  /** Since when, ISO 8601 in UTC. */
  at: string | null;
  /** Why it was refused or waits. */
  reason: string | null;
}

/** A watchlist at a glance. */
export interface OverviewRow extends Pick<WatchlistStatus, "watchlist" | "latest" | "failing" | "line"> {
  /** `null`: nobody knows, because its entry is faulty. */
  tenant: string | null;
  /** What is wrong with its entry in the configuration. */
  faults: readonly string[];
  /** When the scheduled run was due that is late, ISO 8601 in UTC; `null`: none is late. */
  due: string | null;
  digest: DigestFate;
  states: readonly OverviewState[];
}

/** A fault of the configuration; `watchlist` is `null` where it is not of one entry. */
interface Fault {
  watchlist: string | null;
  message: string;
}

/** Every watchlist, the most urgent first, and what is wrong with the configuration as such. */
export interface Overview {
  rows: readonly OverviewRow[];
  faults: readonly string[];
}

/** What an overview is made of. */
export interface OverviewFacts {
  watchlists: readonly Watchlist[];
  faults: readonly Fault[];
  statuses: readonly WatchlistStatus[];
  /** By when a watchlist's runs are expected. */
  expected: (watchlist: Watchlist) => Expected;
}

/** The overview of all configured watchlists; one whose entry is too faulty to be read is listed by its name alone. */
export function buildOverview({ watchlists, faults, statuses, expected }: OverviewFacts): Overview {
  const known = new Map(statuses.map((status) => [chainKey(status), status]));
  const faulty = Map.groupBy(faults, ({ watchlist }) => watchlist?.toLowerCase() ?? null);
  const rows = watchlists.map((watchlist) => {
    const chain = chainOf(watchlist);
    const status = known.get(chainKey(chain)) ?? summarize(chain, [], null);
    const own = faulty.get(watchlist.name.toLowerCase()) ?? [];
    return makeRow(watchlist, { ...status, watchlist: watchlist.name }, own, expected(watchlist));
  });
  const listed = new Set(watchlists.map(({ name }) => name.toLowerCase()));
  const unlisted = [...faulty].flatMap(([name, own]) => (name === null || listed.has(name) ? [] : [faultyRow(own)]));
  const general = faulty.get(null) ?? [];
  return { rows: [...rows, ...unlisted].sort(compareRows), faults: general.map(({ message }) => message) };
}

function makeRow(
  { tenant }: Watchlist,
  status: WatchlistStatus,
  own: readonly Fault[],
  expected: Expected,
): OverviewRow {
  const { watchlist, latest, failing, line } = status;
  const late = troublesOf(status, expected).find(({ kind }) => kind === "late");
  const due = late?.kind === "late" ? late.due.toISOString() : null;
  const row = { watchlist, tenant, latest, failing, line, faults: own.map(({ message }) => message), due };
  return withStates({ ...row, digest: digestFate(status) });
}

function faultyRow(own: readonly Fault[]): OverviewRow {
  const digest = { status: "none", runId: null, at: null, reason: null } as const;
  return withStates({
    ...{ watchlist: own[0]?.watchlist ?? "", tenant: null, latest: null, failing: null, line: [], digest, due: null },
    faults: own.map(({ message }) => message),
  });
}

function withStates(row: Omit<OverviewRow, "states">): OverviewRow {
  const holds: Readonly<Record<OverviewState, boolean>> = {
    faulty: row.faults.length > 0,
    "no-run": row.latest === null,
    late: row.due !== null,
    "not-read": row.latest !== null && isPartial(row.latest.totals),
    worse: (newOrWorse(row) ?? 0) > 0,
    overdue: (knownTotal(row, "overdue") ?? 0) > 0,
    mail: row.digest.status === "refused" || row.digest.status === "waiting",
  };
  return { ...row, states: overviewStates.filter((state) => holds[state]) };
}

/** The newest refused mail, else the one that has waited longest, else the last digest. */
function digestFate({ open, lastDigest }: WatchlistStatus): DigestFate {
  const refused = open.findLast(({ mail }) => mail.status === "refused");
  if (refused) return openFate("refused", refused);
  if (open[0]) return openFate("waiting", open[0]);
  return { status: lastDigest ? "sent" : "none", runId: null, at: null, ...lastDigest, reason: null };
}

function openFate(status: DigestFate["status"], { runId, mail }: OpenMail): DigestFate {
  return { status, runId, at: mail.at, reason: mail.reason ?? null };
}

/** Totals that count products. All others are of KBs. */
const ofProducts: ReadonlySet<TotalName> = new Set(["baseline", "read", "notRead"] as const);

/** Totals that repeat what was last known of products that could not be read; the other totals of KBs are only of those that were. */
const lastKnown: ReadonlySet<TotalName> = new Set(["missingKbs", "missingInstalls"] as const);

/** A total of the last run; `null` where it says nothing: there was no run, or nothing was read. */
export function knownTotal({ latest }: Pick<OverviewRow, "latest">, name: TotalName): number | null {
  if (!latest) return null;
  const total = latest.totals[name];
  if (ofProducts.has(name) || !isNothingRead(latest.totals)) return total;
  // Of products that were never read nothing is known, which is not the same as nothing missing.
  return lastKnown.has(name) && total > 0 ? total : null;
}

/** How many KBs changed for the worse in the last run; `null`: nobody knows. */
export function newOrWorse(row: Pick<OverviewRow, "latest">): number | null {
  return knownTotal(row, "new") === null || !row.latest ? null : countWorse(row.latest.totals);
}

/**
 * How bad a watchlist is: the share of its missing KBs that are overdue, 0 to 1; `null`: nobody knows. Unlike counts, it
 * compares small watchlists with large ones; and unlike changes, it does not put all of them on top on a patch day.
 */
export function overdueShare(row: Pick<OverviewRow, "latest">): number | null {
  const [overdue, missing] = [knownTotal(row, "overdue"), knownTotal(row, "missingKbs")];
  if (overdue === null || missing === null) return null;
  return missing === 0 ? 0 : Math.min(1, overdue / missing);
}

/** The share of a watchlist's products that could not be read; 0 where there was no run. */
function notReadShare({ latest }: OverviewRow): number {
  return latest ? latest.totals.notRead / Math.max(1, countWatched(latest.totals)) : 0;
}

/** The most urgent first; of equal urgency the larger share not read, then the larger share overdue, then more changes. */
function compareRows(a: OverviewRow, b: OverviewRow): number {
  return (
    urgency(a) - urgency(b) ||
    notReadShare(b) - notReadShare(a) ||
    (overdueShare(b) ?? 0) - (overdueShare(a) ?? 0) ||
    (newOrWorse(b) ?? 0) - (newOrWorse(a) ?? 0) ||
    (knownTotal(b, "missingInstalls") ?? 0) - (knownTotal(a, "missingInstalls") ?? 0) ||
    compareNames(a, b)
  );
}

function urgency({ states }: OverviewRow): number {
  const at = urgentStates.findIndex((state) => states.includes(state));
  return at === -1 ? urgentStates.length : at;
}

function compareNames(a: OverviewRow, b: OverviewRow): number {
  return (
    compareText(a.watchlist.toLowerCase(), b.watchlist.toLowerCase()) || compareText(a.tenant ?? "", b.tenant ?? "")
  );
}

/** Which watchlists of an overview are wanted, and in what order. */
export interface OverviewSelection {
  /** Words that must all occur in the watchlist's name or its tenant. */
  search?: string;
  state?: OverviewState;
  sort?: OverviewSort;
  order?: SortOrder;
}

/** The part of a selection that leaves watchlists out, without what it does not use; `null` where it leaves none out. */
export function overviewFilter({
  search,
  state,
}: OverviewSelection): Pick<OverviewSelection, "search" | "state"> | null {
  return search || state ? { ...(search && { search }), ...(state && { state }) } : null;
}

/** The watchlists selected, in the order asked for. */
export function selectOverview(
  { rows }: Pick<Overview, "rows">,
  { search = "", state, sort = "worst", order = overviewOrder[sort] }: OverviewSelection,
): readonly OverviewRow[] {
  const words = searchWords(search);
  const found = rows.filter((row) => {
    const text = `${row.watchlist}\n${row.tenant ?? ""}`.toLowerCase();
    return (state === undefined || row.states.includes(state)) && words.every((word) => text.includes(word));
  });
  return orderRows(found, sort, order);
}

function orderRows(rows: readonly OverviewRow[], sort: OverviewSort, order: SortOrder): readonly OverviewRow[] {
  switch (sort) {
    case "worst":
      return order === "asc" ? rows : rows.toReversed();
    case "watchlist":
      return rows.toSorted((a, b) => signOf(order) * compareNames(a, b));
    case "tenant":
      return rows.toSorted((a, b) => signOf(order) * compareText(a.tenant ?? "", b.tenant ?? ""));
    default:
      return sortByKey(rows, figures[sort], order);
  }
}

function signOf(order: SortOrder): 1 | -1 {
  return order === "asc" ? 1 : -1;
}

type FigureSort = Exclude<OverviewSort, "worst" | "watchlist" | "tenant">;

const figures: Readonly<Record<FigureSort, (row: OverviewRow) => string | number | null>> = {
  day: ({ latest }) => latest?.openedAt ?? null,
  "not-read": (row) => knownTotal(row, "notRead"),
  kbs: (row) => knownTotal(row, "missingKbs"),
  installs: (row) => knownTotal(row, "missingInstalls"),
  worse: newOrWorse,
  overdue: (row) => knownTotal(row, "overdue"),
  "overdue-share": overdueShare,
};

/** How many watchlists are in each state. */
export function countOverview({ rows }: Pick<Overview, "rows">): Readonly<Record<OverviewState, number>> {
  const counted = overviewStates.map((state) => [state, rows.filter(({ states }) => states.includes(state)).length]);
  return Object.fromEntries(counted);
}

/** What a watchlist's line comes to; `null` where it has fewer than two runs. */
export function lineEnds({ line }: Pick<OverviewRow, "line">) {
  const [first, last] = [line[0], line.at(-1)];
  if (!first || !last || first === last) return null;
  const most = line.reduce((high, point) => (point.missingInstalls > high.missingInstalls ? point : high));
  return { first, last, most, change: last.missingInstalls - first.missingInstalls };
}
