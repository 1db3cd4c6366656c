import { RowError } from "../ports.ts";
import { Problem } from "./problem.ts";
import type { HttpRequest, HttpResponse } from "./response.ts";

/**
 * The response to a request: what `work` makes of it, or the problem that it throws; any other error fails the
 * invocation. HEAD gets the status and headers of GET; what may change something must not come from another site.
 */
export async function respond(request: HttpRequest, work: () => Promise<HttpResponse>): Promise<HttpResponse> {
  const full = await guarded(request, work).catch((error) => problemResponse(request, error));
  return request.method === "HEAD" ? { ...full, body: "" } : full;
}

async function guarded(request: HttpRequest, work: () => Promise<HttpResponse>): Promise<HttpResponse> {
  if (!["GET", "HEAD"].includes(request.method)) {
    const { refuseOtherSites } = await import("./same-site.ts");
    refuseOtherSites(request);
  }
  return work();
}

async function problemResponse(request: HttpRequest, error: unknown): Promise<HttpResponse> {
  const problem = error instanceof RowError ? new Problem(500, "Unreadable row", error.message) : error;
  if (!(problem instanceof Problem)) throw problem;
  const { renderProblem } = await import("./render-problem.ts");
  return renderProblem(request, problem);
}
