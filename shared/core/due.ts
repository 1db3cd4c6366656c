import type { RunDate } from "./missing-kb.ts";
import type { Report } from "./report.ts";
import { isMissing, isStalled, type KbEntry, type KbRow, overdueDays } from "./row.ts";
import { addDays, dayOf } from "./run-id.ts";

// Of what was not measured nobody knows whether it is still missing, so it is called neither overdue nor stalled.

/** Days by which a KB known to be missing has outstayed its due date; else 0. */
export function daysOverdue(row: KbRow, { runId, dueDays }: Pick<Report, "runId" | "dueDays">): number {
  return row.kind === "not-read" ? 0 : overdueDays(row, dayOf(runId), dueDays);
}

/** Whether an entry that was measured has stayed near its peak for 14 days. */
export function isStalledOn(day: RunDate, entry: KbEntry): boolean {
  return entry.kind !== "not-read" && isStalled(entry, day);
}

/** How many KBs of a report are overdue, and how many are stalled for some software. */
export function countLasting(report: Report): { overdue: number; stalled: number } {
  const day = dayOf(report.runId);
  const isOverdue = overdueTest(report);
  return {
    overdue: report.rows.filter(isOverdue).length,
    stalled: report.rows.filter((row) => row.entries.some((entry) => isStalledOn(day, entry))).length,
  };
}

/** Whether `daysOverdue` is above 0, made for many rows: days are compared as text. */
export function overdueTest({ runId, dueDays }: Pick<Report, "runId" | "dueDays">): (row: KbRow) => boolean {
  const due = addDays(dayOf(runId), -dueDays);
  return (row) => row.firstSeen < due && row.kind !== "not-read" && isMissing(row);
}

/** How many missing KBs there are of one age, and how many of them are overdue. */
export interface AgeBand {
  /** In days since first seen, both included; the last band has no end. */
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
export function ageBands(report: Report): AgeBand[] {
  const day = dayOf(report.runId);
  const isOverdue = overdueTest(report);
  const bands = bounds.map(([from, to]) => ({ from, to, count: 0, overdue: 0, since: addDays(day, -from) }));
  for (const row of report.rows) {
    // A day after the report's own, which a clock that stepped back can bring, counts as that day.
    const band = isMissing(row) && (bands.findLast(({ since }) => row.firstSeen <= since) ?? bands[0]);
    if (!band) continue;
    band.count += 1;
    if (isOverdue(row)) band.overdue += 1;
  }
  return bands.map(({ since: _, ...band }) => band);
}
