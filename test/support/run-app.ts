import { startHost } from "../../local/host.ts";

/*
 * The app in a process of its own, for tests that kill it: fires today's timer, handles what is visible in the queue,
 * and ends. Its settings are the environment's.
 */
const host = await startHost({
  appDir: process.cwd(),
  port: 0,
  storageConnectionString: process.env.REPORTER_STORAGE ?? "",
  log: () => {},
});
await host.fireTimer("schedule-runs");
await host.drainQueues();
await host.close();
