import pMap from "p-map";
import type { Comparison } from "../core/comparison.ts";
import type { FoundProducts } from "../core/found-products.ts";
import type { ListReport } from "../core/list-report.ts";
import type { ReadMessage } from "../core/message.ts";
import { lastComparisons } from "../core/run.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { type Ports, RowError, type RunProgress, type RunRequest } from "../ports.ts";
import { type ChainEnd, chainEnd, isFresh } from "./chain.ts";
import { finish } from "./commit.ts";
import type { ReadError } from "./read-product.ts";

const concurrency = 8;

/** A run that is not committed yet. */
export interface Job extends ChainEnd {
  watchlist: Watchlist;
  runId: RunId;
  /** ISO 8601 in UTC. */
  openedAt: string;
  /** What each product is compared with. */
  before: ReadonlyMap<string, Comparison>;
  /** By software id, as far as they are known. */
  results: Map<string, "read" | "untried" | "left" | ReadError>;
  /** What its watchlist finds; `null` before the product list was looked at. */
  found: FoundProducts | null;
  productList: ListReport | null;
}

/** How far a run is. */
export function progressOf({ watchlist, runId, results }: Job): RunProgress {
  const read = [...results.values()].filter((result) => result === "read").length;
  return { watchlist: watchlist.name, runId, read, total: watchlist.softwareIds.length };
}

/** The runs that a message asks for and that are not committed. */
export async function openJobs(message: ReadMessage, ports: Ports): Promise<Job[]> {
  const { list } = await ports.watchlists(new Date(message.openedAt));
  const own = list.filter(({ tenant, name }) => tenant === message.tenant && name === (message.watchlist ?? name));
  if (own.length === 0) ports.log("warn", "run of an unknown watchlist dropped", { ...message });
  const isDone = await alreadyFinished(message, ports);
  const due = own.filter(({ name }) => !isDone.has(name) && !message.without?.includes(name));
  const jobs = await pMap(due, (watchlist) => openOwnJob(message, watchlist, ports), { concurrency });
  return jobs.filter((job) => job !== null);
}

/**
 * The watchlists whose copy says that the run which this firing of the timer opened is committed, and everything after that
 * done. A later firing looks for itself: somebody may have deleted a damaged run.
 */
async function alreadyFinished(message: ReadMessage, { store }: Ports): Promise<Set<string>> {
  if (message.watchlist !== undefined) return new Set();
  const statuses = await store.listStatuses();
  const finished = statuses.filter(({ tenant, latest }) => {
    return tenant === message.tenant && latest?.runId === message.runId && latest.openedAt === message.openedAt;
  });
  return new Set(finished.map(({ watchlist }) => watchlist));
}

/** The run of one of a tenant's watchlists. A damaged row stops that watchlist's runs alone, until a person deletes it. */
async function openOwnJob(message: ReadMessage, watchlist: Watchlist, ports: Ports): Promise<Job | null> {
  try {
    return await openJob(message, watchlist, ports);
  } catch (error) {
    if (message.watchlist !== undefined || !(error instanceof RowError)) throw error;
    const { tenant, runId } = message;
    ports.log("error", "run not opened", { tenant, watchlist: watchlist.name, run: runId, reason: error.message });
    return null;
  }
}

/** The run of a watchlist; `null` if it is committed or not worth reading. */
async function openJob(
  { tenant, runId, openedAt }: ReadMessage,
  watchlist: Watchlist,
  ports: Ports,
): Promise<Job | null> {
  const chain = { tenant, watchlist: watchlist.name };
  const end = await chainEnd(ports.store, chain);
  if (end.runs.some((run) => run.runId === runId)) {
    const committed = await ports.store.readRun(chain, runId);
    // The process that committed this run may have crashed right after that.
    if (committed) await finish(committed.run, end, ports);
    return null;
  }
  const later = isScheduled(runId) && end.last && end.last.run.runId > runId ? end.last.run.runId : null;
  if (later) {
    const reason = `The later run ${later} is already committed.`;
    ports.log("warn", "run dropped", { ...chain, run: runId, reason });
    return null;
  }
  const before = lastComparisons(end.last?.run ?? null);
  return { ...end, watchlist, runId, openedAt, before, results: new Map(), found: null, productList: null };
}

/** The runs that people asked for in a tenant and that can be read now, except those that are being read. */
export async function openRequests(
  tenant: string,
  ports: Ports,
  isBeingRead: (request: RunRequest) => boolean = () => false,
): Promise<Job[]> {
  const requests = (await ports.store.listRequests(tenant)).filter((request) => !isBeingRead(request));
  const jobs = await pMap(requests, (request) => openRequest(request, ports), { concurrency });
  return jobs.filter((job) => job !== null);
}

async function openRequest(request: RunRequest, ports: Ports): Promise<Job | null> {
  const { store, now, log } = ports;
  if (request.dropped) {
    // Its status says so for two days; after that nobody asks for it any more.
    if (!isFresh(request, now(), 2)) await store.deleteRequest(request);
    return null;
  }
  if (!isFresh(request, now())) {
    const { tenant, watchlist, runId } = request;
    const reason = "It was asked for more than a day ago.";
    log("warn", "run dropped", { tenant, watchlist, run: runId, reason });
    await store.dropRequest(request, reason);
    return null;
  }
  const { list } = await ports.watchlists(new Date(request.openedAt));
  const watchlist = list.find(({ tenant, name }) => tenant === request.tenant && name === request.watchlist);
  if (!watchlist) {
    await store.dropRequest(request, "The watchlist is no longer configured.");
    return null;
  }
  try {
    return await openJob(request, watchlist, ports);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    await store.dropRequest(request, error.message);
    return null;
  }
}
