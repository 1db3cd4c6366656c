import { addDays } from "../core/day.ts";
import { isSentInTurn } from "../core/mail.ts";
import type { Chain, ReadMessage } from "../core/message.ts";
import { compareOpened, type Run, type RunSummary } from "../core/run.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import type { Store, StoredRun } from "../ports.ts";

/** A mail that has been `sending` for longer than this was claimed by a process that has died. */
const claimMinutes = 10;

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

/** The last scheduled run before `runId` whose digest was sent; `null` if there is none. */
export function lastDigest(runs: readonly RunSummary[], runId: RunId): RunSummary | null {
  const sent = runs.filter((run) => isScheduled(run.runId) && run.runId < runId && isSentInTurn(run.mail));
  return sent.at(-1) ?? null;
}

/** Seconds until a run's mail may be sent: 0 for now, `null` for a run that owes none. */
export function secondsUntilOwed({ mail }: Pick<RunSummary, "mail">, now: Date): number | null {
  if (mail.status === "pending") return 0;
  if (mail.status !== "sending") return null;
  const age = (now.getTime() - Date.parse(mail.at)) / 1000;
  // A claim from the future was made before the clock was set back: treat it as new.
  return Math.min(claimMinutes * 60, Math.max(0, claimMinutes * 60 - age));
}

const messageDayMs = 24 * 3_600_000;

/** Whether a message is less than a day old. */
export function isFresh({ openedAt }: Pick<ReadMessage, "openedAt">, now: Date): boolean {
  return now.getTime() - Date.parse(openedAt) < messageDayMs;
}
