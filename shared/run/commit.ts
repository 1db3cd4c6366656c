import { pMapIterable } from "p-map";
import { openFacts } from "../core/advisory.ts";
import { needsNobody } from "../core/found-products.ts";
import { isOwed, type Mail } from "../core/mail.ts";
import { closeRun, type Outcome, type Run } from "../core/run.ts";
import { isScheduled, type RunId, runDay } from "../core/run-id.ts";
import { summarize } from "../core/watchlist-status.ts";
import { logTexts } from "../log.ts";
import { type Ports, RowError } from "../ports.ts";
import type { ChainEnd } from "./chain.ts";
import type { Job } from "./jobs.ts";
import { isPermanent, isUnknown, type ReadError } from "./read-product.ts";
import { findSnapshots, type HeldSnapshots } from "./snapshots.ts";
import { refreshStatus } from "./status.ts";
import { unlessDamaged } from "./unless-damaged.ts";

const concurrency = 8;

/** Closes the run and inserts it; false if another commit was first. */
export async function commit(job: Job, held: HeldSnapshots, ports: Ports): Promise<boolean> {
  const { runId, openedAt, last, runs, isDigestOwed, productList } = job;
  const watchlist = withoutLeft(job);
  const { timeZone, retentionDays } = ports.rules;
  const chain = { tenant: watchlist.tenant, watchlist: watchlist.name };
  // A later request of the same minute may have asked for a mail since.
  const request = isScheduled(runId) ? null : await ports.store.readRequest({ ...chain, runId });
  const opening = {
    ...{ watchlist, runId, openedAt, last: last?.run ?? null, committedAt: ports.now().toISOString() },
    ...{ day: runDay(runId, timeZone), timeZone, retentionDays },
    ...(request && { mail: request.mail }),
    isDigestOwed,
    ...(productList && { productList }),
  };
  const catalogue = await ports.catalogue();
  const open = catalogue && openFacts(catalogue);
  const run = await closeRun({ ...opening, facts: open }, outcomes({ ...job, watchlist }, held, ports));
  // From its first commit on a chain has a row in the overview, or nobody would find its rows once it is removed.
  if (runs.length === 0) await ports.store.saveStatus(summarize(chain, [], null));
  if (!(await ports.store.commitRun(run, isScheduled(runId) ? last : null, open?.facts))) return false;
  await finish(run, job, ports);
  return true;
}

/** A run's watchlist without the products that left Defender's list and missed nothing: they have left the watchlist. */
function withoutLeft({ watchlist, results }: Job): Job["watchlist"] {
  return { ...watchlist, softwareIds: watchlist.softwareIds.filter((id) => results.get(id) !== "left") };
}

/**
 * What follows a commit: its log line, its mail, its copy in the overview. Each is repeated after a crash, because the copy is
 * written last.
 */
export async function finish(run: Run, { runs, last }: ChainEnd, ports: Ports): Promise<void> {
  const { tenant, watchlist, runId } = run;
  logCommitted(run, ports.log);
  const mail = await mailAskedFor(run, ports);
  const all = [...runs.filter((one) => one.runId !== runId), { ...run, mail }];
  const listed = await unlessDamaged(ports.store.listAlerts(run));
  const alerts = listed instanceof RowError ? [] : listed;
  // Where an alert is damaged, delivery fails, and health finds that.
  if (listed instanceof RowError || [...all, ...alerts].some(({ mail }) => isOwed(mail)))
    await ports.queue.send({ deliver: { tenant, watchlist }, openedAt: ports.now().toISOString() });
  const newest = isScheduled(runId) ? run : (last?.run ?? null);
  await refreshStatus({ tenant, watchlist }, { runs: all, last: newest, alerts }, ports);
  if (!isScheduled(runId)) await ports.store.deleteRequest(run);
}

/** A run's mail, pending if somebody asked for it while the run was being committed without one. */
async function mailAskedFor(run: Run, { store, now }: Ports): Promise<Mail> {
  if (isScheduled(run.runId) || run.mail.status !== "none" || !(await store.readRequest(run))?.mail) return run.mail;
  const stored = await store.readRun(run, run.runId);
  if (stored?.run.mail.status !== "none") return stored?.run.mail ?? run.mail;
  const mail = { ...stored.run.mail, status: "pending", at: now().toISOString() } as const;
  return (await store.updateMail(run, stored.version, mail)) ? mail : run.mail;
}

/** Logs a commit, at least once for each run; with `committedAt`, so that a repeated line is not taken for a new run. */
function logCommitted({ tenant, watchlist, runId, openedAt, committedAt, totals, mail }: Run, log: Ports["log"]): void {
  const seconds = Math.round((Date.parse(committedAt) - Date.parse(openedAt)) / 1000);
  log("info", logTexts.committed, {
    ...{ tenant, watchlist, run: runId, committedAt, seconds, mail: mail.status },
    ...totals,
  });
}

function outcomes({ watchlist, runId, before, results, found }: Job, held: HeldSnapshots, ports: Ports) {
  const { tenant, softwareIds } = watchlist;
  const load = async (softwareId: string): Promise<Outcome> => {
    const result = results.get(softwareId);
    const read = result instanceof Error && failureOf(result);
    const failure = read && { ...read, isGone: !!found && needsNobody(found, softwareId, read.isUnknown) };
    const compared = before.get(softwareId);
    const find = (...runIds: (RunId | null)[]) => findSnapshots({ tenant, softwareId }, runIds, ports.store, held);
    try {
      const [last = null, current = null] = await find(compared?.current ?? null, runId);
      // Where a person deleted a damaged row, the one before it still shows what changed.
      const [previous = null] = last || !compared?.current ? [last] : await find(compared.previous);
      return { softwareId, previous, current, ...(failure && { failure }) };
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      // Once the damaged row is deleted, the next run compares with the newest snapshot that can be read.
      const earlier = [compared?.current, compared?.previous].map(async (runId = null) => {
        const found = await unlessDamaged(find(runId));
        return found instanceof RowError ? null : (found[0] ?? null);
      });
      const previous = (await Promise.all(earlier)).find((snapshot) => snapshot !== null) ?? null;
      return { softwareId, previous, current: null, failure: failureOf(error) };
    }
  };
  return pMapIterable(softwareIds, load, { concurrency });
}

function failureOf(error: ReadError): NonNullable<Outcome["failure"]> & { isUnknown: boolean } {
  return { reason: error.message, permanent: isPermanent(error), isUnknown: isUnknown(error) };
}
