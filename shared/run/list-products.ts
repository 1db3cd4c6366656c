import pMap from "p-map";
import type { Comparison } from "../core/comparison.ts";
import { findUnwatched, listReport, type TenantList } from "../core/coverage.ts";
import { calendarDay } from "../core/day.ts";
import { type FoundProducts, findProducts } from "../core/found-products.ts";
import { failedList, type Listing, replaceList } from "../core/product-list.ts";
import { isScheduled, runDay } from "../core/run-id.ts";
import { emptySnapshot } from "../core/snapshot.ts";
import { DefenderError, type Ports, StorageError, TooLargeError } from "../ports.ts";
import type { Job } from "./jobs.ts";
import { type HeldLease, LeaseLostError } from "./lease.ts";
import { notListed } from "./read-product.ts";

const concurrency = 8;

/** A tenant's product list in use. */
export interface UsedList extends TenantList {
  /** Seconds until Defender can be asked for a first list; `null`: nothing waits for one. */
  wait: number | null;
}

/**
 * The product list that a step uses. Defender is asked for it once for a run that finds products in it, and once a day in a
 * tenant that only looks up ids in it. Whatever goes wrong, the list before stays in use.
 */
export async function currentList(
  tenant: string,
  jobs: readonly Job[],
  under: { lease: HeldLease; signal: AbortSignal },
  ports: Ports,
): Promise<UsedList> {
  const [listing, list, { list: all }] = await Promise.all([
    ports.store.readListing(tenant),
    ports.store.readProductList(tenant),
    ports.watchlists(),
  ]);
  const watchlists = all.filter((watchlist) => watchlist.tenant === tenant);
  const known = { listing, list, wait: null, isNeeded: watchlists.some(({ vendor }) => vendor !== null) };
  const used = isDue(listing, jobs, ports) ? await readList(tenant, known, under, ports) : known;
  return { ...used, unwatched: findUnwatched(watchlists, used.list) };
}

/** The list, and whether a watchlist of the tenant finds products in it. */
type KnownList = Omit<UsedList, "unwatched"> & { isNeeded: boolean };

async function readList(
  tenant: string,
  known: KnownList,
  { lease, signal }: { lease: HeldLease; signal: AbortSignal },
  ports: Ports,
): Promise<KnownList> {
  const { list, listing } = known;
  const { now } = ports;
  try {
    const items = await ports.defender.listSoftware(tenant, { signal, permit: lease.permit });
    return await save(tenant, known, replaceList(items, list, listing, now()), ports);
  } catch (error) {
    const seconds = signal.aborted && error === signal.reason ? 1 : secondsAsked(error);
    // It can be read, only later. So can the products, and a run that has some waits for them.
    if (seconds !== null) return { ...known, wait: list ? null : seconds };
    return save(tenant, known, failedList(reasonOf(error, ports), list, listing, now()), ports);
  }
}

function secondsAsked(error: unknown): number | null {
  return error instanceof DefenderError ? error.retryAfterSeconds : null;
}

/** Why the list could not be read; throws what concerns all products. */
function reasonOf(error: unknown, { log }: Ports): string {
  if (error instanceof StorageError || error instanceof LeaseLostError) throw error;
  if (error instanceof DefenderError || error instanceof TooLargeError) return error.message;
  log("error", "unexpected error in the product list", { reason: String(error) });
  return "Reading the product list failed unexpectedly. The app's log has the details.";
}

async function save(
  tenant: string,
  known: KnownList,
  taken: Pick<UsedList, "list"> & { listing: Listing },
  { store, log }: Ports,
): Promise<KnownList> {
  const { list, listing } = taken;
  await store.saveListing(tenant, listing, (list !== known.list && list) || undefined);
  const { failure } = listing;
  // Where every product is named, the list only helps to find ids.
  const level = known.isNeeded ? "warn" : "info";
  if (failure) log(level, "product list could not be read", { tenant, reason: failure.reason, since: failure.since });
  return { ...known, ...taken };
}

function isDue(listing: Listing | null, jobs: readonly Job[], { rules, now }: Pick<Ports, "rules" | "now">): boolean {
  const finding = jobs.filter(({ watchlist }) => watchlist.vendor !== null);
  if (listing === null) return finding.length > 0 || jobs.some(({ runId }) => isScheduled(runId));
  if (finding.some(({ openedAt }) => Date.parse(listing.triedAt) < Date.parse(openedAt))) return true;
  const day = (at: Date) => calendarDay(at, rules.timeZone);
  return jobs.some(({ runId }) => isScheduled(runId)) && day(new Date(listing.triedAt)) < day(now());
}

/** A run with the products that its watchlist finds; `null` for one that waits for a first list. */
export async function withProducts(job: Job, used: UsedList, ports: Ports): Promise<Job | null> {
  const { watchlist, runId, last } = job;
  const { list, listing, wait } = used;
  if (watchlist.vendor !== null && wait !== null && last === null) return null;
  const { timeZone, callsPerHour } = ports.rules;
  const isCurrent = list !== null && listing?.failure === null;
  const day = runDay(runId, timeZone);
  const found = findProducts(watchlist, { list, isCurrent, last: last?.run ?? null, day, callsPerHour });
  const productList = listReport(watchlist, found, used);
  return {
    ...job,
    watchlist: { ...watchlist, softwareIds: found.softwareIds },
    before: await withCleanBefore(job, found, ports),
    results: new Map([...found.confirmedGone].map((softwareId) => [softwareId, notListed()])),
    found,
    productList,
  };
}

/**
 * What each product is compared with; a product that was not read before, because the list showed that it missed nothing, with
 * a snapshot of that, as if it had been read.
 */
async function withCleanBefore({ watchlist, last, before }: Job, { cleanBefore }: FoundProducts, ports: Ports) {
  if (!last || cleanBefore.length === 0) return before;
  const { runId, day, openedAt } = last.run;
  const { tenant } = watchlist;
  const add = (softwareId: string) =>
    ports.store.addSnapshot(emptySnapshot({ tenant, softwareId, runId, day, openedAt }, null));
  await pMap(cleanBefore, add, { concurrency });
  const known = cleanBefore.map((softwareId): [string, Comparison] => {
    return [softwareId, { softwareId, previous: null, current: runId }];
  });
  return new Map([...before, ...known]);
}
