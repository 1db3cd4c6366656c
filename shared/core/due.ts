import { isExploited } from "./advisory.ts";
import { changedCounts, type WorseReason, worseReasons } from "./change.ts";
import { larger } from "./counts.ts";
import { addDays, daysBetween, earliest, type RunDate } from "./day.ts";
import type { Counts } from "./missing-kb.ts";
import type { Report } from "./report.ts";
import { isMissing, type KbEntry, type KbRow, narrow, ownEntries, type RowKind } from "./row.ts";

/*
 * What is worse, how far it reaches, how old it is, and whether it is overdue or stalled. Nothing of the kind is claimed of
 * a product that could not be read: that rule is in these functions, so callers need not repeat it.
 */

/** The kinds of change for the worse, the worst first. */
export const worseKinds = ["new", "worsened", "returned", "more-cves"] as const satisfies readonly RowKind[];

/** Whether a kind of change is for the worse. */
export function isWorse(kind: RowKind): boolean {
  return worseKinds.some((worse) => worse === kind);
}

/** The kinds of change for the better. */
export const betterKinds = ["improved", "resolved"] as const satisfies readonly RowKind[];

/** Every kind of change, the worst first. */
export const changeKinds = [...worseKinds, ...betterKinds] as const;

/** Whether a kind of change is for the better. */
export function isBetter(kind: RowKind): boolean {
  return betterKinds.some((better) => better === kind);
}

/**
 * The largest count of machines of any one product, over the entries that the row's kind is about: how far a KB reaches without
 * counting a machine twice. Of a resolved row, the count last reported.
 */
export function reach(row: KbRow): number | null {
  return largest(row, "machineMissedOn");
}

/** The CVEs that the KB closes for the product where it closes most, over the entries that the row's kind is about. */
export function cves(row: KbRow): number | null {
  return largest(row, "cveAddressed");
}

/** The largest count of machines of any one product that misses the KB, whatever changed; 0 where none is known. */
export function missingInstallsOf({ entries }: Pick<KbRow, "entries">): number {
  return largestOf(entries.filter(isMissing), "machineMissedOn") ?? 0;
}

/** Whether an entry has the largest of a row's counts, so that its change may be shown beside it. */
export function isLargest(entry: KbEntry, row: KbRow, count: keyof Counts): boolean {
  return entry.kind === row.kind && shownCounts(entry)?.[count] === largest(row, count);
}

/** The largest of one of the two counts: `reach` or `cves`. */
export function largest(row: KbRow, count: keyof Counts): number | null {
  return largestOf(ownEntries(row), count);
}

function largestOf(entries: readonly KbEntry[], count: keyof Counts): number | null {
  return entries.reduce<number | null>((most, entry) => larger(most, shownCounts(entry)?.[count] ?? null), null);
}

/** The counts that an entry shows: those of today, or those last reported where it is resolved. */
export function shownCounts({ current, previous }: KbEntry): Counts | null {
  return current ?? previous;
}

/** By how much a count of an entry changed; `null` where its kind says nothing of it, or where either side is unknown. */
export function changeOf({ kind, current, previous }: KbEntry, count: keyof Counts): number | null {
  if (!(isWorse(kind) || kind === "improved")) return null;
  const [now, then] = [current?.[count] ?? null, previous?.[count] ?? null];
  return now === null || then === null ? null : now - then;
}

/** Why a row's own entries are worse, each reason once. */
export function reasonsOf(row: Pick<KbRow, "kind" | "entries">): WorseReason[] {
  return worseReasons.filter((reason) => ownEntries(row).some(({ reasons }) => reasons.includes(reason)));
}

/** The counts of an entry that are known now for the first time, and make it worse. */
export function countsNowKnown({ current, previous, reasons }: KbEntry): (keyof Counts)[] {
  if (!current || !reasons.includes("now-known")) return [];
  return changedCounts(previous, current).filter((count) => previous?.[count] === null);
}

/** The KBs whose machines are known for the first time, though the KB is not new, and how many machines those are. */
export function newlyKnown(rows: readonly KbRow[]): { kbs: number; machines: number } {
  const known = narrow(
    rows,
    ({ reasons, previous }) => reasons.includes("now-known") && previous?.machineMissedOn === null,
  );
  return { kbs: known.length, machines: known.reduce((sum, row) => sum + missingInstallsOf(row), 0) };
}

/** The largest reach of any one row; `null` where no count is known. */
export function reachOf(rows: readonly KbRow[]): number | null {
  return rows.reduce<number | null>((most, row) => larger(most, reach(row)), null);
}

/** The entry whose change is shown beside the row's counts: of those that the row's kind is about, the one that reaches furthest. */
export function leadEntry(row: KbRow): KbEntry | undefined {
  const most = reach(row);
  const own = ownEntries(row);
  return own.find((entry) => (shownCounts(entry)?.machineMissedOn ?? null) === most) ?? own[0];
}

/** Days that a KB's age has on `day`, by the run's rules. */
export function ageInDays({ since }: Pick<KbRow, "since">, day: RunDate): number {
  return Math.max(0, daysBetween(since, day));
}

/** The same where it may be said: `null` at first sight of a product, unless the KB's release is known. */
export function knownAge(row: Pick<KbRow, "kind" | "firstSeen" | "since">, day: RunDate): number | null {
  return row.kind === "baseline" && row.since === row.firstSeen ? null : ageInDays(row, day);
}

/** What decides whether a row or an entry is overdue. */
type Datable = Pick<KbRow, "kind" | "dueOn">;

/** The part of a report that this file counts; `day` is the run's. */
type Dated = Pick<Report, "rows" | "day">;

/** Days by which an entry, or a row's own entries, known to be missing are past their due day on `day`; 0 until then. */
export function daysOverdue(row: Datable, { day }: Pick<Dated, "day">): number {
  return isOverdue(row, day) ? daysBetween(row.dueOn, day) : 0;
}

/** The most days by which one of these entries is overdue; 0 where none is. */
export function mostDaysOverdue(entries: readonly KbEntry[], report: Pick<Dated, "day">): number {
  return Math.max(0, ...entries.map((entry) => daysOverdue(entry, report)));
}

/** The fewest days that one of these entries known to be missing has left until its due day; `null` where all are past it. */
export function fewestDaysLeft(entries: readonly KbEntry[], { day }: Pick<Dated, "day">): number | null {
  const left = entries.filter((entry) => isKnownMissing(entry) && entry.dueOn >= day).map(({ dueOn }) => dueOn);
  return left.length > 0 ? daysBetween(day, earliest(left)) : null;
}

/** Whether it is known to be missing, and past its due day. */
export function isOverdue(row: Datable, day: RunDate): boolean {
  return row.dueOn < day && isKnownMissing(row);
}

/** Whether it was read now, and is missing. */
export function isKnownMissing({ kind }: Pick<KbRow, "kind">): boolean {
  return kind !== "not-read" && isMissing({ kind });
}

/** Overdue KBs, each in one list, as rows of the overdue entries alone, the most urgent first. */
export interface Overdue {
  /** With an entry that became overdue since the day compared with. */
  lately: readonly KbRow[];
  /** With none yet, but with one before the next report: rows of those entries. */
  soon: readonly KbRow[];
  long: readonly KbRow[];
  /** How many KBs were overdue when last read, and could not be read now. */
  unknown: number;
}

/** The overdue entries of a report; `before` is the day compared with, `next` that of the next report, where they are known. */
export function overdueRows(report: Dated, before: RunDate | null, next: RunDate | null): Overdue {
  const { rows, day } = report;
  const overdue = narrow(rows, (entry) => isOverdue(entry, day));
  const wasOverdue = (entry: KbEntry) => before !== null && isOverdue(entry, before);
  const listed = new Set(overdue.map(({ id }) => id));
  const isLate = ({ entries }: KbRow) => entries.some((entry) => !wasOverdue(entry));
  const soon = narrow(rows, (entry, { id }) => !listed.has(id) && isDueBefore(entry, next));
  const notRead = narrow(rows, (entry) => entry.kind === "not-read" && entry.dueOn < day);
  return {
    lately: mostUrgentFirst(overdue.filter(isLate)),
    soon: mostUrgentFirst(soon),
    long: mostUrgentFirst(overdue.filter((row) => !isLate(row))),
    unknown: notRead.length,
  };
}

/** Whether what is within its due date will be overdue on the day of the next report. */
export function isDueBefore(row: Datable, next: RunDate | null): boolean {
  return next !== null && isOverdue(row, next);
}

/** The order of a section: what is exploited, then what reaches further. */
export function mostUrgentFirst(rows: readonly KbRow[]): KbRow[] {
  const ranked = rows.map((row) => ({ row, exploited: Number(isExploited(row)), machines: reach(row) ?? -1 }));
  return ranked.sort((a, b) => b.exploited - a.exploited || b.machines - a.machines).map(({ row }) => row);
}

/** When an entry is stalled: so many days old, and still at this share of its peak. */
export const stall = { days: 14, share: 0.8 };

/** Whether an entry is still at 80 % of its peak or above, 14 days or more after it was first seen. */
export function isStalled({ kind, current, peak, firstSeen, listedOn }: KbEntry, day: RunDate): boolean {
  if (kind === "not-read" || !current?.machineMissedOn || !peak) return false;
  return current.machineMissedOn >= stall.share * peak && daysBetween(listedOn ?? firstSeen, day) >= stall.days;
}

/** The first of a row's own entries that is stalled, if any. */
export function stalledEntry(row: KbRow, day: RunDate): KbEntry | undefined {
  return ownEntries(row).find((entry) => isStalled(entry, day));
}

/** How many missing KBs there are of one age. */
export interface AgeBand {
  /** In days of age, both included; the last band has no end. */
  from: number;
  to: number | null;
  /** KBs whose oldest entry that was read is of this age. */
  count: number;
  /** How many of those are overdue. */
  overdue: number;
  /** Besides, KBs that only products miss that were not read: nobody knows whether they are overdue. */
  unknown: number;
}

const bounds = [
  [0, 7],
  [8, 14],
  [15, 30],
  [31, 60],
  [61, 90],
  [91, 180],
  [181, null],
] as const;

/** The missing KBs of a report by age, youngest first. */
export function ageBands({ rows, day }: Dated): AgeBand[] {
  const bands = bounds.map(([from, to]) => ({
    from,
    to,
    count: 0,
    overdue: 0,
    unknown: 0,
    since: addDays(day, -from),
  }));
  const add = (entries: readonly KbEntry[], count: (band: AgeBand) => void) => {
    const oldest = entries.reduce<KbEntry | null>((old, one) => (old && old.since <= one.since ? old : one), null);
    if (!oldest) return;
    // A day after the report's own, which a clock that stepped back can bring, counts as that day.
    const band = bands.findLast(({ since }) => oldest.since <= since) ?? bands[0];
    if (band) count(band);
  };
  for (const { entries } of rows) {
    const missing = entries.filter(isMissing);
    const known = missing.filter(isKnownMissing);
    add(known, (band) => {
      band.count += 1;
      if (known.some((entry) => isOverdue(entry, day))) band.overdue += 1;
    });
    if (known.length === 0) add(missing, (band) => (band.unknown += 1));
  }
  return bands.map(({ since: _, ...band }) => band);
}
