import { pMapIterable } from "p-map";
import { type Comparison, isRead } from "../core/comparison.ts";
import { buildReport, type Compared, type Report } from "../core/report.ts";
import type { Run } from "../core/run.ts";
import type { RunId } from "../core/run-id.ts";
import type { Snapshot } from "../core/snapshot.ts";
import type { Ports } from "../ports.ts";
import { recentRuns } from "./chain.ts";

const concurrency = 16;
const defaultDueDays = 14;

/** A snapshot that a run names is gone: the run is older than the retention. */
export class SnapshotGoneError extends Error {
  constructor(softwareId: string, runId: RunId) {
    super(`The snapshot of ${softwareId} from ${runId} is no longer kept (RETENTION_DAYS).`);
    this.name = "SnapshotGoneError";
  }
}

/** The report of a run: as it was mailed, or compared with any other run. */
export async function loadReport(
  run: Run,
  { store, watchlists }: Pick<Ports, "store" | "watchlists">,
  from?: Run,
): Promise<Report> {
  const recent = await recentRuns(store, run.watchlist, run.runId);
  const trend = recent.map(({ runId, totals }) => ({ runId, totals }));
  const dueDays = watchlists.find(({ name }) => name === run.watchlist)?.dueDays ?? defaultDueDays;
  const comparisons = from ? compareRuns(from, run) : run.comparisons;
  const previousRunId = from?.runId ?? run.previousRunId;
  const load = async (comparison: Comparison): Promise<Compared> => {
    const read = (runId: RunId | null) => readNamed(run.tenant, comparison.softwareId, runId, store);
    const current = await read(comparison.current);
    const previous = isRead(comparison) ? await read(comparison.previous) : current;
    return { comparison, previous, current };
  };
  const compared = pMapIterable(comparisons, load, { concurrency });
  return buildReport({ run, previousRunId, trend, dueDays }, compared);
}

/** Compares what `run` measured with what stood at `from`. */
function compareRuns(from: Run, run: Run): Comparison[] {
  const before = new Map(from.comparisons.map(({ softwareId, current }) => [softwareId, current]));
  return run.comparisons.map((comparison) => {
    const { softwareId, current } = comparison;
    const previous = isRead(comparison) ? (before.get(softwareId) ?? null) : current;
    return { softwareId, previous, current };
  });
}

async function readNamed(
  tenant: string,
  softwareId: string,
  runId: RunId | null,
  store: Ports["store"],
): Promise<Snapshot | null> {
  if (!runId) return null;
  const snapshot = await store.readSnapshot({ tenant, softwareId, runId });
  if (!snapshot) throw new SnapshotGoneError(softwareId, runId);
  return snapshot;
}
