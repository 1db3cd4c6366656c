import { addDays, calendarDay, type RunDate } from "./day.ts";

/** `2026-11-23` for the scheduled run of that day, `2026-11-23T10:17Z` for one asked for at that UTC minute. */
export type RunId = string;

/** Whether the timer made this run; only such runs form the chain that reports telescope over. */
export function isScheduled(runId: RunId): boolean {
  return !runId.includes("T");
}

/** The day a run stands for. */
export function dayOf(runId: RunId): RunDate {
  return runId.slice(0, 10);
}

/** The run of the day that `now` falls on in `timeZone`. */
export function scheduledRunId(now: Date, timeZone: string): RunId {
  return calendarDay(now, timeZone);
}

/** The run asked for at `now`, to the UTC minute: asked twice in a minute, it is the same run. */
export function onDemandRunId(now: Date): RunId {
  return `${now.toISOString().slice(0, 16)}Z`;
}

const runIdShape = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}Z)?$/;

/** Whether a text is a run id of a real day. */
export function isRunId(text: string): boolean {
  return runIdShape.test(text) && !Number.isNaN(Date.parse(text)) && addDays(dayOf(text), 0) === dayOf(text);
}
