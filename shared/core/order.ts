import { isExploited } from "./advisory.ts";
import { cves, reach } from "./due.ts";
import { type KbEntry, type KbRow, rowKinds } from "./row.ts";
import { compareText } from "./text.ts";

/** The order of a report: by kind, worst first, then what is exploited, then by reach, CVEs and age, largest first. */
export function compareRows(a: KbRow, b: KbRow): number {
  return compareRanked(rank(a), rank(b));
}

/** Sorts rows as `compareRows` does, but computes the reach of each only once. */
export function sortRows(rows: Iterable<KbRow>): KbRow[] {
  return Array.from(rows, rank)
    .sort(compareRanked)
    .map(({ row }) => row);
}

interface RankedRow {
  row: KbRow;
  kind: number;
  exploited: number;
  reach: number;
  cves: number;
}

function rank(row: KbRow): RankedRow {
  return {
    row,
    kind: rowKinds.indexOf(row.kind),
    exploited: Number(isExploited(row)),
    reach: reach(row) ?? -1,
    cves: cves(row) ?? -1,
  };
}

function compareRanked(a: RankedRow, b: RankedRow): number {
  return (
    a.kind - b.kind ||
    b.exploited - a.exploited ||
    b.reach - a.reach ||
    b.cves - a.cves ||
    compareText(a.row.since, b.row.since) ||
    compareText(a.row.id, b.row.id)
  );
}

/** The order of a row's entries: worst first, then those on most machines. */
export function compareEntries(a: KbEntry, b: KbEntry): number {
  return rowKinds.indexOf(a.kind) - rowKinds.indexOf(b.kind) || machines(b) - machines(a);
}

/** The products of a row, by how many machines miss or missed the KB, most first. */
export function productsByMachines({ entries }: KbRow): string[] {
  return entries.toSorted((a, b) => machines(b) - machines(a)).map(({ softwareId }) => softwareId);
}

function machines({ current, previous }: KbEntry): number {
  return (current ?? previous)?.machineMissedOn ?? -1;
}
