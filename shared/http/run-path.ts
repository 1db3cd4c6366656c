import type { RunId } from "../core/run-id.ts";

/** The path of a run's status; `/mail` after it is that of its mail. */
export function runPath(watchlist: string, runId: RunId): string {
  return `/api/runs/${encodeURIComponent(watchlist)}/${encodeURIComponent(runId)}`;
}
