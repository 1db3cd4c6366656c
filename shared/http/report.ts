import { isWatched } from "../core/found-products.ts";
import type { Report } from "../core/report.ts";
import type { Run } from "../core/run.ts";
import { newerRuns } from "../core/run-list.ts";
import { filterOf, select } from "../core/selection.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import type { AskedReport } from "../render/asked-report.ts";
import { fileName } from "../render/export/file-name.ts";
import { type keyParameter, type ReportParameters, reportParameters, type Values } from "../render/parameters.ts";
import { formatRun } from "../render/words.ts";
import { loadProductTrend, renderOptions } from "../run/load-report.ts";
import type { RequestPorts } from "./caller.ts";
import { withEtag } from "./etag.ts";
import { findFrom, findRun, findWatchlist, noReportYet, runsOf, type WatchlistRuns } from "./find-run.ts";
import { chooseFormat, offer } from "./negotiate.ts";
import { toOverview } from "./overview.ts";
import { badParameter, Problem } from "./problem.ts";
import { readQuery } from "./query.ts";
import { recentReport } from "./recent-report.ts";
import { serveEmptyPage, servePage } from "./report-page.ts";
import { type HttpRequest, type HttpResponse, response } from "./response.ts";

type ReportQuery = Values<ReportParameters & typeof keyParameter>;
type Format = NonNullable<ReportQuery["format"]>;

const offers = offer<Format>("json", "html", "csv", "text");

/** The report of a run, or of what changed between any two runs, as page, JSON, CSV or text. */
export async function serveReport(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const query = readQuery(request.query, reportParameters);
  const format = chooseFormat(query.format, request, offers);
  if (format === "html" && namesNothing(request)) {
    const { list } = await ports.watchlists();
    if (list.length > 1) return toOverview(request.query);
  }
  const watchlist = await findWatchlist(query.watchlist, ports);
  const runs = runsOf(watchlist, ports);
  const run = await findRun(query.run, runs, ports);
  if (!run) {
    checkProduct(query.softwareId, watchlist);
    if (format === "html") return serveEmptyPage(query, watchlist, ports);
    throw noReportYet(watchlist.name);
  }
  const asked = await ask(query, run, runs, ports);
  checkProduct(query.softwareId, watchlist, asked.full);
  if (format === "html") {
    return withEtag(request, ...(await servePage({ query, watchlist, run, runs: await runs.list(), asked }, ports)));
  }
  const body = await renderExport(format, asked, watchlist, ports);
  const [how, extension] = format === "text" ? ["inline", "txt"] : ["attachment", format];
  const disposition = `${how}; filename="${fileName(asked.full, extension)}"`;
  return withEtag(request, response(200, offers[format], body, { "Content-Disposition": disposition }));
}

/** Whether a request says nothing of which report it wants; a script that does so gets an error, not another format. */
function namesNothing({ query }: HttpRequest): boolean {
  return [...query.keys()].every((name) => name === "format" || name === "code");
}

/** Refuses a product that is neither on the watchlist nor in a report of it from before it was taken off. */
function checkProduct(softwareId: string | undefined, watchlist: Watchlist, report?: Report): void {
  if (softwareId === undefined || isWatched(watchlist, softwareId)) return;
  const shown = report?.products.map((product) => product.softwareId) ?? [];
  if (shown.includes(softwareId)) return;
  const allowed = new Set([...watchlist.softwareIds, ...shown]);
  throw badParameter("softwareId", "This product is not on the watchlist.", [...allowed].slice(0, 50));
}

/** What a query asks for: the report, the selected part of it, and which runs are newer. */
async function ask(query: ReportQuery, run: Run, runs: WatchlistRuns, ports: Ports): Promise<AskedReport> {
  const from = query.from === undefined ? undefined : await findFrom(query.from, run, runs, ports);
  const full = await recentReport(run, from, ports);
  const { kb, softwareId, sort, order } = query;
  if (kb !== undefined && !full.rows.some(({ id }) => id === kb)) throw noSuchKb(kb, full);
  const known = { store: ports.store, facts: full.facts };
  const trend = softwareId === undefined ? full.trend : await loadProductTrend(softwareId, run, known);
  const newer = query.run === "latest" ? newerRuns(await runs.list(), run) : [];
  return {
    ...select(full, { ...filterOf(query), sort, ...(order && { order }) }, trend),
    newerRuns: newer.map(({ runId }) => runId),
    ...(from && { from: from.runId }),
  };
}

function noSuchKb(kb: string, { runId, timeZone }: Report): Problem {
  const run = formatRun(runId, timeZone);
  // What is no number is not repeated.
  const named = /^\d+$/.test(kb) ? `KB${kb}` : "This KB";
  const detail = `${named} is not in the report of ${run}: no product misses it, and none did in the run compared with. Check the number, or leave "kb" out to see all KBs.`;
  return new Problem(404, "No such KB", detail, { parameter: "kb" });
}

async function renderExport(
  format: Exclude<Format, "html">,
  asked: AskedReport,
  watchlist: Watchlist,
  ports: Ports,
): Promise<string> {
  if (format === "csv") return (await import("../render/export/csv.ts")).reportCsv(asked.report);
  if (format === "text") {
    return (await import("../render/export/text.ts")).reportText(asked, renderOptions(ports, watchlist));
  }
  const { reportJsonChunks } = await import("../render/export/json.ts");
  return [...reportJsonChunks(asked, ports.rules)].join("");
}
