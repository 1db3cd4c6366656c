import { isExploited } from "./advisory.ts";
import { cves, isOverdue, isStalled, isWorse, reach } from "./due.ts";
import { sortRows } from "./order.ts";
import { countStates } from "./products.ts";
import type { ProductRow, Report, TrendPoint } from "./report.ts";
import { isMissing, type KbEntry, type KbRow, narrow, type RowKind, rowKinds } from "./row.ts";
import { isFound, searchedText, searchWords } from "./search.ts";
import { sortByKey } from "./sort.ts";
import { countTotals } from "./totals.ts";

/** `worse`: new, worsened, returned or more-cves. `missing`: all but resolved and replaced. */
export const changeFilters = ["worse", "missing", ...rowKinds] as const;
export type ChangeFilter = (typeof changeFilters)[number];

/** `worst` is the report's own order. */
export const sortKeys = ["worst", "kb", "machines", "cves", "age", "exploited"] as const;
export type SortKey = (typeof sortKeys)[number];

export const sortOrders = ["asc", "desc"] as const;
export type SortOrder = (typeof sortOrders)[number];

/** How each key sorts where no order is asked for. */
export const naturalOrder: Readonly<Record<SortKey, SortOrder>> = {
  worst: "asc",
  kb: "asc",
  machines: "desc",
  cves: "desc",
  age: "desc",
  exploited: "desc",
};

/** Which of a report's entries are wanted, and in what order. Page, CSV, JSON and text take the same. */
export interface Selection {
  /** Only entries of the KB with this id. */
  kb?: string;
  /** Only entries of this product. */
  softwareId?: string;
  /** Words that must all occur in the KB's number, name, product names or the entry's software id. */
  search?: string;
  change?: ChangeFilter;
  overdue?: boolean;
  stalled?: boolean;
  exploited?: boolean;
  sort?: SortKey;
  order?: SortOrder;
}

/** The part of a selection that leaves entries out; the rest only sorts. */
export type Filter = Omit<Selection, "sort" | "order">;

/** A selection's filter, without what it does not use; `null` where it leaves nothing out. */
export function filterOf({ kb, softwareId, search, change, overdue, stalled, exploited }: Selection): Filter | null {
  const filter: Filter = {
    ...(kb && { kb }),
    ...(softwareId && { softwareId }),
    ...(search && { search }),
    ...(change && { change }),
    ...(overdue && { overdue }),
    ...(stalled && { stalled }),
    ...(exploited && { exploited }),
  };
  return Object.keys(filter).length > 0 ? filter : null;
}

/** Whether a selection leaves anything out. */
export function isNarrowed(selection: Selection): boolean {
  return filterOf(selection) !== null;
}

/** Whether a selection keeps the report's own order. */
export function isWorstFirst({ sort = "worst", order = naturalOrder[sort] }: Selection): boolean {
  return sort === "worst" && order === naturalOrder.worst;
}

/** A selection with what it was selected from. */
export interface SelectedReport {
  /** The selected entries alone; its trend is of `trendOf`. */
  report: Report;
  /** All entries. */
  full: Report;
  selection: Selection;
}

/** What a selection's trend and forecast are of: the one product that it names, else the watchlist. */
export function trendOf({ softwareId }: Selection): string {
  return softwareId ?? "watchlist";
}

/** A selection of a report; `trend` is that of `trendOf`. */
export function select(full: Report, selection: Selection, trend: readonly TrendPoint[] = full.trend): SelectedReport {
  return { report: { ...selectReport(full, selection), trend }, full, selection };
}

/** The report to count the selected entries in: the full one, which stays in memory, where nothing is left out. */
export function countedReport({ report, full, selection }: SelectedReport): Report {
  return isNarrowed(selection) ? report : full;
}

/** The report that a selection's trend ends in: of the one product that it names, else of all entries. */
export function trendReport({ report, full, selection }: SelectedReport): Report {
  const { softwareId } = selection;
  return softwareId === undefined ? full : { ...selectReport(full, { softwareId }), trend: report.trend };
}

/** Whether a selection leaves all products complete: it filters nothing, or by product alone. */
export function keepsProductsComplete({ softwareId: _, ...others }: Selection): boolean {
  return !isNarrowed(others);
}

/** The report of the selected entries alone: rows, products, totals and figures are all counted from these. */
export function selectReport(report: Report, selection: Selection): Report {
  const rows = selectRows(report, selection);
  if (!isNarrowed(selection)) return { ...report, rows };
  const products = selectProducts(report, rows, selection);
  return { ...report, rows, products, totals: countTotals(rows, countStates(products), report.day) };
}

/** The products that a selection names, under any other filter those with a selected entry; what they miss is of these entries. */
function selectProducts({ products }: Report, rows: readonly KbRow[], selection: Selection): ProductRow[] {
  const { softwareId, ...others } = selection;
  const named = products.filter((row) => softwareId === undefined || row.softwareId === softwareId);
  if (!isNarrowed(others)) return named;
  const entries = Map.groupBy(
    rows.flatMap((row) => row.entries),
    (entry) => entry.softwareId,
  );
  return named.flatMap((product) => {
    const own = entries.get(product.softwareId);
    return own ? [{ ...product, ...countMissing(own) }] : [];
  });
}

function countMissing(entries: readonly KbEntry[]): Pick<ProductRow, "missingKbs" | "missingInstalls"> {
  const missing = entries.filter(isMissing);
  const missingInstalls = missing.reduce((sum, { current }) => sum + (current?.machineMissedOn ?? 0), 0);
  return { missingKbs: missing.length, missingInstalls };
}

/** The selected KBs, with the selected entries alone, in the order asked for. */
export function selectRows(report: Report, selection: Selection): readonly KbRow[] {
  const { sort = "worst", order = naturalOrder[sort] } = selection;
  const tests = entryTests(report, selection);
  if (tests.length === 0) return orderRows(report.rows, sort, order);
  const selected = narrow(report.rows, (entry, row) => tests.every((test) => test(entry, row)));
  return orderRows(sortRows(selected), sort, order);
}

type EntryTest = (entry: KbEntry, row: KbRow) => boolean;

function entryTests(report: Report, selection: Selection): EntryTest[] {
  const { kb, softwareId, search = "", change, overdue, stalled, exploited } = selection;
  const words = searchWords(search);
  const tests: EntryTest[] = [];
  if (kb !== undefined) tests.push((_, row) => row.id === kb);
  if (softwareId !== undefined) tests.push((entry) => entry.softwareId === softwareId);
  if (change) tests.push(({ kind }) => passes(kind, change));
  if (overdue) tests.push((entry) => isOverdue(entry, report.day));
  if (exploited) tests.push((_, row) => isExploited(row));
  if (stalled) tests.push((entry) => isStalled(entry, report.day));
  if (words.length > 0) tests.push((entry, row) => isFound(entry, searchedText(row), words));
  return tests;
}

function passes(kind: RowKind, change: ChangeFilter): boolean {
  if (change === "worse") return isWorse(kind);
  return change === "missing" ? isMissing({ kind }) : kind === change;
}

function orderRows(rows: readonly KbRow[], sort: SortKey, order: SortOrder): readonly KbRow[] {
  if (sort === "worst") return order === "asc" ? rows : rows.toReversed();
  return sortByKey(rows, (row) => sortValue(row, sort), order);
}

/** What a row is sorted by; `null` where it is unknown. */
export function sortValue(row: KbRow, sort: Exclude<SortKey, "worst">): string | number | null {
  if (sort === "kb") return row.id;
  if (sort === "machines") return reach(row);
  if (sort === "cves") return cves(row);
  if (sort === "exploited") return Number(isExploited(row));
  // What is no longer missing has no age: it is sorted with the unknown.
  return isMissing(row) ? -Date.parse(row.since) : null;
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
