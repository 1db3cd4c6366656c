import { type Comparison, isBaseline, isRead } from "./comparison.ts";
import { sortRows } from "./order.ts";
import { addComparison, type KbRow, type KbRows } from "./row.ts";
import type { ReadFailure, Run, RunSummary } from "./run.ts";
import type { RunId } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";
import { countTotals, type Totals } from "./totals.ts";

/** `not-kb-patched`: Defender lists no KBs and yet counts weaknesses, so its gaps cannot be seen here. */
export type ProductState = "read" | "empty" | "not-kb-patched" | "not-read";

/** One software in a report. */
export interface ProductRow {
  softwareId: string;
  state: ProductState;
  /** Whether this is its first sight. */
  baseline: boolean;
  /** The run of the snapshot compared with. */
  previous: RunId | null;
  /** The run of the snapshot shown; older than the report where today's read failed. */
  current: RunId | null;
  missingKbs: number;
  /** Sum of `machineMissedOn` over its KBs. */
  missingInstalls: number;
  /** Items of Defender's answer that could not be used. */
  unusable: number;
  failure: ReadFailure | null;
}

/** One run in the row of runs before this one. */
export interface TrendPoint {
  runId: RunId;
  totals: Totals;
}

/** What changed in one watchlist from one run to another, and all that is missing. */
export interface Report {
  watchlist: string;
  tenant: string;
  runId: RunId;
  openedAt: string;
  committedAt: string;
  /** The run compared with; `null` where there was none before. */
  previousRunId: RunId | null;
  /** Worst first. */
  rows: readonly KbRow[];
  /** In the watchlist's order. */
  products: readonly ProductRow[];
  totals: Totals;
  /** Scheduled runs up to this one, oldest first. */
  trend: readonly TrendPoint[];
  dueDays: number;
}

/** A comparison with the snapshots it names. */
export interface Compared {
  comparison: Comparison;
  previous: Snapshot | null;
  current: Snapshot | null;
}

/** What a report holds besides its comparisons. */
export type ReportFrame = Pick<Report, "previousRunId" | "trend" | "dueDays"> & {
  run: RunSummary & Pick<Run, "failures">;
};

/** Builds a report from a run's comparisons, taken one at a time so that a large estate need not be held whole. */
export async function buildReport(frame: ReportFrame, compared: AsyncIterable<Compared>): Promise<Report> {
  const { run, previousRunId, trend, dueDays } = frame;
  const { watchlist, tenant, runId, openedAt, committedAt } = run;
  const failures = new Map(run.failures.map((failure) => [failure.softwareId, failure]));
  const rows: KbRows = new Map();
  const comparisons: Comparison[] = [];
  const products: ProductRow[] = [];
  for await (const { comparison, previous, current } of compared) {
    addComparison(rows, comparison, previous, current);
    comparisons.push(comparison);
    products.push(productRow(comparison, current, failures.get(comparison.softwareId) ?? null));
  }
  return {
    ...{ watchlist, tenant, runId, openedAt, committedAt, previousRunId, trend, dueDays, products },
    rows: sortRows(rows.values()),
    totals: countTotals(rows, comparisons),
  };
}

function productRow(comparison: Comparison, current: Snapshot | null, failure: ReadFailure | null): ProductRow {
  const kbs = current?.missingKbs ?? [];
  return {
    softwareId: comparison.softwareId,
    state: isRead(comparison) ? readState(current) : "not-read",
    baseline: isBaseline(comparison),
    previous: comparison.previous,
    current: comparison.current,
    missingKbs: kbs.length,
    missingInstalls: kbs.reduce((sum, kb) => sum + (kb.machineMissedOn ?? 0), 0),
    unusable: current?.unusable ?? 0,
    failure,
  };
}

function readState(current: Snapshot | null): ProductState {
  if (current?.emptiness?.verdict === "not-kb-patched") return "not-kb-patched";
  return current && current.missingKbs.length > 0 ? "read" : "empty";
}
