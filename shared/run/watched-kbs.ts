import pMap from "p-map";
import { chainKey } from "../core/message.ts";
import { possibleMonths } from "../core/msrc-month.ts";
import type { RunKey } from "../core/run.ts";
import type { RunId } from "../core/run-id.ts";
import { chainOf } from "../core/watchlist.ts";
import type { Ports, SnapshotKey } from "../ports.ts";
import { RowError } from "../ports.ts";
import { unlessDamaged } from "./unless-damaged.ts";

const concurrency = 8;

/** The last scheduled runs of all configured watchlists, each with when it was committed. */
export async function lastRuns({ store, watchlists }: Ports): Promise<(RunKey & { committedAt: string })[]> {
  const [{ list }, statuses] = await Promise.all([watchlists(), store.listStatuses()]);
  const byChain = new Map(statuses.map((status) => [chainKey(status), status]));
  return list.flatMap((watchlist) => {
    const chain = chainOf(watchlist);
    const latest = byChain.get(chainKey(chain))?.latest;
    return latest ? [{ ...chain, runId: latest.runId, committedAt: latest.committedAt }] : [];
  });
}

/** By the id of each KB that is missing in some of these runs, the months whose documents have it, or may have it. */
export type WatchedKbs = ReadonlyMap<string, readonly string[]>;

/**
 * The KBs of these runs, by their facts. Snapshots are read only for KBs that are not in `known`, and of runs without facts. What
 * a damaged row has is left out.
 */
export async function watchedKbs(runs: readonly RunKey[], known: WatchedKbs, ports: Ports): Promise<WatchedKbs> {
  const watched = new Map<string, readonly string[]>();
  const unknown = await pMap(runs, (run) => noteFacts(run, known, watched, ports), { concurrency });
  const keys = await pMap(
    runs.filter((_, index) => unknown[index]),
    (run) => snapshotsOf(run, ports),
    { concurrency },
  );
  const distinct = new Map(keys.flat().map((key) => [JSON.stringify([key.tenant, key.softwareId, key.runId]), key]));
  await pMap(
    distinct.values(),
    async (key) => {
      const snapshot = await readable(ports.store.readSnapshot(key));
      for (const kb of snapshot?.missingKbs ?? []) {
        const months = known.get(kb.id) ?? [...(watched.get(kb.id) ?? []), ...possibleMonths(kb)];
        watched.set(kb.id, [...new Set(months)]);
      }
    },
    { concurrency },
  );
  return watched;
}

/** Whether the run has KBs of which nothing is known. */
async function noteFacts(
  run: RunKey,
  known: WatchedKbs,
  watched: Map<string, readonly string[]>,
  { store }: Ports,
): Promise<boolean> {
  const facts = await readable(store.readFacts(run));
  if (!facts) return true;
  let isUnknown = false;
  for (const id of facts.advisories.keys()) {
    const months = known.get(id);
    isUnknown ||= months === undefined;
    if (!watched.has(id)) watched.set(id, months ?? []);
  }
  return isUnknown;
}

async function snapshotsOf(run: RunKey, { store }: Ports): Promise<SnapshotKey[]> {
  const stored = await readable(store.readRun(run, run.runId));
  const comparisons = stored?.run.comparisons ?? [];
  return comparisons
    .filter((one): one is typeof one & { current: RunId } => one.current !== null)
    .map(({ softwareId, current }) => ({ tenant: run.tenant, softwareId, runId: current }));
}

async function readable<T>(reading: Promise<T>): Promise<T | null> {
  const read = await unlessDamaged(reading);
  return read instanceof RowError ? null : read;
}
