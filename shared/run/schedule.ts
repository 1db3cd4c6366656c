import { scheduledRunId } from "../core/run-id.ts";
import { logTexts } from "../log.ts";
import type { Ports } from "../ports.ts";

// A timer may fire some milliseconds early; at midnight that would be the day before.
const earlyMs = 60_000;

/** Opens today's run of every watchlist. Opened twice, it is the same run. */
export async function scheduleRuns({ watchlists, queue, rules, now, log }: Ports): Promise<void> {
  const openedAt = now();
  const runId = scheduledRunId(new Date(openedAt.getTime() + earlyMs), rules.timeZone);
  const sends = watchlists.map(({ name }) => queue.send({ watchlist: name, runId, openedAt: openedAt.toISOString() }));
  const failed = (await Promise.allSettled(sends)).filter((sent) => sent.status === "rejected");
  log("info", logTexts.opened, { run: runId, watchlists: watchlists.length - failed.length });
  if (failed.length > 0) {
    const causes = failed.map(({ reason }) => reason);
    throw new AggregateError(
      causes,
      `Could not queue the runs of ${failed.length} of ${watchlists.length} watchlists.`,
    );
  }
}
