import { watchersOf } from "./found-products.ts";
import type { ListedProduct, Listing, ProductList } from "./product-list.ts";
import { searchWords } from "./search.ts";
import { compareText } from "./text.ts";
import type { Watchlist } from "./watchlist.ts";

/** A tenant's product list, and the watchlists of it that may be named. */
export interface TenantProducts {
  tenant: string;
  /** `null`: it was never asked for. */
  listing: Listing | null;
  list: ProductList | null;
  watchlists: readonly Watchlist[];
}

/** A listed product, and who watches it. */
export interface FoundListed extends Omit<ListedProduct, "cleanAt"> {
  tenant: string;
  watchlists: readonly string[];
}

/** The listed products in whose id, name or vendor each word of a search occurs, those on most exposed machines first. */
export function searchProducts(tenants: readonly TenantProducts[], search: string): FoundListed[] {
  const words = searchWords(search);
  const matches = ({ softwareId, name, vendor }: ListedProduct) => {
    const text = `${softwareId}\n${name}\n${vendor}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const found = tenants.flatMap(({ tenant, list, watchlists }) => {
    const watchers = watchersOf(watchlists);
    return (list?.products ?? []).filter(matches).map(({ cleanAt: _, ...product }): FoundListed => {
      return { tenant, ...product, watchlists: watchers(product.softwareId).map(({ name }) => name) };
    });
  });
  return found.sort(mostExposedFirst);
}

function mostExposedFirst(a: FoundListed, b: FoundListed): number {
  return (
    (b.exposedMachines ?? 0) - (a.exposedMachines ?? 0) ||
    compareText(a.softwareId, b.softwareId) ||
    compareText(a.tenant, b.tenant)
  );
}
