import { createHash } from "node:crypto";
import { type HttpRequest, type HttpResponse, response } from "./response.ts";

/**
 * A negotiated response with its ETag, or 304 if the caller already has it. `identity` is the body without what differs
 * in every response.
 */
export function withEtag(request: HttpRequest, full: HttpResponse, identity = full.body): HttpResponse {
  const tag = `"${createHash("sha256").update(identity).digest("base64url").slice(0, 27)}"`;
  const headers = { ETag: tag, Vary: "Accept" };
  if (tagsOf(request).includes(tag)) return response(304, full.headers["Content-Type"] ?? "", "", headers);
  return { ...full, headers: { ...full.headers, ...headers } };
}

function tagsOf({ headers }: HttpRequest): string[] {
  const tags = headers.get("if-none-match")?.split(",") ?? [];
  return tags.map((tag) => tag.trim().replace(/^W\//, ""));
}
