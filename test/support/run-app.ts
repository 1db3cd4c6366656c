import { turnClock } from "../../local/clock.ts";
import { startHost } from "../../local/host.ts";

/*
 * The app in its own process, for tests that kill it: fires today's timer, handles the visible messages and ends. It
 * reads its settings from the environment, and the time at which it starts, if not now.
 */
const { RUN_APP_AT: startsAt } = process.env;
if (startsAt) turnClock(new Date(startsAt));
const host = await startHost({
  appDir: process.cwd(),
  port: 0,
  hostKey: null,
  storageConnectionString: process.env.REPORTER_STORAGE ?? "",
  log: () => {},
});
await host.fireTimer("schedule-runs");
await host.drainQueues();
await host.close();
