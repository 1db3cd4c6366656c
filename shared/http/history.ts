import { addDays, calendarDay } from "../core/day.ts";
import { isScheduled } from "../core/run-id.ts";
import { inOrderOfOpening } from "../core/run-list.ts";
import { chainOf } from "../core/watchlist.ts";
import { historyParameters } from "../render/parameters.ts";
import type { RequestPorts } from "./caller.ts";
import { findWatchlist } from "./find-run.ts";
import { chooseFormat } from "./negotiate.ts";
import { readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse, response } from "./response.ts";

const offers = { json: "application/json; charset=utf-8", csv: "text/csv; charset=utf-8" };

/** The totals of a watchlist's runs, in the order in which they were opened. */
export async function serveHistory(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const { watchlist: name, days, format: asked } = readQuery(request.query, historyParameters);
  const watchlist = await findWatchlist(name, ports);
  const format = chooseFormat(asked, request, offers);
  const today = calendarDay(ports.now(), ports.rules.timeZone);
  const oldest = addDays(today, -days);
  // The id of a run asked for has the day in UTC, which may be the one before.
  const listed = await ports.store.listRuns(chainOf(watchlist), addDays(oldest, -1));
  const runs = inOrderOfOpening(listed.filter(({ day }) => day >= oldest)).map((run) => ({
    runId: run.runId,
    scheduled: isScheduled(run.runId),
    openedAt: run.openedAt,
    committedAt: run.committedAt,
    ...run.totals,
    mail: run.mail.status,
    mailAt: run.mail.at,
    day: run.day,
  }));
  const vary = { Vary: "Accept" };
  if (format === "json") return jsonResponse(200, { watchlist: watchlist.name, days, runs }, vary);
  const { historyCsv } = await import("../render/export/csv.ts");
  return response(200, offers.csv, historyCsv(runs), {
    ...vary,
    "Content-Disposition": `attachment; filename="missing-kbs-${watchlist.name}-history-${today}.csv"`,
  });
}
