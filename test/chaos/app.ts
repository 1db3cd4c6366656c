import { flushCompileCache } from "node:module";
import { turnClock } from "../../local/clock.ts";
import { type Host, startHost } from "../../local/host.ts";
import type { Command, News } from "./killable-app.ts";

/*
 * The built app in its own process, which follows its parent's commands and may be killed at any time. It reads its settings
 * from the environment; the host's own calls to the queue pass the same gate as the app's.
 */

let starting: Promise<Host> | undefined;

function report(news: News): void {
  process.send?.(news);
}

function start(): Promise<Host> {
  return startHost({
    appDir: process.env.CHAOS_APP ?? process.cwd(),
    port: 0,
    storageConnectionString: process.env.REPORTER_STORAGE ?? "",
    log: ({ level, message, fields }) => {
      const error = fields?.error;
      if (message === "Executed (Failed)") report({ failed: error instanceof Error ? error.message : String(error) });
      if (level === "critical")
        report({ defect: `${message}: ${error instanceof Error ? error.stack : String(error)}` });
    },
  });
}

async function obey({ at, fire, ask }: Command): Promise<void> {
  turnClock(new Date(at));
  starting ??= start();
  const host = await starting;
  for (let fired = 0; fired < fire; fired++) await host.fireTimer("schedule-runs");
  if (fire > 0) report({ fired: true });
  if (ask) {
    const answer = await fetch(`${host.url}/api/runs`, { method: "POST", body: JSON.stringify(ask) });
    report({ asked: answer.status });
  }
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
