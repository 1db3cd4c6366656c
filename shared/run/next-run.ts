import { Cron } from "croner";
import { mailsAnyway } from "../core/run.ts";
import { scheduledRunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Rules } from "../ports.ts";

const maxRuns = 400;

/** When the schedule (NCRONTAB with seconds, in UTC) fires next after `after`. */
export function nextRun(schedule: string, after: Date): Date | null {
  // As NCRONTAB reads it: if both days and weekdays are given, both must match.
  return new Cron(schedule, { timezone: "UTC", domAndDow: true, paused: true }).nextRun(after);
}

/** When the next run starts that mails whatever it finds; `null` if none is certain to. */
export function nextCertainMail(watchlist: Watchlist, rules: Rules, after: Date): Date | null {
  if (watchlist.mailWhen !== "always" && watchlist.heartbeatDay === "none") return null;
  if (watchlist.heartbeatDay === "none" && watchlist.mailWhen !== "always") return null;
  let run = nextRun(rules.schedule, after);
  for (let runs = 0; run && runs < maxRuns; runs++) {
    if (mailsAnyway(scheduledRunId(run, rules.timeZone), watchlist)) return run;
    run = nextRun(rules.schedule, run);
  }
  return null;
}
