import { calendarDay } from "../core/day.ts";
import { buildOverview, type Overview, selectOverview } from "../core/overview.ts";
import type { Ports } from "../ports.ts";
import { type keyParameter, type OverviewParameters, overviewParameters, type Values } from "../render/parameters.ts";
import { nextRun } from "../run/next-run.ts";
import { noWatchlist, type RequestPorts, readsEverything } from "./caller.ts";
import { withEtag } from "./etag.ts";
import { expectations } from "./expectations.ts";
import { htmlResponse, newNonce } from "./html.ts";
import { chooseFormat, offer } from "./negotiate.ts";
import { readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, redirect, response } from "./response.ts";

type OverviewQuery = Values<OverviewParameters & typeof keyParameter>;
type Format = NonNullable<OverviewQuery["format"]>;

const offers = offer<Format>("json", "csv", "html");

/** Every watchlist that the caller may read, as page, JSON or CSV: `GET /api/overview`. */
export async function serveOverview(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const query = readQuery(request.query, overviewParameters);
  const format = chooseFormat(query.format, request, offers);
  const overview = await loadOverview(ports);
  return withEtag(request, ...(await render(format, { overview, query, callsAt: "" }, ports)));
}

/** The overview as a page, unless another format is asked for; of a single watchlist, its report: `GET /`. */
export async function serveHome(request: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  const query = readQuery(request.query, overviewParameters);
  const { html, ...others } = offers;
  const format = chooseFormat(query.format, request, { html, ...others });
  const overview = await loadOverview(ports);
  const [only, ...more] = overview.rows;
  if (format === "html" && only && more.length === 0 && [...only.faults, ...overview.faults].length === 0) {
    return redirect(307, `/api/report${carried(request.query, { watchlist: only.watchlist })}`);
  }
  return withEtag(request, ...(await render(format, { overview, query, callsAt: "api/" }, ports)));
}

/** Leads a caller to the page of all watchlists, with the format and the key of the query. */
export function toOverview(query: URLSearchParams): HttpResponse {
  return redirect(307, `/api/overview${carried(query, {})}`);
}

/** A query with the key and the format that another has, after parameters of its own; empty if there are none. */
function carried(from: URLSearchParams, own: Readonly<Record<string, string>>): string {
  const kept = ["format", "code"].flatMap((name): [string, string][] => {
    const value = from.get(name);
    return value ? [[name, value]] : [];
  });
  const query = new URLSearchParams([...Object.entries(own), ...kept]);
  return query.size > 0 ? `?${query}` : "";
}

/** From the configuration and the rows of statuses alone: one query, however many watchlists there are. */
async function loadOverview(ports: RequestPorts): Promise<Overview> {
  const { watchlists, everyWatchlist, store, caller } = ports;
  const [own, all, statuses] = await Promise.all([watchlists(), everyWatchlist(), store.listStatuses()]);
  if (own.list.length === 0 && !readsEverything(caller)) throw noWatchlist(caller);
  return buildOverview({
    watchlists: own.list,
    faults: own.faults,
    statuses,
    // All watchlists of a tenant are read one after another, also those that the caller may not see.
    expected: expectations(all.list, statuses, ports),
  });
}

/** What is rendered, and what was asked for. */
interface Asked {
  overview: Overview;
  query: OverviewQuery;
  callsAt: "" | "api/";
}

/** The response, and its body without the nonce. */
async function render(format: Format, asked: Asked, ports: Ports): Promise<[HttpResponse, string]> {
  if (format === "html") return renderPage(asked, ports);
  const body = await renderExport(format, asked, ports);
  const today = calendarDay(ports.now(), ports.rules.timeZone);
  const disposition = `attachment; filename="missing-kbs-overview-${today}.${format}"`;
  return [response(200, offers[format], body, { "Content-Disposition": disposition }), body];
}

async function renderExport(
  format: Exclude<Format, "html">,
  { overview, query }: Asked,
  { rules }: Ports,
): Promise<string> {
  if (format === "csv") {
    return (await import("../render/export/csv.ts")).overviewCsv(selectOverview(overview, query));
  }
  const { overviewJson } = await import("../render/export/json.ts");
  return `${JSON.stringify(overviewJson({ overview, selection: query, ...rules }))}\n`;
}

async function renderPage({ overview, query, callsAt }: Asked, ports: Ports): Promise<[HttpResponse, string]> {
  const { renderOverview } = await import("../render/page/overview.tsx");
  const { code, format: _format, ...shown } = query;
  const { timeZone, schedule } = ports.rules;
  const nonce = newNonce();
  const body = renderOverview({
    ...{ overview, rows: selectOverview(overview, shown), query: shown, callsAt, timeZone, nonce },
    nextRun: nextRun(schedule, ports.now())?.toISOString() ?? null,
    ...(code && { code }),
  });
  return [htmlResponse(200, body, nonce), body.replaceAll(nonce, "")];
}
