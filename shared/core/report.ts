import { type Comparison, isBaseline, isRead } from "./comparison.ts";
import { sortRows } from "./order.ts";
import { addComparison, type KbRow, type KbRows } from "./row.ts";
import type { ReadFailure, Run, RunSummary } from "./run.ts";
import type { RunId } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";
import { countTotals, type Totals } from "./totals.ts";

/** `not-kb-patched`: Defender counts weaknesses but lists no KBs, so missing updates cannot be seen here. */
export type ProductState = "read" | "empty" | "not-kb-patched" | "not-read";

/** One product in a report. */
export interface ProductRow {
  softwareId: string;
  state: ProductState;
  /** Whether it is seen for the first time. */
  baseline: boolean;
  /** The run of the snapshot compared with. */
  previous: RunId | null;
  /** The run of the snapshot shown; older than the report if today's read failed. */
  current: RunId | null;
  missingKbs: number;
  /** Sum of `machineMissedOn` over its KBs. */
  missingInstalls: number;
  /** How many items of Defender's answer could not be used. */
  unusable: number;
  failure: ReadFailure | null;
}

/** One run in a trend. */
export interface TrendPoint {
  runId: RunId;
  totals: Totals;
}

/** What changed in one watchlist from one run to another, and everything that is missing. */
export interface Report {
  watchlist: string;
  tenant: string;
  runId: RunId;
  openedAt: string;
  committedAt: string;
  /** The run compared with; `null` if there was none before. */
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

/** What a report has besides its comparisons. */
export type ReportFrame = Pick<Report, "previousRunId" | "trend" | "dueDays"> & {
  run: RunSummary & Pick<Run, "failures">;
};

/** Builds a report from a run's comparisons, one at a time, so that not all snapshots need to be in memory. */
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
