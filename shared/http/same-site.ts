import { Problem } from "./problem.ts";
import type { HttpRequest } from "./response.ts";

// A browser lets no page set these, nor send them to another site without asking it first. A program can forge them, but a
// program has no signed-in person's cookies.
const ownNames = ["host", "x-forwarded-host", "x-original-host", "disguised-host"];

/**
 * Refuses what a page of another site sends, because the browser adds the sign-in of the person who visits it. Programs
 * send neither `Sec-Fetch-Site` nor `Origin` and pass.
 */
export function refuseOtherSites({ headers }: HttpRequest): void {
  const site = headers.get("sec-fetch-site");
  // The browser knows both addresses, whatever a proxy makes of ours. Our own forms send `Origin: null`, because our pages
  // have no referrer.
  if (site === "same-origin" || site === "none") return;
  const origin = headers.get("origin");
  if (site === null && (origin === null || isOwn(origin, headers))) return;
  const detail =
    "Another site sent this request. Send it from this app's own page, or with a program that sends neither Origin nor Sec-Fetch-Site. If a proxy is in between, let it pass on X-Forwarded-Host.";
  throw new Problem(403, "Cross-site request", detail);
}

/** For browsers that are too old for `Sec-Fetch-Site`. */
function isOwn(text: string, headers: HttpRequest["headers"]): boolean {
  const origin = URL.parse(text);
  // A proxy calls the app by http, so https is required only where the proxy says that it was asked by it.
  const schemes = headers.get("x-forwarded-proto") === "https" ? ["https:"] : ["https:", "http:"];
  if (!origin || !schemes.includes(origin.protocol)) return false;
  const names = ownNames.flatMap((name) => headers.get(name)?.split(",") ?? []);
  return names.some((name) => URL.parse(`${origin.protocol}//${name.trim()}`)?.host === origin.host);
}
