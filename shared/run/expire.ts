import pMap from "p-map";
import type { Comparison } from "../core/comparison.ts";
import { addDays, calendarDay } from "../core/day.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports, Store } from "../ports.ts";
import { lastDigest, secondsUntilOwed } from "./chain.ts";

const concurrency = 8;
/** Sorts after every scheduled run. */
const afterAllRuns = "9999-12-31";

/**
 * Deletes the runs of a watchlist that are older than the retention, and their snapshots except those that a kept run
 * names. The last scheduled run is always kept, so are the run of the last digest and all scheduled ones after it, and so is a
 * run whose mail is still owed.
 */
export async function expire(watchlist: Watchlist, { store, watchlists, rules, now, log }: Ports): Promise<void> {
  const oldest = addDays(calendarDay(now(), rules.timeZone), -rules.retentionDays);
  const runs = await store.listRuns(watchlist.name);
  const last = runs.filter(({ runId }) => isScheduled(runId)).at(-1)?.runId;
  // The next digest says what happened since this one.
  const digest = lastDigest(runs, afterAllRuns)?.runId;
  const isNeeded = ({ runId }: RunSummary) => isScheduled(runId) && (runId === last || (digest && runId >= digest));
  const expired = runs.filter((run) => run.day < oldest && !isNeeded(run) && secondsUntilOwed(run, now()) === null);
  if (expired.length === 0) return;
  const kept = await snapshotsKept(watchlist, watchlists, new Set(expired.map(({ runId }) => runId)), store);
  const others = watchlists.filter((other) => other.tenant === watchlist.tenant && other.name !== watchlist.name);
  for (const { runId } of expired) {
    const stored = await store.readRun(watchlist.name, runId);
    if (stored) await deleteSnapshots(stored.run, await keptByOthers(stored.run, others, kept, store), store);
    // Last, so that a run is found again if only some of its snapshots were deleted.
    await store.deleteRun(watchlist.name, runId);
  }
  log("info", "runs expired", { watchlist: watchlist.name, runs: expired.length, before: oldest });
}

/**
 * The snapshots that kept runs name. Each run compares with what the one before it reported, so any older snapshot named
 * by a kept run is also named by the oldest kept run of its watchlist.
 */
async function snapshotsKept(
  watchlist: Watchlist,
  watchlists: readonly Watchlist[],
  expired: ReadonlySet<string>,
  store: Store,
): Promise<ReadonlySet<string>> {
  const kept = new Set<string>();
  for (const { name } of watchlists.filter(({ tenant }) => tenant === watchlist.tenant)) {
    const left = (await store.listRuns(name)).filter(({ runId }) => name !== watchlist.name || !expired.has(runId));
    for (const runId of decidingRuns(left.map((run) => run.runId))) {
      const stored = await store.readRun(name, runId);
      for (const named of stored ? comparisonsOf(stored.run).flatMap(namesOf) : []) kept.add(named);
    }
  }
  return kept;
}

/** Besides, the snapshots that other watchlists still name in the runs that took them: each keeps its runs for as long as it needs. */
async function keptByOthers(
  run: Run,
  others: readonly Watchlist[],
  kept: ReadonlySet<string>,
  store: Store,
): Promise<ReadonlySet<string>> {
  const all = new Set(kept);
  const taken = new Set(comparisonsOf(run).flatMap(runsNamed));
  for (const { name } of others) {
    for (const runId of taken) {
      const stored = await store.readRun(name, runId);
      for (const named of stored ? comparisonsOf(stored.run).flatMap(namesOf) : []) all.add(named);
    }
  }
  return all;
}

/** Of one watchlist's kept runs: the oldest of either kind, and the one that the next run will follow. */
function decidingRuns(runIds: readonly RunId[]): ReadonlySet<RunId> {
  const scheduled = runIds.filter(isScheduled);
  const onDemand = runIds.filter((runId) => !isScheduled(runId));
  return new Set([...scheduled.slice(0, 1), ...scheduled.slice(-1), ...onDemand.slice(0, 1)]);
}

/** What a run compared, and what it keeps of products that left the list. */
function comparisonsOf({ comparisons, left }: Run): Comparison[] {
  return [...comparisons, ...left];
}

function namesOf({ softwareId, previous, current }: Comparison): string[] {
  return runsNamed({ previous, current }).map((runId) => nameOf(softwareId, runId));
}

function runsNamed({ previous, current }: Pick<Comparison, "previous" | "current">): RunId[] {
  return [previous, current].filter((runId) => runId !== null);
}

// The next run compares with a snapshot, so it may outlive its own run: it goes with the last run that names it.
async function deleteSnapshots(run: Run, kept: ReadonlySet<string>, store: Store): Promise<void> {
  const { tenant } = run;
  const named = comparisonsOf(run).flatMap(({ softwareId, ...runs }) =>
    runsNamed(runs).map((runId) => ({ tenant, softwareId, runId })),
  );
  const doomed = named.filter(({ softwareId, runId }) => !kept.has(nameOf(softwareId, runId)));
  await pMap(doomed, (key) => store.deleteSnapshot(key), { concurrency });
}

function nameOf(softwareId: string, runId: string): string {
  return `${runId} ${softwareId}`;
}
