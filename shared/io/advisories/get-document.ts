import { createHash } from "node:crypto";
import { addAbortSignal, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { FeedError, type Validators } from "../../ports.ts";
import { openPlainGet, type PlainGet } from "../plain-get.ts";
import { createValueCounter } from "../value-counter.ts";

/** How long to wait for a document. */
export interface FeedPatience {
  tries: number;
  /** For one try, in milliseconds. */
  tryMs: number;
  /** Before the second try, in milliseconds; then twice as long each time. */
  pauseMs: number;
}

export const defaultPatience: FeedPatience = { tries: 3, tryMs: 60_000, pauseMs: 1_000 };

/** A document to ask for. */
export interface Asked {
  url: string;
  /** What errors call it, such as "MSRC's list of months". */
  name: string;
  /** The setting that names its host. */
  setting: string;
  maxMiB: number;
  validators?: Validators;
}

/** A document's JSON, with what asks for the next version only. */
export interface Document {
  json: unknown;
  validators: Validators;
}

/** Reads documents from one host; fails with a `FeedError`. `null`: not modified since `validators`. */
export type GetDocument = (asked: Asked) => Promise<Document | null>;

/** Reads documents without credentials, with as little of the network as the host needs for an answer. */
export function createGetDocument(base: URL, patience: FeedPatience): GetDocument {
  let opened: Promise<PlainGet> | undefined;
  return async (asked) => {
    // Loaded with the first read: only the timer reads.
    opened ??= openPlainGet(base);
    const get = await opened;
    for (let tries = 1, pause = patience.pauseMs; ; tries += 1, pause *= 2) {
      const answer = await tryGet(get, asked, patience.tryMs);
      if (!(answer instanceof PassingError)) return answer;
      if (tries === patience.tries) throw new FeedError(answer.message, { cause: answer.cause });
      await sleep(pause);
    }
  };
}

/** Why a try failed where another may do better. */
class PassingError extends Error {}

async function tryGet(get: PlainGet, asked: Asked, ms: number): Promise<Document | null | PassingError> {
  const [giveUp, time] = [new AbortController(), AbortSignal.timeout(ms)];
  const signal = AbortSignal.any([giveUp.signal, time]);
  const conditions = conditionsOf(asked.validators ?? {});
  try {
    const answer = await get(
      asked.url,
      { Accept: "application/json", "Accept-Encoding": "gzip", ...conditions },
      signal,
    );
    const { status, headers, readableStreamBody: body } = answer;
    if (status === 200) {
      const text = await readText(body, asked, { signal, giveUp });
      const validators = { ...validatorsOf((name) => headers.get(name)), digest: digestOf(text) };
      if (validators.digest === asked.validators?.digest) return null;
      return { json: parse(text, asked), validators };
    }
    body?.on("error", () => {});
    giveUp.abort();
    if (status === 304 && Object.keys(conditions).length > 0) return null;
    return refused(status, asked);
  } catch (cause) {
    if (cause instanceof FeedError) throw cause;
    const reason = time.aborted ? `within ${ms / 1_000} seconds` : `(${codeOf(cause)})`;
    return new PassingError(`${asked.name} did not come ${reason}. ${usually}`, { cause });
  }
}

const usually = "This usually clears up on its own.";

function refused(status: number, { name, setting }: Asked): PassingError {
  const sentence = `${name} could not be read: its host answered ${status}.`;
  if (status === 429 || status >= 500) return new PassingError(`${sentence} ${usually}`);
  if (status >= 300 && status < 400 && status !== 304) {
    throw new FeedError(`${sentence} Redirects are not followed: set ${setting} to where it leads.`);
  }
  throw new FeedError(`${sentence} Check ${setting}, and whether the app's network may reach it.`);
}

function conditionsOf({ etag, lastModified }: Validators): Record<string, string> {
  return { ...(etag && { "If-None-Match": etag }), ...(lastModified && { "If-Modified-Since": lastModified }) };
}

// They are stored, and sent back as headers.
const validator = /^[\x20-\x7e]{1,300}$/;

function validatorsOf(header: (name: string) => string | undefined): Validators {
  const [etag = "", lastModified = ""] = [header("etag"), header("last-modified")];
  return { ...(validator.test(etag) && { etag }), ...(validator.test(lastModified) && { lastModified }) };
}

function digestOf(text: Buffer): string {
  return createHash("sha256").update(text).digest("base64url");
}

// A month has less than 200,000; each takes about 100 bytes besides its text.
const maxValues = 2_000_000;

async function readText(
  body: NodeJS.ReadableStream | undefined,
  { name, maxMiB }: Asked,
  { signal, giveUp }: { signal: AbortSignal; giveUp: AbortController },
): Promise<Buffer> {
  // A body that nobody reads to its end would keep its connection open behind the decompression.
  const refuse = (message: string) => {
    giveUp.abort();
    return new FeedError(message);
  };
  const chunks: Buffer[] = [];
  const countValues = createValueCounter();
  let length = 0;
  if (body instanceof Readable) {
    for await (const chunk of addAbortSignal(signal, body)) {
      length += chunk.length;
      if (length > maxMiB * 1024 * 1024) throw refuse(`${name} is larger than ${maxMiB} MiB.`);
      if (countValues(chunk) > maxValues) throw refuse(`${name} has more than ${maxValues} values.`);
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks);
}

function parse(text: Buffer, { name }: Asked): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (cause) {
    throw new FeedError(`${name} is not JSON in UTF-8.`, { cause });
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^\w{1,60}$/.test(code) ? code : "the connection broke";
}
