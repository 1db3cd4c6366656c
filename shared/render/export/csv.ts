import { stringify } from "csv-stringify/sync";
import { actionList } from "../../core/action-list.ts";
import { advisoryState } from "../../core/advisory.ts";
import type { RunDate } from "../../core/day.ts";
import { ageInDays, daysOverdue, isStalled } from "../../core/due.ts";
import { type OverviewRow, overdueShare } from "../../core/overview.ts";
import type { FoundListed } from "../../core/product-search.ts";
import type { Report } from "../../core/report.ts";
import type { KbEntry, KbRow } from "../../core/row.ts";
import type { RunSummary } from "../../core/run.ts";
import type { RunId } from "../../core/run-id.ts";
import { type TotalName, type Totals, totalNames } from "../../core/totals.ts";
import { roundedShare } from "./share.ts";

/**
 * The columns of a report in CSV, in this order; later versions add columns at the end. The first seven are Defender's own
 * names. A count is empty if it is unknown or its KB is no longer missing.
 */
export const reportColumns = [
  "softwareId",
  "id",
  "name",
  "productsNames",
  "url",
  "machineMissedOn",
  "cveAddressed",
  "previousMachineMissedOn",
  "previousCveAddressed",
  "change",
  "firstSeen",
  "ageDays",
  "overdueDays",
  "peakMachineMissedOn",
  "stalled",
  "watchlist",
  "tenant",
  "run",
  "previousRun",
  "readRun",
  "why",
  "runDay",
  "lastReadOn",
  "since",
  "dueOn",
  "replacedBy",
  "advisoryState",
  "released",
  "severity",
  "exploitedCves",
  "exploitedSince",
  "ransomware",
  "restart",
  "supersedes",
] as const;

/** The columns of an action list in CSV, one line for each gap, in this order; later versions add columns at the end. */
export const actionColumns = [
  "rank",
  "install",
  "name",
  "exploited",
  "machines",
  "since",
  "restart",
  "softwareId",
  "id",
  "change",
  "machineMissedOn",
  "watchlist",
  "tenant",
  "run",
  "runDay",
] as const;

export type ReportColumn = (typeof reportColumns)[number];

/** The columns of a history in CSV, in this order; later versions add columns at the end. */
export const historyColumns = [
  "run",
  "scheduled",
  "openedAt",
  "committedAt",
  ...totalNames,
  "mail",
  "mailAt",
  "day",
] as const;

/** The columns of an overview in CSV, in this order; later versions add columns at the end. */
export const overviewColumns = [
  ...(["watchlist", "tenant", "states", "faults", "run", "day", "openedAt", "committedAt", "due"] as const),
  ...totalNames,
  ...(["overdueShare", "failingProduct", "failingReason", "failingRuns"] as const),
  ...(["digest", "digestRun", "digestAt", "digestReason"] as const),
] as const;

/** The columns of the listed products in CSV, in this order; later versions add columns at the end. */
export const productsColumns = [
  ...(["softwareId", "name", "vendor", "weaknesses", "exposedMachines", "installedMachines"] as const),
  ...(["watchlists", "tenant"] as const),
] as const;

/** One run in a history. */
export interface HistoryRow extends Totals {
  runId: RunId;
  scheduled: boolean;
  openedAt: string;
  committedAt: string;
  mail: string;
  mailAt: string;
  /** The day that the run belongs to. */
  day: RunDate;
}

type Cell = string | number | boolean | null;
type Line<Column extends string> = Readonly<Record<Column, Cell>>;

/** One KB of one product in one run, under the columns' names. */
export type EntryLine = Line<ReportColumn>;

const linesAtOnce = 1_000;
// Without it Excel reads UTF-8 as the machine's own code page.
const byteOrderMark = "\ufeff";

/** One line per KB and product: RFC 4180 in UTF-8 with a byte order mark. */
export function reportCsv(report: Report): string {
  return [...reportCsvChunks(report)].join("");
}

/** `reportCsv` in pieces, for a response that need not be complete in memory. */
export function reportCsvChunks(report: Report): Generator<string> {
  return csvChunks(reportColumns, entryLines(report));
}

/** Entries of any runs, with the columns of a report, in the order given. */
export function entriesCsv(lines: readonly EntryLine[]): string {
  return [...csvChunks(reportColumns, lines)].join("");
}

/** One line per run, in the order given. */
export function historyCsv(rows: readonly HistoryRow[]): string {
  const lines = rows.map(({ runId, ...row }) => ({ run: runId, ...row }));
  return [...csvChunks(historyColumns, lines)].join("");
}

/** One line per watchlist, in the order given; empty where nobody knows. */
export function overviewCsv(rows: readonly OverviewRow[]): string {
  return [...csvChunks(overviewColumns, rows.map(overviewLine))].join("");
}

/** One line per product, in the order given. */
export function productsCsv(products: readonly FoundListed[]): string {
  const lines = products.map(({ watchlists, ...product }) => ({ ...product, watchlists: watchlists.join("; ") }));
  return [...csvChunks(productsColumns, lines)].join("");
}

function overviewLine(row: OverviewRow): Line<(typeof overviewColumns)[number]> {
  const { watchlist, tenant, states, faults, latest, due, failing, digest } = row;
  const noCounts = Object.fromEntries(totalNames.map((name) => [name, null])) as Record<TotalName, null>;
  return {
    ...{ watchlist, tenant, states: states.join("; "), faults: faults.join("; "), due },
    ...{ run: latest?.runId ?? null, day: latest?.day ?? null },
    ...{ openedAt: latest?.openedAt ?? null, committedAt: latest?.committedAt ?? null },
    ...(latest?.totals ?? noCounts),
    overdueShare: roundedShare(overdueShare(row)),
    failingProduct: failing?.softwareId ?? null,
    failingReason: failing?.reason ?? null,
    failingRuns: failing?.misses ?? null,
    ...{ digest: digest.status, digestRun: digest.runId, digestAt: digest.at, digestReason: digest.reason },
  };
}

function* csvChunks<Column extends string>(
  columns: readonly Column[],
  lines: Iterable<Line<Column>>,
): Generator<string> {
  yield byteOrderMark + write([columns]);
  let waiting: Cell[][] = [];
  for (const line of lines) {
    waiting.push(columns.map((column) => line[column]));
    if (waiting.length < linesAtOnce) continue;
    yield write(waiting);
    waiting = [];
  }
  if (waiting.length > 0) yield write(waiting);
}

function write(lines: readonly (readonly Cell[])[]): string {
  return stringify(lines as Cell[][], {
    record_delimiter: "windows",
    eof: true,
    // By itself only the complete line end is quoted, but many readers end the line at half of it.
    quoted_match: /[\r\n]/,
    cast: { string: defuse, boolean: String },
  });
}

const formulaStart = /[=+\-@＝＋－＠]/;
const cellStart = /[;\t\r\n]/;

/**
 * Puts an apostrophe before text that a spreadsheet would run as a formula, also after a semicolon, a tab or a line break:
 * if that is the machine's list separator, a new cell starts there. Reads each character once, however long the text.
 */
export function defuse(text: string): string {
  // All that may come between the start of a cell and its formula, as long as it goes: no place is tried twice.
  return text.replace(/[;"\s]+|^/g, (before, at: number) => {
    const startsCell = at === 0 || cellStart.test(before);
    return startsCell && formulaStart.test(text.charAt(at + before.length)) ? `${before}'` : before;
  });
}

/** The entries of a report, one per KB and product, in its order. */
export function* entryLines(report: Report): Generator<EntryLine> {
  const products = new Map(report.products.map((product) => [product.softwareId, product]));
  const { watchlist, tenant, runId: run, previousRunId: previousRun, day: runDay } = report;
  for (const row of report.rows) {
    const advisory = advisoryCells(row);
    for (const entry of row.entries) {
      const { softwareId } = entry;
      const { current: readRun = null, readOn: lastReadOn = null } = products.get(softwareId) ?? {};
      yield {
        ...{ softwareId, id: row.id, name: row.name, productsNames: row.productsNames.join("; "), url: row.url },
        ...change(entry),
        ...lasting(entry, report),
        ...{ watchlist, tenant, run, previousRun, readRun, runDay, lastReadOn },
        ...{ since: entry.since, dueOn: entry.dueOn, replacedBy: entry.replacedBy ?? null, ...advisory },
      };
    }
  }
}

function advisoryCells({ advisory }: KbRow) {
  const exploited = advisory?.exploited ?? [];
  return {
    advisoryState: advisoryState({ advisory }),
    released: advisory?.released ?? null,
    severity: advisory?.severity ?? null,
    exploitedCves: exploited.map(({ cve }) => cve).join("; "),
    exploitedSince: exploited[0]?.since ?? null,
    ransomware: advisory ? exploited.some(({ ransomware }) => ransomware) : null,
    restart: advisory?.restart ?? null,
    supersedes: (advisory?.supersedes ?? []).join("; "),
  };
}

/** What to install: one line for each gap, under the action that closes it. */
export function actionsCsv(report: Report): string {
  return [...csvChunks(actionColumns, actionLines(report))].join("");
}

function* actionLines(report: Report): Generator<Line<(typeof actionColumns)[number]>> {
  const { watchlist, tenant, runId: run, day: runDay } = report;
  for (const [index, { row: action, installs, covers, ...rest }] of actionList(report).actions.entries()) {
    for (const { row, entry } of [...installs, ...covers]) {
      yield {
        ...{ rank: index + 1, install: action.id, name: action.name, exploited: rest.exploited, machines: rest.reach },
        ...{ since: rest.since, restart: action.advisory?.restart ?? null, softwareId: entry.softwareId, id: row.id },
        ...{ change: entry.kind, machineMissedOn: entry.current?.machineMissedOn ?? null },
        ...{ watchlist, tenant, run, runDay },
      };
    }
  }
}

const nothing = Object.fromEntries(reportColumns.map((column) => [column, null])) as Record<ReportColumn, null>;

/** The line in place of the entries of a product, or of a run, that cannot be read any more. */
export function lostLine(run: RunSummary, softwareId: string | null, why: string): EntryLine {
  const { watchlist, tenant, runId, previousRunId: previousRun, day: runDay } = run;
  return { ...nothing, ...{ softwareId, change: "lost", why, watchlist, tenant, run: runId, previousRun, runDay } };
}

function change({ current, previous, kind, reasons }: KbEntry) {
  return {
    machineMissedOn: current?.machineMissedOn ?? null,
    cveAddressed: current?.cveAddressed ?? null,
    previousMachineMissedOn: previous?.machineMissedOn ?? null,
    previousCveAddressed: previous?.cveAddressed ?? null,
    change: kind,
    why: reasons.join("; "),
  };
}

function lasting(entry: KbEntry, report: Report) {
  return {
    firstSeen: entry.firstSeen,
    ageDays: ageInDays(entry, report.day),
    overdueDays: daysOverdue(entry, report),
    peakMachineMissedOn: entry.peak,
    stalled: isStalled(entry, report.day),
  };
}
