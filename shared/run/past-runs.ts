import pMap from "p-map";
import type { Chain } from "../core/message.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import type { Snapshot } from "../core/snapshot.ts";
import { type ProductKey, RowError, type Store } from "../ports.ts";
import { unlessDamaged } from "./unless-damaged.ts";

const concurrency = 8;
/** KBs held at once: about 200 MB. */
const mostKbs = 1_000_000;

/** The last scheduled runs of a watchlist that follow one another, with the snapshots that they compared. */
export interface PastRuns {
  /** All committed runs, in the order in which they were opened. */
  summaries: readonly RunSummary[];
  /** Oldest first; fewer than asked for where there are no more, or because of `cut`. */
  runs: readonly Run[];
  /** The run that the first of these followed; `null`: none. */
  before: Run | null;
  /** Why older runs are left out: what they compared is no longer kept or cannot be read, or more do not fit into memory. */
  cut: "not-kept" | "too-large" | null;
  snapshot(softwareId: string, runId: RunId | null): Snapshot | null;
}

/** Loads up to `count` past runs; where something of one cannot be read, those after it. */
export async function loadPastRuns(
  chain: Chain,
  count: number,
  store: Store,
  most: number = mostKbs,
): Promise<PastRuns> {
  const summaries = await store.listRuns(chain);
  const scheduled = summaries.filter(({ runId }) => isScheduled(runId));
  const ids = scheduled.slice(-count - 1).map(({ runId }) => runId);
  const read = await pMap(ids, (runId) => readable(store.readRun(chain, runId)), { concurrency });
  const linked = linkedRuns(read.map((stored) => stored?.run ?? null)).slice(-count - 1);
  const isFirst = linked[0]?.previousRunId === null;
  const all = (isFirst ? linked : linked.slice(1)).slice(-count);
  const held = createHeld(all, most);
  const softwareIds = [...held.wanted.keys()];
  await pMap(softwareIds, (softwareId) => held.load({ tenant: chain.tenant, softwareId }, store), { concurrency });
  const runs = all.slice(held.first());
  const before = linked[linked.indexOf(runs[0] as Run) - 1] ?? null;
  const isShort = runs.length < Math.min(count, scheduled.length);
  const cut = held.isTooLarge() ? "too-large" : isShort ? "not-kept" : null;
  return { summaries, runs, before, cut, snapshot: held.snapshot };
}

/** The last of these runs that each follow the one before; the first of them may follow one that is not there. */
function linkedRuns(runs: readonly (Run | null)[]): Run[] {
  const linked: Run[] = [];
  for (const run of runs.toReversed()) {
    const next = linked[0];
    if (!run || (next && next.previousRunId !== run.runId)) break;
    linked.unshift(run);
  }
  return linked;
}

/** Snapshots of runs, loaded one product after another. Runs that cannot be replayed are given up, the oldest first. */
function createHeld(runs: readonly Run[], most: number) {
  const wanted = wantedSnapshots(runs);
  const held = new Map<string, Map<RunId, Snapshot>>();
  const sizes = runs.map(() => 0);
  let [first, isTooLarge] = [0, false];

  const size = () => sizes.slice(first).reduce((sum, kbs) => sum + kbs, 0);
  const startAt = (index: number) => {
    first = index;
    const stillWanted = wantedSnapshots(runs.slice(first));
    for (const [softwareId, snapshots] of held) {
      const users = stillWanted.get(softwareId);
      for (const runId of snapshots.keys()) if (!users?.has(runId)) snapshots.delete(runId);
    }
  };

  return {
    wanted,
    async load(product: ProductKey, store: Store): Promise<void> {
      const users = wanted.get(product.softwareId) ?? new Map<RunId, number>();
      const found = await readWanted(product, users, store);
      const kept = new Map<RunId, Snapshot>();
      for (const snapshot of found) {
        const user = users.get(snapshot.runId);
        if (user === undefined || user < first) continue;
        kept.set(snapshot.runId, snapshot);
        sizes[user] = (sizes[user] ?? 0) + snapshot.missingKbs.length + snapshot.gone.length;
      }
      held.set(product.softwareId, kept);
      const lost = [...users].filter(([runId, user]) => user >= first && !kept.has(runId));
      if (lost.length > 0) startAt(Math.max(...lost.map(([, user]) => user)) + 1);
      while (size() > most && first < runs.length - 1) {
        isTooLarge = true;
        startAt(first + Math.ceil((runs.length - first) / 4));
      }
    },
    first: () => first,
    isTooLarge: () => isTooLarge,
    snapshot: (softwareId: string, runId: RunId | null) => (runId !== null && held.get(softwareId)?.get(runId)) || null,
  };
}

/** By product the runs whose snapshots these runs compared, each with the place of the last run that did. */
function wantedSnapshots(runs: readonly Run[]): ReadonlyMap<string, ReadonlyMap<RunId, number>> {
  const wanted = new Map<string, Map<RunId, number>>();
  for (const [index, { comparisons }] of runs.entries()) {
    for (const { softwareId, previous, current } of comparisons) {
      const users = wanted.get(softwareId) ?? new Map<RunId, number>();
      for (const runId of [previous, current]) if (runId !== null) users.set(runId, index);
      wanted.set(softwareId, users);
    }
  }
  return wanted;
}

/** The snapshots of a product that can be read and are wanted, in one query unless a row is damaged. */
async function readWanted(
  product: ProductKey,
  wanted: ReadonlyMap<RunId, number>,
  store: Store,
): Promise<readonly Snapshot[]> {
  const runIds = [...wanted.keys()].sort();
  const [from, to] = [runIds[0], runIds.at(-1)];
  if (!from || !to) return [];
  const all = await readable(store.listSnapshots(product, from, to));
  if (all) return all;
  const found = await pMap(runIds, (runId) => readable(store.readSnapshot({ ...product, runId })), { concurrency });
  return found.filter((snapshot) => snapshot !== null);
}

async function readable<T>(reading: Promise<T | null>): Promise<T | null> {
  const read = await unlessDamaged(reading);
  return read instanceof RowError ? null : read;
}
