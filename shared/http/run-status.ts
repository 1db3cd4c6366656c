import pMap from "p-map";
import { isRunId, onDemandRunId, type RunId, scheduledRunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import type { ProgressJson } from "../render/export/schemas.ts";
import { noParameters } from "../render/parameters.ts";
import { findWatchlist } from "./find-run.ts";
import { Problem } from "./problem.ts";
import { badRunId, readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse } from "./response.ts";

const concurrency = 16;
const dayMs = 86_400_000;

/** The progress of the run that the route names. */
export async function serveRunStatus({ query, params }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  readQuery(query, noParameters);
  const { watchlist = "", runId = "" } = params;
  const found = findWatchlist(watchlist, ports);
  if (!isRunId(runId)) throw badRunId("runId", false);
  return jsonResponse(200, await runProgress(found, runId, ports));
}

/** The progress of a run, by what the store holds of it; a 404 if it was not started lately. */
export async function runProgress(watchlist: Watchlist, runId: RunId, ports: Ports): Promise<ProgressJson> {
  const stored = await ports.store.readRun(watchlist.name, runId);
  const ids = { watchlist: watchlist.name, runId };
  if (stored) {
    const { totals, mail } = stored.run;
    const failures = stored.run.failures.map(({ softwareId, reason, permanent }) => ({
      softwareId,
      reason,
      permanent,
    }));
    const total = totals.read + totals.notRead;
    return { ...ids, state: "committed", read: totals.read, total, failures, mail: mail.status };
  }
  const read = await countRead(watchlist, runId, ports);
  if (read === 0 && !mayBeQueued(runId, ports)) {
    const detail = `There is no run ${runId} of "${watchlist.name}", finished or in progress. POST /api/runs starts one.`;
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

// A run leaves no trace before its first snapshot, so its time decides whether it can be waiting in the queue.
function mayBeQueued(runId: RunId, { now, rules }: Ports): boolean {
  if (runId === scheduledRunId(now(), rules.timeZone)) return true;
  const oldest = onDemandRunId(new Date(now().getTime() - dayMs));
  return runId.includes("T") && runId >= oldest && runId <= onDemandRunId(now());
}
