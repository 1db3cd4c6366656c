import pMap from "p-map";
import { lineageOf } from "../core/advisory.ts";
import { readingOrder } from "../core/reading-order.ts";
import { runDay } from "../core/run-id.ts";
import type { Snapshot } from "../core/snapshot.ts";
import { DefenderError, type Ports } from "../ports.ts";
import type { Job } from "./jobs.ts";
import type { HeldLease } from "./lease.ts";
import { type ProductRead, readProduct } from "./read-product.ts";
import type { HeldSnapshots } from "./snapshots.ts";

/** Products under way at once; Defender's client has a limit of its own for calls. */
const concurrency = 8;

/**
 * About 18 MB: both days of 600 products with 40 KBs each. A larger walk holds none, and commit reads the rows again, so that
 * a walk of any size fits in a small instance.
 */
const maxHeldKbs = 50_000;

/** A walk through the products of a tenant's runs. */
export interface Walk {
  /** Reads the products of these runs too, before all others. */
  add(jobs: readonly Job[]): void;
  /** Reads until nothing is left, and calls `done` for each run as soon as its products are done. */
  run(done: (job: Job) => Promise<void>): Promise<void>;
  /** What was read, now or by an earlier step of the same runs, with what it is compared with. */
  held: HeldSnapshots;
  /** Snapshots written by this walk, not by an earlier step. */
  added(): number;
  /** Seconds for which Defender asked to be left alone. */
  throttledFor(): number | null;
}

/** A product of one run, and for which watchlists it is read; none for runs that have nothing to read. */
interface Visit {
  softwareId: string | null;
  jobs: Job[];
}

/** Reads each product of each run once, whichever watchlists have it. `signal`: out of time. */
export function createWalk(tenant: string, lease: HeldLease, ports: Ports, signal: AbortSignal): Walk {
  const lineage = ports.catalogue().then(lineageOf);
  const left: Visit[] = [];
  const held = new Map<string, readonly Snapshot[]>();
  /** For how many runs that are not done a product is read. */
  const needed = new Map<string, number>();
  // One visit's trouble with storage or the lease is the trouble of all: the others end at once.
  const stop = new AbortController();
  const outOfTime = AbortSignal.any([signal, stop.signal]);
  let [added, room] = [0, maxHeldKbs];
  let throttledFor: number | null = null;

  function hold(softwareId: string, snapshots: readonly Snapshot[]): void {
    room -= sizeOf(snapshots);
    if (room >= 0) held.set(softwareId, [...(held.get(softwareId) ?? []), ...snapshots]);
    else held.clear();
  }

  function need(softwareId: string, more: 1 | -1): number {
    const runs = (needed.get(softwareId) ?? 0) + more;
    needed.set(softwareId, runs);
    return runs;
  }

  /** Makes room for the products of other runs. */
  function drop(job: Job): void {
    for (const softwareId of job.watchlist.softwareIds) {
      const others = need(softwareId, -1);
      if (others > 0) continue;
      room += sizeOf(held.get(softwareId) ?? []);
      held.delete(softwareId);
    }
  }

  async function visit({ softwareId, jobs }: Visit): Promise<Job[]> {
    const [first] = jobs;
    if (!first) return [];
    if (softwareId === null) return jobs;
    await lease.touch();
    const { runId, openedAt } = first;
    const compared = jobs.flatMap(({ before }) => before.get(softwareId)?.current ?? []);
    const key = { tenant, softwareId, runId, openedAt, day: runDay(runId, ports.rules.timeZone) };
    const under = { lease, signal: outOfTime, lineage: await lineage, isThrottled: () => throttledFor !== null };
    const listed = listedAs(softwareId, jobs);
    const { result, compared: previous, isAdded } = await readProduct({ key, compared, listed }, ports, under);
    if (isAdded) added += 1;
    if (result instanceof DefenderError) throttledFor ??= result.retryAfterSeconds;
    hold(softwareId, isSnapshot(result) ? [...previous, result] : previous);
    for (const { results } of jobs) results.set(softwareId, isSnapshot(result) ? "read" : result);
    return jobs.filter(isComplete);
  }

  function* visits() {
    for (let next = left.shift(); next; next = left.shift()) yield next;
  }

  return {
    add(jobs) {
      for (const { watchlist } of jobs) for (const softwareId of watchlist.softwareIds) need(softwareId, 1);
      const byRun = [...Map.groupBy(jobs, ({ runId }) => runId).values()];
      const complete = jobs.filter(isComplete);
      left.unshift(...(complete.length > 0 ? [{ softwareId: null, jobs: complete }] : []), ...byRun.flatMap(visitsOf));
    },
    async run(done) {
      const work = async (one: Visit) => {
        for (const job of await visit(one)) {
          await done(job);
          drop(job);
        }
      };
      const faults: unknown[] = [];
      const workOrStop = async (one: Visit) => {
        try {
          await work(one);
        } catch (error) {
          faults.push(error);
          left.length = 0;
          stop.abort();
        }
      };
      await pMap(visits(), workOrStop, { concurrency });
      if (faults.length > 0) throw faults[0];
    },
    held,
    added: () => added,
    throttledFor: () => throttledFor,
  };
}

/** Whether everything of a run that can be known is known. */
function isComplete({ results, watchlist }: Job): boolean {
  return results.size === watchlist.softwareIds.length;
}

/** What Defender's list says of a product, where it only finds it, for all of these runs. */
function listedAs(softwareId: string, jobs: readonly Job[]): "clean" | "gone" | undefined {
  if (jobs.every(({ found }) => found?.clean.has(softwareId))) return "clean";
  return jobs.every(({ found }) => found?.gone.has(softwareId)) ? "gone" : undefined;
}

/** The products of runs with one id that are still to be read, in the order to read them. */
function visitsOf(jobs: readonly Job[]): Visit[] {
  const byProduct = new Map<string, Job[]>();
  for (const job of jobs)
    for (const softwareId of job.watchlist.softwareIds) {
      if (job.results.has(softwareId)) continue;
      const others = byProduct.get(softwareId);
      if (others) others.push(job);
      else byProduct.set(softwareId, [job]);
    }
  const order = readingOrder(jobs.map(({ watchlist }) => watchlist.softwareIds)).filter((id) => byProduct.has(id));
  return order.map((softwareId) => ({ softwareId, jobs: byProduct.get(softwareId) ?? [] }));
}

function sizeOf(snapshots: readonly Snapshot[]): number {
  return snapshots.reduce((sum, { missingKbs, gone }) => sum + 1 + missingKbs.length + gone.length, 0);
}

function isSnapshot(result: ProductRead["result"]): result is Snapshot {
  return typeof result === "object" && !(result instanceof Error);
}
