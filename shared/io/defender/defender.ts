import type { TokenCredential } from "@azure/core-auth";
import { isLoopback } from "../../core/loopback.ts";
import { type Calling, type Defender, DefenderError } from "../../ports.ts";
import {
  type Fault,
  followLink,
  type Page,
  type Parsed,
  parsePage,
  readJson,
  readRefusal,
  readRetryAfter,
  readSoftware,
  softwarePath,
  unusable,
} from "./answers.ts";
import { type Body, createIntakes, type Intake, type Limits, listLimits } from "./body.ts";
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
  /** Calls at once per tenant. Both quotas keep as many in hand: with the usual 4, 96 of 100 calls a minute are used. */
  concurrency?: number;
  /** Milliseconds since 1970, for dates in `Retry-After`, the age of tokens and the usage that processes hand over. */
  now?: () => number;
  timing?: Partial<Timing>;
}

/** Each is a call of the quota. A product has at most some 2,000 KBs. */
const maxPages = 100;
/** Each makes all calls to the tenant wait. */
const mostThrottled = 12;
/** Of an answer that refuses. */
const refusalLimits: Limits = { bytes: 64 * 1024, values: 10_000 };

/**
 * Reads Defender over HTTP. Quotas, throttling and tokens are per tenant, shared by all reads of this process; the memory
 * for answers is shared by all tenants.
 */
export function createDefender(options: DefenderOptions): Defender {
  const base = readBaseUrl(options.baseUrl);
  const shared = { openSender: createSender(base), openIntake: createIntakes() };
  const tenants = new Map<string, Tenant>();

  function tenantOf(name: string): Tenant {
    const tenant = tenants.get(name) ?? createTenant(options, name, shared);
    tenants.set(name, tenant);
    return tenant;
  }

  return {
    async getMissingKbs(tenant, softwareId, calling) {
      const call: Call = { ...calling, name: "getmissingkbs", tenant: tenantOf(tenant) };
      return expectFaults(call, () => readPages(call, softwareUrl(base, softwareId, "/getmissingkbs")));
    },
    async getSoftware(tenant, softwareId, calling) {
      const call: Call = { ...calling, name: "GET /api/Software/{id}", tenant: tenantOf(tenant) };
      return expectFaults(call, async () => {
        const url = softwareUrl(base, softwareId, "");
        const answer = await ask(call, { url, limits: listLimits, read: readSoftware });
        return "missing" in answer ? null : { ...answer.content, id: answer.content.id || softwareId };
      });
    },
    async listSoftware(tenant, calling) {
      const call: Call = { ...calling, name: "GET /api/Software", tenant: tenantOf(tenant) };
      return expectFaults(call, () => readPages(call, apiUrl(base, "/api/Software")));
    },
    usage: (tenant) => tenantOf(tenant).turnstile.usage(),
    resume: (tenant, usage) => tenantOf(tenant).turnstile.resume(usage),
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
  return apiUrl(base, `${path.content}${rest}`);
}

function apiUrl(base: URL, path: string): URL {
  return new URL(`${base.origin}${base.pathname.replace(/\/+$/, "")}${path}`);
}

// --- one read: calls until there is an answer or a lasting fault ---

/** What is read, and for whom. Errors use `name`, which has no ids, so that one fault has one message. */
interface Call extends Calling {
  name: string;
  tenant: Tenant;
  /** What the permit threw. */
  denial?: { reason: unknown };
}

/** The end of a read by its signal or permit is passed on as it is; anything else that goes wrong is a `DefenderError`. */
async function expectFaults<T>(call: Call, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const isAborted = call.signal?.aborted && cause === call.signal.reason;
    const isDenied = call.denial && cause === call.denial.reason;
    if (isAborted || isDenied || cause instanceof DefenderError) throw cause;
    const message = `Defender's answer to ${call.name} could not be read because of an unexpected error.`;
    throw new DefenderError(message, { permanent: false, cause });
  }
}

interface Usable<T> {
  content: T;
  /** What it took of the limits. */
  size: Limits;
}

/** What one call asks for, and how its answer is read. */
interface Question<T> {
  url: URL;
  limits: Limits;
  read: (json: unknown) => Parsed<T>;
}

type Outcome<T> = Usable<T> | { missing: DefenderError };

async function readPages(call: Call, first: URL): Promise<unknown[]> {
  const items: unknown[] = [];
  const seen = new Set<string>();
  const left = { ...listLimits };
  let url: URL | null = first;
  while (url) {
    if (seen.has(url.href)) throw errorOf(unusable(call.name, "its nextLink leads back to a page already read"));
    if (seen.size === maxPages) throw errorOf(unusable(call.name, "it has more than 100 pages"));
    seen.add(url.href);
    const answer: Outcome<Page> = await ask(call, { url, limits: left, read: parsePage });
    if ("missing" in answer) throw answer.missing;
    // Spreading a page of a hundred thousand items would overflow the stack.
    for (const item of answer.content.value) items.push(item);
    left.bytes -= answer.size.bytes;
    left.values -= answer.size.values;
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

async function ask<T>(call: Call, question: Question<T>): Promise<Outcome<T>> {
  const { retries, notFoundPauses } = call.tenant.timing;
  const pauses = { token: [0], passing: [...retries], missing: [...notFoundPauses], final: [] };
  let throttled = 0;
  for (;;) {
    const outcome = await attempt(call, question);
    if ("content" in outcome) return outcome;
    if (outcome.kind === "throttled") {
      throttled += 1;
      if (throttled === mostThrottled) throw errorOf(throttledAlone(call.name));
      continue;
    }
    const pause = pauses[outcome.kind].shift();
    if (pause === undefined && outcome.kind === "missing") return { missing: errorOf(outcome) };
    if (pause === undefined) throw errorOf(outcome);
    await wait(jitter(pause), call.signal);
  }
}

// A tenant that is throttled for so long is left alone before that: others must have been answered in between.
function throttledAlone(name: string): Omit<Fault, "kind"> {
  const message = `Defender throttles this product again and again for ${name}, although it answers others. This usually clears up on its own.`;
  return { permanent: false, message };
}

function errorOf(fault: Omit<Fault, "kind"> & { cause?: unknown }): DefenderError {
  const cause = fault.cause ?? (fault.said === undefined ? undefined : new Error(fault.said));
  return new DefenderError(fault.message, { permanent: fault.permanent, notFound: fault.notFound ?? false, cause });
}

/** A fault, or the tenant is throttled: then its turnstile makes the next call wait, or refuses it. */
type Setback = (Fault & { cause?: unknown }) | { kind: "throttled" };

async function attempt<T>(call: Call, question: Question<T>): Promise<Usable<T> | Setback> {
  const { turnstile, tokens, openSender, openIntake } = call.tenant;
  const leave = await turnstile.enter(call.signal);
  const intake = openIntake();
  let sent = false;
  try {
    const token = await abortable(tokens.get(), call.signal);
    const send = await openSender();
    await askPermit(call);
    // The permit is for this moment: nothing is waited for between it and the call.
    sent = true;
    const answer = await inTime(call, async (signal) => {
      const received = await send(question.url, token, signal);
      const limits = received.status === 200 ? question.limits : refusalLimits;
      return { ...received, body: await intake.read(received.stream, limits, signal) };
    });
    return "kind" in answer ? answer : judge(call, question, token, answer);
  } finally {
    intake.close();
    leave(sent);
  }
}

async function askPermit(call: Call): Promise<void> {
  try {
    await abortable(call.permit?.() ?? Promise.resolve(), call.signal);
  } catch (reason) {
    call.denial = { reason };
    throw reason;
  }
  call.signal?.throwIfAborted();
}

async function inTime<T>(call: Call, exchange: (signal: AbortSignal) => Promise<T>): Promise<T | Setback> {
  const { timing } = call.tenant;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timing.call);
  try {
    // The end of a read's time does not break off a call: Defender has counted it, and its answer may be the last one missing.
    return await exchange(limit.signal);
  } catch (cause) {
    call.signal?.throwIfAborted();
    if (limit.signal.aborted) return lateAnswer(call, timing.call, cause);
    if (!isNetworkError(cause)) throw cause;
    return noAnswer(call, cause);
  } finally {
    clearTimeout(timer);
  }
}

function judge<T>(
  call: Call,
  question: Question<T>,
  token: string,
  answer: Received & { body: Body },
): Usable<T> | Setback {
  const { turnstile, tokens, now } = call.tenant;
  const { status, body, contentType, retryAfter, sentAt } = answer;
  if (status === 429 || (status === 503 && retryAfter !== undefined)) {
    turnstile.hold(sentAt, readRetryAfter(retryAfter, now()));
    return { kind: "throttled" };
  }
  turnstile.passed(sentAt);
  if (status === 401) tokens.drop(token);
  if (status !== 200) return readRefusal(call.name, status, "bytes" in body ? body.bytes : null);
  // What is too large will be too large again, and reading it is costly.
  if ("problem" in body) return { kind: "final", ...unusable(call.name, body.problem) };
  const json = readJson(contentType, body.bytes);
  const reading = "problem" in json ? json : question.read(json.content);
  if ("problem" in reading) return { kind: "passing", ...unusable(call.name, reading.problem) };
  return { content: reading.content, size: { bytes: body.bytes.length, values: body.values } };
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
  if (!(error instanceof Error) || error instanceof TypeError) return false;
  return error.name === "RestError" || "code" in error;
}

// --- a tenant: its token, and the turnstile that every call to it goes through ---

interface Tenant extends Shared {
  turnstile: Turnstile;
  tokens: Tokens;
  timing: Timing;
  now: () => number;
}

/** What all tenants have in common. */
interface Shared {
  openSender: Sender;
  openIntake: () => Intake;
}

function createTenant(options: DefenderOptions, name: string, shared: Shared): Tenant {
  const { credential, scope, now = Date.now, callsPerMinute, callsPerHour, concurrency = 4 } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const turnstile = createTurnstile({
    ...timing,
    minute: { calls: callsPerMinute, window: timing.minute },
    hour: { calls: callsPerHour, window: timing.hour },
    concurrency,
    now,
  });
  const askForToken = async () => abortable(credential(name).getToken(scope), AbortSignal.timeout(timing.token));
  return { ...shared, turnstile, tokens: createTokens(askForToken, now, timing.tokenFailure), timing, now };
}
