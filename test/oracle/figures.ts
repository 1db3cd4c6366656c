// docs/rules.md §3: rows, counts and figures.

import { isExploited, stateOf } from "./known.ts";
import { inOrder, worstFirst } from "./order.ts";
import { larger } from "./reading.ts";
import type { Advisories, Counts, Entry, Kind, OracleReport, Product, Row, Totals } from "./types.ts";

/** What narrows a report. */
export interface Filter {
  readonly change?: Kind | "worse" | "missing";
  readonly softwareId?: string;
  readonly search?: string;
  readonly overdue?: true;
  readonly stalled?: true;
  readonly exploited?: true;
}

/** A filtered report: all of it is of the selected entries. */
export type Selection = Pick<OracleReport, "entries" | "products" | "rows" | "totals">;

/** The kinds that are reason for a mail. */
export const worseKinds: readonly Kind[] = ["new", "worsened", "returned", "more-cves"];

/** Rows and totals of some entries and products. */
export function figuresOf(
  entries: readonly Entry[],
  products: readonly Product[],
  advisories: Advisories | null,
): { rows: readonly Row[]; totals: Totals } {
  const byKb = [...Map.groupBy(entries, (entry) => entry.key).values()];
  const rows = byKb.map((own) => rowOf(own, advisories));
  return { rows: inOrder(rows, advisories), totals: totalsOf(byKb, products, advisories) };
}

/** Whether an entry counts as missing. */
export function isMissing({ kind }: Pick<Entry, "kind">): boolean {
  return kind !== "resolved" && kind !== "replaced";
}

/** What a filter leaves of a report. */
export function selectEntries(report: OracleReport, filter: Filter): Selection {
  const { advisories } = report;
  const entries = report.entries.filter((entry) => {
    return passes(entry, filter) && (filter.exploited === undefined || isExploited(entry.key, advisories));
  });
  const { softwareId, ...others } = filter;
  const named = report.products.filter((product) => softwareId === undefined || product.softwareId === softwareId);
  const withEntries = new Set(entries.map((entry) => entry.softwareId));
  const products =
    Object.keys(others).length === 0 ? named : named.filter((product) => withEntries.has(product.softwareId));
  return { entries, products, ...figuresOf(entries, products, advisories) };
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
  if (change === "missing") return isMissing({ kind });
  return kind === change;
}

function isFound(entry: Entry, search: string): boolean {
  const shown = /^\d+$/.test(entry.id) || entry.name === "" ? entry.id : `${entry.id} (${entry.name})`;
  const texts = [`kb${shown}`, entry.name, ...entry.productsNames, entry.softwareId].map((text) => text.toLowerCase());
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => texts.some((text) => text.includes(word)));
}

function rowOf(entries: readonly Entry[], advisories: Advisories | null) {
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
    cves: largestOf(ofKind, "cves"),
    shownReach: largestOf(ofKind.map(asShown), "machines"),
    shownCves: largestOf(ofKind.map(asShown), "cves"),
    firstSeen: earliestOf(ofKind, "firstSeen"),
    since: earliestOf(ofKind, "since"),
    dueOn: earliestOf(ofKind, "dueOn"),
    advisory: stateOf(key, advisories),
    released: advisories?.get(key)?.released ?? null,
    exploitedCves: advisories?.get(key)?.exploitedCves ?? [],
    ageDays: Math.max(...ofKind.map((entry) => entry.ageDays)),
    overdueDays: Math.max(...ofKind.map((entry) => entry.overdueDays)),
    stalled: ofKind.some((entry) => entry.stalled),
  };
}

/** The largest known count of one product, never a sum. */
function reachOf(entries: readonly Entry[]): number | null {
  return largestOf(entries, "machines");
}

/** The largest known count of today. */
export function largestOf(entries: readonly Pick<Entry, "current">[], count: keyof Counts): number | null {
  return entries.reduce<number | null>((most, { current }) => larger(most, current?.[count] ?? null), null);
}

/** What is no longer listed shows the counts last reported. */
function asShown({ current, previous }: Entry): Pick<Entry, "current"> {
  return { current: current ?? previous };
}

function earliestOf(entries: readonly Entry[], day: "firstSeen" | "since" | "dueOn"): string {
  return entries.map((entry) => entry[day]).sort()[0] ?? "";
}

function totalsOf(byKb: readonly Entry[][], products: readonly Product[], advisories: Advisories | null): Totals {
  const kbsWith = (test: (entry: Entry) => boolean): number => byKb.filter((entries) => entries.some(test)).length;
  const kbsOf = (kind: Kind): number => kbsWith((entry) => entry.kind === kind);
  const isExploitedGap = (entry: Entry): boolean => {
    return isMissing(entry) && entry.kind !== "not-read" && isExploited(entry.key, advisories);
  };
  return {
    new: kbsOf("new"),
    worsened: kbsOf("worsened"),
    returned: kbsOf("returned"),
    moreCves: kbsOf("more-cves"),
    improved: kbsOf("improved"),
    resolved: kbsOf("resolved"),
    replaced: kbsOf("replaced"),
    missingKbs: kbsWith(isMissing),
    missingInstalls: byKb.reduce((sum, entries) => sum + (reachOf(entries.filter(isMissing)) ?? 0), 0),
    overdue: kbsWith((entry) => entry.overdueDays > 0),
    stalled: kbsWith((entry) => entry.stalled),
    exploited: kbsWith(isExploitedGap),
    read: products.filter((product) => product.state !== "not-read").length,
    notRead: products.filter((product) => product.state === "not-read").length,
    baseline: products.filter((product) => product.baseline).length,
  };
}
