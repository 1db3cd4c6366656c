import { addDays, daysBetween, type RunDate } from "./day.ts";
import { isOwed, isSentInTurn } from "./mail.ts";
import type { RunSummary } from "./run.ts";
import { isScheduled } from "./run-id.ts";

/** How long after its removal a watchlist may come back as if nothing had happened. */
export const graceDays = 7;

/**
 * The runs of a watchlist that are kept, of all in the order in which they were opened: those from `since` on, those whose
 * mail is owed, the last scheduled run, which the next one follows, and the scheduled runs from the last digest on, which the
 * next digest sums up.
 */
export function keptRuns(runs: readonly RunSummary[], since: RunDate): RunSummary[] {
  const scheduled = runs.filter(({ runId }) => isScheduled(runId));
  const needed = scheduled.findLast(({ mail }) => isSentInTurn(mail)) ?? scheduled.at(-1);
  return runs.filter(({ runId, day, mail }) => {
    return day >= since || isOwed(mail) || (needed !== undefined && isScheduled(runId) && runId >= needed.runId);
  });
}

/**
 * The runs of a removed watchlist that are kept: nothing follows them. The last one stays longer than the others, because it
 * leads to the snapshots of a run that was under way when the watchlist was removed.
 */
export function keptOfRemoved(runs: readonly RunSummary[], since: RunDate): RunSummary[] {
  const last = runs.at(-1);
  const isNeeded = (run: RunSummary) => run === last && run.day >= addDays(since, -graceDays);
  return runs.filter((run) => run.day >= since || isOwed(run.mail) || isNeeded(run));
}

/**
 * Those of a watchlist's kept runs that show which snapshots all of them name. Besides its own snapshots, a run names only
 * what the run that it follows names too, so the first kept run after one that is gone is enough. Which products took
 * snapshots in between follows from the first and the last scheduled run and one each `days` days: for that long a run
 * names what left the list. A run asked for from before `since` is read, for its list may have been another.
 */
export function decidingRuns(
  kept: readonly RunSummary[],
  { since, days }: { since: RunDate; days: number },
): RunSummary[] {
  const ids = new Set(kept.map(({ runId }) => runId));
  const goneBefore = new Set<string>();
  const deciding = new Set(checkpoints(kept, days));
  for (const run of kept) {
    const previous = run.previousRunId ?? "";
    const isFirstAfter = !ids.has(previous) && !goneBefore.has(previous);
    if (isFirstAfter) goneBefore.add(previous);
    if (isFirstAfter || (run.day < since && !isScheduled(run.runId))) deciding.add(run);
  }
  return kept.filter((run) => deciding.has(run));
}

/** The first and the last scheduled run, and so many in between that from each run on one follows within `days` days. */
function checkpoints(kept: readonly RunSummary[], days: number): RunSummary[] {
  const scheduled = kept.filter(({ runId }) => isScheduled(runId));
  const found: RunSummary[] = [];
  for (const [index, run] of scheduled.entries()) {
    const [before, next] = [found.at(-1), scheduled[index + 1]];
    if (!before || !next || daysBetween(before.day, next.day) > days) found.push(run);
  }
  return found;
}
