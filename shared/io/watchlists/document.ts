import { addAbortSignal, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { PipelineResponse } from "@azure/core-rest-pipeline";
import { decodeUtf8, withoutTokens } from "../../core/text.ts";
import { openPlainGet } from "../plain-get.ts";

/** A blob's text with its version, or that it is the same as before, or why it cannot be read. */
export type Received = { text: string; etag: string | null } | "unchanged" | { fault: string };

/** Reads the document if it has another version than this one; `null`: in any case. It never throws. */
export type ReadDocument = (etag: string | null) => Promise<Received>;

/** How long to wait for the document. */
export interface DocumentPatience {
  tries: number;
  /** For one try, in milliseconds. */
  tryMs: number;
  /** Before the second try, in milliseconds; then twice as long each time. */
  pauseMs: number;
}

export interface DocumentOptions {
  /** A blob at a storage account, which gets the token. */
  url: string;
  token: () => Promise<string>;
  patience?: DocumentPatience;
}

const maxBytes = 16 * 1024 * 1024;
// The first version that takes tokens is of 2017.
const apiVersion = "2021-12-02";

/** The document at an address, read without redirects, which would take the token along. */
export function createDocument({ url, token, patience = { tries: 3, tryMs: 8_000, pauseMs: 500 } }: DocumentOptions) {
  let opened: Promise<Send> | undefined;
  const read: ReadDocument = async (etag) => {
    opened ??= openPipeline(new URL(url));
    for (let tries = 1, pause = patience.pauseMs; ; tries += 1, pause *= 2) {
      const received = await tryRead(await opened, { etag, token, ms: patience.tryMs });
      if (typeof received === "string" || !("passes" in received)) return received;
      if (tries === patience.tries) return { fault: received.passes };
      await sleep(pause);
    }
  };
  return read;
}

type Send = (etag: string | null, token: string, signal: AbortSignal) => Promise<PipelineResponse>;

interface Try {
  etag: string | null;
  token: () => Promise<string>;
  ms: number;
}

/** `passes`: why it failed, where another try may do better. */
async function tryRead(send: Send, { etag, token, ms }: Try): Promise<Received | { passes: string }> {
  let bearer: string;
  try {
    bearer = await token();
  } catch (error) {
    return { fault: `Could not get a token for the document. ${withoutTokens(messageOf(error))}` };
  }
  const signal = AbortSignal.timeout(ms);
  try {
    const answer = await send(etag, bearer, signal);
    if (answer.status === 200) return await readText(answer, signal);
    answer.readableStreamBody?.on("error", () => {}).resume();
    return answer.status === 304 && etag !== null ? "unchanged" : refusal(answer);
  } catch (error) {
    const reason = signal.aborted ? `within ${ms / 1_000} seconds` : `(${codeOf(error)})`;
    return { passes: `The storage account did not answer ${reason} when asked for the document. ${usually}` };
  }
}

const usually = "This usually clears up on its own.";

function refusal({ status, headers }: PipelineResponse): { fault: string } | { passes: string } {
  const code = /^\w{1,60}$/.exec(headers.get("x-ms-error-code") ?? "")?.[0];
  const answer = code ? `${status} ${code}` : `${status}`;
  if (status === 401 || status === 403) {
    const advice =
      "Give the app's identity the role Storage Blob Data Reader on its container, and let the app's network reach the account.";
    return { fault: `The storage account refused the document (${answer}). ${advice}` };
  }
  if (status === 404) {
    return { fault: `There is no document at WATCHLISTS_URL (${answer}). Upload it, or correct the address.` };
  }
  const sentence = `The storage account answered ${answer} when asked for the document.`;
  return status === 429 || status >= 500
    ? { passes: `${sentence} ${usually}` }
    : { fault: `${sentence} Check WATCHLISTS_URL.` };
}

async function readText({ headers, readableStreamBody }: PipelineResponse, signal: AbortSignal): Promise<Received> {
  const chunks: Buffer[] = [];
  let length = 0;
  if (readableStreamBody instanceof Readable) {
    for await (const chunk of addAbortSignal(signal, readableStreamBody)) {
      length += chunk.length;
      // Leaving the loop closes the connection, and the rest is not read.
      if (length > maxBytes) return { fault: "The document is larger than 16 MiB. Shorten it." };
      chunks.push(chunk);
    }
  }
  const decoded = decodeUtf8(Buffer.concat(chunks));
  if ("fault" in decoded) return { fault: `The document ${decoded.fault}.` };
  return { text: decoded.text, etag: headers.get("etag") ?? null };
}

// Loaded with the first read: most installations have no document.
async function openPipeline(url: URL): Promise<Send> {
  const get = await openPlainGet(url);
  return (etag, token, signal) =>
    get(
      url.href,
      {
        Accept: "application/json",
        // Decompression would hide that the compressed stream broke off.
        "Accept-Encoding": "identity",
        Authorization: `Bearer ${token}`,
        "x-ms-version": apiVersion,
        ...(etag !== null && { "If-None-Match": etag }),
      },
      signal,
    );
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^\w{1,60}$/.test(code) ? code : "the connection broke";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
