import { isExploited } from "./advisory.ts";
import type { RunDate } from "./day.ts";
import { isOverdue, isStalled, missingInstallsOf } from "./due.ts";
import type { Report } from "./report.ts";
import { isMissing, type KbEntry } from "./row.ts";
import { compareText } from "./text.ts";

/** The first and the last of some days. */
export interface Days {
  from: RunDate;
  to: RunDate;
}

/** A number that rests on older reads alone, and the days of these. */
export interface LastKnown extends Days {
  count: number;
}

/** What is known of products that could not be read only from when they last were; `null` where a number rests on none. */
export interface LastKnownTotals {
  /** KBs that were overdue then. The report's total does not count them. */
  overdue: LastKnown | null;
  /** KBs that were stalled then. The report's total does not count them. */
  stalled: LastKnown | null;
  /** Exploited KBs that no product misses which was read. The report's total does not count them. */
  exploited: LastKnown | null;
  /** KBs that no product misses which was read. The report's total counts them. */
  missingKbs: LastKnown | null;
  /** The missing installs that these add. The report's total counts them. */
  missingInstalls: LastKnown | null;
}

/** When those of these entries were last read that could not be read now; `null` where all were read. */
export function lastReadOn(entries: readonly KbEntry[], { products }: Pick<Report, "products">): Days | null {
  const older = new Set(entries.filter(isOfOlderRead).map(({ softwareId }) => softwareId));
  return spanOf(products.flatMap(({ softwareId, readOn }) => (readOn && older.has(softwareId) ? [readOn] : [])));
}

function spanOf(days: Iterable<RunDate>): Days | null {
  const sorted = [...days].sort(compareText);
  const [from] = sorted;
  return from === undefined ? null : { from, to: sorted.at(-1) ?? from };
}

/** Counts what a report's totals leave out, or take from older reads, because products could not be read. */
export function lastKnownTotals({ rows, products, day }: Report): LastKnownTotals {
  const readOn = new Map(products.map((product) => [product.softwareId, product.readOn ?? day]));
  const sums = { overdue: sum(), stalled: sum(), exploited: sum(), missingKbs: sum(), missingInstalls: sum() };
  for (const { entries, advisory } of rows) {
    const older = entries
      .filter(isOfOlderRead)
      .map((entry) => ({ entry: asRead(entry), on: readOn.get(entry.softwareId) ?? day }));
    if (older.length === 0) continue;
    const known = entries.filter((entry) => !isOfOlderRead(entry));
    const then = (passes: (entry: KbEntry, on: RunDate) => boolean) =>
      older.filter(({ entry, on }) => passes(entry, on)).map(({ on }) => on);
    if (!known.some((entry) => isOverdue(entry, day))) sums.overdue.add(1, then(isOverdue));
    if (!known.some((entry) => isStalled(entry, day))) sums.stalled.add(1, then(isStalled));
    const all = then(() => true);
    if (!known.some(isMissing)) sums.missingKbs.add(1, all);
    if (!known.some(isMissing) && isExploited({ advisory })) sums.exploited.add(1, all);
    const more = missingInstallsOf({ entries }) - missingInstallsOf({ entries: known });
    sums.missingInstalls.add(
      more,
      then(() => more > 0),
    );
  }
  return {
    overdue: sums.overdue.total(),
    stalled: sums.stalled.total(),
    exploited: sums.exploited.total(),
    missingKbs: sums.missingKbs.total(),
    missingInstalls: sums.missingInstalls.total(),
  };
}

function isOfOlderRead({ kind }: KbEntry): boolean {
  return kind === "not-read";
}

/** The entry as it was when it was read: nothing is claimed of one that was not. */
function asRead(entry: KbEntry): KbEntry {
  return { ...entry, kind: "unchanged" };
}

/** Adds up what rests on some days; nothing where there is none. */
function sum() {
  let count = 0;
  const days = new Set<RunDate>();
  return {
    add: (more: number, on: readonly RunDate[]): void => {
      if (on.length === 0) return;
      count += more;
      for (const day of on) days.add(day);
    },
    total: (): LastKnown | null => {
      const span = spanOf(days);
      return span && { count, ...span };
    },
  };
}
