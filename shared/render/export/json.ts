import type { RunDate } from "../../core/day.ts";
import { ageInDays, countLasting, cves, daysOverdue, isStalled, reach } from "../../core/due.ts";
import { forecast } from "../../core/forecast.ts";
import type { Report } from "../../core/report.ts";
import type { KbEntry, KbRow } from "../../core/row.ts";
import { dayOf } from "../../core/run-id.ts";
import { reportLink, safeLink } from "../link.ts";
import type { RenderOptions } from "../words.ts";
import type { ReportJson } from "./schemas.ts";

type LinkOptions = Pick<RenderOptions, "reportUrl">;
type RowJson = ReportJson["rows"][number];

const rowsAtOnce = 500;

/** A report as a plain value that `reportSchema` describes. It depends on the run and the settings, never on the time. */
export function reportJson(report: Report, options: LinkOptions): ReportJson {
  return { ...frame(report, options), rows: report.rows.map((row) => rowJson(row, report)) };
}

/** The text of `reportJson` in pieces, for a response that need not be complete in memory. */
export function* reportJsonChunks(report: Report, options: LinkOptions): Generator<string> {
  yield `${JSON.stringify(frame(report, options)).slice(0, -1)},"rows":[`;
  for (let start = 0; start < report.rows.length; start += rowsAtOnce) {
    const rows = report.rows.slice(start, start + rowsAtOnce).map((row) => rowJson(row, report));
    yield (start > 0 ? "," : "") + JSON.stringify(rows).slice(1, -1);
  }
  yield "]}\n";
}

function frame(report: Report, { reportUrl }: LinkOptions): Omit<ReportJson, "rows"> {
  const { watchlist, tenant, runId, previousRunId, openedAt, committedAt, dueDays, totals, trend, products } = report;
  return {
    ...{ watchlist, tenant, runId, previousRunId, openedAt, committedAt, dueDays },
    page: reportLink(reportUrl, watchlist, runId),
    totals,
    ...countLasting(report),
    forecast: forecast(trend),
    trend: [...trend],
    products: [...products],
  };
}

function rowJson(row: KbRow, report: Report): RowJson {
  const day = dayOf(report.runId);
  return {
    id: row.id,
    name: row.name,
    productsNames: [...row.productsNames],
    url: row.url,
    link: safeLink(row.url),
    change: row.kind,
    machineMissedOn: reach(row),
    cveAddressed: cves(row),
    firstSeen: row.firstSeen,
    ageDays: ageInDays(row, day),
    overdueDays: daysOverdue(row, report),
    entries: row.entries.map((entry) => entryJson(entry, day)),
  };
}

function entryJson(entry: KbEntry, day: RunDate): RowJson["entries"][number] {
  const { softwareId, kind, current, previous, firstSeen, peak } = entry;
  const stalled = isStalled(entry, day);
  return { softwareId, change: kind, current, previous, firstSeen, peakMachineMissedOn: peak, stalled };
}
