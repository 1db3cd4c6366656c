import type { RequestPorts } from "../../shared/http/caller.ts";
import { serveHistory } from "../../shared/http/history.ts";
import { serveHome, serveOverview } from "../../shared/http/overview.ts";
import { servePreview } from "../../shared/http/preview.ts";
import { serveReport } from "../../shared/http/report.ts";
import { respond } from "../../shared/http/respond.ts";
import type { HttpRequest, HttpResponse } from "../../shared/http/response.ts";
import { serveRunStatus } from "../../shared/http/run-status.ts";
import { serveStartRun } from "../../shared/http/start-run.ts";
import { request } from "./ask.ts";
import { type HttpServer, startHttpServer } from "./http-server.ts";

/** Serves the calls that the page makes, as the app does. If a key is given, every address must have it. */
export function startPageSite(ports: RequestPorts, key?: string): Promise<HttpServer> {
  return startHttpServer(async ({ path, method, headers: received, body: sent }) => {
    const { pathname, searchParams } = new URL(path, "http://site");
    if (key !== undefined && searchParams.get("code") !== key) return { status: 401, body: "" };
    const [, , call, watchlist = "", runId = ""] = pathname.split("/").map(decodeURIComponent);
    const named = Object.entries(received).map(([name, value]) => [name.toLowerCase(), String(value)]);
    const parts = { method, headers: Object.fromEntries(named), params: { watchlist, runId }, body: sent };
    const asked = request([...searchParams], parts);
    const { status, headers, body } = await respond(asked, () => serve(call, asked, ports));
    return { status, headers: { ...headers }, body };
  });
}

function serve(call: string | undefined, asked: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  if (call === "report") return serveReport(asked, ports);
  if (call === "overview") return serveOverview(asked, ports);
  if (call === undefined) return serveHome(asked, ports);
  if (call === "preview") return servePreview(asked, ports);
  if (call === "history") return serveHistory(asked, ports);
  if (call === "runs") return asked.method === "POST" ? serveStartRun(asked, ports) : serveRunStatus(asked, ports);
  return Promise.resolve({ status: 404, headers: {}, body: "" });
}
