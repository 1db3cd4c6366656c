import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A port of 127.0.0.1 that nothing else gets until it is let go. */
export interface HeldPort {
  port: number;
  /** Without a slash at the end. */
  url: string;
  /** Frees it for the server that is meant to have it. */
  release(): Promise<void>;
}

/** What `start` makes with this port, or with 0, any free one, if another program uses it. */
export async function onPortOrAny<T>(port: number, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(port);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "EACCES") throw new Error(`Port ${port} needs more rights. Choose another, such as --port 8080.`);
    if (code !== "EADDRINUSE" || port === 0) throw error;
    return start(0);
  }
}

/** Takes this port, or any free one if another program uses it. Who calls it before it is released is asked to wait. */
export async function holdPort(wanted: number): Promise<HeldPort> {
  const server = await onPortOrAny(wanted, async (port) => {
    const placeholder = createServer((_request, response) => {
      response.writeHead(503, { "content-type": "text/plain", refresh: "2", "retry-after": "2" });
      response.end("The report is on its way.");
    });
    placeholder.listen(port, "127.0.0.1");
    await once(placeholder, "listening");
    return placeholder;
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    release: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
