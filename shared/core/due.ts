import { addDays, daysBetween, type RunDate } from "./day.ts";
import { type Counts, larger } from "./missing-kb.ts";
import { isMissing, type KbEntry, type KbRow, type RowKind, rowKinds } from "./row.ts";
import { dayOf, type RunId } from "./run-id.ts";

/*
 * What is worse, how far it reaches, how old it is, and whether it is overdue or stalled. These functions claim none of this
 * for a product that could not be read, so callers need not check.
 */

/** The kinds of change for the worse, worst first. */
export const worseKinds = ["new", "worsened", "returned"] as const satisfies readonly RowKind[];

/** Whether a kind of change is for the worse. */
export function isWorse(kind: RowKind): boolean {
  return worseKinds.some((worse) => worse === kind);
}

/** The kinds of change for the better. */
export const betterKinds = ["improved", "resolved"] as const satisfies readonly RowKind[];

/** Whether a kind of change is for the better. */
export function isBetter(kind: RowKind): boolean {
  return betterKinds.some((better) => better === kind);
}

/** The largest machine count of any one product, so that no machine counts twice. */
export function reach(row: KbRow): number | null {
  return largest(row, "machineMissedOn");
}

/** The largest CVE count of any one product. */
export function cves(row: KbRow): number | null {
  return largest(row, "cveAddressed");
}

/** Whether an entry has the largest of a row's counts: only then may its change be shown beside that count. */
export function isLargest({ current, previous }: KbEntry, row: KbRow, count: keyof Counts): boolean {
  return (current ?? previous)?.[count] === largest(row, count);
}

/** The largest of one of the two counts: `reach` or `cves`. */
export function largest(row: KbRow, count: keyof Counts): number | null {
  // A product that no longer misses the KB does not count while another still does.
  const now = isMissing(row);
  return row.entries.reduce<number | null>(
    (most, { current, previous }) => larger(most, (now ? current : previous)?.[count] ?? null),
    null,
  );
}

/** The largest reach of any row, or of any row of these kinds; `null` if no count is known. */
export function reachOf(rows: readonly KbRow[], kinds: readonly RowKind[] = rowKinds): number | null {
  let most: number | null = null;
  for (const row of rows) if (kinds.includes(row.kind)) most = larger(most, reach(row));
  return most;
}

/** The entry that reaches furthest: its change is the one shown beside the row's largest count. */
export function leadEntry(row: KbRow): KbEntry | undefined {
  const most = reach(row);
  const entries = row.entries.filter(({ current, previous }) => (current ?? previous)?.machineMissedOn === most);
  return entries.find(({ previous }) => previous !== null) ?? entries[0];
}

/** How many days a KB has been missing on `day`. */
export function ageInDays({ firstSeen }: Pick<KbRow, "firstSeen">, day: RunDate): number {
  return Math.max(0, daysBetween(firstSeen, day));
}

/** The age, or `null` at first sight of a product, because all its KBs were first seen that day. */
export function knownAge(row: Pick<KbRow, "kind" | "firstSeen">, day: RunDate): number | null {
  return row.kind === "baseline" ? null : ageInDays(row, day);
}

/** The part of a row or an entry that decides whether it is overdue. */
type Datable = Pick<KbRow, "kind" | "firstSeen">;

/** The part of a report that due dates depend on. */
interface DueRule {
  runId: RunId;
  dueDays: number;
}

/** The part of a report that this file needs. */
type Dated = DueRule & { rows: readonly KbRow[] };

/** By how many days a missing KB has exceeded `dueDays` on the report's day; 0 if it has not. */
export function daysOverdue(row: Datable, { runId, dueDays }: DueRule): number {
  return overdueBy(row, dayOf(runId), dueDays);
}

function overdueBy(row: Datable, day: RunDate, dueDays: number): number {
  if (row.kind === "not-read" || row.kind === "resolved") return 0;
  return Math.max(0, ageInDays(row, day) - dueDays);
}

/** Whether `daysOverdue` is above 0, for many rows: it compares days as text, which is faster. */
export function overdueTest({ runId, dueDays }: DueRule): (row: Datable) => boolean {
  const due = addDays(dayOf(runId), -dueDays);
  return ({ kind, firstSeen }) => firstSeen < due && kind !== "not-read" && kind !== "resolved";
}

/** Missing KBs by when they become overdue; in each list, those that reach furthest come first. */
export interface Overdue {
  /** Since the run compared with. */
  lately: readonly KbRow[];
  /** Not yet, but before the next report. */
  soon: readonly KbRow[];
  long: readonly KbRow[];
  /** How many were overdue when last read but could not be read now. */
  unknown: number;
}

/** The overdue KBs of a report; `next` is the day of the next report, `null` if unknown. */
export function overdueRows(report: Dated & { previousRunId: RunId | null }, next: RunDate | null): Overdue {
  const { rows, runId, previousRunId, dueDays } = report;
  const before = previousRunId && dayOf(previousRunId);
  const found = Map.groupBy(rows, (row) => {
    if (daysOverdue(row, report) === 0) return isDueBefore(row, next, dueDays) ? "soon" : "no";
    return before && overdueBy(row, before, dueDays) > 0 ? "long" : "lately";
  });
  const notRead = rows.filter((row) => row.kind === "not-read" && ageInDays(row, dayOf(runId)) > dueDays);
  const list = (when: "lately" | "soon" | "long") => furthestFirst(found.get(when) ?? []);
  return { lately: list("lately"), soon: list("soon"), long: list("long"), unknown: notRead.length };
}

/** Whether a KB within its due date will be overdue on the day of the next report. */
export function isDueBefore(row: Datable, next: RunDate | null, dueDays: number): boolean {
  return next !== null && overdueBy(row, next, dueDays) > 0;
}

function furthestFirst(rows: readonly KbRow[]): KbRow[] {
  const reaching = rows.map((row) => ({ row, machines: reach(row) ?? -1 }));
  return reaching.sort((a, b) => b.machines - a.machines).map(({ row }) => row);
}

/** An entry is stalled if, this many days after it was first seen, it is still at this share of its peak or above. */
export const stall = { days: 14, share: 0.8 };

/** Whether an entry is stalled. */
export function isStalled({ kind, current, peak, firstSeen }: KbEntry, day: RunDate): boolean {
  if (kind === "not-read" || !current?.machineMissedOn || !peak) return false;
  return current.machineMissedOn >= stall.share * peak && ageInDays({ firstSeen }, day) >= stall.days;
}

/** The first entry of a row that is stalled, if any. */
export function stalledEntry({ entries }: KbRow, day: RunDate): KbEntry | undefined {
  return entries.find((entry) => isStalled(entry, day));
}

/** How many KBs of a report are overdue, and how many are stalled in some product. */
export function countLasting(report: Dated): { overdue: number; stalled: number } {
  const day = dayOf(report.runId);
  const isOverdue = overdueTest(report);
  return {
    overdue: report.rows.filter(isOverdue).length,
    stalled: report.rows.filter((row) => stalledEntry(row, day) !== undefined).length,
  };
}

/** How many missing KBs there are of one age, and how many of them are overdue. */
export interface AgeBand {
  /** Days since first seen, both inclusive; the last band has no end. */
  from: number;
  to: number | null;
  count: number;
  overdue: number;
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
export function ageBands(report: Dated): AgeBand[] {
  const day = dayOf(report.runId);
  const isOverdue = overdueTest(report);
  const bands = bounds.map(([from, to]) => ({ from, to, count: 0, overdue: 0, since: addDays(day, -from) }));
  for (const row of report.rows) {
    // After a clock stepped back, a first sight may be later than the report's day; it counts as that day.
    const band = isMissing(row) && (bands.findLast(({ since }) => row.firstSeen <= since) ?? bands[0]);
    if (!band) continue;
    band.count += 1;
    if (isOverdue(row)) band.overdue += 1;
  }
  return bands.map(({ since: _, ...band }) => band);
}
