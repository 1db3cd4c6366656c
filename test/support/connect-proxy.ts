import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";

export interface ConnectProxy {
  /** With a user name and password, which it requires. */
  url: string;
  /** The first line of each request, such as `CONNECT api.example:443 HTTP/1.1`. */
  asked: readonly string[];
  /** All that clients sent: their requests, and what went through the tunnels. */
  sent(): string;
  close(): Promise<void>;
}

/** A proxy as companies have them. `routes` are the ports on this machine that play `host:port`; other hosts do not exist. */
export async function startConnectProxy(routes: Readonly<Record<string, number>>): Promise<ConnectProxy> {
  const asked: string[] = [];
  const chunks: Buffer[] = [];
  const open = new Set<Duplex>();
  const credentials = "corporate-user:corporate-password";
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;

  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} HTTP/${request.httpVersion}`);
    response.writeHead(502).end();
  });
  server.on("connection", (socket: Socket) => socket.on("data", (chunk) => chunks.push(chunk)));
  server.on("connect", ({ url = "", httpVersion, headers }, client) => {
    asked.push(`CONNECT ${url} HTTP/${httpVersion}`);
    const port = routes[url];
    const isKnown = headers["proxy-authorization"] === authorization;
    if (!isKnown || port === undefined) {
      client.end(`HTTP/1.1 ${isKnown ? "502 Bad Gateway" : "407 Proxy Authentication Required"}\r\n\r\n`);
      return;
    }
    const target = connect(port, "127.0.0.1", () => client.write("HTTP/1.1 200 Connection established\r\n\r\n"));
    join(client, target, open);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");

  return {
    url: `http://${credentials}@127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    sent: () => Buffer.concat(chunks).toString("latin1"),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

export interface TlsFront {
  port: number;
  close(): Promise<void>;
}

/** Serves a plain http server of this machine by https. */
export async function startTlsFront(url: string, certificate: { key: string; cert: string }): Promise<TlsFront> {
  const open = new Set<Duplex>();
  const server = createTlsServer(certificate, (client) => {
    join(client, connect(Number(new URL(url).port), "127.0.0.1"), open);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function join(one: Duplex, other: Duplex, open: Set<Duplex>): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    open.add(from);
    from.on("error", () => to.destroy());
    from.on("close", () => {
      open.delete(from);
      to.destroy();
    });
    from.pipe(to);
  }
}
