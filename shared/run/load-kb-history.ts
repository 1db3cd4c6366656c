import pMap from "p-map";
import { type KbHistory, type KbHistoryPoint, sightKb } from "../core/kb-history.ts";
import type { Run } from "../core/run.ts";
import type { Ports, Store } from "../ports.ts";
import { recentRuns } from "./chain.ts";

const concurrency = 8;

/** What the scheduled runs of the 30 days up to `run` saw of one KB in these products, oldest first. */
export async function loadKbHistory(
  kbId: string,
  softwareIds: readonly string[],
  run: Run,
  { store }: Pick<Ports, "store">,
): Promise<KbHistory> {
  const load = async (runId: string) => (runId === run.runId ? run : (await store.readRun(run, runId))?.run);
  const points = await pMap(
    await recentRuns(store, run),
    async ({ runId }) => {
      const seenBy = await load(runId);
      return seenBy ? [await sight(kbId, softwareIds, seenBy, store)] : [];
    },
    { concurrency },
  );
  return { id: kbId, points: points.flat() };
}

async function sight(
  kbId: string,
  softwareIds: readonly string[],
  { tenant, runId, day, comparisons }: Run,
  store: Store,
): Promise<KbHistoryPoint> {
  const sightings = comparisons
    .filter(({ softwareId }) => softwareIds.includes(softwareId))
    .map(async (comparison) => {
      const { softwareId, current } = comparison;
      const snapshot = current ? await store.readSnapshot({ tenant, softwareId, runId: current }) : null;
      return sightKb(kbId, comparison, snapshot);
    });
  return { runId, day, sightings: await Promise.all(sightings) };
}
