import pMap from "p-map";
import type { Comparison } from "../core/comparison.ts";
import { daysBetween, type RunDate } from "../core/day.ts";
import { cancelled, isOwed } from "../core/mail.ts";
import type { Chain } from "../core/message.ts";
import { decidingRuns, graceDays, keptOfRemoved, keptRuns } from "../core/retention.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import { isPastRetention } from "../core/run-list.ts";
import { summarize, type WatchlistStatus } from "../core/watchlist-status.ts";
import { type Ports, RowError } from "../ports.ts";
import { noteAwaited, refreshStatus } from "./status.ts";

const concurrency = 8;

/** What of a tenant goes. */
export interface ExpiryPlan {
  watchlists: readonly WatchlistPlan[];
  /** The products whose old snapshots go, each with the runs whose snapshots stay. */
  products: ReadonlyMap<string, ReadonlySet<RunId>>;
}

interface WatchlistPlan {
  chain: Chain;
  /** Runs to delete. */
  expired: readonly RunSummary[];
  /** Whether nothing is left of it then. */
  isOver: boolean;
}

/** A day's retention of a tenant. */
interface Pass {
  tenant: string;
  day: RunDate;
  /** The first day whose runs are kept. */
  since: RunDate;
}

/** A configured watchlist, or one that left a status. */
interface Known {
  chain: Chain;
  /** What is configured. */
  softwareIds: readonly string[];
  status: WatchlistStatus | undefined;
  /** `unclear`: it is not among the configured ones, but it may be what is wrong with the configuration. */
  state: "configured" | "removed" | "unclear";
}

/** The products of a tenant whose snapshots are looked through. */
interface Products {
  /** Each with the runs whose snapshots a kept run names. */
  needed: Map<string, Set<RunId>>;
  /** Those of which a damaged row may name any snapshot. */
  frozen: Set<string>;
}

/**
 * Finds what of a tenant goes. On the way it repairs the watchlists' statuses, notes which ones were removed, and cancels the
 * mails that these have owed for too long.
 */
export async function planExpiry(pass: Pass, ports: Ports): Promise<ExpiryPlan> {
  const products: Products = { needed: new Map(), frozen: new Set() };
  const known = await knownWatchlists(pass.tenant, ports);
  const watchlists = await pMap(known, (one) => planWatchlist(one, pass, products, ports), { concurrency });
  for (const softwareId of products.frozen) products.needed.delete(softwareId);
  return { watchlists, products: products.needed };
}

async function knownWatchlists(tenant: string, { store, watchlists }: Ports): Promise<Known[]> {
  const { list, faults } = await watchlists();
  const statuses = (await store.listStatuses()).filter((status) => status.tenant === tenant);
  const byName = new Map(statuses.map((status) => [nameOf(status), status]));
  const configured = list
    .filter((watchlist) => watchlist.tenant === tenant)
    .map(({ name, softwareIds }): Known => {
      const chain = { tenant, watchlist: name };
      return { chain, softwareIds, status: byName.get(nameOf(chain)), state: "configured" };
    });
  const names = new Set(configured.map(({ chain }) => nameOf(chain)));
  // A configuration that cannot be read must not look like the removal of everything.
  const isUnclear = list.length === 0 || faults.some(({ watchlist }) => watchlist === null);
  const faulty = new Set(faults.map(({ watchlist }) => watchlist?.toLowerCase()));
  const others = statuses
    .filter((status) => !names.has(nameOf(status)))
    .map((status): Known => {
      const state = isUnclear || faulty.has(nameOf(status)) ? "unclear" : "removed";
      return { chain: { tenant, watchlist: status.watchlist }, softwareIds: [], status, state };
    });
  return [...configured, ...others];
}

/** No two watchlists differ in capitals alone. */
function nameOf({ watchlist }: Pick<Chain, "watchlist">): string {
  return watchlist.toLowerCase();
}

async function planWatchlist(known: Known, pass: Pass, products: Products, ports: Ports): Promise<WatchlistPlan> {
  const { chain, state, status } = known;
  const { since, day } = pass;
  const isNoted = await noteState(known, day, ports);
  const listed = await unlessDamaged(ports.store.listRuns(chain));
  if (listed instanceof RowError) {
    const last = await readRuns(chain, status?.latest ? [status.latest] : [], productsOf, ports);
    return keepAll(known, last.found.flat(), listed, products, ports);
  }
  const isLetGo = state === "removed" && !!status?.removedOn && daysBetween(status.removedOn, day) >= graceDays;
  const runs = isLetGo ? await cancelMails(chain, listed, ports) : listed;
  const kept = new Set(isLetGo ? keptOfRemoved(runs, since) : keptRuns(runs, since));
  const deciding = decidingRuns([...kept], { since, days: ports.rules.retentionDays });
  const read = await readRuns(chain, deciding, (run) => run, ports);
  if (!isNoted) await refresh(known, [...kept], read.found, ports);
  const expired = runs.filter((run) => !kept.has(run));
  // Some products may be named by these alone.
  const going = await readRuns(chain, expired, productsOf, ports);
  const named = new Set([...read.found.flatMap(productsOf), ...going.found.flat()]);
  if (read.damage) return keepAll(known, named, read.damage, products, ports);
  const isOld = ({ runId }: RunSummary) => isPastRetention(runId, day, ports.rules);
  noteNeeded(read.found, [...kept].filter(isOld), named, products);
  return { chain, expired, isOver: isLetGo && kept.size === 0 };
}

/** Notes that a watchlist was removed, or is configured again; false if neither is new. */
async function noteState({ chain, status, state }: Known, day: RunDate, ports: Ports): Promise<boolean> {
  if (!status) return false;
  const isRemoved = status.removedOn !== null;
  if (state === "removed" && !isRemoved) {
    await ports.store.saveStatus({ ...status, removedOn: day });
    ports.log("warn", "watchlist removed", { ...chain });
    return true;
  }
  if (state !== "configured" || !isRemoved) return false;
  await noteAwaited(chain, status, ports);
  return true;
}

/** Writes a watchlist's status again, in case the process that should have written it crashed. */
async function refresh(
  { chain, state, status }: Known,
  runs: readonly RunSummary[],
  read: readonly Run[],
  ports: Ports,
): Promise<void> {
  const lastId = runs.findLast(({ runId }) => isScheduled(runId))?.runId;
  const last = read.find(({ runId }) => runId === lastId) ?? null;
  const isWaiting = status?.awaitedSince !== undefined && status.latest?.runId === lastId;
  // Nothing is new, or the last run cannot be read.
  if (state === "unclear" || runs.length === 0 || isWaiting || last?.runId !== lastId) return;
  if (state === "configured") await refreshStatus(chain, { runs, last }, ports);
  else await ports.store.saveStatus({ ...summarize(chain, runs, last), removedOn: status?.removedOn ?? null });
}

/** The runs after the mails that they owe, or that were refused, were cancelled. */
function cancelMails(
  chain: Chain,
  runs: readonly RunSummary[],
  { store, now }: Pick<Ports, "store" | "now">,
): Promise<RunSummary[]> {
  return pMap(
    runs,
    async (run) => {
      if (!isOwed(run.mail) && run.mail.status !== "refused") return run;
      const mail = { ...cancelled(run.mail, now()), reason: "The watchlist was removed." };
      const stored = await unlessDamaged(store.readRun(chain, run.runId));
      // A row that is damaged owes nothing any more.
      if (!stored || stored instanceof RowError) return { ...run, mail };
      return (await store.updateMail({ ...chain, runId: run.runId }, stored.version, mail)) ? { ...run, mail } : run;
    },
    { concurrency },
  );
}

/** Nobody knows what a damaged row names: everything of its watchlist stays until it is restored, deleted or too old. */
function keepAll(
  { chain, softwareIds }: Known,
  named: Iterable<string>,
  damage: RowError,
  { frozen }: Products,
  { log }: Ports,
): WatchlistPlan {
  for (const softwareId of [...softwareIds, ...named]) frozen.add(softwareId);
  log("error", "runs kept because of a damaged row", { ...chain, reason: damage.message });
  return { chain, expired: [], isOver: false };
}

/** `read`: the deciding runs. `old`: the kept runs whose own snapshots could go. `named`: all products of the watchlist. */
function noteNeeded(
  read: readonly Run[],
  old: readonly RunSummary[],
  named: ReadonlySet<string>,
  { needed }: Products,
): void {
  for (const softwareId of named) if (!needed.has(softwareId)) needed.set(softwareId, new Set());
  for (const { softwareId, previous, current } of read.flatMap(comparisonsOf)) {
    const runIds = needed.get(softwareId);
    for (const runId of [previous, current, ...old.map((run) => run.runId)]) if (runId !== null) runIds?.add(runId);
  }
}

/** What a run compared, and what it keeps of products that left the list. */
function comparisonsOf({ comparisons, left }: Run): Comparison[] {
  return [...comparisons, ...left];
}

function productsOf(run: Run): string[] {
  return comparisonsOf(run).map(({ softwareId }) => softwareId);
}

/** What `pick` takes of the runs that exist, and the first damage among them. */
async function readRuns<T>(
  chain: Chain,
  runs: readonly Pick<Run, "runId">[],
  pick: (run: Run) => T,
  { store }: Pick<Ports, "store">,
): Promise<{ found: T[]; damage: RowError | undefined }> {
  const read = await pMap(
    runs,
    async ({ runId }) => {
      const stored = await unlessDamaged(store.readRun(chain, runId));
      return stored instanceof RowError ? stored : stored && [pick(stored.run)];
    },
    { concurrency },
  );
  return {
    found: read.flatMap((one) => (one instanceof RowError || one === null ? [] : one)),
    damage: read.find((one) => one instanceof RowError),
  };
}

async function unlessDamaged<T>(reading: Promise<T>): Promise<T | RowError> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof RowError) return error;
    throw error;
  }
}
