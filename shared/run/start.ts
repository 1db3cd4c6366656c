import { onDemandRunId, type RunId } from "../core/run-id.ts";
import type { Ports } from "../ports.ts";

/** Starts a run on demand. Started again within the minute, it is the same run. */
export async function startRun(watchlist: string, mail: boolean, { queue, now, log }: Ports): Promise<RunId> {
  const openedAt = now();
  const runId = onDemandRunId(openedAt);
  await queue.send({ watchlist, runId, openedAt: openedAt.toISOString(), mail });
  log("info", "run asked for", { watchlist, run: runId, mail });
  return runId;
}
