import { addDays, calendarDay, type RunDate } from "./day.ts";

/** `2026-11-23` for the scheduled run of that day, `2026-11-23T10:17Z` for a run on demand at that UTC minute. */
export type RunId = string;

/** Whether the timer started this run; only such runs are compared with by later ones. */
export function isScheduled(runId: RunId): boolean {
  return !runId.includes("T");
}

/** The day of a run. */
export function dayOf(runId: RunId): RunDate {
  return runId.slice(0, 10);
}

/** The run of the day that `now` falls on in `timeZone`. */
export function scheduledRunId(now: Date, timeZone: string): RunId {
  return calendarDay(now, timeZone);
}

/** The run on demand at `now`, to the UTC minute: two requests in one minute are the same run. */
export function onDemandRunId(now: Date): RunId {
  return `${now.toISOString().slice(0, 16)}Z`;
}

const runIdShape = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}Z)?$/;

/** Whether a text is a run id with a real date. */
export function isRunId(text: string): boolean {
  return runIdShape.test(text) && !Number.isNaN(Date.parse(text)) && addDays(dayOf(text), 0) === dayOf(text);
}
