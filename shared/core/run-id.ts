import { addDays, calendarDay, isDay, type RunDate } from "./day.ts";

/** `2026-11-23` for the scheduled run of that day, `2026-11-23T10:17Z` for one asked for at that UTC minute. */
export type RunId = string;

/** Whether the timer made this run; only such runs form the chain that reports telescope over. */
export function isScheduled(runId: RunId): boolean {
  return !runId.includes("T");
}

/** The first ten characters of a run id: the day of a scheduled run, the UTC day of one asked for. */
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

/**
 * The first and the last id that runs opened from one run to another can have. Ids do not sort by time: those of scheduled
 * runs are days in a time zone, those of runs asked for UTC minutes.
 */
export function idsBetween(from: RunId, to: RunId): [first: RunId, last: RunId] {
  // The id of a scheduled run sorts before those of the runs asked for on the same day.
  return [addDays(dayOf(from), -1), `${addDays(dayOf(to), 1)}T23:59Z`];
}

const runIdShape = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}Z)?$/;

/** Whether a text is a run id of a real day. */
export function isRunId(text: string): boolean {
  return runIdShape.test(text) && !Number.isNaN(Date.parse(text)) && isDay(dayOf(text));
}

/** The day that a run belongs to: its id where it is scheduled, else the day on which it was asked for in `timeZone`. */
export function runDay(runId: RunId, timeZone: string): RunDate {
  return isScheduled(runId) ? runId : calendarDay(new Date(runId), timeZone);
}
