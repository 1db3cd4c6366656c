import { isExploited } from "./advisory.ts";
import type { RunDate } from "./day.ts";
import { betterKinds, isKnownMissing, isOverdue, isStalled, missingInstallsOf, worseKinds } from "./due.ts";
import { isMissing, type KbRow, type RowKind } from "./row.ts";

/** The names of a report's totals, in the order in which rows and exports list them. */
export const totalNames = [
  "new",
  "worsened",
  "returned",
  "moreCves",
  "improved",
  "resolved",
  "replaced",
  "missingKbs",
  "missingInstalls",
  "overdue",
  "stalled",
  "exploited",
  "baseline",
  "read",
  "notRead",
] as const;
export type TotalName = (typeof totalNames)[number];

/**
 * A report in numbers. `new` to `replaced`: KBs with at least one entry of that kind. `missingKbs`: different KBs missing over
 * all products. `missingInstalls`: for each KB the largest count of any one product, so that no machine counts twice. `overdue`,
 * `stalled`: KBs with such an entry. `exploited`: KBs known to be missing that close an exploited CVE. `baseline`: products seen for the first time. `read`, `notRead`: products.
 */
export type Totals = Readonly<Record<TotalName, number>>;

/** The totals that count products. */
export type ProductTotals = Pick<Totals, "baseline" | "read" | "notRead">;

/** What each kind of change is called in totals. */
const nameOfKind = {
  new: "new",
  worsened: "worsened",
  returned: "returned",
  "more-cves": "moreCves",
  improved: "improved",
  resolved: "resolved",
  replaced: "replaced",
} as const satisfies Partial<Record<RowKind, TotalName>>;

/** Totals counted from rows, with the numbers of products given. They count KBs, never a KB once per product. */
export function countTotals(
  rows: Iterable<Pick<KbRow, "entries" | "advisory">>,
  products: ProductTotals,
  day: RunDate,
): Totals {
  const totals = { ...noTotals, ...products };
  for (const { entries, advisory } of rows) {
    for (const kind of new Set(entries.map((entry) => entry.kind))) {
      if (kind in nameOfKind) totals[nameOfKind[kind as keyof typeof nameOfKind]] += 1;
    }
    if (entries.some(isMissing)) totals.missingKbs += 1;
    totals.missingInstalls += missingInstallsOf({ entries });
    if (entries.some((entry) => isOverdue(entry, day))) totals.overdue += 1;
    if (entries.some((entry) => isStalled(entry, day))) totals.stalled += 1;
    if (isExploited({ advisory }) && entries.some(isKnownMissing)) totals.exploited += 1;
  }
  return totals;
}

/** The number of KBs of one kind of change; 0 for what is no change. */
export function countOfKind(totals: Totals, kind: RowKind): number {
  return kind in nameOfKind ? totals[nameOfKind[kind as keyof typeof nameOfKind]] : 0;
}

/** Totals of a report about nothing. */
export const noTotals = Object.fromEntries(totalNames.map((name) => [name, 0])) as Totals;

/** How many KBs changed for the worse. */
export function countWorse(totals: Totals): number {
  return worseKinds.reduce((sum, kind) => sum + countOfKind(totals, kind), 0);
}

/** How many KBs came: new, or back. */
export function countArrived(totals: Pick<Totals, "new" | "returned">): number {
  return totals.new + totals.returned;
}

/** How many KBs changed for the better. */
export function countBetter(totals: Totals): number {
  return betterKinds.reduce((sum, kind) => sum + countOfKind(totals, kind), 0);
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
