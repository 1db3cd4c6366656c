import { type Comparison, isBaseline, isRead } from "./comparison.ts";
import { betterKinds, reach, worseKinds } from "./due.ts";
import { isMissing, type KbRow, type KbRows } from "./row.ts";

/** The names of a report's totals, in the order in which rows and exports list them. */
export const totalNames = [
  "new",
  "worsened",
  "improved",
  "resolved",
  "returned",
  "baseline",
  "read",
  "notRead",
  "missingKbs",
  "missingInstalls",
] as const;
export type TotalName = (typeof totalNames)[number];

/**
 * A report in ten numbers. `new` to `returned`: KBs by kind of change. `baseline`: products seen for the first time.
 * `read`, `notRead`: products. `missingKbs`: different KBs missing over all products. `missingInstalls`: for each KB the
 * largest count of any one product, so that no machine counts twice.
 */
export type Totals = Readonly<Record<TotalName, number>>;

/** All totals of a report, counted from its rows and comparisons. */
export function countTotals(rows: KbRows, comparisons: readonly Comparison[]): Totals {
  const read = comparisons.filter(isRead).length;
  const baseline = comparisons.filter(isBaseline).length;
  return totalsOfRows(rows.values(), { baseline, read, notRead: comparisons.length - read });
}

/** Totals counted from rows, given the numbers of products. A KB counts once, not once for each product. */
export function totalsOfRows(rows: Iterable<KbRow>, products: Pick<Totals, "baseline" | "read" | "notRead">): Totals {
  const counts = { new: 0, worsened: 0, improved: 0, resolved: 0, returned: 0 };
  let [missingKbs, missingInstalls] = [0, 0];
  for (const row of rows) {
    if (row.kind in counts) counts[row.kind as keyof typeof counts] += 1;
    if (!isMissing(row)) continue;
    missingKbs += 1;
    missingInstalls += reach(row) ?? 0;
  }
  return { ...counts, ...products, missingKbs, missingInstalls };
}

/** The totals of an empty report. */
export const noTotals = Object.fromEntries(totalNames.map((name) => [name, 0])) as Totals;

/** How many KBs changed for the worse. */
export function countWorse(totals: Totals): number {
  return worseKinds.reduce((sum, kind) => sum + totals[kind], 0);
}

/** How many KBs came: new, or back. */
export function countArrived(totals: Pick<Totals, "new" | "returned">): number {
  return totals.new + totals.returned;
}

/** How many KBs changed for the better. */
export function countBetter(totals: Totals): number {
  return betterKinds.reduce((sum, kind) => sum + totals[kind], 0);
}

/** How many products are on the watchlist. */
export function countWatched({ read, notRead }: Pick<Totals, "read" | "notRead">): number {
  return read + notRead;
}

/** Whether some product, or every one, could not be read. */
export function isPartial({ notRead }: Pick<Totals, "notRead">): boolean {
  return notRead > 0;
}

/** Whether there are products and none could be read. */
export function isNothingRead({ read, notRead }: Pick<Totals, "read" | "notRead">): boolean {
  return read === 0 && notRead > 0;
}
