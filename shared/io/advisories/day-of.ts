import type { RunDate } from "../../core/day.ts";

/** The day of a text such as `2026-11-10` or `2026-11-10T08:00:00`, which is in UTC whether it says so or not; `null`: it has none. */
export function dayOf(text: string): RunDate | null {
  const day = /^(\d{4}-\d\d-\d\d)(T|$)/.exec(text)?.[1];
  if (day === undefined || Number.isNaN(Date.parse(day))) return null;
  // Some dates that do not exist are read as later ones.
  return new Date(day).toISOString().startsWith(day) ? day : null;
}
