import { openSync, readSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { followClock } from "../../local/clock.ts";
import { type Host, startHost } from "../../local/host.ts";
import type { Command, News } from "./killable-app.ts";

/*
 * The built app in its own process, which follows its parent's commands and may be killed or frozen at any time. It reads its
 * settings from the environment; the host's own calls to the queue pass the same gate as the app's.
 */

// All processes read the world's clock from one file at every look: one that was frozen wakes at the right time.
const clock = openSync(process.env.CHAOS_CLOCK ?? "", "r");
const ahead = Buffer.alloc(8);
followClock(() => {
  readSync(clock, ahead, 0, 8, 0);
  return ahead.readDoubleBE(0);
});

let starting: Promise<Host> | undefined;

function report(news: News): void {
  process.send?.(news);
}

function start(): Promise<Host> {
  return startHost({
    appDir: process.env.CHAOS_APP ?? process.cwd(),
    port: 0,
    hostKey: null,
    storageConnectionString: process.env.REPORTER_STORAGE ?? "",
    log: ({ level, message, fields }) => {
      const error = fields?.error;
      if (message === "Executed (Failed)") report({ failed: error instanceof Error ? error.message : String(error) });
      if (level === "critical")
        report({ defect: `${message}: ${error instanceof Error ? error.stack : String(error)}` });
      if (process.env.CHAOS_TRACE === "log") process.stderr.write(`${process.pid} ${level} ${message}\n`);
    },
  });
}

async function obey({ fire, asks }: Command): Promise<void> {
  starting ??= start();
  const host = await starting;
  for (let fired = 0; fired < fire; fired++) await host.fireTimer("schedule-runs");
  if (fire > 0) report({ fired: true });
  const answers = asks.map(async (ask) => {
    const { method, path, body } = ask;
    const answer = await fetch(`${host.url}/api/${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
    report({ answered: { ask, status: answer.status, text: await answer.text() } });
  });
  // Requests come while the queue is handled; what they queue is handled after them.
  await Promise.all([host.drainQueues(), ...answers]);
  const { waiting } = await host.drainQueues();
  // This process may be killed, so save now what the next one need not compile again.
  flushCompileCache();
  report({ waiting });
}

process.on("disconnect", () => process.exit());
process.on("message", (command: Command) => {
  // If storage is down, the command fails as a function would; the next command finds it up again.
  obey(command).catch((error) => {
    report({ failed: error instanceof Error ? error.message : String(error) });
    report({ waiting: null });
  });
});
