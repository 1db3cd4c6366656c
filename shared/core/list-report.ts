import type { ListFailure } from "./product-list.ts";

/** What Defender's product list says of a watchlist, kept with its run so that a past report never changes. */
export interface ListReport {
  /** When the list was read, ISO 8601 in UTC; `null`: it never could be. */
  readAt: string | null;
  /** Why it is not of this run; only for a watchlist that needs it. */
  failure: Pick<ListFailure, "reason" | "since"> | null;
  /** `null` for a watchlist that names all of its products. */
  found: {
    /** How many products the watchlist names: the first ones of its run. */
    configured: number;
    /** How many more are found that have no weaknesses, so that they need not be read. */
    withoutWeaknesses: number;
    /** Products for which the run has no room. */
    beyond: number;
  } | null;
  /** The first of the ids that the list lacks, and how many more there are. */
  unknown: { ids: readonly UnknownId[]; more: number };
  /** Ids of products that have a successor which is probably meant. */
  mistaken: readonly { softwareId: string; meant: string }[];
  /** The first of the products on many exposed machines that no watchlist of the tenant has, and how many more there are. */
  unwatched: { products: readonly ExposedProduct[]; more: number };
}

/** An id that Defender's list lacks, with those of the list that are nearest to it. */
export interface UnknownId {
  softwareId: string;
  nearest: readonly string[];
}

export type ExposedProduct = { softwareId: string; exposedMachines: number };
