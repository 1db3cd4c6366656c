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
  const results = await Promise.allSettled(sends);
  const causes = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  log("info", logTexts.opened, { run: runId, watchlists: watchlists.length - causes.length });
  if (causes.length > 0) {
    const names = watchlists.filter((_, index) => results[index]?.status === "rejected").map(({ name }) => name);
    throw new AggregateError(causes, `Could not queue the run of ${names.join(", ")}.`);
  }
}
