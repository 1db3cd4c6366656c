import type { GapKind } from "./change.ts";
import { type Comparison, changesOf, isBaseline, isRead } from "./comparison.ts";
import type { RunDate } from "./day.ts";
import type { Counts, MissingKb } from "./missing-kb.ts";
import type { Snapshot } from "./snapshot.ts";
import { compareText } from "./text.ts";

/** What a report says about a KB: a change, or why there is none. Worst first. */
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

/** One KB of one product. Its counts are never added to those of another product. */
export interface KbEntry {
  softwareId: string;
  kind: RowKind;
  /** The counts last reported; `null` if there were none. */
  previous: Counts | null;
  /** `null` if it is no longer missing. */
  current: Counts | null;
  firstSeen: RunDate;
  peak: number | null;
}

/** One KB over all products that miss it. */
export interface KbRow {
  id: string;
  name: string;
  url: string | null;
  productsNames: readonly string[];
  kind: RowKind;
  /** The earliest of its entries. */
  firstSeen: RunDate;
  entries: KbEntry[];
}

export type KbRows = Map<string, KbRow>;

/** Adds the entries of one product's comparison; `current` is the snapshot that the report shows. */
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

const sharedCounts = new Map<number, Counts>();

/** Small counts are shared: the million entries of a large report have far fewer different ones. */
function countsOf({ machineMissedOn, cveAddressed }: Counts): Counts {
  const counts = { machineMissedOn, cveAddressed };
  if (machineMissedOn === null || machineMissedOn > 999 || cveAddressed === null || cveAddressed > 99) return counts;
  const key = machineMissedOn * 100 + cveAddressed;
  const shared = sharedCounts.get(key) ?? counts;
  if (shared === counts) sharedCounts.set(key, counts);
  return shared;
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

// A KB that is resolved for one product but missing for another has improved; "resolved" would be wrong.
function kindOfRow(a: RowKind, b: RowKind): RowKind {
  const worse = rowKinds.indexOf(a) <= rowKinds.indexOf(b) ? a : b;
  return worse === "resolved" && a !== b ? "improved" : worse;
}

/** The products of Defender's list that the row's software ids do not already name. */
export function otherProducts({ productsNames, entries }: KbRow): string[] {
  const named = new Set(entries.map(({ softwareId }) => softwareId.split("-_-").at(-1)));
  return productsNames.filter((name) => !named.has(name));
}

/** Whether any product misses the KB now. */
export function isMissing({ kind }: Pick<KbRow, "kind">): boolean {
  return kind !== "resolved";
}
