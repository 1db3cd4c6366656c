import { randomBytes } from "node:crypto";
import { type HttpResponse, mediaTypes, response } from "./response.ts";

/** A new nonce for the style and script of one page. */
export function newNonce(): string {
  return randomBytes(16).toString("base64url");
}

/** A page, with a policy that allows only the style and script that carry its nonce. */
export function htmlResponse(status: number, body: string, nonce: string): HttpResponse {
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    "img-src data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return response(status, mediaTypes.html, body, {
    "Content-Security-Policy": policy.join("; "),
    // The address may contain a function key.
    "Referrer-Policy": "no-referrer",
  });
}
