import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { RpcHttp, RpcNullableString, RpcTypedData } from "./functions-app.ts";
import { matchRoute, parseRoute, type Route } from "./route.ts";
import { afterSignIn, type People } from "./sign-in.ts";

export interface HttpFunction {
  name: string;
  route: string;
  /** In capitals. */
  methods: readonly string[];
  authLevel: string;
}

export interface HttpHostOptions {
  routePrefix: string;
  /** The key that level `function` requires; `null`: none is required, as under `func start`. */
  hostKey: string | null;
  /** Those whom the platform's sign-in in front of the host lets in; absent: it is off. */
  people?: People | undefined;
  run(name: string, http: RpcHttp): Promise<RpcTypedData | null>;
}

// The Functions host's own limit.
const maxBodyBytes = 100 * 1024 * 1024;

type RoutedFunction = Omit<HttpFunction, "route"> & { route: Route };

/** A server that answers as the Functions host does; it is not listening yet. */
export function createHttpHost(functions: readonly HttpFunction[], options: HttpHostOptions): Server {
  const routed = functions.map((each) => ({ ...each, route: parseRoute(`${options.routePrefix}/${each.route}`) }));
  const server = createServer(async (request, response) => {
    // Without this, a connection that is busy while the host closes would stay open for another request.
    response.on("finish", () => server.listening || request.socket.end());
    try {
      await answer(routed, options, request, response);
    } catch {
      // The invocation has logged the error; the caller gets no details.
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  });
  return server;
}

async function answer(
  functions: readonly RoutedFunction[],
  options: HttpHostOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(`http://${request.headers.host}${request.url}`);
  const method = (request.method ?? "GET").toUpperCase();
  const headers = options.people ? afterSignIn(headersOf(request), url.pathname, options.people) : headersOf(request);
  if (!headers) return end(response, 401);
  if (/%00/.test(url.pathname)) return end(response, 400);
  const found = findFunction(functions, method, url.pathname);
  if (!found) return end(response, 404);
  if (!isAllowed(found.authLevel, request, url, options.hostKey)) return end(response, 401);
  const bytes = await readBody(request);
  if (bytes === null) return end(response, 413);

  const http: RpcHttp = {
    url: url.href,
    method,
    nullableHeaders: nullable(headers),
    nullableQuery: nullable(queryOf(url)),
    nullableParams: nullable(found.params),
    // The host hands on only a body whose length was announced: one sent in chunks is lost.
    body: Number(request.headers["content-length"]) > 0 ? { bytes } : null,
  };
  const value = await options.run(found.name, http);
  // The host's answer for a function that returns nothing.
  if (!value?.http) return end(response, 204);
  send(response, value.http);
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

// The Functions host answers 404, never 405, to a method that no function of the route takes.
function findFunction(functions: readonly RoutedFunction[], method: string, path: string) {
  for (const each of functions) {
    const params = each.methods.includes(method) ? matchRoute(each.route, path) : null;
    if (params) return { ...each, params };
  }
  return null;
}

function isAllowed(level: string, request: IncomingMessage, url: URL, hostKey: string | null): boolean {
  if (hostKey === null || level === "anonymous") return true;
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

// The Functions host ignores the case of a name and joins repeated values.
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

function send(response: ServerResponse, { statusCode, headers = {}, body }: RpcHttp): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.writeHead(Number(statusCode)).end(body?.bytes ?? "");
}
