import type { Report } from "../core/report.ts";
import type { Run } from "../core/run.ts";
import { selectReport } from "../core/selection.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import { type ReportParameters, reportParameters, type Values } from "../render/parameters.ts";
import type { RenderOptions } from "../render/words.ts";
import { renderOptions, SnapshotGoneError } from "../run/load-report.ts";
import { withEtag } from "./etag.ts";
import { findRun, findWatchlist, noReportYet } from "./find-run.ts";
import { chooseFormat } from "./negotiate.ts";
import { badParameter, Problem } from "./problem.ts";
import { readQuery } from "./query.ts";
import { recentReport } from "./recent-report.ts";
import { serveEmptyPage, servePage } from "./report-page.ts";
import { type HttpRequest, type HttpResponse, response } from "./response.ts";

type Format = NonNullable<Values<ReportParameters>["format"]>;

const offers: Readonly<Record<Format, string>> = {
  json: "application/json; charset=utf-8",
  html: "text/html; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  text: "text/plain; charset=utf-8",
};

/** The report of a run, or of what changed between any two runs, as page, JSON, CSV or text. */
export async function serveReport(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const query = readQuery(request.query, reportParameters);
  const watchlist = findWatchlist(query.watchlist, ports);
  const format = chooseFormat(query.format, request, offers);
  checkProduct(query.softwareId, watchlist);
  const run = await findRun(query.run, watchlist.name, ports);
  if (!run) {
    if (format === "html") return serveEmptyPage(query, watchlist, ports);
    throw noReportYet(watchlist.name);
  }
  const from = await findFrom(query.from, run, ports);
  const report = await load(run, from, ports);
  if (format === "html") return withEtag(request, ...(await servePage({ query, watchlist, run, from, report }, ports)));
  const body = await renderExport(format, selectReport(report, query), renderOptions(ports, watchlist));
  const disposition = `${format === "text" ? "inline" : "attachment"}; filename="${fileName(report, format)}"`;
  return withEtag(request, response(200, offers[format], body, { "Content-Disposition": disposition }));
}

function checkProduct(softwareId: string | undefined, { softwareIds }: Watchlist): void {
  if (softwareId === undefined || softwareIds.includes(softwareId)) return;
  throw badParameter("softwareId", "This product is not on the watchlist.", softwareIds.slice(0, 50));
}

async function findFrom(asked: string | undefined, run: Run, ports: Ports): Promise<Run | undefined> {
  if (asked === undefined) return undefined;
  const from = await findRun(asked, run.watchlist, ports);
  if (!from) throw noReportYet(run.watchlist);
  if (from.runId !== run.runId) return from;
  throw badParameter("from", '"from" and "run" name the same run. Compare two different ones.');
}

async function load(run: Run, from: Run | undefined, ports: Ports): Promise<Report> {
  try {
    return await recentReport(run, from, ports);
  } catch (error) {
    if (!(error instanceof SnapshotGoneError)) throw error;
    throw new Problem(410, "Report no longer kept", error.message);
  }
}

async function renderExport(format: Exclude<Format, "html">, report: Report, options: RenderOptions): Promise<string> {
  if (format === "csv") return (await import("../render/export/csv.ts")).reportCsv(report);
  if (format === "text") return (await import("../render/digest/text.ts")).renderText(report, options);
  const { reportJsonChunks } = await import("../render/export/json.ts");
  return [...reportJsonChunks(report, options)].join("");
}

// Watchlist names and run ids have nothing that breaks a header or a file name, except the colon of a time.
function fileName({ watchlist, runId, previousRunId }: Report, format: Format): string {
  const name = ["missing-kbs", watchlist, runId, ...(previousRunId ? ["since", previousRunId] : [])].join("-");
  return `${name.replaceAll(":", "").replaceAll(" ", "-")}.${format === "text" ? "txt" : format}`;
}
