import { Cron } from "croner";
import { mailsAnyway } from "../core/run.ts";
import { scheduledRunId } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import type { RenderOptions } from "../render/words.ts";

/** When the schedule fires next after `after`; NCRONTAB with seconds, in UTC. */
export function nextRun(schedule: string, after: Date): Date | null {
  // As NCRONTAB reads it: where days and weekdays are both given, both must fit.
  return new Cron(schedule, { timezone: "UTC", domAndDow: true, paused: true }).nextRun(after);
}

/** What every rendering is told besides the report. */
export function renderOptions({ rules, now }: Pick<Ports, "rules" | "now">, watchlist: Watchlist): RenderOptions {
  const { timeZone, reportUrl, portalUrl, graceMinutes } = rules;
  const next = nextRun(rules.schedule, now())?.toISOString() ?? null;
  const nextMail = nextCertainMail(watchlist, rules, now())?.toISOString() ?? null;
  return { timeZone, reportUrl, portalUrl, graceMinutes, nextRun: next, nextMail };
}

const mostRuns = 400;

/** When the next run starts that mails whatever it finds; `null` where none is sure to. */
export function nextCertainMail(watchlist: Watchlist, rules: Ports["rules"], after: Date): Date | null {
  let run = nextRun(rules.schedule, after);
  for (let runs = 0; run && runs < mostRuns; runs++) {
    if (mailsAnyway(scheduledRunId(run, rules.timeZone), watchlist)) return run;
    run = nextRun(rules.schedule, run);
  }
  return null;
}
