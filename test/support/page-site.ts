import { type Answer, answering } from "../../shared/http/answer.ts";
import { serveHistory } from "../../shared/http/history.ts";
import { serveReport } from "../../shared/http/report.ts";
import { serveRunStatus } from "../../shared/http/run-status.ts";
import { startRun } from "../../shared/http/start-run.ts";
import type { Ports } from "../../shared/ports.ts";
import { type HttpServer, type ReceivedRequest, startHttpServer } from "./http-server.ts";

/** Serves the calls that the page makes, by the verbs that serve them in the app; `key` must be in each address if given. */
export function startPageSite(ports: Ports, key?: string): Promise<HttpServer> {
  return startHttpServer(async (request) => {
    const { pathname, searchParams: query } = new URL(request.path, "http://site");
    if (key !== undefined && query.get("code") !== key) return { status: 401, body: "" };
    const { status, headers, body } = await answering(() => answer(pathname, query, request, ports));
    return { status, headers: { ...headers }, body };
  });
}

function answer(path: string, query: URLSearchParams, request: ReceivedRequest, ports: Ports): Promise<Answer> {
  const header = (name: string) => {
    const value = request.headers[name.toLowerCase()];
    return typeof value === "string" ? value : null;
  };
  const [, , call, watchlist = "", runId = ""] = path.split("/").map(decodeURIComponent);
  if (call === "report") return serveReport({ query, header }, ports);
  if (call === "history") return serveHistory({ query, header }, ports);
  if (call === "runs" && request.method === "POST") return startRun({ body: request.body, header }, ports);
  if (call === "runs") return serveRunStatus(watchlist, runId, ports);
  return Promise.resolve({ status: 404, headers: {}, body: "" });
}
