import type { KbHistory } from "../core/kb-history.ts";
import { productsByMachines } from "../core/order.ts";
import { sortByMissing } from "../core/products.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { inOrderOfOpening } from "../core/run-list.ts";
import { keepsProductsComplete, slice } from "../core/selection.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import type { AskedReport } from "../render/asked-report.ts";
import { pageLimits } from "../render/limits.ts";
import type { PageFrame, PageView } from "../render/page/view.ts";
import type { keyParameter, ReportParameters, Values } from "../render/parameters.ts";
import { loadKbHistory } from "../run/load-kb-history.ts";
import { renderOptions } from "../run/load-report.ts";
import { mayStart, type RequestPorts } from "./caller.ts";
import { htmlResponse, newNonce } from "./html.ts";
import { recentLines } from "./recent-lines.ts";
import type { HttpResponse } from "./response.ts";
import { runProgress } from "./run-status.ts";

type ReportQuery = Values<ReportParameters & typeof keyParameter>;

/** What a page shows, and what was asked for. */
interface Shown {
  query: ReportQuery;
  watchlist: Watchlist;
  run: Run;
  runs: readonly RunSummary[];
  asked: AskedReport;
}

/** The report page, and its body without the nonce. */
export async function servePage(shown: Shown, ports: RequestPorts): Promise<[page: HttpResponse, identity: string]> {
  const { query, watchlist, runs, asked } = shown;
  const { format: _format, progress: _progress, code: _code, ...parameters } = query;
  const frame = await makeFrame(query, watchlist, ports);
  const history = await loadHistory(shown, ports);
  const lines = await loadLines(shown, ports);
  const { renderPage } = await import("../render/page/page.tsx");
  const { from } = asked;
  const body = renderPage({
    ...frame,
    ...asked,
    options: renderOptions(ports, watchlist),
    runs: inOrderOfOpening(runs),
    query: { ...parameters, watchlist: watchlist.name, ...(from && { from }) },
    ...(history && { history }),
    ...(lines && { lines }),
  });
  return [htmlResponse(200, body, frame.nonce), body.replaceAll(frame.nonce, "")];
}

/** The page of a watchlist without any report. */
export async function serveEmptyPage(
  query: ReportQuery,
  watchlist: Watchlist,
  ports: RequestPorts,
): Promise<HttpResponse> {
  const frame = await makeFrame(query, watchlist, ports);
  const { renderEmptyPage } = await import("../render/page/page.tsx");
  const body = renderEmptyPage({ ...frame, watchlist: watchlist.name, options: renderOptions(ports, watchlist) });
  return htmlResponse(404, body, frame.nonce);
}

async function makeFrame(
  { code, progress }: ReportQuery,
  watchlist: Watchlist,
  ports: RequestPorts,
): Promise<PageFrame> {
  const { list } = await ports.watchlists();
  return {
    watchlists: list.map(({ name }) => name),
    mayStart: mayStart(ports.caller),
    nonce: newNonce(),
    ...(code && { code }),
    ...(progress && { progress: await runProgress(watchlist, progress, ports) }),
  };
}

/** The lines of the products that the page lists, where it lists them completely: those that miss most. */
async function loadLines({ query, run, asked }: Shown, ports: Ports): Promise<PageView["lines"]> {
  if (!keepsProductsComplete(asked.selection)) return undefined;
  const shown = slice(sortByMissing(asked.report.products), query.productPage, pageLimits.products);
  const drawn = shown.items.slice(0, pageLimits.productLines).map(({ softwareId }) => softwareId);
  return recentLines(drawn, run, ports);
}

/** The history of the KB that the page is about, in the product asked for or in those that miss it most. */
async function loadHistory({ query, run, asked }: Shown, ports: Ports): Promise<KbHistory | undefined> {
  const { kb, softwareId } = query;
  if (kb === undefined) return undefined;
  const row = asked.full.rows.find(({ id }) => id === kb);
  const most = row ? productsByMachines(row).slice(0, pageLimits.chartedProducts) : [];
  return loadKbHistory(kb, softwareId === undefined ? most : [softwareId], run, ports);
}
