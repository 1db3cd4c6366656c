import { addDays } from "../core/day.ts";
import { isSentInTurn } from "../core/mail.ts";
import type { Chain, ReadMessage } from "../core/message.ts";
import { compareOpened, type Run, type RunSummary } from "../core/run.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import type { Store, StoredRun } from "../ports.ts";

/** The end of the chain of a watchlist's scheduled runs, which the next one follows. */
export interface ChainEnd {
  /** All committed runs, in the order in which they were opened. */
  runs: readonly RunSummary[];
  /** The last committed scheduled one. */
  last: StoredRun | null;
  /** Whether a digest was refused, or a run deleted, since the last digest that was sent: then the next run mails its news. */
  isDigestOwed: boolean;
}

/** The end of a watchlist's chain. */
export async function chainEnd(store: Store, chain: Chain): Promise<ChainEnd> {
  const runs = await store.listRuns(chain);
  const scheduled = runs.filter(({ runId }) => isScheduled(runId));
  const last = scheduled.at(-1);
  const unsent = scheduled.slice(scheduled.findLastIndex(({ mail }) => isSentInTurn(mail)) + 1);
  const ids = new Set(scheduled.map(({ runId }) => runId));
  // Retention deletes no run since a digest: a person did, and its mail went with it.
  const isDeleted = (runId: RunId | null) => runId !== null && !ids.has(runId);
  return {
    runs,
    last: last ? await store.readRun(chain, last.runId) : null,
    isDigestOwed: unsent.some(({ mail, previousRunId }) => mail.status === "refused" || isDeleted(previousRunId)),
  };
}

/** The scheduled runs of the 30 days up to a run, oldest first; of its day none that was opened after it. */
export async function recentRuns(
  store: Store,
  run: Pick<Run, "tenant" | "watchlist" | "runId" | "day" | "openedAt">,
): Promise<RunSummary[]> {
  const runs = await store.listRuns(run, addDays(run.day, -30));
  return runs.filter((other) => isScheduled(other.runId) && compareOpened(other, run) <= 0);
}

const dayMs = 24 * 3_600_000;

/** Whether a message or a request is less than so many days old. */
export function isFresh({ openedAt }: Pick<ReadMessage, "openedAt">, now: Date, days = 1): boolean {
  return now.getTime() - Date.parse(openedAt) < days * dayMs;
}
