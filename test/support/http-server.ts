import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A request as it came over the wire. */
export interface ReceivedRequest {
  method: string;
  /** Path and query, not decoded. */
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** Milliseconds on the clock of `performance.now()`. */
  at: number;
}

/** An answer; a `body` that is neither text nor bytes is sent as JSON. */
export interface ScriptedAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** Returns the answer, or writes to `response` itself: half an answer, none, or a broken connection. */
export type Handler = (
  request: ReceivedRequest,
  response: ServerResponse,
  index: number,
) => ScriptedAnswer | undefined | Promise<ScriptedAnswer | undefined>;

export interface HttpServer {
  /** Without a trailing slash. */
  url: string;
  port: number;
  requests: ReceivedRequest[];
  /** Replaces the handler. */
  handle(handler: Handler): void;
  /** Breaks open connections. Rejects with the first error that a handler threw. */
  close(): Promise<void>;
}

/** A server on a free port of 127.0.0.1 that records each request and answers as its handler says. */
export async function startHttpServer(handler: Handler, tls?: { key: string; cert: string }): Promise<HttpServer> {
  const requests: ReceivedRequest[] = [];
  const errors: unknown[] = [];
  let current = handler;

  async function respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "", headers } = incoming;
    const request = { method, path, headers, body: "", at: performance.now() };
    const index = requests.push(request) - 1;
    request.body = await readAll(incoming);
    const answer = await current(request, response, index);
    if (answer) send(response, answer);
  }

  function listener(incoming: IncomingMessage, response: ServerResponse): void {
    // A caller may disconnect at any time.
    incoming.on("error", () => {});
    response.on("error", () => {});
    respond(incoming, response).catch((error) => {
      if (!incoming.destroyed) errors.push(error);
      response.destroy();
    });
  }

  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    requests,
    handle(next) {
      current = next;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      if (errors.length > 0) throw errors[0];
    },
  };
}

async function readAll(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, { status = 200, headers = {}, body = "" }: ScriptedAnswer): void {
  const raw = typeof body === "string" || body instanceof Uint8Array;
  response.writeHead(status, raw ? headers : { "content-type": "application/json", ...headers });
  response.end(raw ? body : JSON.stringify(body));
}
