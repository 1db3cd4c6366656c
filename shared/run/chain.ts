import { addDays } from "../core/day.ts";
import { isSentInTurn } from "../core/mail.ts";
import type { Chain, ReadMessage } from "../core/message.ts";
import { compareOpened, type Run, type RunSummary } from "../core/run.ts";
import { isScheduled } from "../core/run-id.ts";
import type { Store, StoredRun } from "../ports.ts";

/** The end of the chain of a watchlist's scheduled runs, which the next one follows. */
export interface ChainEnd {
  /** All committed runs, in the order in which they were opened. */
  runs: readonly RunSummary[];
  /** The last committed scheduled one. */
  last: StoredRun | null;
  /** Whether a digest was refused since the last one that was sent: then the next run mails, or its news would be lost. */
  isDigestOwed: boolean;
}

/** The end of a watchlist's chain. */
export async function chainEnd(store: Store, chain: Chain): Promise<ChainEnd> {
  const runs = await store.listRuns(chain);
  const scheduled = runs.filter(({ runId }) => isScheduled(runId));
  const last = scheduled.at(-1);
  const sent = scheduled.findLastIndex(({ mail }) => isSentInTurn(mail));
  return {
    runs,
    last: last ? await store.readRun(chain, last.runId) : null,
    isDigestOwed: scheduled.slice(sent + 1).some(({ mail }) => mail.status === "refused"),
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

const messageDayMs = 24 * 3_600_000;

/** Whether a message is less than a day old. */
export function isFresh({ openedAt }: Pick<ReadMessage, "openedAt">, now: Date): boolean {
  return now.getTime() - Date.parse(openedAt) < messageDayMs;
}
