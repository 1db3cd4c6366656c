import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { gzipSync } from "node:zlib";
import type { FeedDocument } from "./facts.ts";

export interface FeedReply {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string | Buffer;
}

/** Answers with a document as the request wants it: not at all if it is the one that the caller has, and zipped. */
export function replyWith({ content, changedAt }: FeedDocument, request: IncomingHttpHeaders): FeedReply {
  const body = JSON.stringify(content);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 16)}"`;
  const headers = { etag, "last-modified": changedAt.toUTCString(), vary: "Accept-Encoding" };
  if (isKnown(request, etag, changedAt)) return { status: 304, headers, body: "" };
  const typed = { ...headers, "content-type": "application/json; charset=utf-8" };
  const isZipped = /\bgzip\b/.test(String(request["accept-encoding"] ?? ""));
  if (!isZipped) return { status: 200, headers: typed, body };
  return { status: 200, headers: { ...typed, "content-encoding": "gzip" }, body: gzipSync(body) };
}

/** As RFC 9110 has it: the date counts only where no ETag is given. */
function isKnown(request: IncomingHttpHeaders, etag: string, changedAt: Date): boolean {
  const tags = request["if-none-match"];
  if (tags !== undefined) return tags.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
  const since = Date.parse(request["if-modified-since"] ?? "");
  return Math.floor(changedAt.getTime() / 1000) * 1000 <= since;
}
