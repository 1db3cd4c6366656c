import type { RunFacts } from "./advisory.ts";
import { type Comparison, isBaseline, isRead } from "./comparison.ts";
import { daysBetween, type RunDate } from "./day.ts";
import type { ListReport } from "./list-report.ts";
import { sortRows } from "./order.ts";
import { addEntries, type Compared, type KbRow, type KbRows, toRow } from "./row.ts";
import { countProducts, type ReadFailure, type Run, type RunSummary } from "./run.ts";
import type { RunId } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";
import { countTotals, type Totals } from "./totals.ts";
import { type DueRules, dueRulesOf, type Thresholds } from "./watchlist.ts";

/** `not-kb-patched`: Defender lists no KBs and yet counts weaknesses, so its gaps cannot be seen here. */
export type ProductState = "read" | "empty" | "not-kb-patched" | "not-read";

/** One product in a report. */
export interface ProductRow {
  softwareId: string;
  state: ProductState;
  /** Whether this is its first sight. */
  baseline: boolean;
  /** The run of the snapshot compared with. */
  previous: RunId | null;
  /** The run of the snapshot shown; older than the report where today's read failed. */
  current: RunId | null;
  /** The day of the snapshot shown; `null` where none was ever read. */
  readOn: RunDate | null;
  /** Of the snapshot shown. */
  missingKbs: number;
  /** Sum of `machineMissedOn` over the KBs of the snapshot shown. */
  missingInstalls: number;
  /** Items of Defender's answer that could not be used. */
  unusable: number;
  /** KBs of the snapshot compared with that Defender no longer lists while it still counts weaknesses: nobody knows of them. */
  unlistedKbs: number;
  /** Whether two reads in this run listed different KBs, so that what either listed is shown. */
  differed: boolean;
  /** Whether it was read and has no KB, nor any that left its list lately. */
  neverListed: boolean;
  failure: ReadFailure | null;
}

/** One run in the row of runs before this one. */
export interface TrendPoint {
  runId: RunId;
  day: RunDate;
  totals: Totals;
}

/** What changed in one watchlist from one run to another, and all that is missing. */
export interface Report extends DueRules {
  watchlist: string;
  tenant: string;
  runId: RunId;
  /** The day that the run belongs to. */
  day: RunDate;
  openedAt: string;
  committedAt: string;
  /** The run compared with; `null` where there was none before. */
  previousRunId: RunId | null;
  /** The day of that run. */
  previousDay: RunDate | null;
  /** Worst first. */
  rows: readonly KbRow[];
  /** In the watchlist's order. */
  products: readonly ProductRow[];
  totals: Totals;
  /** Scheduled runs up to this one, oldest first. */
  trend: readonly TrendPoint[];
  /** Those of the run, or others where the report compares any two runs. */
  thresholds: Thresholds;
  /** What its run knew of the KBs; `null`: nothing. */
  facts: RunFacts | null;
  /** IANA name of the time zone of its days. */
  timeZone: string;
  /** What Defender's product list says of the watchlist; `null`: there is no list. */
  productList: ListReport | null;
}

/** What a report holds besides its comparisons. */
export type ReportFrame = Pick<Report, "previousRunId" | "previousDay" | "trend" | "thresholds"> & {
  run: RunSummary & Pick<Run, "failures">;
  facts?: RunFacts | null;
  /** The rows of these comparisons, where closing the run has just made them. */
  rows?: KbRows | undefined;
};

/** Builds a report from a run's comparisons, taken one at a time so that a large estate need not be held in memory. */
export async function buildReport(frame: ReportFrame, compared: AsyncIterable<Compared>): Promise<Report> {
  const { run, facts = null, previousRunId, previousDay, trend, thresholds, rows } = frame;
  const { watchlist, tenant, runId, day, openedAt, committedAt, rules } = run;
  const due = dueRulesOf(rules);
  const failures = new Map(run.failures.map((failure) => [failure.softwareId, failure]));
  const kbs: KbRows = rows ?? new Map();
  const comparisons: Comparison[] = [];
  const products: ProductRow[] = [];
  for await (const one of compared) {
    const { comparison } = one;
    if (!rows) addEntries(kbs, one, { thresholds, due, facts });
    comparisons.push(comparison);
    products.push(productRow(one, failures.get(comparison.softwareId) ?? null));
  }
  const totals = rows ? run.totals : countTotals(kbs.values(), countProducts(comparisons), day);
  return {
    ...{ watchlist, tenant, runId, day, openedAt, committedAt, previousRunId, previousDay, trend },
    ...{ thresholds, ...due, timeZone: rules.timeZone, facts, products, totals },
    productList: run.productList ?? null,
    rows: sortRows(Array.from(kbs.values(), (kb) => toRow(kb, kb.entries))),
  };
}

function productRow({ comparison, previous, current }: Compared, failure: ReadFailure | null): ProductRow {
  const kbs = current?.missingKbs ?? [];
  const state = isRead(comparison) ? readState(current) : "not-read";
  return {
    softwareId: comparison.softwareId,
    state,
    baseline: isBaseline(comparison),
    previous: comparison.previous,
    current: comparison.current,
    readOn: current?.day ?? null,
    missingKbs: kbs.length,
    missingInstalls: kbs.reduce((sum, kb) => sum + (kb.machineMissedOn ?? 0), 0),
    unusable: current?.unusable ?? 0,
    unlistedKbs: state === "not-kb-patched" ? (previous?.missingKbs.length ?? 0) : 0,
    differed: isRead(comparison) && current?.differed === true,
    neverListed: current !== null && kbs.length === 0 && current.gone.length === 0,
    failure,
  };
}

function readState(current: Snapshot | null): ProductState {
  if (current?.emptiness?.verdict === "not-kb-patched") return "not-kb-patched";
  return current && current.missingKbs.length > 0 ? "read" : "empty";
}

/** Whether Defender answers that it knows no such id, and never knew it: not for this watchlist, nor for another. */
export function isUnknownId({ failure }: Pick<ProductRow, "failure">): boolean {
  return failure?.unknownSince !== undefined && failure.permanent;
}

const inventoryDays = 14;

/** Whether a product that was read before is gone from Defender's inventory: nothing but 404 for 14 days. */
export function hasLeftInventory({ failure }: Pick<ProductRow, "failure">, day: RunDate): boolean {
  const since = failure?.unknownSince;
  return since !== undefined && !isUnknownId({ failure }) && daysBetween(since, day) >= inventoryDays;
}
