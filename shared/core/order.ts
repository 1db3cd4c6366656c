import { cves, reach } from "./due.ts";
import { type KbEntry, type KbRow, rowKinds } from "./row.ts";
import { compareText } from "./text.ts";

/** The order of a report: what is worst first, then what reaches furthest, closes most CVEs, is oldest. */
export function compareRows(a: KbRow, b: KbRow): number {
  return compareRanked(rank(a), rank(b));
}

/** The rows as `compareRows` orders them; each KB's software is counted through once, not at every comparison. */
export function sortRows(rows: Iterable<KbRow>): KbRow[] {
  return Array.from(rows, rank)
    .sort(compareRanked)
    .map(({ row }) => row);
}

interface RankedRow {
  row: KbRow;
  kind: number;
  reach: number;
  cves: number;
}

function rank(row: KbRow): RankedRow {
  return { row, kind: rowKinds.indexOf(row.kind), reach: reach(row) ?? -1, cves: cves(row) ?? -1 };
}

function compareRanked(a: RankedRow, b: RankedRow): number {
  return (
    a.kind - b.kind ||
    b.reach - a.reach ||
    b.cves - a.cves ||
    compareText(a.row.firstSeen, b.row.firstSeen) ||
    compareText(a.row.id, b.row.id)
  );
}

/** The order of a row's entries: worst first, then what reaches furthest. */
export function compareEntries(a: KbEntry, b: KbEntry): number {
  const machines = ({ current, previous }: KbEntry) => (current ?? previous)?.machineMissedOn ?? -1;
  return rowKinds.indexOf(a.kind) - rowKinds.indexOf(b.kind) || machines(b) - machines(a);
}
