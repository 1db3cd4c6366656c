import type { TokenCredential } from "@azure/core-auth";
import { isLoopback } from "../../core/loopback.ts";
import { type Defender, DefenderError } from "../../ports.ts";
import {
  type Fault,
  followLink,
  type Parsed,
  parsePage,
  readJson,
  readRefusal,
  readRetryAfter,
  readSoftware,
  softwarePath,
  unusable,
} from "./answers.ts";
import { createSender, type Received, type Sender } from "./sender.ts";
import { defaultTiming, type Timing } from "./timing.ts";
import { createTokens, type Tokens } from "./tokens.ts";
import { createTurnstile, type Turnstile } from "./turnstile.ts";
import { abortable, jitter, wait } from "./waiting.ts";

export interface DefenderOptions {
  /** The credential of a tenant, `home` or a tenant id. */
  credential: (tenant: string) => TokenCredential;
  /** Plain http on loopback only. */
  baseUrl: string;
  /** What the token is for: the same for all hosts of a cloud. */
  scope: string;
  /** Both quotas count every call of a tenant, including pages and retries. */
  callsPerMinute: number;
  callsPerHour: number;
  /** Calls at once per tenant. */
  concurrency?: number;
  /** In milliseconds, for dates in `Retry-After` and the age of tokens. */
  now?: () => number;
  timing?: Partial<Timing>;
}

const maxBytes = 32 * 1024 * 1024;
const maxPages = 1_000;

/** Reads Defender over HTTP. Quotas, throttling and tokens are per tenant, shared by all reads of this process. */
export function createDefender(options: DefenderOptions): Defender {
  const base = readBaseUrl(options.baseUrl);
  const send = createSender(base);
  const tenants = new Map<string, Tenant>();

  function tenantOf(name: string): Tenant {
    const tenant = tenants.get(name) ?? createTenant(options, name, send);
    tenants.set(name, tenant);
    return tenant;
  }

  return {
    async getMissingKbs(tenant, softwareId, signal) {
      const call = { name: "getmissingkbs", tenant: tenantOf(tenant), signal };
      return readPages(call, softwareUrl(base, softwareId, "/getmissingkbs"));
    },
    async getSoftware(tenant, softwareId, signal) {
      const call = { name: "GET /api/Software/{id}", tenant: tenantOf(tenant), signal };
      const answer = await ask(call, softwareUrl(base, softwareId, ""), maxBytes, readSoftware);
      return "missing" in answer ? null : { ...answer.content, id: answer.content.id || softwareId };
    },
  };
}

function readBaseUrl(text: string): URL {
  const url = new URL(text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw new Error(
      `Defender's address ${url.origin} must begin with https://. Plain http:// is allowed on loopback only.`,
    );
  }
  return url;
}

function softwareUrl(base: URL, softwareId: string, rest: string): URL {
  const path = softwarePath(softwareId);
  if ("problem" in path) throw new DefenderError(path.problem, { permanent: true });
  return new URL(`${base.origin}${base.pathname.replace(/\/+$/, "")}${path.content}${rest}`);
}

// --- one read: calls until there is an answer or a lasting fault ---

/** What is read, and for whom. Errors use `name`, which has no ids, so that one fault has one message. */
interface Call {
  name: string;
  tenant: Tenant;
  signal: AbortSignal | undefined;
}

interface Usable<T> {
  content: T;
  bytes: number;
}

type Reader<T> = (json: unknown) => Parsed<T>;

async function readPages(call: Call, first: URL): Promise<unknown[]> {
  const items: unknown[] = [];
  const seen = new Set<string>();
  let bytesLeft = maxBytes;
  let url: URL | null = first;
  while (url) {
    if (seen.has(url.href)) throw errorOf(unusable(call.name, "its nextLink leads back to a page already read"));
    if (seen.size === maxPages) throw errorOf(unusable(call.name, "it has more than 1,000 pages"));
    seen.add(url.href);
    const answer = await ask(call, url, bytesLeft, parsePage);
    if ("missing" in answer) throw answer.missing;
    // Spreading a page of a hundred thousand items would overflow the stack.
    for (const item of answer.content.value) items.push(item);
    bytesLeft -= answer.bytes;
    url = nextUrl(call, answer.content.nextLink, url);
  }
  return items;
}

function nextUrl(call: Call, link: string | null, from: URL): URL | null {
  if (link === null) return null;
  const next = followLink(link, from);
  if ("problem" in next) throw errorOf(unusable(call.name, next.problem));
  return next.content;
}

async function ask<T>(
  call: Call,
  url: URL,
  bytes: number,
  read: Reader<T>,
): Promise<Usable<T> | { missing: DefenderError }> {
  const { retries, notFoundPauses } = call.tenant.timing;
  const pauses = { token: [0], passing: [...retries], missing: [...notFoundPauses], final: [] };
  for (;;) {
    const outcome = await attempt(call, url, bytes, read);
    if ("content" in outcome) return outcome;
    if (outcome.kind === "throttled") continue;
    const pause = pauses[outcome.kind].shift();
    if (pause === undefined && outcome.kind === "missing") return { missing: errorOf(outcome) };
    if (pause === undefined) throw errorOf(outcome);
    await wait(jitter(pause), call.signal);
  }
}

function errorOf(fault: Omit<Fault, "kind"> & { cause?: unknown }): DefenderError {
  const cause = fault.cause ?? (fault.said === undefined ? undefined : new Error(fault.said));
  return new DefenderError(fault.message, { permanent: fault.permanent, notFound: fault.notFound ?? false, cause });
}

/** A fault, or the tenant is throttled: then its turnstile makes the next call wait, or refuses it. */
type Setback = (Fault & { cause?: unknown }) | { kind: "throttled" };

async function attempt<T>(call: Call, url: URL, bytes: number, read: Reader<T>): Promise<Usable<T> | Setback> {
  const { turnstile, tokens } = call.tenant;
  const leave = await turnstile.enter(call.signal);
  let sent = false;
  try {
    const token = await abortable(tokens.get(), call.signal);
    call.signal?.throwIfAborted();
    sent = true;
    const received = await exchange(call, url, token, bytes);
    return "kind" in received ? received : judge(call, received, token, read);
  } finally {
    leave(sent);
  }
}

async function exchange(call: Call, url: URL, token: string, bytes: number): Promise<Received | Setback> {
  const { timing, send } = call.tenant;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timing.call);
  const signal = call.signal ? AbortSignal.any([call.signal, limit.signal]) : limit.signal;
  try {
    return await send(url, token, bytes, signal);
  } catch (cause) {
    call.signal?.throwIfAborted();
    if (limit.signal.aborted) return lateAnswer(call, timing.call, cause);
    if (!isNetworkError(cause)) throw cause;
    return noAnswer(call, cause);
  } finally {
    clearTimeout(timer);
  }
}

function judge<T>(call: Call, received: Received, token: string, read: Reader<T>): Usable<T> | Setback {
  const { turnstile, tokens, now } = call.tenant;
  const { status, body, contentType, retryAfter, sentAt } = received;
  if (status === 429 || (status === 503 && retryAfter !== undefined)) {
    turnstile.hold(sentAt, readRetryAfter(retryAfter, now()));
    return { kind: "throttled" };
  }
  turnstile.passed(sentAt);
  if (status === 401) tokens.drop(token);
  if (status !== 200) return readRefusal(call.name, status, body);
  const json = readJson(contentType, body);
  const reading = "problem" in json ? json : read(json.content);
  if ("content" in reading) return { content: reading.content, bytes: body?.length ?? 0 };
  // What is too large will be too large again, and reading it is costly.
  return { kind: body ? "passing" : "final", ...unusable(call.name, reading.problem) };
}

function lateAnswer(call: Call, limit: number, cause: unknown): Setback {
  const message = `Defender did not answer ${call.name} in full within ${limit / 1_000} seconds, several times in a row. This usually clears up on its own.`;
  return { kind: "passing", permanent: false, message, cause };
}

function noAnswer(call: Call, cause: NodeJS.ErrnoException): Setback {
  const message = `Defender could not be reached for ${call.name} (${cause.code}). If this lasts, check the network and DEFENDER_URL.`;
  return { kind: "passing", permanent: false, message, cause };
}

function isNetworkError(error: unknown): error is NodeJS.ErrnoException {
  // By name, because the SDK that defines the class is not loaded before the first call.
  return error instanceof Error && (error.name === "RestError" || "code" in error);
}

// --- a tenant: its token, and the turnstile that every call to it goes through ---

interface Tenant {
  turnstile: Turnstile;
  tokens: Tokens;
  timing: Timing;
  send: Sender;
  now: () => number;
}

function createTenant(options: DefenderOptions, name: string, send: Sender): Tenant {
  const { credential, scope, now = Date.now, callsPerMinute, callsPerHour, concurrency = 8 } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const turnstile = createTurnstile({
    ...timing,
    minute: { calls: callsPerMinute, window: timing.minute },
    hour: { calls: callsPerHour, window: timing.hour },
    concurrency,
  });
  const askForToken = async () => abortable(credential(name).getToken(scope), AbortSignal.timeout(timing.call));
  return { turnstile, tokens: createTokens(askForToken, now, timing.tokenFailure), timing, send, now };
}
