import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { RpcHttp, RpcHttpCookie, RpcNullableString, RpcTypedData } from "./functions-app.ts";
import { compareRoutes, matchRoute, parseRoute, type RouteTemplate } from "./route.ts";

export interface HttpFunction {
  name: string;
  route: string;
  /** In capitals. */
  methods: readonly string[];
  authLevel: string;
}

export interface HttpHostOptions {
  routePrefix: string;
  /** From host.json; put on every answer. */
  customHeaders: Readonly<Record<string, string>>;
  /** What `function` level asks for; absent: no keys are asked for, as under `func start`. */
  hostKey?: string | undefined;
  run(name: string, http: RpcHttp, traceParent: string | undefined): Promise<RpcTypedData | null>;
}

// The Functions host's own limit.
const maxBodyBytes = 100 * 1024 * 1024;

interface Route extends HttpFunction {
  template: RouteTemplate;
}

/** A server that answers as the Functions host does; it is not listening yet. */
export function createHttpHost(functions: readonly HttpFunction[], options: HttpHostOptions): Server {
  const routes = functions
    .map((fn): Route => ({ ...fn, template: parseRoute(`${options.routePrefix}/${fn.route}`) }))
    .sort((a, b) => compareRoutes(a.template, b.template));
  const server = createServer(async (request, response) => {
    // A connection that was busy when the host closed would stay open for the next request.
    response.on("finish", () => server.listening || request.socket.end());
    for (const [name, value] of Object.entries(options.customHeaders)) response.setHeader(name, value);
    try {
      await answer(routes, options, request, response);
    } catch {
      // Whatever went wrong was logged with its invocation; the caller learns nothing of it.
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  });
  return server;
}

async function answer(
  routes: readonly Route[],
  options: HttpHostOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(`http://${request.headers.host}${request.url}`);
  const method = (request.method ?? "GET").toUpperCase();
  if (/%00/.test(url.pathname)) return end(response, 400);
  const found = findRoute(routes, method, url.pathname);
  if (!found) return end(response, 404);
  if (!isAllowed(found.route.authLevel, request, url, options.hostKey)) return end(response, 401);
  const bytes = await readBody(request);
  if (bytes === null) return end(response, 413);

  const http: RpcHttp = {
    url: url.href,
    method,
    nullableHeaders: nullable(headersOf(request)),
    nullableQuery: nullable(queryOf(url)),
    nullableParams: nullable(found.params),
    body: bytes.length > 0 ? { bytes } : null,
  };
  const value = await options.run(found.route.name, http, request.headersDistinct.traceparent?.[0]);
  // The host's answer for a function that returns nothing.
  if (!value?.http) return end(response, 204);
  send(response, value.http);
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

// A method that no function of the route takes is "not found" in the Functions host, never 405.
function findRoute(routes: readonly Route[], method: string, path: string) {
  for (const route of routes) {
    const params = route.methods.includes(method) ? matchRoute(route.template, path) : null;
    if (params) return { route, params };
  }
  return null;
}

function isAllowed(level: string, request: IncomingMessage, url: URL, hostKey: string | undefined): boolean {
  if (hostKey === undefined || level === "anonymous") return true;
  const offered = request.headers["x-functions-key"] ?? url.searchParams.get("code");
  return level === "function" && offered === hostKey;
}

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > maxBodyBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function headersOf(request: IncomingMessage): Record<string, string> {
  const entries = Object.entries(request.headersDistinct).map(([name, values = []]) => {
    return [name, values.join(name === "cookie" ? "; " : ",")];
  });
  return Object.fromEntries(entries);
}

// Names differ by more than case, repeated ones are joined: so the host hands them on.
function queryOf(url: URL): Record<string, string> {
  const names = new Map<string, string>();
  const query: Record<string, string> = {};
  for (const [key, value] of url.searchParams) {
    const name = names.get(key.toLowerCase()) ?? key;
    names.set(key.toLowerCase(), name);
    query[name] = Object.hasOwn(query, name) ? `${query[name]},${value}` : value;
  }
  return query;
}

function nullable(values: Record<string, string>): Record<string, RpcNullableString> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}

function send(response: ServerResponse, http: RpcHttp): void {
  for (const [name, value] of Object.entries(http.headers ?? {})) response.setHeader(name, value);
  const cookies = (http.cookies ?? []).map(serializeCookie);
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  response.writeHead(Number(http.statusCode)).end(bodyOf(http.body));
}

function bodyOf(body: RpcTypedData | null | undefined): Uint8Array | string {
  return body?.bytes ?? body?.string ?? body?.json ?? "";
}

const sameSites = { none: null, lax: "Lax", strict: "Strict", explicitNone: "None" };

function serializeCookie(cookie: RpcHttpCookie): string {
  const sameSite = sameSites[cookie.sameSite ?? "none"];
  const parts = [
    `${cookie.name}=${encodeURIComponent(cookie.value)}`,
    cookie.expires && `expires=${new Date(cookie.expires.value.seconds * 1000).toUTCString()}`,
    cookie.maxAge && `max-age=${cookie.maxAge.value}`,
    cookie.domain && `domain=${cookie.domain.value}`,
    cookie.path && `path=${cookie.path.value}`,
    cookie.secure?.value && "secure",
    sameSite && `samesite=${sameSite.toLowerCase()}`,
    cookie.httpOnly?.value && "httponly",
  ];
  return parts.filter(Boolean).join("; ");
}
