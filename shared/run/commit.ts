import { pMapIterable } from "p-map";
import { secondsUntilDue } from "../core/mail.ts";
import { closeRun, type Outcome, type Run } from "../core/run.ts";
import { isScheduled, runDay } from "../core/run-id.ts";
import { summarize } from "../core/watchlist-status.ts";
import { logTexts } from "../log.ts";
import { type Ports, RowError } from "../ports.ts";
import type { ChainEnd } from "./chain.ts";
import type { Job } from "./jobs.ts";
import { isPermanent, isUnknown, type ReadError } from "./read-product.ts";
import { findSnapshots, type HeldSnapshots } from "./snapshots.ts";
import { refreshStatus } from "./status.ts";

const concurrency = 8;

/** Closes the run and inserts it; false if another commit was first. */
export async function commit(job: Job, held: HeldSnapshots, ports: Ports): Promise<boolean> {
  const { watchlist, runId, openedAt, last, runs, isDigestOwed } = job;
  const { timeZone, retentionDays } = ports.rules;
  const chain = { tenant: watchlist.tenant, watchlist: watchlist.name };
  // A later request of the same minute may have asked for a mail since.
  const request = isScheduled(runId) ? null : await ports.store.readRequest({ ...chain, runId });
  const opening = {
    ...{ watchlist, runId, openedAt, last: last?.run ?? null, committedAt: ports.now().toISOString() },
    ...{ day: runDay(runId, timeZone), timeZone, retentionDays },
    ...(request && { mail: request.mail }),
    isDigestOwed,
  };
  const run = await closeRun(opening, outcomes(job, held, ports));
  // From its first commit on a chain has a row in the overview, or nobody would find its rows once it is removed.
  if (runs.length === 0) await ports.store.saveStatus(summarize(chain, [], null));
  if (!(await ports.store.commitRun(run, isScheduled(runId) ? last : null))) return false;
  await finish(run, job, ports);
  return true;
}

/**
 * What follows a commit: its log line, its mail, its copy in the overview. Each is repeated after a crash, because the copy is
 * written last.
 */
export async function finish(run: Run, { runs, last }: ChainEnd, ports: Ports): Promise<void> {
  const { tenant, watchlist, runId } = run;
  logCommitted(run, ports.log);
  const all = [...runs.filter((one) => one.runId !== runId), run];
  if (all.some(({ mail }) => secondsUntilDue(mail, ports.now()) !== null))
    await ports.queue.send({ deliver: { tenant, watchlist } });
  const newest = isScheduled(runId) ? run : (last?.run ?? null);
  await refreshStatus({ tenant, watchlist }, { runs: all, last: newest }, ports);
  if (!isScheduled(runId)) await ports.store.deleteRequest(run);
}

/** Logs a commit, at least once for each run; with `committedAt`, so that a repeated line is not taken for a new run. */
function logCommitted({ tenant, watchlist, runId, openedAt, committedAt, totals, mail }: Run, log: Ports["log"]): void {
  const seconds = Math.round((Date.parse(committedAt) - Date.parse(openedAt)) / 1000);
  log("info", logTexts.committed, {
    ...{ tenant, watchlist, run: runId, committedAt, seconds, mail: mail.status },
    ...totals,
  });
}

function outcomes({ watchlist, runId, before, results }: Job, held: HeldSnapshots, ports: Ports) {
  const { tenant, softwareIds } = watchlist;
  const load = async (softwareId: string): Promise<Outcome> => {
    const result = results.get(softwareId);
    const failure = result instanceof Error && failureOf(result);
    const runIds = [before.get(softwareId)?.current ?? null, runId];
    try {
      const [previous = null, current = null] = await findSnapshots({ tenant, softwareId }, runIds, ports.store, held);
      return { softwareId, previous, current, ...(failure && { failure }) };
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      // Only this product is lost: its next read is a baseline.
      return { softwareId, previous: null, current: null, failure: failureOf(error) };
    }
  };
  return pMapIterable(softwareIds, load, { concurrency });
}

function failureOf(error: ReadError): NonNullable<Outcome["failure"]> {
  return { reason: error.message, permanent: isPermanent(error), isUnknown: isUnknown(error) };
}
