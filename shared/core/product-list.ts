import * as z from "zod/mini";
import { compareText, plainText } from "./text.ts";

/** A product of Defender's list. A count is `null` where Defender does not say. */
export interface ListedProduct {
  softwareId: string;
  name: string;
  vendor: string;
  /** Open CVEs. */
  weaknesses: number | null;
  exposedMachines: number | null;
  installedMachines: number | null;
  /** When it was last listed without weaknesses, ISO 8601 in UTC; absent where it never was, or is so now. */
  cleanAt?: string;
}

/** Defender's list of all products that a tenant's machines have. */
export interface ProductList {
  /** ISO 8601 in UTC. */
  readAt: string;
  /** Each id once, sorted by it. */
  products: readonly ListedProduct[];
}

/** Why the list was not replaced when it was last asked for. */
export interface ListFailure {
  /** For people. */
  reason: string;
  /** The first of the failures in a row, ISO 8601 in UTC. */
  since: string;
  /** How many in a row. */
  tries: number;
  /** How many lists in a row were much shorter than the one in use. */
  short: number;
}

/** What is known of a tenant's product list without reading it. */
export interface Listing {
  /** When Defender was last asked, ISO 8601 in UTC. */
  triedAt: string;
  /** The list in use; `null`: none could ever be read. */
  list: { readAt: string; count: number } | null;
  failure: ListFailure | null;
}

const indexed = new WeakMap<ProductList, ReadonlyMap<string, ListedProduct>>();

/** The list's products by id in lower case; made once for all watchlists of a tenant. */
export function byId(list: ProductList): ReadonlyMap<string, ListedProduct> {
  const known = indexed.get(list);
  const index = known ?? new Map(list.products.map((product) => [product.softwareId.toLowerCase(), product]));
  if (!known) indexed.set(list, index);
  return index;
}

/** A list that lost more than a tenth of its products is more likely cut off than true, until it comes so often in a row. */
const shortShare = 0.9;
const shortBelieved = 3;

/**
 * What becomes of the list in use after Defender sent another one: that one, or the one in use with the reason why it stays.
 * A list that is empty or much shorter may be cut off; one that stays short is believed at the third time.
 */
export function replaceList(
  items: readonly unknown[],
  before: ProductList | null,
  listing: Listing | null,
  now: Date,
): { list: ProductList | null; listing: Listing } {
  const products = readProducts(items);
  const short = (listing?.failure?.short ?? 0) + 1;
  const isShort = before !== null && products.length < before.products.length * shortShare;
  if (products.length === 0) return failedList("Defender's product list is empty.", before, listing, now);
  if (isShort && short < shortBelieved) {
    const reason = `Defender's product list has only ${products.length} of the ${before.products.length} products that it had.`;
    const failed = failedList(reason, before, listing, now);
    const { failure } = failed.listing;
    return { ...failed, listing: { ...failed.listing, failure: failure && { ...failure, short } } };
  }
  const readAt = now.toISOString();
  const earlier = before ? byId(before) : new Map<string, ListedProduct>();
  const followed = products.map((product) => {
    return before ? follow(product, earlier.get(product.softwareId.toLowerCase()), before.readAt) : product;
  });
  const list = { readAt, products: followed };
  return { list, listing: { triedAt: readAt, list: { readAt, count: products.length }, failure: null } };
}

/** The list in use after Defender could not be asked for another one. */
export function failedList(
  reason: string,
  before: ProductList | null,
  listing: Listing | null,
  now: Date,
): { list: ProductList | null; listing: Listing } {
  const triedAt = now.toISOString();
  const { since = triedAt, tries = 0 } = listing?.failure ?? {};
  const list = before && { readAt: before.readAt, count: before.products.length };
  return { list: before, listing: { triedAt, list, failure: { reason, since, tries: tries + 1, short: 0 } } };
}

/** A product with what only the list before knows of it. */
function follow(product: ListedProduct, earlier: ListedProduct | undefined, readAt: string): ListedProduct {
  const cleanAt = earlier?.weaknesses === 0 ? readAt : earlier?.cleanAt;
  return product.weaknesses !== 0 && cleanAt !== undefined ? { ...product, cleanAt } : product;
}

const digits = z.pipe(z.string().check(z.trim(), z.regex(/^\d{1,15}$/)), z.transform(Number));
const count = z.catch(z.nullable(z.pipe(z.union([z.number(), digits]), z.int().check(z.nonnegative()))), null);
const software = z.object({
  id: z.string(),
  name: z.optional(z.unknown()),
  vendor: z.optional(z.unknown()),
  weaknesses: count,
  exposedMachines: count,
  installedMachines: count,
});

const maxText = 256;

/** The products in the `value` of Defender's list, each id once, sorted by it. Items without a usable id are left out. */
export function readProducts(items: readonly unknown[]): ListedProduct[] {
  const found = new Map<string, ListedProduct>();
  for (const item of items) {
    const product = readProduct(item);
    if (!product) continue;
    const key = product.softwareId.toLowerCase();
    const twin = found.get(key);
    found.set(key, twin ? merge(twin, product) : product);
  }
  return [...found.values()].sort((a, b) => compareText(a.softwareId, b.softwareId));
}

function readProduct(item: unknown): ListedProduct | null {
  const { data } = software.safeParse(item);
  const softwareId = data?.id ?? "";
  if (!data || softwareId === "" || softwareId.length > maxText || plainText(softwareId) !== softwareId) return null;
  const [vendor = "", ...rest] = softwareId.split("-_-");
  const { weaknesses, exposedMachines, installedMachines } = data;
  return {
    softwareId,
    name: plainText(data.name).slice(0, maxText) || rest.join("-_-") || softwareId,
    vendor: plainText(data.vendor).slice(0, maxText) || vendor,
    ...{ weaknesses, exposedMachines, installedMachines },
  };
}

/** Two items with one id were seen: the larger of each known count holds. */
function merge(a: ListedProduct, b: ListedProduct): ListedProduct {
  return {
    ...a,
    weaknesses: largest(a.weaknesses, b.weaknesses),
    exposedMachines: largest(a.exposedMachines, b.exposedMachines),
    installedMachines: largest(a.installedMachines, b.installedMachines),
  };
}

function largest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
