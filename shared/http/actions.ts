import type { Report } from "../core/report.ts";
import { fileName } from "../render/export/file-name.ts";
import { type ActionsParameters, actionsParameters, type Values } from "../render/parameters.ts";
import type { RequestPorts } from "./caller.ts";
import { withEtag } from "./etag.ts";
import { findRun, findWatchlist, noReportYet, runsOf } from "./find-run.ts";
import { chooseFormat } from "./negotiate.ts";
import { readQuery } from "./query.ts";
import { recentReport } from "./recent-report.ts";
import { type HttpRequest, type HttpResponse, response } from "./response.ts";

type Format = NonNullable<Values<ActionsParameters>["format"]>;

const offers: Readonly<Record<Format, string>> = {
  json: "application/json; charset=utf-8",
  csv: "text/csv; charset=utf-8",
};

/** What to install to close everything that a run found missing, and what each update closes: `GET /api/actions`. */
export async function serveActions(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const query = readQuery(request.query, actionsParameters);
  const format = chooseFormat(query.format, request, offers);
  const watchlist = await findWatchlist(query.watchlist, ports);
  const run = await findRun(query.run, runsOf(watchlist, ports), ports);
  if (!run) throw noReportYet(watchlist.name);
  const report = await recentReport(run, undefined, ports);
  const disposition = `attachment; filename="${fileName(report, `actions.${format}`)}"`;
  const body = await render(format, report);
  return withEtag(request, response(200, offers[format], body, { "Content-Disposition": disposition }));
}

async function render(format: Format, report: Report): Promise<string> {
  if (format === "csv") return (await import("../render/export/csv.ts")).actionsCsv(report);
  return `${JSON.stringify((await import("../render/export/json.ts")).actionsJson(report))}\n`;
}
