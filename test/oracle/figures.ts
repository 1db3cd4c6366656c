// docs/rules.md §3: rows, counts and figures.

import { larger } from "./reading.ts";
import type { Entry, Kind, OracleReport, Product, Row, Totals } from "./types.ts";

/** What narrows a report. */
export interface Filter {
  readonly change?: Kind | "worse" | "missing";
  readonly softwareId?: string;
  readonly search?: string;
  readonly overdue?: true;
  readonly stalled?: true;
}

/** A filtered report: all of it is of the selected entries. */
export type Selection = Pick<OracleReport, "entries" | "products" | "rows" | "totals">;

/** The kinds in the order in which a row takes that of its worst entry. */
export const worstFirst: readonly Kind[] = [
  "new",
  "worsened",
  "returned",
  "more-cves",
  "improved",
  "baseline",
  "unchanged",
  "not-read",
  "resolved",
];

/** The kinds that are reason for a mail. */
export const worseKinds: readonly Kind[] = ["new", "worsened", "returned", "more-cves"];

/** Rows and totals of some entries and products. */
export function figuresOf(entries: readonly Entry[], products: readonly Product[]): { rows: Row[]; totals: Totals } {
  const byKb = [...Map.groupBy(entries, (entry) => entry.key).values()];
  return { rows: byKb.map(rowOf), totals: totalsOf(byKb, products) };
}

/** What a filter leaves of a report. */
export function selectEntries(report: OracleReport, filter: Filter): Selection {
  const entries = report.entries.filter((entry) => passes(entry, filter));
  const { softwareId, ...others } = filter;
  const named = report.products.filter((product) => softwareId === undefined || product.softwareId === softwareId);
  const withEntries = new Set(entries.map((entry) => entry.softwareId));
  const products =
    Object.keys(others).length === 0 ? named : named.filter((product) => withEntries.has(product.softwareId));
  return { entries, products, ...figuresOf(entries, products) };
}

function passes(entry: Entry, { change, softwareId, search, overdue, stalled }: Filter): boolean {
  return (
    (change === undefined || hasChange(entry.kind, change)) &&
    (softwareId === undefined || entry.softwareId === softwareId) &&
    (search === undefined || isFound(entry, search)) &&
    (overdue === undefined || entry.overdueDays > 0) &&
    (stalled === undefined || entry.stalled)
  );
}

function hasChange(kind: Kind, change: Kind | "worse" | "missing"): boolean {
  if (change === "worse") return worseKinds.includes(kind);
  if (change === "missing") return kind !== "resolved";
  return kind === change;
}

function isFound(entry: Entry, search: string): boolean {
  const shown = /^\d+$/.test(entry.id) || entry.name === "" ? entry.id : `${entry.id} (${entry.name})`;
  const texts = [`kb${shown}`, entry.name, ...entry.productsNames, entry.softwareId].map((text) => text.toLowerCase());
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => texts.some((text) => text.includes(word)));
}

function rowOf(entries: readonly Entry[]): Row {
  const kind = worstFirst.find((candidate) => entries.some((entry) => entry.kind === candidate)) ?? "unchanged";
  const ofKind = entries.filter((entry) => entry.kind === kind);
  const [{ key, id, name, productsNames }] = ofKind as [Entry];
  return {
    key,
    id,
    name,
    productsNames,
    kind,
    reach: reachOf(ofKind),
    cves: ofKind.reduce<number | null>((most, { current }) => larger(most, current?.cves ?? null), null),
    firstSeen: ofKind.map((entry) => entry.firstSeen).sort()[0] ?? "",
    ageDays: Math.max(...ofKind.map((entry) => entry.ageDays)),
    overdueDays: Math.max(...ofKind.map((entry) => entry.overdueDays)),
    stalled: ofKind.some((entry) => entry.stalled),
  };
}

/** The largest known count of one product, never a sum. */
function reachOf(entries: readonly Entry[]): number | null {
  return entries.reduce<number | null>((most, { current }) => larger(most, current?.machines ?? null), null);
}

function totalsOf(byKb: readonly Entry[][], products: readonly Product[]): Totals {
  const kbsWith = (test: (entry: Entry) => boolean): number => byKb.filter((entries) => entries.some(test)).length;
  const kbsOf = (kind: Kind): number => kbsWith((entry) => entry.kind === kind);
  const isMissing = (entry: Entry): boolean => entry.kind !== "resolved";
  return {
    new: kbsOf("new"),
    worsened: kbsOf("worsened"),
    returned: kbsOf("returned"),
    moreCves: kbsOf("more-cves"),
    improved: kbsOf("improved"),
    resolved: kbsOf("resolved"),
    missingKbs: kbsWith(isMissing),
    missingInstalls: byKb.reduce((sum, entries) => sum + (reachOf(entries.filter(isMissing)) ?? 0), 0),
    overdue: kbsWith((entry) => entry.overdueDays > 0),
    stalled: kbsWith((entry) => entry.stalled),
    read: products.filter((product) => product.state !== "not-read").length,
    notRead: products.filter((product) => product.state === "not-read").length,
    baseline: products.filter((product) => product.baseline).length,
  };
}
