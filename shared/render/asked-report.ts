import type { RunId } from "../core/run-id.ts";
import { filterOf, type SelectedReport } from "../core/selection.ts";
import { reportLink } from "./link.ts";
import { formatRun } from "./words.ts";

/** A report as it was asked for: what page, JSON and text are made of. */
export interface AskedReport extends SelectedReport {
  /** The runs opened after this one, oldest first, where the latest run was asked for. */
  newerRuns: readonly RunId[];
  /** The run that it was asked to compare with. */
  from?: RunId;
}

/** The same report, in the format given, or `null` where no address is configured. */
export function askedLink(
  { report, selection, from }: AskedReport,
  reportUrl: string | null,
  format: Readonly<Record<string, string>> = {},
): string | null {
  const asked = Object.entries({ from, ...filterOf(selection) }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return reportLink(reportUrl, report.watchlist, report.runId, { ...Object.fromEntries(asked), ...format });
}

/** That a run newer than the one shown was asked for. */
export function newerRunWords(runId: RunId, timeZone: string): string {
  return `A newer run of ${formatRun(runId, timeZone)} was asked for`;
}
