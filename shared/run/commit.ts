import { pMapIterable } from "p-map";
import { closeRun, lastComparisons, type Outcome, type Run, type RunMessage } from "../core/run.ts";
import { isScheduled, runDay } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { logTexts } from "../log.ts";
import type { Ports } from "../ports.ts";
import type { ChainEnd } from "./chain.ts";
import { expire } from "./expire.ts";
import { findSnapshots } from "./snapshots.ts";
import { isPermanent, isUnknown, type ReadError, type Walk } from "./walk.ts";

const concurrency = 8;

/** A run that is about to be committed. */
export interface Closing extends ChainEnd {
  message: RunMessage;
  watchlist: Watchlist;
  walked: Walk;
}

/** Closes the run and inserts it; false if another commit was first. */
export async function commit(closing: Closing, ports: Ports): Promise<boolean> {
  const { message, watchlist, last, isDigestOwed } = closing;
  const { runId, openedAt, mail } = message;
  const { timeZone, retentionDays } = ports.rules;
  const opening = {
    ...{ watchlist, runId, openedAt, last: last?.run ?? null, committedAt: ports.now().toISOString() },
    ...{ day: runDay(runId, timeZone), timeZone, retentionDays },
    ...(mail !== undefined && { mail }),
    isDigestOwed,
  };
  const run = await closeRun(opening, outcomes(closing, ports));
  const follows = isScheduled(runId) ? last : null;
  if (!(await ports.store.commitRun(run, follows))) return false;
  logCommitted(run, ports.log);
  if (isScheduled(runId)) await expire(watchlist, ports);
  return true;
}

/** Logs a commit, at least once for each run; with `committedAt`, so that a repeated line is not taken for a new run. */
export function logCommitted({ watchlist, runId, openedAt, committedAt, totals, mail }: Run, log: Ports["log"]): void {
  const seconds = Math.round((Date.parse(committedAt) - Date.parse(openedAt)) / 1000);
  log("info", logTexts.committed, { watchlist, run: runId, committedAt, seconds, mail: mail.status, ...totals });
}

function outcomes({ message, watchlist, last, walked }: Closing, { store }: Ports): AsyncIterable<Outcome> {
  const { tenant, softwareIds } = watchlist;
  const before = lastComparisons(last?.run ?? null);
  const load = async (softwareId: string): Promise<Outcome> => {
    const runIds = [before.get(softwareId)?.current ?? null, message.runId];
    // What this walk could not read, another watchlist's run of the day may have read meanwhile.
    const [previous = null, current = null] = await findSnapshots({ tenant, softwareId }, runIds, store, walked.held);
    const result = walked.results.get(softwareId);
    const failure = result instanceof Error && failureOf(result);
    return { softwareId, previous, current, ...(failure && { failure }) };
  };
  return pMapIterable(softwareIds, load, { concurrency });
}

function failureOf(error: ReadError): NonNullable<Outcome["failure"]> {
  return { reason: error.message, permanent: isPermanent(error), isUnknown: isUnknown(error) };
}
