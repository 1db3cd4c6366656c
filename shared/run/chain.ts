import { addDays } from "../core/day.ts";
import type { RunMessage, RunSummary } from "../core/run.ts";
import { dayOf, isScheduled } from "../core/run-id.ts";
import type { Store, StoredRun } from "../ports.ts";

/** A mail that has been `sending` for longer than this was claimed by a process that has died. */
const claimMinutes = 10;

/** The last committed scheduled run: the end of the chain, which the next one follows. */
export async function lastScheduledRun(store: Store, watchlist: string): Promise<StoredRun | null> {
  const scheduled = (await store.listRuns(watchlist)).filter(({ runId }) => isScheduled(runId));
  const last = scheduled.at(-1);
  return last ? store.readRun(watchlist, last.runId) : null;
}

/** The scheduled runs of the 30 days up to `until`, oldest first. */
export async function recentRuns(store: Store, watchlist: string, until: string): Promise<RunSummary[]> {
  const runs = await store.listRuns(watchlist, addDays(dayOf(until), -30));
  return runs.filter(({ runId }) => isScheduled(runId) && runId <= until);
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
export function isFresh({ openedAt }: Pick<RunMessage, "openedAt">, now: Date): boolean {
  return now.getTime() - Date.parse(openedAt) < messageDayMs;
}
