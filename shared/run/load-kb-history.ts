import { pMapIterable } from "p-map";
import { type KbHistory, type KbHistoryPoint, sightKb } from "../core/kb-history.ts";
import type { Run } from "../core/run.ts";
import type { Ports } from "../ports.ts";
import { recentRuns } from "./chain.ts";

const concurrency = 16;

/** What the last 30 days' scheduled runs up to `run` saw of one KB in some software, oldest first. */
export async function loadKbHistory(
  kbId: string,
  softwareIds: readonly string[],
  run: Run,
  { store }: Pick<Ports, "store">,
): Promise<KbHistory> {
  const summaries = await recentRuns(store, run.watchlist, run.runId);
  const points: KbHistoryPoint[] = [];
  for (const { runId } of summaries) {
    const stored = runId === run.runId ? { run } : await store.readRun(run.watchlist, runId);
    if (stored) points.push(await sight(kbId, softwareIds, stored.run, store));
  }
  return { id: kbId, points };
}

async function sight(
  kbId: string,
  softwareIds: readonly string[],
  { tenant, runId, comparisons }: Run,
  store: Ports["store"],
): Promise<KbHistoryPoint> {
  const sightings = pMapIterable(
    comparisons.filter(({ softwareId }) => softwareIds.includes(softwareId)),
    async (comparison) => {
      const { softwareId, current } = comparison;
      const snapshot = current ? await store.readSnapshot({ tenant, softwareId, runId: current }) : null;
      return sightKb(kbId, comparison, snapshot);
    },
    { concurrency },
  );
  return { runId, sightings: await Array.fromAsync(sightings) };
}
