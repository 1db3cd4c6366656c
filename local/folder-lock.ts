import { createHash } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/**
 * Keeps a folder to this process until it ends or lets go; `null`: another process has it. The mark is a local socket, so a
 * process that was killed holds nothing.
 */
export async function lockFolder(dir: string): Promise<{ release(): void } | null> {
  const address = addressOf(resolve(dir));
  for (;;) {
    const server = await listen(address);
    if (server) return { release: () => server.close() };
    if (await answers(address)) return null;
    rmSync(address, { force: true });
  }
}

// Not in the folder itself: the path of a socket must be short.
function addressOf(dir: string): string {
  const name = `missing-kb-reporter-${createHash("sha256").update(dir).digest("hex").slice(0, 16)}`;
  return process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

async function listen(address: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy()).listen(address);
  try {
    await once(server, "listening");
    return server.unref();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return null;
    throw error;
  }
}

async function answers(address: string): Promise<boolean> {
  const socket = connect(address);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
