import type { ProductRow, ProductState, Report } from "./report.ts";
import type { RunId } from "./run-id.ts";
import { compareText } from "./text.ts";
import type { ProductTotals } from "./totals.ts";

/** The products of a report in one state, in the watchlist's order. */
export function productsIn({ products }: Pick<Report, "products">, state: ProductState): ProductRow[] {
  return products.filter((row) => row.state === state);
}

/** The products whose KBs Defender no longer lists although it still counts weaknesses. */
export function unlistedProducts({ products }: Pick<Report, "products">): ProductRow[] {
  return products.filter(({ unlistedKbs }) => unlistedKbs > 0);
}

/** Whether what the products are known to miss is all that they miss: each was read, and Defender patches it by KBs. */
export function isAllKnown({ products }: Pick<Report, "products">): boolean {
  return (
    products.length > 0 &&
    products.every(({ state, unusable }) => state !== "not-read" && state !== "not-kb-patched" && unusable === 0)
  );
}

/** Whether a product could not be read, so that its counts, if any, are those last known. */
export function isNotRead({ state }: Pick<ProductRow, "state">): boolean {
  return state === "not-read";
}

/** How many products were read, could not be read, and are new to the watchlist. */
export function countStates(products: readonly ProductRow[]): ProductTotals {
  const notRead = products.filter(isNotRead).length;
  const baseline = products.filter((row) => row.baseline).length;
  return { baseline, read: products.length - notRead, notRead };
}

/** Products by how much they miss: most installs first, then most KBs. */
export function sortByMissing(products: readonly ProductRow[]): ProductRow[] {
  return products.toSorted((a, b) => b.missingInstalls - a.missingInstalls || b.missingKbs - a.missingKbs);
}

/** The products that could not be read, the one that failed most runs in a row first. */
export function notReadLongestFirst(report: Pick<Report, "products">): ProductRow[] {
  const misses = ({ failure }: ProductRow) => failure?.misses ?? 0;
  return report.products.filter(isNotRead).sort((a, b) => misses(b) - misses(a));
}

/** The same in groups of one reason each (`null`: none was recorded), the largest group first. */
export function notReadByReason(
  report: Pick<Report, "products">,
): { reason: string | null; products: readonly ProductRow[] }[] {
  const groups = Map.groupBy(notReadLongestFirst(report), ({ failure }) => failure?.reason ?? null);
  return Array.from(groups, ([reason, products]) => ({ reason, products })).sort(
    (a, b) => b.products.length - a.products.length,
  );
}

/** How many products were compared, and how many of them with an older run than the report's, as after missed runs. */
export interface ComparedProducts {
  compared: number;
  older: number;
  /** The oldest and the newest of these older runs; `null` where none is older. */
  oldest: RunId | null;
  newest: RunId | null;
}

/** What the products of a report were compared with. */
export function comparedProducts({
  products,
  previousRunId,
}: Pick<Report, "products" | "previousRunId">): ComparedProducts {
  const isCompared = (row: ProductRow) => !isNotRead(row) && !row.baseline;
  const previous = products.filter(isCompared).flatMap((row) => row.previous ?? []);
  const older = previous.filter((runId) => runId !== previousRunId).sort(compareText);
  return { compared: previous.length, older: older.length, oldest: older[0] ?? null, newest: older.at(-1) ?? null };
}

/** The run whose counts a report compares with: an older one than its own previous run where every product was read last in that. */
export function comparedRun(report: Pick<Report, "products" | "previousRunId">): RunId | null {
  const { compared, older, oldest, newest } = comparedProducts(report);
  return older > 0 && older === compared && oldest === newest ? oldest : report.previousRunId;
}
