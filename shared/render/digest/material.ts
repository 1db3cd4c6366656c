import type { RunDate } from "../../core/day.ts";
import { type Overdue, overdueRows } from "../../core/due.ts";
import type { Report } from "../../core/report.ts";
import type { KbRow, RowKind } from "../../core/row.ts";
import { scheduledRunId } from "../../core/run-id.ts";
import type { RenderOptions } from "../words.ts";

/** A report sorted for its digest: the same however much of it is shown, so it is sorted once. */
export interface Material {
  report: Report;
  options: RenderOptions;
  /** The day of the next report; `null` where it is not known. */
  next: RunDate | null;
  byKind: ReadonlyMap<RowKind, readonly KbRow[]>;
  overdue: Overdue;
}

/** A report's material. */
export function gather(report: Report, options: RenderOptions): Material {
  const { nextRun, timeZone } = options;
  const next = nextRun && scheduledRunId(new Date(nextRun), timeZone);
  const byKind = Map.groupBy(report.rows, ({ kind }) => kind);
  return { report, options, next, byKind, overdue: overdueRows(report, next) };
}
