import { daysBetween, type RunDate } from "./day.ts";
import { byId, type ListedProduct, type ProductList } from "./product-list.ts";
import { lastComparisons, type Run } from "./run.ts";
import { compareText } from "./text.ts";
import type { WatchedProducts, Watchlist } from "./watchlist.ts";

/** Which products a watchlist's run has, and what Defender's list says of those that only `vendor` finds. */
export interface FoundProducts {
  /** Those that the watchlist names, then those found. */
  softwareIds: readonly string[];
  /** How many of them the watchlist names. */
  configured: number;
  /** Whether the list was read for this run. */
  isCurrent: boolean;
  /** Found, and listed without weaknesses: one that missed no KB when last read need not be read. */
  clean: ReadonlySet<string>;
  /** Found earlier, and no longer on the list in use. */
  gone: ReadonlySet<string>;
  /** Of these, those that both of Defender's calls answered with 404 already. */
  confirmedGone: ReadonlySet<string>;
  /** First read in this run, although an earlier list shows that they missed no KB when the last run read the others. */
  cleanBefore: readonly string[];
  /** How many more are found that have no weaknesses, and were never in a run. */
  withoutWeaknesses: number;
  /** How many more are found than the run has room for. */
  beyond: number;
}

/** What products are found in. */
export interface Finding {
  list: ProductList | null;
  /** Whether the list was read for this run, so that it can say what need not be read. */
  isCurrent: boolean;
  /** The last scheduled run of the watchlist. */
  last: Run | null;
  day: RunDate;
  callsPerHour: number;
}

/** Room for characters of ids in a run's row: a third of it, because counts and reasons need the rest. */
const maxIdLength = 180_000;
/** As many as one watchlist may name. */
const maxProducts = 5_000;
/** A night's reading, in hours. */
const readingHours = 8;
const readsPerProduct = 2;
/** For how many days a run has a product that both calls answer with 404; after 14 of them it has left the inventory. */
const goneShownDays = 28;

const nothingFound = {
  ...{ clean: new Set<string>(), gone: new Set<string>(), confirmedGone: new Set<string>(), cleanBefore: [] },
  ...{ withoutWeaknesses: 0, beyond: 0 },
};

/** How many products a run may have: what can be read twice in a night, because a day may make all of it necessary. */
export function mostProducts(callsPerHour: number): number {
  return Math.max(1, Math.min(maxProducts, Math.floor((readingHours * callsPerHour) / readsPerProduct)));
}

/**
 * Whether it needs nobody that a product was not read: it was found, and left the list; or both calls answer 404 while there is
 * no newer list to ask.
 */
export function needsNobody(found: FoundProducts, softwareId: string, isUnknown: boolean): boolean {
  if (found.gone.has(softwareId)) return true;
  return isUnknown && !found.isCurrent && !found.softwareIds.slice(0, found.configured).includes(softwareId);
}

/** Whether a watchlist watches a product of Defender's list by its vendor. */
export function isFound({ vendor, leftOut }: WatchedProducts, softwareId: string): boolean {
  if (vendor === null) return false;
  const id = softwareId.toLowerCase();
  return (vendor === "*" || id.startsWith(`${vendor}-_-`)) && !leftOut.some((out) => out.toLowerCase() === id);
}

/** Whether a watchlist watches a product, by its id or by its vendor. */
export function isWatched(watchlist: WatchedProducts, softwareId: string): boolean {
  const id = softwareId.toLowerCase();
  return watchlist.softwareIds.some((one) => one.toLowerCase() === id) || isFound(watchlist, softwareId);
}

/** Who of many watchlists watches a product, by its id or by its vendor, in their order. */
export function watchersOf<W extends WatchedProducts>(watchlists: readonly W[]): (softwareId: string) => W[] {
  const naming = new Map<string, Set<W>>();
  for (const watchlist of watchlists) {
    for (const softwareId of watchlist.softwareIds) {
      const id = softwareId.toLowerCase();
      naming.set(id, (naming.get(id) ?? new Set()).add(watchlist));
    }
  }
  const finding = watchlists.filter(({ vendor }) => vendor !== null);
  return (softwareId) => {
    const named = naming.get(softwareId.toLowerCase()) ?? new Set();
    const all = new Set([...named, ...finding.filter((watchlist) => isFound(watchlist, softwareId))]);
    return all.size === 0 ? [] : watchlists.filter((watchlist) => all.has(watchlist));
  };
}

/**
 * The products of a watchlist's run: those that it names, those of the last run, then those of the list that have
 * weaknesses, the most exposed first. A product of the last run stays whatever the list says, because a list may lack what
 * is there; only one that has been gone for long leaves, as it would leave the watchlist.
 */
export function findProducts(watchlist: Watchlist, finding: Finding): FoundProducts {
  const { list, isCurrent, last, callsPerHour } = finding;
  const { softwareIds: named } = watchlist;
  if (watchlist.vendor === null) return { ...nothingFound, softwareIds: named, configured: named.length, isCurrent };
  const listed = list ? byId(list) : new Map<string, ListedProduct>();
  const find = (softwareId: string) => listed.get(softwareId.toLowerCase());
  const unknownSince = new Map(last?.failures.map((failure) => [failure.softwareId, failure.unknownSince]));
  const known = new Set(named.map((softwareId) => softwareId.toLowerCase()));
  const wanted = (softwareId: string) => isFound(watchlist, softwareId) && !known.has(softwareId.toLowerCase());
  const isClean = (softwareId: string) => isCurrent && find(softwareId)?.weaknesses === 0;

  const carried = (last?.comparisons ?? []).filter(({ softwareId, current }) => {
    if (!wanted(softwareId)) return false;
    const product = find(softwareId);
    const since = unknownSince.get(softwareId);
    if (list && !product && since && daysBetween(since, finding.day) > goneShownDays) return false;
    return current !== null || (product !== undefined && product.weaknesses !== 0);
  });
  const isCarried = new Set(carried.map(({ softwareId }) => softwareId.toLowerCase()));
  const others = [...listed.values()].filter(({ softwareId }) => {
    return wanted(softwareId) && !isCarried.has(softwareId.toLowerCase());
  });
  const open = others.filter(({ weaknesses }) => weaknesses !== 0);
  const ranked = [
    ...carried.filter(({ softwareId }) => !isClean(softwareId)),
    ...open.toSorted(mostExposedFirst),
    ...carried.filter(({ softwareId }) => isClean(softwareId)),
  ].map(({ softwareId }) => softwareId);
  const found = firstThatFit(ranked, named, mostProducts(callsPerHour));

  const gone = new Set(found.filter((softwareId) => list !== null && !find(softwareId)));
  const before = lastComparisons(last);
  const wasUsed = last?.productList?.found ? last.productList.readAt : null;
  return {
    softwareIds: [...named, ...found],
    ...{ configured: named.length, isCurrent },
    clean: new Set(found.filter(isClean)),
    gone,
    confirmedGone: new Set([...gone].filter((softwareId) => unknownSince.get(softwareId) !== undefined)),
    cleanBefore: found.filter((softwareId) => {
      const cleanAt = find(softwareId)?.cleanAt;
      return !before.has(softwareId) && cleanAt !== undefined && wasUsed !== null && cleanAt >= wasUsed;
    }),
    withoutWeaknesses: others.length - open.length,
    beyond: ranked.length - found.length,
  };
}

/** An unknown number of machines may be many. */
function mostExposedFirst(a: ListedProduct, b: ListedProduct): number {
  const exposed = ({ exposedMachines }: ListedProduct) => exposedMachines ?? Number.MAX_SAFE_INTEGER;
  return (
    exposed(b) - exposed(a) || (b.weaknesses ?? 0) - (a.weaknesses ?? 0) || compareText(a.softwareId, b.softwareId)
  );
}

function firstThatFit(ranked: readonly string[], named: readonly string[], most: number): string[] {
  let room = maxIdLength - named.reduce((sum, { length }) => sum + length, 0);
  const kept: string[] = [];
  for (const softwareId of ranked) {
    room -= softwareId.length;
    if (room < 0 || named.length + kept.length >= most) break;
    kept.push(softwareId);
  }
  return kept;
}
