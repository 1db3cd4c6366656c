import { pMapIterable } from "p-map";
import { type Comparison, isRead } from "../core/comparison.ts";
import { buildReport, type Compared, type Report } from "../core/report.ts";
import type { Run } from "../core/run.ts";
import type { RunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import type { RenderOptions } from "../render/words.ts";
import { recentRuns } from "./chain.ts";
import { nextCertainMail, nextRun } from "./next-run.ts";
import { findSnapshots, type HeldSnapshots } from "./snapshots.ts";

const concurrency = 16;
const defaultDueDays = 14;

/** A run names a snapshot that no longer exists: the run is older than the retention. */
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
  held?: HeldSnapshots,
): Promise<Report> {
  const { tenant, watchlist } = run;
  const recent = await recentRuns(store, watchlist, run.runId);
  const trend = recent.map(({ runId, totals }) => ({ runId, totals }));
  const dueDays = watchlists.find(({ name }) => name === watchlist)?.dueDays ?? defaultDueDays;
  const load = async (comparison: Comparison): Promise<Compared> => {
    const { softwareId, previous, current } = comparison;
    const found = await findSnapshots({ tenant, softwareId }, [previous, current], store, held);
    const [before = null, now = null] = found;
    if (current && !now) throw new SnapshotGoneError(softwareId, current);
    if (previous && !before) throw new SnapshotGoneError(softwareId, previous);
    return { comparison, previous: before, current: now };
  };
  const compared = pMapIterable(from ? compareRuns(from, run) : run.comparisons, load, { concurrency });
  return buildReport({ run, previousRunId: from?.runId ?? run.previousRunId, trend, dueDays }, compared);
}

/** Compares what `run` read with what `from` reported. */
function compareRuns(from: Run, run: Run): Comparison[] {
  const before = new Map(from.comparisons.map(({ softwareId, current }) => [softwareId, current]));
  return run.comparisons.map((comparison) => {
    const { softwareId, current } = comparison;
    const previous = isRead(comparison) ? (before.get(softwareId) ?? null) : current;
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
