import type { Run, RunKey } from "../core/run.ts";
import { isRunId, isScheduled, type RunId, scheduledRunId } from "../core/run-id.ts";
import { chainOf, type Watchlist } from "../core/watchlist.ts";
import type { Ports, RunProgress, RunRequest } from "../ports.ts";
import type { ProgressJson } from "../render/export/schemas.ts";
import { noParameters } from "../render/parameters.ts";
import { isFresh } from "../run/chain.ts";
import type { RequestPorts } from "./caller.ts";
import { findWatchlist } from "./find-run.ts";
import { Problem } from "./problem.ts";
import { badRunId, readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse } from "./response.ts";

/** The progress of the run that the route names. */
export async function serveRunStatus({ query, params }: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  readQuery(query, noParameters);
  const { watchlist = "", runId = "" } = params;
  const found = await findWatchlist(watchlist, ports);
  if (!isRunId(runId)) throw badRunId("runId", false);
  return jsonResponse(200, await runProgress(found, runId, ports));
}

/** The progress of a run, by what the store holds of it; a 404 if it was not started lately. */
export async function runProgress(watchlist: Watchlist, runId: RunId, ports: Ports): Promise<ProgressJson> {
  const run = { ...chainOf(watchlist), runId };
  // Before the run itself: a request is deleted once its run is committed.
  const request = isScheduled(runId) ? null : await ports.store.readRequest(run);
  const stored = await ports.store.readRun(run, runId);
  if (stored) return committedProgress(stored.run);
  const ids = { watchlist: watchlist.name, runId };
  const nothing = { read: 0, total: watchlist.softwareIds.length, failures: [], mail: "none" as const };
  const reason = isScheduled(runId) ? await overtaken(run, ports) : request && notCarriedOut(request, ports);
  if (reason) return { ...ids, state: "dropped", reason, ...nothing };
  const begun = await readerProgress(run, ports);
  if (begun) return { ...ids, state: "running", ...nothing, read: begun.read, total: begun.total };
  if (request || runId === scheduledRunId(ports.now(), ports.rules.timeZone)) {
    return { ...ids, state: "queued", ...nothing };
  }
  const detail = `There is no run ${runId} of "${watchlist.name}", finished or in progress. POST /api/runs starts one.`;
  throw new Problem(404, "No such run", detail);
}

function committedProgress({ watchlist, runId, totals, mail, failures }: Run): ProgressJson {
  return {
    ...{ watchlist, runId, state: "committed", read: totals.read, total: totals.read + totals.notRead },
    failures: failures.map(({ softwareId, reason, permanent }) => ({ softwareId, reason, permanent })),
    mail: mail.status,
  };
}

/** Why a run asked for is not carried out; `null` if it is. */
function notCarriedOut(request: RunRequest, { now }: Ports): string | null {
  return request.dropped ?? (isFresh(request, now()) ? null : "It was asked for more than a day ago.");
}

/** Why a scheduled run that is not committed never will be; `null` if it may be. */
async function overtaken(run: RunKey, { store }: Ports): Promise<string | null> {
  const scheduled = (await store.listRuns(run)).filter(({ runId }) => isScheduled(runId));
  const later = scheduled.find(({ runId }) => runId > run.runId);
  // Before its first run a watchlist had none to overtake.
  if (!later || !scheduled.some(({ runId }) => runId < run.runId)) return null;
  return `The later run ${later.runId} was committed first and reports its changes too.`;
}

/** How far the tenant's reader is with a run. */
async function readerProgress(run: RunKey, { store }: Ports): Promise<RunProgress | undefined> {
  const found = await store.readLease(run.tenant);
  return found?.lease.progress.find((one) => one.runId === run.runId && isSameName(one.watchlist, run.watchlist));
}

function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
