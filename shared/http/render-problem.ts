import { htmlResponse, newNonce } from "./html.ts";
import { preferredFormat } from "./negotiate.ts";
import type { Problem } from "./problem.ts";
import { type HttpRequest, type HttpResponse, response } from "./response.ts";

const offers = { json: "application/json", problem: "application/problem+json", html: "text/html" };

/** A problem as JSON, or as a page for browsers and others who prefer HTML. */
export async function renderProblem(request: HttpRequest, problem: Problem): Promise<HttpResponse> {
  const { status, title, message: detail, extra } = problem;
  if (preferredFormat(request, offers) !== "html") {
    const body = { type: "about:blank", title, status, detail, ...extra };
    return response(status, "application/problem+json; charset=utf-8", `${JSON.stringify(body)}\n`, retryAfter(extra));
  }
  const { renderError } = await import("../render/page/error.tsx");
  const nonce = newNonce();
  const page = htmlResponse(status, renderError({ title, detail, allowed: extra.allowed ?? [], nonce }), nonce);
  return { ...page, headers: { ...page.headers, ...retryAfter(extra) } };
}

function retryAfter({ retryAfterSeconds }: Problem["extra"]): Record<string, string> {
  return retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) };
}
