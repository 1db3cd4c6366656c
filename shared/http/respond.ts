import { RowError } from "../ports.ts";
import { Problem } from "./problem.ts";

/** What the endpoints use of a request; the Functions library's own has it all. */
export interface HttpRequest {
  /** In capitals. */
  method: string;
  query: URLSearchParams;
  /** Of the route. */
  params: Readonly<Record<string, string>>;
  headers: { get(name: string): string | null };
  text(): Promise<string>;
}

export interface HttpResponse {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

const always = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** A response with the headers that every response has. */
export function response(
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers: { ...always, "Content-Type": type, ...headers }, body };
}

/** A response in JSON. */
export function jsonResponse(status: number, value: unknown, headers?: Readonly<Record<string, string>>): HttpResponse {
  return response(status, "application/json; charset=utf-8", `${JSON.stringify(value)}\n`, headers);
}

/** A response without a body that leads elsewhere. */
export function redirect(status: 303 | 307, location: string): HttpResponse {
  return response(status, "text/plain; charset=utf-8", "", { Location: location });
}

/**
 * The response to a request: what `work` makes of it, or the problem that it throws; any other error fails the
 * invocation. HEAD gets the status and headers of GET.
 */
export async function respond(request: HttpRequest, work: () => Promise<HttpResponse>): Promise<HttpResponse> {
  const full = await work().catch((error) => problemResponse(request, error));
  return request.method === "HEAD" ? { ...full, body: "" } : full;
}

async function problemResponse(request: HttpRequest, error: unknown): Promise<HttpResponse> {
  const problem = error instanceof RowError ? new Problem(500, "Unreadable row", error.message) : error;
  if (!(problem instanceof Problem)) throw problem;
  const { renderProblem } = await import("./render-problem.ts");
  return renderProblem(request, problem);
}
