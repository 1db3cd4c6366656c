import { addDays, type RunDate } from "./day.ts";
import { compareOpened, type RunSummary } from "./run.ts";
import { isScheduled, type RunId, runDay } from "./run-id.ts";

type Opened = Pick<RunSummary, "runId" | "openedAt">;

/** Runs in the order in which they were opened. Their ids are no help: the two kinds count days differently. */
export function inOrderOfOpening<Run extends Opened>(runs: readonly Run[]): Run[] {
  return runs.toSorted(compareOpened);
}

/** Whether one run was opened before another, so that the later one can be compared with it. */
export function isOpenedBefore(one: Opened, other: Opened): boolean {
  return compareOpened(one, other) < 0;
}

/** The run that a reader sees who names none: the last scheduled one; before the first of these the last one asked for. */
export function latestRun<Run extends Opened>(runs: readonly Run[]): Run | undefined {
  const ordered = inOrderOfOpening(runs);
  return ordered.findLast(({ runId }) => isScheduled(runId)) ?? ordered.at(-1);
}

/** The runs opened after another, oldest first. */
export function newerRuns<Run extends Opened>(runs: readonly Run[], than: Opened): Run[] {
  return inOrderOfOpening(runs).filter((run) => isOpenedBefore(than, run));
}

/** Whether a run of this id would be older than runs are kept. */
export function isPastRetention(
  runId: RunId,
  today: RunDate,
  rules: { retentionDays: number; timeZone: string },
): boolean {
  return runDay(runId, rules.timeZone) < addDays(today, -rules.retentionDays);
}
