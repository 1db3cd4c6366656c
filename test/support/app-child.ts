import { inspect } from "node:util";
import { startHost } from "../../local/host.ts";

/*
 * The app in its own process, controlled by messages from the process that started it (app-process.ts). All log entries go to
 * standard output, with errors and their causes in full: more than any telemetry would show.
 */
const { TEST_HOST_KEY: hostKey = null } = process.env;
const host = await startHost({
  appDir: process.cwd(),
  port: 0,
  hostKey,
  log: ({ level, functionName, message, fields }) => {
    const details = fields ? ` ${inspect(fields, { depth: 20, breakLength: Number.POSITIVE_INFINITY })}` : "";
    process.stdout.write(`${level} ${functionName ?? "host"}: ${message}${details}\n`);
  },
});

const commands: Readonly<Record<string, () => Promise<unknown>>> = {
  fireTimer: () => host.fireTimer("schedule-runs"),
  drain: () => host.drainQueues(),
  close: () => host.close(),
};

process.on("message", async ({ id, command }: { id: number; command: string }) => {
  try {
    process.send?.({ id, result: await commands[command]?.() });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
  }
  if (command === "close") process.disconnect();
});
process.send?.({ url: host.url, registrations: host.registrations });
