import { addDays, calendarDay, type RunDate } from "../core/day.ts";
import { isScheduled } from "../core/run-id.ts";
import { chainOf, type Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import type { HistoryRow } from "../render/export/csv.ts";
import type { EntriesJson } from "../render/export/schemas.ts";
import { type HistoryParameters, historyParameters, maxEntriesOfPage, type Values } from "../render/parameters.ts";
import type { RequestPorts } from "./caller.ts";
import { findWatchlist, runsOfDays } from "./find-run.ts";
import { chooseFormat, offer } from "./negotiate.ts";
import { badParameter } from "./problem.ts";
import { readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse, response } from "./response.ts";

type HistoryQuery = Values<HistoryParameters>;

const offers = offer("json", "csv");
const vary = { Vary: "Accept" };

/** The totals of a watchlist's runs, or a page of their entries, in the order in which the runs were opened. */
export async function serveHistory(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const query = readQuery(request.query, historyParameters);
  const watchlist = await findWatchlist(query.watchlist, ports);
  const format = chooseFormat(query.format, request, offers);
  checkTogether(query);
  const today = calendarDay(ports.now(), ports.rules.timeZone);
  const asked = { watchlist, format, today };
  return query.detail === "entries" ? serveEntries(query, asked, ports) : serveRuns(query, asked, ports);
}

interface Asked {
  watchlist: Watchlist;
  format: keyof typeof offers;
  today: RunDate;
}

/** Refuses parameters that are known and make no sense together. */
function checkTogether({ detail, days, from, to, limit, after }: HistoryQuery): void {
  if (days !== undefined && from !== undefined) {
    throw badParameter("days", '"days" and "from" both say where the history begins. Give one of them.');
  }
  if (from !== undefined && to !== undefined && to < from) throw badParameter("to", '"to" must not be before "from".');
  const [paged] = Object.entries({ limit, after }).find(([, value]) => value !== undefined) ?? [];
  if (detail === "runs" && paged)
    throw badParameter(paged, `"${paged}" needs detail=entries: only entries have pages.`);
}

const usualDays = 90;

async function serveRuns(query: HistoryQuery, { watchlist, format, today }: Asked, ports: Ports) {
  const { days = usualDays, from = addDays(today, -days), to } = query;
  const runs = (await runsOfDays(chainOf(watchlist), { from, to }, ports.store)).map(
    (run): HistoryRow => ({
      runId: run.runId,
      scheduled: isScheduled(run.runId),
      openedAt: run.openedAt,
      committedAt: run.committedAt,
      ...run.totals,
      mail: run.mail.status,
      mailAt: run.mail.at,
      day: run.day,
    }),
  );
  if (format === "json") return jsonResponse(200, { watchlist: watchlist.name, from, to: to ?? null, runs }, vary);
  const { historyCsv } = await import("../render/export/csv.ts");
  return csvResponse(historyCsv(runs), `missing-kbs-${watchlist.name}-history-${today}.csv`);
}

async function serveEntries(query: HistoryQuery, { watchlist, format, today }: Asked, ports: Ports) {
  const { days, from = days ? addDays(today, -days) : undefined, to, limit = maxEntriesOfPage, after } = query;
  const { entriesPage } = await import("./history-entries.ts");
  const { rows, next } = await entriesPage({ watchlist, from, to, format, limit, after }, ports);
  const link: Readonly<Record<string, string>> = next ? { Link: `<${next}>; rel="next"` } : {};
  if (format === "json") {
    const body: EntriesJson = { watchlist: watchlist.name, from: from ?? null, to: to ?? null, rows, next };
    return jsonResponse(200, body, { ...vary, ...link });
  }
  const { entriesCsv } = await import("../render/export/csv.ts");
  return csvResponse(entriesCsv(rows), `missing-kbs-${watchlist.name}-entries-${today}.csv`, link);
}

function csvResponse(body: string, fileName: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  const disposition = `attachment; filename="${fileName}"`;
  return response(200, offers.csv, body, { ...vary, "Content-Disposition": disposition, ...headers });
}
