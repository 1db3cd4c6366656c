import { cves, isWorse, overdueTest, reach, stalledEntry } from "./due.ts";
import { compareRows } from "./order.ts";
import { isNotRead } from "./products.ts";
import type { ProductRow, Report } from "./report.ts";
import { isMissing, type KbRow, type RowKind, rowKinds } from "./row.ts";
import { dayOf } from "./run-id.ts";
import { sortByKey } from "./sort.ts";
import { totalsOfRows } from "./totals.ts";

/** `worse`: new, worsened or returned. `missing`: all except resolved. */
export const changeFilters = ["worse", "missing", ...rowKinds] as const;
export type ChangeFilter = (typeof changeFilters)[number];

/** `worst` is the report's own order. */
export const sortKeys = ["worst", "kb", "machines", "cves", "age"] as const;
export type SortKey = (typeof sortKeys)[number];

export const sortOrders = ["asc", "desc"] as const;
export type SortOrder = (typeof sortOrders)[number];

/** The order of each key if none is asked for. */
export const naturalOrder: Readonly<Record<SortKey, SortOrder>> = {
  worst: "asc",
  kb: "asc",
  machines: "desc",
  cves: "desc",
  age: "desc",
};

/** Which of a report's KBs to show, and in what order: the same for page, CSV, JSON and text. */
export interface Selection {
  /** Only this product: rows then have only its entries. */
  softwareId?: string;
  /** Words that must all occur in the KB's number, name, products or software ids. */
  search?: string;
  change?: ChangeFilter;
  overdue?: boolean;
  stalled?: boolean;
  sort?: SortKey;
  order?: SortOrder;
}

/** Whether a selection leaves KBs out. */
export function isNarrowed({ softwareId, search, change, overdue, stalled }: Selection): boolean {
  return Boolean(softwareId || search || change || overdue || stalled);
}

/** The report with only the selected KBs. If it is about one product, its totals are counted again. */
export function selectReport(report: Report, selection: Selection): Report {
  const rows = selectRows(report, selection);
  const { softwareId } = selection;
  if (softwareId === undefined) return { ...report, rows };
  const products = report.products.filter((row) => row.softwareId === softwareId);
  return { ...report, rows, products, totals: totalsOfOne(report, softwareId, products) };
}

function totalsOfOne(report: Report, softwareId: string, products: readonly ProductRow[]): Report["totals"] {
  const notRead = products.filter(isNotRead).length;
  const baseline = products.filter(({ baseline }) => baseline).length;
  return totalsOfRows(ofProduct(report.rows, softwareId), { baseline, read: products.length - notRead, notRead });
}

/** The selected KBs in the order asked for. */
export function selectRows(report: Report, selection: Selection): readonly KbRow[] {
  const { softwareId, sort = "worst", order = naturalOrder[sort] } = selection;
  const rows = softwareId === undefined ? report.rows : ofProduct(report.rows, softwareId).sort(compareRows);
  return sortRows(filterRows(rows, report, selection), sort, order);
}

function ofProduct(rows: readonly KbRow[], softwareId: string): KbRow[] {
  return rows.flatMap((row) => {
    const entry = row.entries.find((one) => one.softwareId === softwareId);
    return entry ? [{ ...row, kind: entry.kind, firstSeen: entry.firstSeen, entries: [entry] }] : [];
  });
}

function filterRows(rows: readonly KbRow[], report: Report, selection: Selection): readonly KbRow[] {
  const { search = "", change, overdue, stalled } = selection;
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const day = dayOf(report.runId);
  const tests: ((row: KbRow) => boolean)[] = [];
  if (change) tests.push((row) => passes(row.kind, change));
  if (overdue) tests.push(overdueTest(report));
  if (stalled) tests.push((row) => stalledEntry(row, day) !== undefined);
  if (words.length > 0) tests.push((row) => matches(row, words));
  return tests.length === 0 ? rows : rows.filter((row) => tests.every((test) => test(row)));
}

function passes(kind: RowKind, change: ChangeFilter): boolean {
  if (change === "worse") return isWorse(kind);
  return change === "missing" ? isMissing({ kind }) : kind === change;
}

function matches(row: KbRow, words: readonly string[]): boolean {
  const softwareIds = row.entries.map(({ softwareId }) => softwareId);
  const text = [`kb${row.id}`, row.name, ...row.productsNames, ...softwareIds].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

function sortRows(rows: readonly KbRow[], sort: SortKey, order: SortOrder): readonly KbRow[] {
  if (sort === "worst") return order === "asc" ? rows : rows.toReversed();
  return sortByKey(rows, (row) => sortValue(row, sort), order);
}

/** What a row is sorted by; `null` if unknown. */
export function sortValue(row: KbRow, sort: Exclude<SortKey, "worst">): string | number | null {
  if (sort === "kb") return row.id;
  if (sort === "machines") return reach(row);
  if (sort === "cves") return cves(row);
  // A KB that is no longer missing has no age and is sorted with the unknown ones.
  return isMissing(row) ? -Date.parse(row.firstSeen) : null;
}

/** One page of a list. */
export interface Slice<Item> {
  items: readonly Item[];
  /** From 1. */
  page: number;
  pages: number;
  /** Positions of the first and the last item, from 1; both 0 if there is none. */
  from: number;
  to: number;
  total: number;
}

/** The page asked for, or the nearest one that exists. */
export function slice<Item>(list: readonly Item[], page: number, size: number): Slice<Item> {
  const pages = Math.max(1, Math.ceil(list.length / size));
  const at = Math.min(Math.max(1, Math.trunc(page) || 1), pages);
  const start = (at - 1) * size;
  const items = list.slice(start, start + size);
  return { items, page: at, pages, from: items.length ? start + 1 : 0, to: start + items.length, total: list.length };
}
