import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Estate } from "./estate.ts";

/** What goes wrong with an answer; the function form may do anything with the response. */
type Fault =
  | { kind: "answer"; status: number; headers?: Readonly<Record<string, string>>; body?: unknown }
  /** The connection breaks before the answer. */
  | { kind: "reset" }
  /** The connection breaks in the middle of the answer. */
  | { kind: "truncate" }
  | ((request: IncomingMessage, response: ServerResponse) => void);

export interface TenantOptions {
  /** Its list of products is empty where the estate has none. */
  estate: Pick<Estate, "software" | "missingKbs" | "trouble"> & Partial<Pick<Estate, "inventory">>;
  port?: number;
  now?: () => number;
  callsPerMinute?: number;
  callsPerHour?: number;
  /** Products on a page of the list. */
  pageSize?: number;
  /** How long an answer about this product takes. */
  latencyMs?: (softwareId: string) => number;
}

/** One request and its answer; `status` is `null` if it got none. `softwareId`: empty for the list of products. */
export interface TenantCall {
  at: number;
  method: string;
  path: string;
  softwareId: string | null;
  status: number | null;
}

export interface SimulatedTenant {
  /** Without a slash at the end. */
  url: string;
  /** In order of arrival. */
  calls: readonly TenantCall[];
  /** From now on, or the next `times` times, reads of this product (`*`: any; empty: the list of products) fail like this; `null` ends it. */
  setFault(softwareId: string, fault: Fault | null, times?: number): void;
  close(): Promise<void>;
}

/** The audience of a token for Defender, whatever the host. */
export const defenderAudience = "https://api.securitycenter.microsoft.com";
const defenderRole = "Software.Read.All";

/**
 * A tenant behind Defender for Endpoint's Software API: token check, quotas per tenant and application, errors. It answers
 * with what the estate misses on the day of `now`.
 */
export async function startTenant(options: TenantOptions): Promise<SimulatedTenant> {
  const { now = Date.now } = options;
  const calls: TenantCall[] = [];
  const faults = createFaults();
  const quota = createQuota(options, now);
  const answer = createAnswer(options, now, () => url);

  const admit = (authorization: string | undefined): Refusal | null => {
    const token = checkToken(authorization, now());
    if ("refusal" in token) return token.refusal;
    const retryAfter = quota.take(token.caller);
    return retryAfter === null ? null : tooMany(retryAfter);
  };

  const server = createServer(async (request, response) => {
    const { method = "", url: path = "" } = request;
    const target = readTarget(method, path);
    const softwareId = target?.softwareId ?? "";
    const call: TenantCall = { at: now(), method, path, softwareId: target && softwareId, status: null };
    calls.push(call);
    response.on("finish", () => {
      call.status = response.statusCode;
    });
    await wait(options.latencyMs?.(softwareId) ?? 0);
    const refusal = admit(request.headers.authorization);
    const reply = refusal ? errorOf(refusal) : target ? answer(target) : notFound(path);
    const fault = refusal ? null : faults.take(softwareId);
    if (fault) fail(fault, reply, request, response);
    else send(response, reply);
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    calls,
    setFault: faults.set,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function wait(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

// ---- requests

interface Target {
  operation: "list" | "software" | "getmissingkbs";
  /** Empty for a list. */
  softwareId: string;
  /** Of a list. */
  page: { skip: number; top: number };
}

function readTarget(method: string, path: string): Target | null {
  const url = new URL(path, "http://tenant");
  const match = url.pathname.match(/^\/api\/software(?:\/([^/]+)(\/getmissingkbs)?)?$/i);
  if (method !== "GET" || !match) return null;
  const page = { skip: wholeNumber(url, "$skip") ?? 0, top: wholeNumber(url, "$top") ?? Number.POSITIVE_INFINITY };
  if (match[1] === undefined) return { operation: "list", softwareId: "", page };
  const softwareId = decode(match[1]);
  return softwareId === null ? null : { operation: match[2] ? "getmissingkbs" : "software", softwareId, page };
}

function wholeNumber({ searchParams }: URL, name: string): number | null {
  const text = searchParams.get(name) ?? "";
  return /^\d+$/.test(text) ? Number(text) : null;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

// ---- tokens

interface Refusal {
  status: number;
  code: string;
  message: string;
  headers?: Readonly<Record<string, string>>;
}

/** Checks the claims as Defender does; the signature is not checked, because tokens here are unsigned JWTs. */
function checkToken(authorization: string | undefined, now: number): { caller: string } | { refusal: Refusal } {
  const unauthorized = (message: string) => ({ refusal: { status: 401, code: "Unauthorized", message } });
  const claims = readClaims(authorization);
  if (!claims) return unauthorized("Access token is missing or malformed.");
  if (claims.aud !== defenderAudience) return unauthorized("Access token is for another audience.");
  const seconds = now / 1000;
  if (typeof claims.exp !== "number" || claims.exp <= seconds) return unauthorized("Access token has expired.");
  if (typeof claims.nbf === "number" && claims.nbf > seconds) return unauthorized("Access token is not valid yet.");
  const roles = Array.isArray(claims.roles) ? claims.roles : [];
  if (!roles.includes(defenderRole)) {
    const message = `Missing application roles. API required roles: ${defenderRole}, application roles: ${roles.join(",")}.`;
    return { refusal: { status: 403, code: "Forbidden", message } };
  }
  return { caller: `${claims.tid ?? "home"} ${claims.appid ?? ""}` };
}

function readClaims(authorization: string | undefined): Record<string, unknown> | null {
  const payload = authorization?.match(/^Bearer [\w-]+\.([\w-]+)\.[\w-]*$/)?.[1];
  if (!payload) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null ? { ...claims } : null;
  } catch {
    return null;
  }
}

// ---- quotas

/** Seconds to wait if a caller has used up one of the two sliding windows; otherwise `null`, and the call counts. */
function createQuota({ callsPerMinute = 100, callsPerHour = 1_500 }: TenantOptions, now: () => number) {
  const windows = [
    { ms: 60_000, calls: callsPerMinute },
    { ms: 3_600_000, calls: callsPerHour },
  ];
  const taken = new Map<string, number[]>();
  return {
    take(caller: string): number | null {
      const time = now();
      // After the clock is turned back, later calls have not been made yet.
      const past = (taken.get(caller) ?? []).filter((at) => at <= time && at > time - 3_600_000);
      const waits = windows.map(({ ms, calls }) => {
        const within = past.filter((at) => at > time - ms);
        const blocking = within.at(-calls);
        return blocking === undefined ? 0 : blocking + ms - time;
      });
      const longest = Math.max(...waits);
      if (longest === 0) past.push(time);
      taken.set(caller, past);
      return longest === 0 ? null : Math.ceil(longest / 1000);
    },
  };
}

function tooMany(retryAfter: number): Refusal {
  return {
    status: 429,
    code: "TooManyRequests",
    message: `Too many requests. Try again in ${retryAfter} seconds.`,
    headers: { "retry-after": String(retryAfter) },
  };
}

// ---- answers

interface Reply {
  status: number;
  headers?: Readonly<Record<string, string>>;
  body: unknown;
}

function createAnswer({ estate, pageSize = 10_000 }: TenantOptions, now: () => number, url: () => string) {
  const tries = new Map<string, number>();

  /** The estate's trouble of this day, if it is not over yet. */
  const troubled = (softwareId: string, day: string): Reply | null => {
    const { statuses, allDay } = estate.trouble(softwareId, day);
    const key = `${day} ${softwareId}`;
    const tried = tries.get(key) ?? 0;
    tries.set(key, tried + 1);
    const status = statuses[tried] ?? (allDay ? statuses.at(-1) : undefined);
    return status === undefined ? null : errorOf(troubleOf(status, softwareId));
  };

  /** A page of the list, with a link to the next one where there is more and `$top` does not ask for less. */
  const listPage = ({ skip, top }: Target["page"], day: string): Reply => {
    const all = estate.inventory?.(day) ?? [];
    const end = skip + Math.min(top, pageSize);
    const next = end < Math.min(all.length, skip + top) && `${url()}/api/Software?$skip=${end}`;
    const context = `${url()}/api/$metadata#Software`;
    return {
      status: 200,
      body: { "@odata.context": context, value: all.slice(skip, end), ...(next && { "@odata.nextLink": next }) },
    };
  };

  return ({ operation, softwareId, page }: Target): Reply => {
    const day = new Date(now()).toISOString().slice(0, 10);
    if (operation === "list") return listPage(page, day);
    const software = estate.software(softwareId, day);
    if (!software) return notFound(softwareId);
    if (operation === "software") {
      return { status: 200, body: { "@odata.context": `${url()}/api/$metadata#Software/$entity`, ...software } };
    }
    const trouble = troubled(softwareId, day);
    if (trouble) return trouble;
    return {
      status: 200,
      body: {
        "@odata.context": `${url()}/api/$metadata#Collection(microsoft.windowsDefenderATP.api.PublicProductFixDto)`,
        value: estate.missingKbs(softwareId, day),
      },
    };
  };
}

function troubleOf(status: number, softwareId: string): Refusal {
  if (status === 429) return tooMany(1);
  if (status === 404) return { status, code: "ResourceNotFound", message: `Resource ${softwareId} was not found.` };
  return { status, code: "InternalServerError", message: "An internal error has occurred." };
}

function notFound(name: string): Reply {
  return errorOf(troubleOf(404, name));
}

function errorOf({ status, code, message, headers = {} }: Refusal): Reply {
  return { status, headers, body: { error: { code, message, target: randomUUID() } } };
}

function send(response: ServerResponse, { status, headers = {}, body }: Reply): void {
  response.writeHead(status, { "content-type": "application/json; odata.metadata=minimal", ...headers });
  response.end(textOf(body));
}

function textOf(body: unknown): string | Uint8Array {
  return typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body ?? "");
}

// ---- faults

function createFaults() {
  const faults = new Map<string, { fault: Fault; left: number }>();
  return {
    set(softwareId: string, fault: Fault | null, times = Number.POSITIVE_INFINITY): void {
      if (fault) faults.set(softwareId, { fault, left: times });
      else faults.delete(softwareId);
    },
    take(softwareId: string): Fault | null {
      const found = [softwareId, "*"]
        .map((key) => faults.get(key))
        .find((entry) => entry !== undefined && entry.left > 0);
      if (!found) return null;
      found.left -= 1;
      return found.fault;
    },
  };
}

function fail(fault: Fault, reply: Reply, request: IncomingMessage, response: ServerResponse): void {
  if (typeof fault === "function") {
    fault(request, response);
    return;
  }
  const body = Buffer.from(textOf(reply.body));
  switch (fault.kind) {
    case "answer":
      send(response, { status: fault.status, headers: fault.headers ?? {}, body: fault.body ?? "" });
      return;
    case "reset":
      request.socket.resetAndDestroy();
      return;
    case "truncate":
      response.writeHead(reply.status, { "content-type": "application/json", "content-length": body.length });
      response.write(body.subarray(0, body.length / 2), () => request.socket.destroy());
      return;
  }
}
