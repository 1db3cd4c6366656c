import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Registration } from "../../local/host.ts";

/** The built app in the development host, in its own process, with only its settings in the environment. */
export interface AppProcess {
  url: string;
  registrations: readonly Registration[];
  /** Everything that the process has written to standard output and error: its logs, with errors in full. */
  output(): string;
  /** Opens today's runs; rejects with the last error of the timer's function. */
  fireTimer(): Promise<void>;
  /** Handles the visible messages. */
  drain(): Promise<{ processed: number; waiting: number }>;
  /** Waits for running functions, then for the end of the process. */
  close(): Promise<void>;
}

interface Reply {
  id?: number;
  result?: unknown;
  error?: string;
}

/** Starts the app; if it cannot start with these settings, rejects with everything that the process wrote. */
export async function startAppProcess(env: Readonly<Record<string, string>>): Promise<AppProcess> {
  const child = fork(fileURLToPath(new URL("./app-child.ts", import.meta.url)), {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const chunks: Buffer[] = [];
  const output = () => Buffer.concat(chunks).toString("utf8");
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = once(child, "close");
  const started = (async () => {
    const [ready] = await once(child, "message");
    return ready as Pick<AppProcess, "url" | "registrations">;
  })();
  const ready = await Promise.race([
    started,
    ended.then(() => {
      throw new Error(`The app did not start: ${output()}`);
    }),
  ]);

  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  child.on("message", ({ id = 0, result, error }: Reply) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error));
  });
  child.once("close", () => {
    for (const { reject } of waiting.values()) reject(new Error(`The app's process ended: ${output()}`));
  });
  let calls = 0;
  const call = <T>(command: string) => {
    calls += 1;
    const answered = Promise.withResolvers<unknown>();
    waiting.set(calls, answered);
    child.send({ id: calls, command });
    return answered.promise as Promise<T>;
  };

  return {
    ...ready,
    output,
    fireTimer: () => call("fireTimer"),
    drain: () => call("drain"),
    close: async () => {
      if (child.connected) await call("close");
      await ended;
    },
  };
}
