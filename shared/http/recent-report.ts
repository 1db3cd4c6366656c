import type { Report } from "../core/report.ts";
import type { Run } from "../core/run.ts";
import type { Ports } from "../ports.ts";
import { loadReport, SnapshotGoneError } from "../run/load-report.ts";
import { noLongerKept } from "./find-run.ts";

/** Together about 15 MB at most. */
const maxReports = 4;
const maxEntries = 25_000;

interface Loaded {
  store: Ports["store"];
  key: string;
  report: Report;
}

let recent: readonly Loaded[] = [];

/**
 * The report of a run, from memory if it was loaded lately. People filter, sort and page through one report, and reading
 * its snapshots again would make each click several times slower. A committed run never changes, nor does its report.
 */
export async function recentReport(run: Run, from: Run | undefined, { store }: Pick<Ports, "store">): Promise<Report> {
  const key = JSON.stringify([run, from].map((one) => one && [one.tenant, one.watchlist, one.runId, one.committedAt]));
  const isThis = (loaded: Loaded) => loaded.key === key && loaded.store === store;
  const report = recent.find(isThis)?.report ?? (await load(run, from, store));
  const entries = report.rows.reduce((sum, row) => sum + row.entries.length, 0);
  const others = recent.filter((loaded) => !isThis(loaded));
  if (entries <= maxEntries) recent = [{ store, key, report }, ...others].slice(0, maxReports);
  return report;
}

async function load(run: Run, from: Run | undefined, store: Ports["store"]): Promise<Report> {
  try {
    return await loadReport(run, { store }, { from });
  } catch (error) {
    if (!(error instanceof SnapshotGoneError)) throw error;
    throw noLongerKept(error.message);
  }
}
