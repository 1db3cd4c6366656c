import type { RunDate } from "../../core/missing-kb.ts";
import type { Report } from "../../core/report.ts";
import { isMissing, type KbRow, overdueDays, type RowKind, reach } from "../../core/row.ts";
import { dayOf, scheduledRunId } from "../../core/run-id.ts";
import type { RenderOptions } from "../words.ts";
import type { Days } from "./kb-line.ts";

/** A report sorted for its digest: what is the same however much of it is shown, found in one pass. */
export interface Material {
  report: Report;
  options: RenderOptions;
  days: Days;
  byKind: ReadonlyMap<RowKind, readonly KbRow[]>;
  overdue: Overdue;
}

/** Missing KBs by when they became overdue, each list with what reaches furthest first. */
export interface Overdue {
  /** Since the run compared with. */
  lately: readonly KbRow[];
  /** Not yet, but before the next report. */
  soon: readonly KbRow[];
  long: readonly KbRow[];
  /** How many were overdue when last measured, and are not measured now. */
  unknown: number;
}

/** A report's material. */
export function gather(report: Report, options: RenderOptions): Material {
  const days = daysOf(report, options);
  return {
    report,
    options,
    days,
    byKind: Map.groupBy(report.rows, ({ kind }) => kind),
    overdue: overdueOf(report, days),
  };
}

function daysOf({ runId, dueDays }: Report, { nextRun, timeZone }: RenderOptions): Days {
  return { today: dayOf(runId), next: nextRun && scheduledRunId(new Date(nextRun), timeZone), dueDays };
}

type Due = "lately" | "soon" | "long" | "no";

// Of a KB that was not measured nobody knows whether it is still missing, so it is not called overdue.
function overdueOf({ rows, previousRunId }: Report, days: Days): Overdue {
  const found: Record<Due, KbRow[]> = { lately: [], soon: [], long: [], no: [] };
  let unknown = 0;
  // It hangs on the day first seen alone, of which there are few.
  const known = new Map<RunDate, Due>();
  for (const row of rows) {
    if (!isMissing(row)) continue;
    const due = known.get(row.firstSeen) ?? dueOf(row, days, previousRunId && dayOf(previousRunId));
    known.set(row.firstSeen, due);
    if (row.kind !== "not-read") found[due].push(row);
    else if (due === "lately" || due === "long") unknown += 1;
  }
  const { lately, soon, long } = found;
  return { lately: furthestFirst(lately), soon: furthestFirst(soon), long: furthestFirst(long), unknown };
}

function dueOf(row: KbRow, { today, next, dueDays }: Days, before: RunDate | null): Due {
  if (overdueDays(row, today, dueDays) > 0) {
    return before && overdueDays(row, before, dueDays) > 0 ? "long" : "lately";
  }
  return next && overdueDays(row, next, dueDays) > 0 ? "soon" : "no";
}

function furthestFirst(rows: readonly KbRow[]): KbRow[] {
  const measured = rows.map((row) => ({ row, machines: reach(row) ?? -1 }));
  return measured.sort((a, b) => b.machines - a.machines).map(({ row }) => row);
}
