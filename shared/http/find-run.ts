import type { Run, RunSummary } from "../core/run.ts";
import { isRunId } from "../core/run-id.ts";
import { plainText } from "../core/text.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import { badParameter, Problem } from "./answer.ts";

const maxLength = 300;

/** A query parameter as plain text; empty counts as absent, too long as a mistake. */
export function parameter(query: URLSearchParams, name: string): string | null {
  const values = query.getAll(name);
  if (values.length > 1) throw badParameter(name, `"${name}" is given ${values.length} times; give it once.`);
  const value = plainText(values[0]) || null;
  if (value && value.length > maxLength) {
    throw badParameter(name, `"${name}" is longer than ${maxLength} characters.`);
  }
  return value;
}

/** The watchlist asked for; where only one is configured it need not be named. */
export function findWatchlist(name: string | null, { watchlists }: Pick<Ports, "watchlists">): Watchlist {
  const names = watchlists.map((watchlist) => watchlist.name);
  const found = watchlists.find((watchlist) => watchlist.name === name) ?? (name ? undefined : onlyOf(watchlists));
  if (found) return found;
  const detail = name ? "There is no such watchlist." : 'There are several watchlists: name one with "watchlist".';
  throw badParameter("watchlist", detail, names);
}

function onlyOf(watchlists: readonly Watchlist[]): Watchlist | undefined {
  return watchlists.length === 1 ? watchlists[0] : undefined;
}

/** The committed run asked for by id, or the latest of any kind. */
export async function findRun(
  parameterName: "run" | "from",
  asked: string | null,
  watchlist: string,
  { store }: Pick<Ports, "store">,
): Promise<Run> {
  const id = asked && asked !== "latest" ? asked : null;
  if (id && !isRunId(id)) {
    const allowed = ["latest", "2026-11-23", "2026-11-23T10:17Z"];
    throw badParameter(parameterName, `"${parameterName}" is "latest" or a run id, such as these.`, allowed);
  }
  const runId = id ?? latest(await store.listRuns(watchlist))?.runId;
  const stored = runId ? await store.readRun(watchlist, runId) : null;
  if (stored) return stored.run;
  if (id) throw new Problem(404, "No such run", `Run ${id} is not committed. GET /api/history lists those that are.`);
  const detail =
    'No run is committed yet. The next scheduled one will be, or start one: POST /api/runs {"watchlist": …}.';
  throw new Problem(404, "No run yet", detail, { watchlist });
}

/** The run that was opened last. Run ids of the two kinds do not sort by time where zones differ, so the hour decides. */
function latest(runs: readonly RunSummary[]): RunSummary | undefined {
  return runs.toSorted((a, b) => Date.parse(a.openedAt) - Date.parse(b.openedAt)).at(-1);
}
