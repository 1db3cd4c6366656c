import type { GapKind } from "./change.ts";
import { type Comparison, changesOf, isBaseline, isRead } from "./comparison.ts";
import { type Counts, larger, type MissingKb, type RunDate } from "./missing-kb.ts";
import type { Totals } from "./run.ts";
import { daysBetween } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";
import { compareText } from "./text.ts";

/** What a report says of a KB: a change, or why it tells none. Worst first. */
export const rowKinds = [
  "new",
  "worsened",
  "returned",
  "improved",
  "resolved",
  "baseline",
  "unchanged",
  "not-read",
] as const satisfies readonly (GapKind | "baseline" | "unchanged" | "not-read")[];
export type RowKind = (typeof rowKinds)[number];

/** One KB of one software. Its counts hold for that software alone and are never added to another's. */
export interface KbEntry {
  softwareId: string;
  kind: RowKind;
  /** The counts last told; `null` where there were none. */
  previous: Counts | null;
  /** `null` where it is no longer missing. */
  current: Counts | null;
  firstSeen: RunDate;
  peak: number | null;
}

/** One KB over all the software that misses it. */
export interface KbRow {
  id: string;
  name: string;
  url: string | null;
  productsNames: readonly string[];
  kind: RowKind;
  /** The earliest of its software. */
  firstSeen: RunDate;
  entries: KbEntry[];
}

export type KbRows = Map<string, KbRow>;

/** Adds what one software's comparison tells of its KBs; `current` is the snapshot that the report stands on. */
export function addComparison(
  rows: KbRows,
  comparison: Comparison,
  previous: Snapshot | null,
  current: Snapshot | null,
): void {
  const { softwareId } = comparison;
  const changes = new Map<string, { kind: GapKind; previous?: MissingKb }>();
  for (const change of changesOf(comparison, previous, current)) {
    if (change.kind === "resolved") addEntry(rows, change.previous, resolvedEntry(softwareId, change.previous));
    else changes.set(change.current.id, change);
  }
  const otherwise = kindOfRest(comparison);
  for (const kb of current?.missingKbs ?? []) {
    const change = changes.get(kb.id);
    addEntry(rows, kb, {
      softwareId,
      kind: change?.kind ?? otherwise,
      previous: change?.previous ? countsOf(change.previous) : null,
      current: countsOf(kb),
      firstSeen: kb.firstSeen,
      peak: kb.peak,
    });
  }
}

function kindOfRest(comparison: Comparison): RowKind {
  if (isBaseline(comparison)) return "baseline";
  return isRead(comparison) ? "unchanged" : "not-read";
}

function resolvedEntry(softwareId: string, kb: MissingKb): KbEntry {
  const { firstSeen, peak } = kb;
  return { softwareId, kind: "resolved", previous: countsOf(kb), current: null, firstSeen, peak };
}

function countsOf({ machineMissedOn, cveAddressed }: Counts): Counts {
  return { machineMissedOn, cveAddressed };
}

function addEntry(rows: KbRows, kb: MissingKb, entry: KbEntry): void {
  const row = rows.get(kb.id);
  if (!row) {
    const { id, name, url, productsNames, firstSeen } = kb;
    rows.set(id, { id, name, url, productsNames, kind: entry.kind, firstSeen, entries: [entry] });
    return;
  }
  row.entries.push(entry);
  row.kind = kindOfRow(row.kind, entry.kind);
  row.name ||= kb.name;
  row.url ??= kb.url;
  if (kb.firstSeen < row.firstSeen) row.firstSeen = kb.firstSeen;
  if (kb.productsNames.some((name) => !row.productsNames.includes(name))) {
    row.productsNames = [...new Set([...row.productsNames, ...kb.productsNames])].sort(compareText);
  }
}

// A KB that one software is rid of and another still misses has improved; "resolved" would be untrue of it.
function kindOfRow(a: RowKind, b: RowKind): RowKind {
  const worse = rowKinds.indexOf(a) <= rowKinds.indexOf(b) ? a : b;
  return worse === "resolved" && a !== b ? "improved" : worse;
}

/** The largest count of any one software: how far a KB reaches without counting a machine twice. */
export function reach(row: KbRow): number | null {
  return largest(row, "machineMissedOn");
}

/** The CVEs that the KB closes for the software where it closes most. */
export function cves(row: KbRow): number | null {
  return largest(row, "cveAddressed");
}

function largest(row: KbRow, count: keyof Counts): number | null {
  // What a software is rid of counts no longer, as long as any other still misses the KB.
  const now = isMissing(row);
  return row.entries.reduce<number | null>(
    (most, { current, previous }) => larger(most, (now ? current : previous)?.[count] ?? null),
    null,
  );
}

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

/** Days a KB has been missing for on `day`. */
export function ageInDays({ firstSeen }: Pick<KbRow, "firstSeen">, day: RunDate): number {
  return Math.max(0, daysBetween(firstSeen, day));
}

/** Days by which a KB that is still missing has outstayed `dueDays`; 0 within them. */
export function overdueDays(row: KbRow, day: RunDate, dueDays: number): number {
  return isMissing(row) ? Math.max(0, ageInDays(row, day) - dueDays) : 0;
}

const stall = { days: 14, share: 0.8 };

/** Whether an entry still stands at 80 % of its peak or above, 14 days after it was first seen. */
export function isStalled({ current, peak, firstSeen }: KbEntry, day: RunDate): boolean {
  if (!current?.machineMissedOn || !peak) return false;
  return current.machineMissedOn >= stall.share * peak && ageInDays({ firstSeen }, day) >= stall.days;
}

/** Whether any software misses the KB now. */
export function isMissing(row: KbRow): boolean {
  return row.kind !== "resolved";
}

/** How many KBs there are of each kind of change, and how many are missing. */
export function countKinds(rows: KbRows): Pick<Totals, GapKind | "missingKbs"> {
  const counts = { new: 0, worsened: 0, returned: 0, improved: 0, resolved: 0, missingKbs: 0 };
  for (const row of rows.values()) {
    if (row.kind in counts) counts[row.kind as GapKind] += 1;
    if (isMissing(row)) counts.missingKbs += 1;
  }
  return counts;
}

/** The sum over KBs of their reach. */
export function missingInstalls(rows: KbRows): number {
  let pairs = 0;
  for (const row of rows.values()) if (isMissing(row)) pairs += reach(row) ?? 0;
  return pairs;
}
