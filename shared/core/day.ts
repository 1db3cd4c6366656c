import { compareText } from "./text.ts";
/** A calendar day in `REPORT_TIME_ZONE`, written `2026-11-23`. */
export type RunDate = string;

const dayMs = 86_400_000;

/** Days from one calendar day to another; negative if `to` is earlier. */
export function daysBetween(from: RunDate, to: RunDate): number {
  return (Date.parse(to) - Date.parse(from)) / dayMs;
}

/** The calendar day `days` after `day`. */
export function addDays(day: RunDate, days: number): RunDate {
  return new Date(Date.parse(day) + days * dayMs).toISOString().slice(0, 10);
}

/** Whether a text is a calendar day that exists. */
export function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) && addDays(text, 0) === text;
}

/** The calendar day that an instant falls on in a time zone (IANA name). */
export function calendarDay(instant: Date, timeZone: string): RunDate {
  const part = Object.fromEntries(
    partsIn(timeZone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, value]),
  );
  return `${part.year}-${part.month}-${part.day}`;
}

// Made once: making one takes as long as a thousand days.
const formats = new Map<string, Intl.DateTimeFormat>();

function partsIn(timeZone: string): Intl.DateTimeFormat {
  const made = formats.get(timeZone);
  if (made) return made;
  const format = new Intl.DateTimeFormat("en", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  formats.set(timeZone, format);
  return format;
}

/** The first of some days, of which there is at least one. */
export function earliest(days: readonly RunDate[]): RunDate {
  return days.reduce((first, day) => (compareText(day, first) < 0 ? day : first));
}
