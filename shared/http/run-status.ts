import pMap from "p-map";
import { isRunId, onDemandRunId, type RunId, scheduledRunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import { type Answer, badParameter, jsonAnswer, Problem } from "./answer.ts";
import { findWatchlist } from "./find-run.ts";

const concurrency = 16;
const dayMs = 86_400_000;

/** `queued`: nothing read yet; `running`: some read; `committed`: done, its report stands. */
export type RunState = "queued" | "running" | "committed";

/** How far a run is. Failures are told once it is committed: until then they may still be read. */
export interface RunProgress {
  watchlist: string;
  runId: RunId;
  state: RunState;
  read: number;
  total: number;
  failures: readonly { softwareId: string; reason: string; permanent: boolean }[];
  mail: string;
}

/** How far a run is, from what the store holds of it. */
export async function serveRunStatus(watchlistName: string, runId: RunId, ports: Ports): Promise<Answer> {
  const watchlist = findWatchlist(watchlistName, ports);
  if (!isRunId(runId)) throw badParameter("runId", "A run id looks like these.", ["2026-11-23", "2026-11-23T10:17Z"]);
  return jsonAnswer(200, await runProgress(watchlist, runId, ports));
}

/** How far a run is; a 404 for one that nobody opened lately. */
export async function runProgress(watchlist: Watchlist, runId: RunId, ports: Ports): Promise<RunProgress> {
  const stored = await ports.store.readRun(watchlist.name, runId);
  const ids = { watchlist: watchlist.name, runId };
  if (stored) {
    const { totals, failures, mail } = stored.run;
    const told = failures.map(({ softwareId, reason, permanent }) => ({ softwareId, reason, permanent }));
    const total = totals.read + totals.notRead;
    return { ...ids, state: "committed", read: totals.read, total, failures: told, mail: mail.status };
  }
  const read = await countRead(watchlist, runId, ports);
  if (read === 0 && !mayBeOpen(runId, ports)) {
    const detail = `Run ${runId} of "${watchlist.name}" is neither committed nor under way. POST /api/runs starts one.`;
    throw new Problem(404, "No such run", detail);
  }
  const state = read === 0 ? "queued" : "running";
  return { ...ids, state, read, total: watchlist.softwareIds.length, failures: [], mail: "none" };
}

async function countRead({ tenant, softwareIds }: Watchlist, runId: RunId, { store }: Ports): Promise<number> {
  const load = (softwareId: string) => store.readSnapshot({ tenant, softwareId, runId });
  const snapshots = await pMap(softwareIds, async (id) => (await load(id)) !== null, { concurrency });
  return snapshots.filter(Boolean).length;
}

// An open run leaves no trace before its first snapshot; whether it can be waiting in the queue is told by its time.
function mayBeOpen(runId: RunId, { now, rules }: Ports): boolean {
  if (runId === scheduledRunId(now(), rules.timeZone)) return true;
  const oldest = onDemandRunId(new Date(now().getTime() - dayMs));
  return runId.includes("T") && runId >= oldest && runId <= onDemandRunId(now());
}
