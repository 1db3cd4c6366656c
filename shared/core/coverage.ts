import type { RunDate } from "./day.ts";
import { type FoundProducts, watchersOf } from "./found-products.ts";
import type { ListReport } from "./list-report.ts";
import { byId, type Listing, type ProductList } from "./product-list.ts";
import type { ProductRow, Report } from "./report.ts";
import { compareText } from "./text.ts";
import type { WatchedProducts } from "./watchlist.ts";

/** A tenant's product list. */
export interface TenantList {
  /** `null`: none could ever be read. */
  list: ProductList | null;
  listing: Listing | null;
  /** What no watchlist of the tenant has of it. */
  unwatched: ListReport["unwatched"];
}

/** Ids that are taken for the product that followed. */
const successors: Readonly<Record<string, string>> = { "microsoft-_-edge": "microsoft-_-edge_chromium-based" };

const mostShown = 5;
const mostNear = 3;
/** A product is on many exposed machines from this number on, and from this share of the most exposed one's. */
const manyMachines = 10;
const manyShare = 0.05;

/** What a tenant's product list says of a watchlist; `null` where there is no list, and the watchlist needs none. */
export function listReport(
  watchlist: WatchedProducts,
  found: FoundProducts,
  { list, listing, unwatched }: TenantList,
): ListReport | null {
  const finds = watchlist.vendor !== null;
  if (!finds && !list) return null;
  const { configured, withoutWeaknesses, beyond } = found;
  const { failure = null } = listing ?? {};
  return {
    readAt: list?.readAt ?? null,
    failure: finds && failure ? { reason: failure.reason, since: failure.since } : null,
    found: finds ? { configured, withoutWeaknesses, beyond } : null,
    ...(list ? checkIds(watchlist, list) : { unknown: { ids: [], more: 0 }, mistaken: [] }),
    unwatched,
  };
}

/** What the list says of a watchlist's own ids. */
export function checkIds(
  { softwareIds }: Pick<WatchedProducts, "softwareIds">,
  list: ProductList,
): Pick<ListReport, "unknown" | "mistaken"> {
  const listed = byId(list);
  const watched = new Set(softwareIds.map((softwareId) => softwareId.toLowerCase()));
  const mistaken = softwareIds.flatMap((softwareId) => {
    const meant = successors[softwareId.toLowerCase()];
    return meant !== undefined && listed.has(meant) && !watched.has(meant) ? [{ softwareId, meant }] : [];
  });
  const unknown = softwareIds.filter((softwareId) => !listed.has(softwareId.toLowerCase()));
  const ids = unknown.slice(0, mostShown).map((softwareId) => ({ softwareId, nearest: nearest(softwareId, list) }));
  return { unknown: { ids, more: unknown.length - ids.length }, mistaken };
}

/**
 * The products on many exposed machines that no watchlist of the tenant has. Only Microsoft's: no other product has KBs. One
 * that a watchlist leaves out was looked at already.
 */
export function findUnwatched(
  watchlists: readonly WatchedProducts[],
  list: ProductList | null,
): ListReport["unwatched"] {
  if (!list) return { products: [], more: 0 };
  const candidates = list.products.flatMap(({ softwareId, weaknesses, exposedMachines }) => {
    const isOpen = softwareId.startsWith("microsoft-_-") && weaknesses !== 0 && exposedMachines !== null;
    return isOpen ? [{ softwareId, exposedMachines }] : [];
  });
  const most = candidates.reduce((high, { exposedMachines }) => Math.max(high, exposedMachines), 0);
  const least = Math.max(manyMachines, most * manyShare);
  const watchers = watchersOf(watchlists);
  const out = new Set(watchlists.flatMap(({ leftOut }) => leftOut.map((softwareId) => softwareId.toLowerCase())));
  const unwatched = candidates
    .filter(({ exposedMachines }) => exposedMachines >= least)
    .filter(({ softwareId }) => watchers(softwareId).length === 0 && !out.has(softwareId.toLowerCase()))
    .sort((a, b) => b.exposedMachines - a.exposedMachines || compareText(a.softwareId, b.softwareId));
  return { products: unwatched.slice(0, mostShown), more: Math.max(0, unwatched.length - mostShown) };
}

/** Products that the watchlist names and that never had a KB: none is missing, and none left within 90 days. */
export function withoutKbs({ products, productList }: Pick<Report, "products" | "productList">): ProductRow[] {
  const named = productList?.found ? products.slice(0, productList.found.configured) : products;
  return named.filter(({ neverListed }) => neverListed);
}

/** Whether there is anything to say of what a watchlist covers. */
export function hasCoverage(report: Pick<Report, "products" | "productList">): boolean {
  const { productList } = report;
  const ofList = productList
    ? productList.unknown.ids.length + productList.mistaken.length + productList.unwatched.products.length
    : 0;
  return ofList + withoutKbs(report).length > 0;
}

const dayMs = 86_400_000;

/** Whether a day is in a later week, from Monday on, than the last one; `null`: there was none. */
export function isOfNewWeek(day: RunDate, last: RunDate | null): boolean {
  // The first day of 1970 was a Thursday.
  const week = (date: RunDate) => Math.floor((Date.parse(date) / dayMs + 3) / 7);
  return last === null || week(last) < week(day);
}

/** The ids of the list that look most like one that it lacks. */
export function nearest(softwareId: string, { products }: Pick<ProductList, "products">): string[] {
  const name = nameOf(softwareId);
  const pairs = pairsOf(name);
  const start = name.slice(0, 2);
  const words = name.split(/[^a-z0-9]+/).filter(({ length }) => length >= 4);
  // Comparing all letters of a long list would take longer than reading some products.
  const isLikely = (other: string) => other.startsWith(start) || words.some((word) => other.includes(word));
  return products
    .map((product) => ({ id: product.softwareId, name: nameOf(product.softwareId) }))
    .filter((other) => isLikely(other.name))
    .map((other) => ({ id: other.id, score: likeness(pairs, pairsOf(other.name)) }))
    .filter(({ score }) => score >= leastLikeness)
    .sort((a, b) => b.score - a.score || compareText(a.id, b.id))
    .slice(0, mostNear)
    .map(({ id }) => id);
}

const leastLikeness = 0.6;

/** An id without its vendor, which many have in common. */
function nameOf(softwareId: string): string {
  return softwareId.toLowerCase().split("-_-").at(-1) ?? "";
}

/** The pairs of letters of a name. */
function pairsOf(name: string): ReadonlySet<string> {
  return new Set(Array.from({ length: Math.max(1, name.length - 1) }, (_, at) => name.slice(at, at + 2)));
}

/** Dice's coefficient: the share of pairs that both have, 0 to 1. */
function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const both = [...a].filter((pair) => b.has(pair)).length;
  return (2 * both) / (a.size + b.size);
}
