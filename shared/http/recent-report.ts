import type { Report } from "../core/report.ts";
import type { Run } from "../core/run.ts";
import type { Ports } from "../ports.ts";
import { loadReport } from "../run/load-report.ts";

/** Together about 15 MB at most. */
const maxReports = 4;
const maxEntries = 25_000;

interface Loaded {
  ports: Pick<Ports, "store" | "watchlists">;
  key: string;
  report: Report;
}

let recent: readonly Loaded[] = [];

/**
 * The report of a run, from memory if it was loaded lately. People filter, sort and page through one report, and reading
 * its snapshots again would make each click several times slower. A committed run never changes, nor does its report.
 */
export async function recentReport(run: Run, from: Run | undefined, ports: Ports): Promise<Report> {
  const { store, watchlists } = ports;
  const key = JSON.stringify([run, from].map((one) => one && [one.tenant, one.watchlist, one.runId, one.committedAt]));
  const isThis = (loaded: Loaded) =>
    loaded.key === key && loaded.ports.store === store && loaded.ports.watchlists === watchlists;
  const report = recent.find(isThis)?.report ?? (await loadReport(run, ports, from));
  const entries = report.rows.reduce((sum, row) => sum + row.entries.length, 0);
  const others = recent.filter((loaded) => !isThis(loaded));
  if (entries <= maxEntries) recent = [{ ports: { store, watchlists }, key, report }, ...others].slice(0, maxReports);
  return report;
}
