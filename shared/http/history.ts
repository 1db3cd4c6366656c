import { addDays } from "../core/day.ts";
import { dayOf, isScheduled, onDemandRunId } from "../core/run-id.ts";
import type { Ports } from "../ports.ts";
import { historyParameters } from "../render/parameters.ts";
import { findWatchlist } from "./find-run.ts";
import { chooseFormat } from "./negotiate.ts";
import { readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse, response } from "./response.ts";

const offers = { json: "application/json; charset=utf-8", csv: "text/csv; charset=utf-8" };

/** The totals of a watchlist's runs, oldest first. */
export async function serveHistory(request: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { watchlist: name, days, format: asked } = readQuery(request.query, historyParameters);
  const watchlist = findWatchlist(name, ports).name;
  const format = chooseFormat(asked, request, offers);
  const today = dayOf(onDemandRunId(ports.now()));
  const runs = (await ports.store.listRuns(watchlist, addDays(today, -days))).map((run) => ({
    runId: run.runId,
    scheduled: isScheduled(run.runId),
    openedAt: run.openedAt,
    committedAt: run.committedAt,
    ...run.totals,
    mail: run.mail.status,
    mailAt: run.mail.at,
  }));
  const vary = { Vary: "Accept" };
  if (format === "json") return jsonResponse(200, { watchlist, days, runs }, vary);
  const { historyCsv } = await import("../render/export/csv.ts");
  return response(200, offers.csv, historyCsv(runs), {
    ...vary,
    "Content-Disposition": `attachment; filename="missing-kbs-${watchlist}-history-${today}.csv"`,
  });
}
