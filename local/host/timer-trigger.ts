import { Cron } from "croner";
import type { TriggerInput } from "./invoke.ts";

export interface TimerFunction {
  name: string;
  /** As registered, such as `%REPORT_SCHEDULE%`. */
  schedule: string;
}

/** When a timer ran last and will run next, ISO 8601 in UTC. */
interface ScheduleStatus {
  last: string;
  lastUpdated: string;
  next: string;
}

export interface TimerFiring {
  isPastDue?: boolean;
  scheduleStatus?: Partial<ScheduleStatus>;
}

export interface Timer {
  name: string;
  /** What the function is handed when it fires now. */
  input(firing?: TimerFiring): TriggerInput;
  /** Fires by its schedule from now on, one run at a time. */
  start(fire: () => Promise<unknown>): void;
  stop(): void;
}

// A longer wait is cut into pieces, so that a clock that was set is noticed.
const longestWaitMs = 60_000;

/** A timer with its schedule read; a schedule that cannot be read is the host's error for the function. */
export function createTimer({ name, schedule }: TimerFunction, env: NodeJS.ProcessEnv): Timer {
  const cron = readSchedule(name, schedule, env);
  let last: Date | null = null;
  let waiting: NodeJS.Timeout | undefined;

  const wait = (due: Date | null, fire: () => Promise<unknown>) => {
    if (!due) return;
    const rest = due.getTime() - Date.now();
    if (rest > 0) {
      waiting = setTimeout(() => wait(due, fire), Math.min(rest, longestWaitMs));
      return;
    }
    // A failed run is logged where it ran; the timer goes on.
    const next = () => wait(cron.nextRun(new Date()), fire);
    fire().then(next, next);
  };

  return {
    name,
    input({ isPastDue = false, scheduleStatus } = {}) {
      const now = new Date();
      const next = cron.nextRun(now);
      const status = {
        Last: dotnetTime(scheduleStatus?.last ?? last),
        LastUpdated: dotnetTime(scheduleStatus?.lastUpdated ?? last),
        Next: dotnetTime(scheduleStatus?.next ?? next),
      };
      last = now;
      const json = JSON.stringify({
        Schedule: { AdjustForDST: true },
        ScheduleStatus: status,
        IsPastDue: isPastDue,
      });
      return { data: { json } };
    },
    start: (fire) => wait(cron.nextRun(new Date()), fire),
    stop: () => clearTimeout(waiting),
  };
}

function readSchedule(name: string, schedule: string, env: NodeJS.ProcessEnv): Cron {
  try {
    return parseNcrontab(resolveSettings(schedule, env));
  } catch (cause) {
    throw functionError(name, cause);
  }
}

// Where cron would take either, NCRONTAB wants day and weekday both; it knows `10/20` too.
const ncrontab = { timezone: "UTC", mode: "5-or-6-parts", domAndDow: true, sloppyRanges: true, paused: true } as const;

function parseNcrontab(expression: string): Cron {
  try {
    return new Cron(expression, ncrontab);
  } catch (cause) {
    throw new Error(`The schedule expression '${expression}' was not recognized as a valid cron expression.`, {
      cause,
    });
  }
}

/** Puts the app's settings in place of `%NAME%`; one that is not set is an error. */
export function resolveSettings(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(/%([^%]+)%/g, (placeholder, setting: string) => {
    const value = env[setting];
    if (!value) throw new Error(`'${placeholder}' does not resolve to a value.`);
    return value;
  });
}

/** The host's words for a function that it cannot start. */
export function functionError(name: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`The '${name}' function is in error: ${reason}`, { cause });
}

function dotnetTime(time: Date | string | null): string {
  if (time === null) return "0001-01-01T00:00:00+00:00";
  return (typeof time === "string" ? time : time.toISOString()).replace(/Z$/, "+00:00");
}
