import type { Run, RunSummary } from "../core/run.ts";
import type { RunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import { badParameter, Problem } from "./problem.ts";

/** The watchlist of that name, in any case; without a name the only one. */
export function findWatchlist(name: string | undefined, { watchlists }: Pick<Ports, "watchlists">): Watchlist {
  const [only, ...others] = watchlists;
  const wanted = name?.toLowerCase();
  const found = wanted ? watchlists.find((one) => one.name.toLowerCase() === wanted) : others.length === 0 && only;
  if (found) return found;
  const detail = wanted
    ? "There is no watchlist of that name."
    : 'There are several watchlists: name one in "watchlist".';
  throw badParameter(
    "watchlist",
    detail,
    watchlists.map((one) => one.name),
  );
}

/** The committed run of an id, or of any kind the one opened last; `null` if there is none yet. */
export async function findRun(
  asked: "latest" | RunId,
  watchlist: string,
  { store }: Pick<Ports, "store">,
): Promise<Run | null> {
  const runId = asked === "latest" ? latest(await store.listRuns(watchlist))?.runId : asked;
  const stored = runId ? await store.readRun(watchlist, runId) : null;
  if (stored || asked === "latest") return stored?.run ?? null;
  const detail = `There is no report for ${asked}. GET /api/history lists the reports that exist.`;
  throw new Problem(404, "No such report", detail);
}

/** The watchlist has no committed run. */
export function noReportYet(watchlist: string): Problem {
  const detail =
    'There is no report yet. Wait for the next scheduled run, or start one: POST /api/runs {"watchlist": …}.';
  return new Problem(404, "No report yet", detail, { watchlist });
}

/** The run opened last. Ids of the two kinds do not sort by time in every zone, so the time of opening decides. */
function latest(runs: readonly RunSummary[]): RunSummary | undefined {
  return runs.toSorted((a, b) => Date.parse(a.openedAt) - Date.parse(b.openedAt)).at(-1);
}
