import type { ReadMessage } from "../core/message.ts";
import type { Run } from "../core/run.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import { logTexts } from "../log.ts";
import { type Ports, StorageError } from "../ports.ts";
import { commit } from "./commit.ts";
import { type Job, openJobs, openRequests, progressOf } from "./jobs.ts";
import { acquireLease, LeaseLostError } from "./lease.ts";
import { isPermanent } from "./read-product.ts";
import { createWalk, type Walk } from "./walk.ts";

/** How long a run waits before it tries again to read what it could not. */
const retrySeconds = 5 * 60;
/** How often a message looks whether the tenant's reader is done, or has done what it asks for. */
const busySeconds = 30;
/** After this many consecutive misses, a product no longer delays the run. */
const missesWaitedFor = 2;

/**
 * Reads a tenant for one step, as its only reader: first what people asked for, then the scheduled runs that the message
 * names. Each run is committed as soon as its products are done. Returns the seconds until another step, or `null`.
 */
export async function readTenant(message: ReadMessage, ports: Ports, signal: AbortSignal): Promise<number | null> {
  const { tenant } = message;
  const isRequest = !isScheduled(message.runId);
  const jobs = isRequest ? await openRequests(tenant, ports) : await openJobs(message, ports);
  if (isRequest && !jobs.some((job) => isOf(job, message))) return null;
  if (jobs.length === 0) return null;

  const open = new Set<Job>();
  const reading = {
    progress: () => [...open].slice(0, mostProgress).map(progressOf),
    renewed: async () => add(await openRequests(tenant, ports)),
  };
  const lease = await acquireLease(tenant, reading, ports);
  if (typeof lease === "number") return Math.min(lease, busySeconds);
  const walk = createWalk(tenant, lease, ports, signal);
  const waits: number[] = [];

  function add(more: readonly Job[]): void {
    const known = new Set([...open].map(nameOf));
    const added = more.filter((job) => !known.has(nameOf(job)));
    for (const job of added) open.add(job);
    walk.add(added);
  }

  async function done(job: Job): Promise<void> {
    const wait = await closeOrWait(job, walk, ports);
    open.delete(job);
    if (wait !== null) waits.push(wait);
  }

  add(jobs);
  if (!isRequest) add(await openRequests(tenant, ports));
  try {
    await walk.run(done);
  } catch (error) {
    if (error instanceof LeaseLostError) return busySeconds;
    throw error;
  } finally {
    await lease.release();
  }
  return waits.length > 0 ? Math.min(...waits) : null;
}

/** A lease's row has room for the progress of so many runs. */
const mostProgress = 200;

function nameOf({ watchlist, runId }: Job): string {
  return `${runId} ${watchlist.name}`;
}

function isOf(job: Job, { watchlist, runId }: ReadMessage): boolean {
  return job.runId === runId && job.watchlist.name === watchlist;
}

/** Commits a run, or gives the seconds until its products are worth another walk. Its trouble stays its own. */
async function closeOrWait(job: Job, walk: Walk, ports: Ports): Promise<number | null> {
  const { watchlist, runId, openedAt } = job;
  const { tenant, name } = watchlist;
  try {
    logRead(job, walk, ports);
    const wait = secondsToWait(job, walk, ports);
    if (wait !== null) return wait;
    // Another commit was first: come back and see.
    return (await commit(job, walk.held, ports)) ? null : 1;
  } catch (error) {
    if (error instanceof StorageError) throw error;
    ports.log("error", "run not committed", { tenant, watchlist: name, run: runId, reason: String(error) });
    // The run goes on by itself, and if that fails too it ends in the poison queue without the tenant's other runs.
    await ports.queue.send({ tenant, watchlist: name, runId, openedAt }, retrySeconds);
    return null;
  }
}

function logRead({ watchlist, runId, results }: Job, walk: Walk, { log }: Ports): void {
  const counts = { read: 0, failed: 0, untried: 0 };
  for (const result of results.values()) counts[typeof result === "string" ? result : "failed"] += 1;
  const { tenant, name } = watchlist;
  log("info", logTexts.read, { tenant, watchlist: name, run: runId, ...counts, throttledFor: walk.throttledFor() });
}

/** Seconds until the products not read are worth another walk; `null` if the run should commit without them. */
function secondsToWait({ results, runId, openedAt, last }: Job, walk: Walk, { now, rules }: Ports): number | null {
  const throttledFor = walk.throttledFor();
  const failures = [...results].flatMap(([softwareId, result]) =>
    typeof result === "string" ? [] : [{ softwareId, result }],
  );
  const untried = [...results.values()].filter((result) => result === "untried").length;
  if (failures.length + untried === 0) return null;
  // A long walk that makes progress is never cut short.
  if (untried > 0 && walk.added() > 0) return throttledFor ?? 1;
  const waited = (now().getTime() - Date.parse(openedAt)) / 1000;
  const left = patience(runId, throttledFor !== null, rules) - waited;
  const isLasting = lastingMisses(last?.run ?? null);
  const isHopeless = failures.every(({ softwareId, result }) => isPermanent(result) || isLasting.has(softwareId));
  if (left <= 0 || (untried === 0 && throttledFor === null && isHopeless)) return null;
  return Math.ceil(Math.min(left, throttledFor ?? retrySeconds));
}

function lastingMisses(last: Run | null): ReadonlySet<string> {
  const lasting = (last?.failures ?? []).filter(({ misses }) => misses >= missesWaitedFor);
  return new Set(lasting.map(({ softwareId }) => softwareId));
}

/** How many seconds a run may wait for what it has not read. */
function patience(runId: RunId, isThrottled: boolean, { graceMinutes }: Ports["rules"]): number {
  // Throttled products can be read, only later: the run waits until the next one would overtake it.
  if (isThrottled) return isScheduled(runId) ? 24 * 3600 : 3600;
  // Someone is waiting for a run asked for: it takes what one walk brings.
  return isScheduled(runId) ? graceMinutes * 60 : 0;
}
