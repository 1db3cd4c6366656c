// docs/rules.md §4: days and runs.

const millisecondsOfDay = 24 * 60 * 60 * 1000;
const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  // Swedish dates are written as 2026-11-23.
  const made = new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  formats.set(timeZone, made);
  return made;
}

/** The day of a run: its id where it is scheduled, else the day of its minute in the time zone. */
export function dayOfRun(runId: string, scheduled: boolean, timeZone: string): string {
  return scheduled ? runId : formatOf(timeZone).format(new Date(runId));
}

/** Calendar days from one day to another; no day is longer than another. */
export function daysBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / millisecondsOfDay;
}

/** The calendar day so many days after another. */
export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(day) + days * millisecondsOfDay).toISOString().slice(0, 10);
}

/** `Monday` to `Sunday`. */
export function weekdayOf(day: string): string {
  return weekdays[new Date(day).getUTCDay()] ?? "";
}
