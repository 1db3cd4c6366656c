import { pMapIterable } from "p-map";
import { everyRise } from "../core/change.ts";
import { type Comparison, isRead } from "../core/comparison.ts";
import { addDays } from "../core/day.ts";
import { buildReport, type ProductRow, type Report, type TrendPoint } from "../core/report.ts";
import { addEntries, type Compared, type EntryRules, type KbRows } from "../core/row.ts";
import { countProducts, lastComparisons, type Run, type RunSummary } from "../core/run.ts";
import type { RunId } from "../core/run-id.ts";
import { changesSince, type SinceDigest, type SinceProduct } from "../core/since.ts";
import type { Snapshot } from "../core/snapshot.ts";
import { countTotals, isPartial } from "../core/totals.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { type Ports, RowError, type Store } from "../ports.ts";
import type { RenderOptions } from "../render/words.ts";
import { recentRuns } from "./chain.ts";
import { nextCertainMail, nextRun } from "./next-run.ts";
import { findSnapshots, type HeldSnapshots } from "./snapshots.ts";
import { unlessDamaged } from "./unless-damaged.ts";

const concurrency = 16;

/** A run names a snapshot that no longer exists: the run is older than the retention. */
export class SnapshotGoneError extends Error {
  constructor(softwareId: string, runId: RunId) {
    super(`The snapshot of ${softwareId} from ${runId} is no longer kept (RETENTION_DAYS).`);
    this.name = "SnapshotGoneError";
  }
}

/** What a report may be loaded with. */
interface Loading {
  /** The run to compare with, instead of the one that the run itself compared with. */
  from?: Run | undefined;
  held?: HeldSnapshots | undefined;
  /** See `ReportFrame`. */
  rows?: KbRows | undefined;
}

/** The report of a run: as it was mailed, or compared with any earlier run. */
export async function loadReport(run: Run, { store }: Pick<Ports, "store">, loading: Loading = {}): Promise<Report> {
  const { from, held, rows } = loading;
  const [recent, facts] = await Promise.all([recentRuns(store, run), store.readFacts(run)]);
  const trend = recent.map(({ runId, day, totals }) => ({ runId, day, totals }));
  const load = (comparison: Comparison) => loadCompared(run, comparison, store, held);
  const compared = pMapIterable(from ? compareRuns(from, run) : run.comparisons, load, { concurrency });
  const [previousRunId, previousDay] = from ? [from.runId, from.day] : [run.previousRunId, run.previousRunId];
  const thresholds = from ? everyRise : run.rules.thresholds;
  return buildReport({ run, facts, previousRunId, previousDay, trend, thresholds, rows }, compared);
}

/** The report of one product of a run as it was mailed, without the other products and the trend. */
export async function loadProductReport(
  run: Run,
  comparison: Comparison,
  { store, facts }: Pick<Ports, "store"> & Pick<Report, "facts">,
): Promise<Report> {
  const compared = await loadCompared(run, comparison, store);
  const failures = run.failures.filter(({ softwareId }) => softwareId === comparison.softwareId);
  const { previousRunId, rules } = run;
  const frame = { previousRunId, previousDay: previousRunId, trend: [], thresholds: rules.thresholds };
  return buildReport({ ...frame, facts, run: { ...run, failures } }, only(compared));
}

async function loadCompared(
  { tenant }: Pick<Run, "tenant">,
  comparison: Comparison,
  store: Store,
  held?: HeldSnapshots,
): Promise<Compared> {
  const { softwareId, previous, current } = comparison;
  const [before = null, now = null] = await findSnapshots({ tenant, softwareId }, [previous, current], store, held);
  if (current && !now) throw new SnapshotGoneError(softwareId, current);
  if (previous && !before) throw new SnapshotGoneError(softwareId, previous);
  return { comparison, previous: before, current: now };
}

async function* only<T>(item: T): AsyncGenerator<T> {
  yield item;
}

/** The trend of one product over the scheduled runs of the 30 days up to `run`, oldest first; `facts`: those of the run. */
export async function loadProductTrend(
  softwareId: string,
  run: Run,
  { store, facts }: Pick<Ports, "store"> & Pick<Report, "facts">,
): Promise<TrendPoint[]> {
  const { tenant, day, rules } = run;
  const snapshots = await store.listSnapshots({ tenant, softwareId }, addDays(day, -30), day);
  const byRun = new Map(snapshots.map((snapshot) => [snapshot.runId, snapshot]));
  const points: TrendPoint[] = [];
  const entryRules = { thresholds: rules.thresholds, due: rules, facts };
  let last: Snapshot | null = null;
  for (const { runId } of await recentRuns(store, run)) {
    const current: Snapshot | null = byRun.get(runId) ?? last;
    const comparison = { softwareId, previous: last?.runId ?? null, current: current?.runId ?? null };
    if (current) points.push(trendPoint({ comparison, previous: last, current }, runId, entryRules));
    last = current;
  }
  return points;
}

function trendPoint(compared: Compared, runId: RunId, rules: EntryRules): TrendPoint {
  const rows: KbRows = new Map();
  addEntries(rows, compared, rules);
  const totals = countTotals(rows.values(), countProducts([compared.comparison]), runId);
  return { runId, day: runId, totals };
}

/**
 * What happened since the last digest, of the run `since`, besides what the report shows; `null` where that is the run
 * that the report compares with and read everything, so that there is nothing in between. What cannot be read any more is
 * `lost`.
 */
export async function loadSince(
  report: Report,
  since: RunSummary,
  { store }: Pick<Ports, "store">,
  held?: HeldSnapshots,
): Promise<SinceDigest | null> {
  const { tenant } = report;
  const isNext = since.runId === report.previousRunId;
  if (isNext && !isPartial(since.totals)) return null;
  const { runId, day } = since;
  const stored = await unlessDamaged(store.readRun(since, runId));
  if (!stored || stored instanceof RowError) {
    const lost = report.products.map(({ softwareId }) => softwareId);
    return { runId, day, rows: [], readable: [], watched: [], lost, rose: 0, cameAndWent: 0 };
  }
  const then = stored.run;
  const comparisons = new Map(then.comparisons.map((comparison) => [comparison.softwareId, comparison]));
  const left = new Set(then.left.map(({ softwareId }) => softwareId));
  const products = report.products.filter(({ softwareId }) => {
    const comparison = comparisons.get(softwareId);
    // Where no run passed in between, the report itself shows every change of what was read then. What was off the list
    // then was not shown, and is not new to it.
    return !left.has(softwareId) && !(isNext && comparison && isRead(comparison));
  });
  const load = async ({ softwareId, current }: ProductRow): Promise<SinceProduct> => {
    const comparison = comparisons.get(softwareId);
    const wanted = comparison?.current ?? null;
    const find = (...runIds: (RunId | null)[]) => findSnapshots({ tenant, softwareId }, runIds, store, held);
    const both = await unlessDamaged(find(wanted, current));
    const [before = null, now = null] = both instanceof RowError ? [null, ...(await find(current))] : both;
    const { heldBack, firstEmptyOn } = comparison ?? {};
    const wasRead = comparison !== undefined && isRead(comparison);
    return { softwareId, last: before, isLost: wanted !== null && !before, heldBack, firstEmptyOn, wasRead, now };
  };
  return changesSince(report, { runId, day }, pMapIterable(products, load, { concurrency }));
}

/** Compares what `run` read with what `from` reported. */
function compareRuns(from: Run, run: Run): Comparison[] {
  const before = lastComparisons(from);
  return run.comparisons.map((comparison) => {
    const { softwareId, current } = comparison;
    const previous = isRead(comparison) ? (before.get(softwareId)?.current ?? null) : current;
    return { softwareId, previous, current };
  });
}

/** What a report is rendered with besides itself. */
export function renderOptions({ rules, now }: Pick<Ports, "rules" | "now">, watchlist: Watchlist): RenderOptions {
  const { timeZone, reportUrl, portalUrl, graceMinutes } = rules;
  const next = nextRun(rules.schedule, now())?.toISOString() ?? null;
  const nextMail = nextCertainMail(watchlist, rules, now())?.toISOString() ?? null;
  return { timeZone, reportUrl, portalUrl, graceMinutes, nextRun: next, nextMail };
}
