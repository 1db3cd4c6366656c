import type { ProductRow, ProductState, Report } from "./report.ts";
import type { RunId } from "./run-id.ts";
import { compareText } from "./text.ts";

/** The products of a report in one state, in the watchlist's order. */
export function productsIn({ products }: Pick<Report, "products">, state: ProductState): ProductRow[] {
  return products.filter((row) => row.state === state);
}

/** Whether a product could not be read: its counts, if any, are then the last known ones. */
export function isNotRead({ state }: Pick<ProductRow, "state">): boolean {
  return state === "not-read";
}

/** Products sorted by missing installs, then by missing KBs, most first. */
export function sortByMissing(products: readonly ProductRow[]): ProductRow[] {
  return products.toSorted((a, b) => b.missingInstalls - a.missingInstalls || b.missingKbs - a.missingKbs);
}

/** The products that could not be read, those that failed in most consecutive runs first. */
export function notReadLongestFirst(report: Pick<Report, "products">): ProductRow[] {
  const misses = ({ failure }: ProductRow) => failure?.misses ?? 0;
  return report.products.filter(isNotRead).sort((a, b) => misses(b) - misses(a));
}

/** The products that could not be read, grouped by reason (`null`: none was recorded), the largest group first. */
export function notReadByReason(
  report: Pick<Report, "products">,
): { reason: string | null; products: readonly ProductRow[] }[] {
  const groups = Map.groupBy(notReadLongestFirst(report), ({ failure }) => failure?.reason ?? null);
  return Array.from(groups, ([reason, products]) => ({ reason, products })).sort(
    (a, b) => b.products.length - a.products.length,
  );
}

/** How many products were compared, and how many of them with an older run than the report was, as after missed runs. */
export interface ComparedProducts {
  compared: number;
  older: number;
  /** The oldest run compared with; `null` if none is older. */
  oldest: RunId | null;
}

/** What the products of a report were compared with. */
export function comparedProducts({
  products,
  previousRunId,
}: Pick<Report, "products" | "previousRunId">): ComparedProducts {
  const previous = products.flatMap((row) => (row.previous === null || isNotRead(row) ? [] : [row.previous]));
  const older = previous.filter((runId) => runId !== previousRunId).sort(compareText);
  return { compared: previous.length, older: older.length, oldest: older[0] ?? null };
}
