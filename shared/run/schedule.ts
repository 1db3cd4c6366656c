import { scheduledRunId } from "../core/run-id.ts";
import { logTexts } from "../log.ts";
import type { Ports } from "../ports.ts";

// A timer may fire some milliseconds early; at midnight that would be the day before.
const earlyMs = 60_000;
/** Retention waits until the digests of the day are out. */
const expireAfterSeconds = 2 * 3600;

/** Opens today's runs, with a message for each tenant, and its retention. Opened twice, they are the same runs. */
export async function scheduleRuns({ watchlists, store, queue, rules, now, log }: Ports): Promise<void> {
  const openedAt = now();
  const runId = scheduledRunId(new Date(openedAt.getTime() + earlyMs), rules.timeZone);
  const { list, faults } = await watchlists(openedAt);
  for (const fault of faults) log("error", "watchlist faulty", { ...fault });
  const tenants = [...new Set(list.map(({ tenant }) => tenant))];
  const reads = tenants.map((tenant) => queue.send({ tenant, runId, openedAt: openedAt.toISOString() }));
  const results = await Promise.allSettled(reads);
  const causes = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  log("info", logTexts.opened, { run: runId, tenants: tenants.length - causes.length, watchlists: list.length });
  if (causes.length > 0) {
    const names = tenants.filter((_, index) => results[index]?.status === "rejected");
    throw new AggregateError(causes, `Could not queue the runs of ${names.join(", ")}.`);
  }
  // What a tenant without watchlists left behind goes too.
  const known = (await store.listStatuses()).map(({ tenant }) => tenant);
  for (const tenant of new Set([...tenants, ...known]))
    await queue.send({ expire: { tenant, day: runId } }, expireAfterSeconds);
}
