import pMap from "p-map";
import type { NextStep, ReadMessage } from "../core/message.ts";
import type { Run } from "../core/run.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import { logTexts } from "../log.ts";
import { type Ports, StorageError } from "../ports.ts";
import { commit } from "./commit.ts";
import { type Job, openJobs, openRequests, progressOf } from "./jobs.ts";
import { acquireLease, LeaseLostError } from "./lease.ts";
import { currentList, type UsedList, withProducts } from "./list-products.ts";
import { isPermanent } from "./read-product.ts";
import { createWalk, type Walk } from "./walk.ts";

/** How long a run waits before it tries again to read what it could not. */
const retrySeconds = 5 * 60;
/** How often a message looks whether the tenant's reader is done, or has done what it asks for. */
const busySeconds = 30;
/** After this many consecutive misses, a product no longer delays the run. */
const missesWaitedFor = 2;
const concurrency = 8;

/**
 * Reads a tenant for one step, as its only reader: first what people asked for, then the scheduled runs that the message
 * names. Each run is committed as soon as its products are done. One that cannot be committed goes on by itself.
 */
export async function readTenant(message: ReadMessage, ports: Ports, signal: AbortSignal): Promise<NextStep> {
  const { tenant } = message;
  const isRequest = !isScheduled(message.runId);
  const jobs = isRequest ? await openRequests(tenant, ports) : await openJobs(message, ports);
  if (isRequest && !jobs.some((job) => isOf(job, message))) return null;
  if (jobs.length === 0) return null;

  const open = new Set<Job>();
  const reading = {
    progress: () => [...open].slice(0, mostProgress).map(progressOf),
    renewed: addRequests,
  };
  const lease = await acquireLease(tenant, reading, ports);
  if (typeof lease === "number") return { message, seconds: Math.min(lease, busySeconds) };
  const walk = createWalk(tenant, lease, ports, signal);
  const waits: number[] = [];
  const held = lease;
  const alone: string[] = [];
  const faults: unknown[] = [];

  let used: UsedList | null = null;

  async function add(more: readonly Job[]): Promise<void> {
    used ??= await currentList(tenant, more, { lease: held, signal }, ports);
    const list = used;
    const all = await pMap(more, (job) => withProducts(job, list, ports), { concurrency });
    const ready = all.filter((job) => job !== null);
    if (ready.length < all.length) waits.push(list.wait ?? 1);
    for (const job of ready) open.add(job);
    walk.add(ready);
  }

  async function addRequests(): Promise<void> {
    await add(await openRequests(tenant, ports, (request) => [...open].some((job) => isOf(job, request))));
  }

  async function done(job: Job): Promise<void> {
    try {
      const wait = await closeOrWait(job, walk, ports);
      if (wait !== null) waits.push(wait);
    } catch (error) {
      if (error instanceof StorageError) throw error;
      const { name } = job.watchlist;
      ports.log("error", "run not committed", { tenant, watchlist: name, run: job.runId, reason: String(error) });
      if (isOf(job, message)) faults.push(error);
      // One that was asked for has a message already.
      else if (isScheduled(job.runId)) alone.push(name);
    } finally {
      open.delete(job);
    }
  }

  try {
    await add(jobs);
    if (!isRequest) await addRequests();
    await walk.run(done);
  } catch (error) {
    if (error instanceof LeaseLostError) return { message, seconds: busySeconds };
    throw error;
  } finally {
    await lease.release();
  }
  for (const watchlist of alone) await ports.queue.send({ ...runOf(message), watchlist }, retrySeconds);
  // The message fails with its run, and ends in the poison queue if that goes on.
  if (faults.length > 0) throw faults[0];
  if (waits.length === 0) return null;
  const without = [...(message.without ?? []), ...alone];
  return { message: { ...message, ...(without.length > 0 && { without }) }, seconds: Math.min(...waits) };
}

function runOf({ tenant, runId, openedAt }: ReadMessage): ReadMessage {
  return { tenant, runId, openedAt };
}

/** A lease's row has room for the progress of so many runs. */
const mostProgress = 200;

function isOf(job: Job, { watchlist, runId }: Pick<ReadMessage, "watchlist" | "runId">): boolean {
  return job.runId === runId && job.watchlist.name === watchlist;
}

/** Commits a run, or gives the seconds until its products are worth another walk. */
async function closeOrWait(job: Job, walk: Walk, ports: Ports): Promise<number | null> {
  logRead(job, walk, ports);
  const wait = secondsToWait(job, walk, ports);
  if (wait !== null) return wait;
  // Another commit was first: come back and see.
  return (await commit(job, walk.held, ports)) ? null : 1;
}

function logRead({ watchlist, runId, results }: Job, walk: Walk, { log }: Ports): void {
  const counts = { read: 0, failed: 0, untried: 0, left: 0 };
  for (const result of results.values()) counts[typeof result === "string" ? result : "failed"] += 1;
  const { tenant, name } = watchlist;
  log("info", logTexts.read, { tenant, watchlist: name, run: runId, ...counts, throttledFor: walk.throttledFor() });
}

/** Seconds until the products not read are worth another walk; `null` if the run should commit without them. */
function secondsToWait(
  { results, runId, openedAt, last, found }: Job,
  walk: Walk,
  { now, rules }: Ports,
): number | null {
  const throttledFor = walk.throttledFor();
  // What left Defender's list need not come back.
  const failures = [...results].flatMap(([softwareId, result]) =>
    typeof result === "string" || found?.gone.has(softwareId) ? [] : [{ softwareId, result }],
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
