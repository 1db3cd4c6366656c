import { flushCompileCache } from "node:module";
import { turnClock } from "../../local/clock.ts";
import { type Host, startHost } from "../../local/host.ts";
import type { Command, News } from "./killable-app.ts";

/*
 * The built app in a process of its own, which does what its parent tells it to and may be killed at it. Its settings are
 * the environment's; the host's own calls to the queue pass the same gate as the app's.
 */

let starting: Promise<Host> | undefined;

function tell(news: News): void {
  process.send?.(news);
}

function start(): Promise<Host> {
  return startHost({
    appDir: process.env.CHAOS_APP ?? process.cwd(),
    port: 0,
    storageConnectionString: process.env.REPORTER_STORAGE ?? "",
    log: ({ level, message, fields }) => {
      const error = fields?.error;
      if (message === "Executed (Failed)") tell({ failed: error instanceof Error ? error.message : String(error) });
      if (level === "critical") tell({ defect: `${message}: ${error instanceof Error ? error.stack : String(error)}` });
    },
  });
}

async function obey({ at, fire, ask }: Command): Promise<void> {
  turnClock(new Date(at));
  starting ??= start();
  const host = await starting;
  for (let fired = 0; fired < fire; fired++) await host.fireTimer("schedule-runs");
  if (fire > 0) tell({ fired: true });
  if (ask) {
    const answer = await fetch(`${host.url}/api/runs`, { method: "POST", body: JSON.stringify(ask) });
    tell({ asked: answer.status });
  }
  const { waiting } = await host.drainQueues();
  // What will be killed keeps what the next process need not compile again.
  flushCompileCache();
  tell({ waiting });
}

process.on("disconnect", () => process.exit());
process.on("message", (command: Command) => {
  // A storage that is away fails a command as it fails a function; the next one finds it back.
  obey(command).catch((error) => {
    tell({ failed: error instanceof Error ? error.message : String(error) });
    tell({ waiting: null });
  });
});
