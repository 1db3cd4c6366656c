import { openPlainGet } from "../plain-get.ts";

/** The head of an answer of any status, and its body still to be read. */
export interface Received {
  status: number;
  contentType: string;
  retryAfter: string | undefined;
  stream: NodeJS.ReadableStream | undefined;
  sentAt: number;
}

/** Makes one call at once, because leave to make it may be for this moment only. */
export type Send = (url: URL, token: string, signal: AbortSignal) => Promise<Received>;

/** Loads what makes calls: no retries, which would bypass the turnstile, and no redirects, which would take the token along. */
export type Sender = () => Promise<Send>;

export function createSender(base: URL): Sender {
  let opened: Promise<Send> | undefined;
  return () => {
    opened ??= openPipeline(base);
    return opened;
  };
}

// Loaded with the first call: functions that never read Defender start without it.
async function openPipeline(base: URL): Promise<Send> {
  const get = await openPlainGet(base);
  return async (url, token, signal) => {
    if (url.protocol !== base.protocol || url.origin !== base.origin) {
      throw new Error(`A token for ${base.origin} must not go to ${url.origin}.`);
    }
    const headers = {
      Accept: "application/json",
      // Decompression would hide that the compressed stream broke off.
      "Accept-Encoding": "identity",
      Authorization: `Bearer ${token}`,
    };
    const sentAt = performance.now();
    const response = await get(url.href, headers, signal);
    return {
      status: response.status,
      contentType: response.headers.get("content-type") ?? "",
      retryAfter: response.headers.get("retry-after"),
      stream: response.readableStreamBody,
      sentAt,
    };
  };
}
