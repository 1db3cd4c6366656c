import { weekdays } from "../core/watchlist.ts";
import { shown } from "./excerpt.ts";
import { type Kind, textKind } from "./kinds.ts";

interface Field {
  name: string;
  least: number;
  most: number;
  names?: readonly string[];
}

const monthNames = "January February March April May June July August September October November December".split(" ");

const fields: readonly Field[] = [
  { name: "seconds", least: 0, most: 59 },
  { name: "minutes", least: 0, most: 59 },
  { name: "hours", least: 0, most: 23 },
  { name: "days", least: 1, most: 31 },
  { name: "months", least: 1, most: 12, names: monthNames },
  { name: "days of the week", least: 0, most: 6, names: weekdays },
];

/**
 * An NCRONTAB schedule, written so that the Functions host and croner, which computes the next run, read it alike: names
 * become numbers, and `1/10` gets its end. croner cannot do the check: it accepts `L`, `#`, `?` and 7 for Sunday, which
 * the host does not; it refuses `1/10` and full names; and loading it would add 2 ms to the app's start.
 */
export const scheduleKind: Kind<string> = textKind(
  "six NCRONTAB fields in UTC (seconds, minutes, hours, days, months, days of the week with 0 for Sunday), best once a day",
  (text, { fault, warning }) => {
    const given = text.split(/\s+/);
    if (given.length !== fields.length) {
      const withSeconds = `has five fields, but NCRONTAB starts with the seconds; write ${shown(`0 ${text}`)}`;
      fault(given.length === 5 ? withSeconds : `has ${given.length} fields instead of six`);
      return null;
    }
    const read = fields.map((field, index) => readField(given[index] ?? "", field));
    for (const [index, { name, least, most }] of fields.entries()) {
      if (!read[index])
        fault(`${shown(given[index])} is not valid for the ${name} (${least} to ${most}, ranges upwards)`);
    }
    const [seconds, minutes, hours, days, months] = read.map((field) => [...(field?.values ?? [])]);
    if (!seconds || !minutes || !hours || !days || !months || read.includes(null)) return null;
    if (Math.min(...days) > Math.max(...months.map(daysOf))) fault("names a day that none of its months has");
    const perDay = seconds.length * minutes.length * hours.length;
    if (perDay > 1) warning(`fires ${perDay} times a day, but only the first run of a day counts`);
    return read.map((field) => field?.text).join(" ");
  },
);

const [dayMinutes, weekMs] = [24 * 60, 7 * 86_400_000];
// The timer names its run by the day that it is a minute later.
const aheadMinutes = 1;

/**
 * A daily schedule at another hour, where the given one fires before midnight for a part of the year and after it for the
 * rest: on the day on which the clocks change there would be no run, or one run for two days. `null`: it is on the same day all year.
 */
export function steadierSchedule(schedule: string, timeZone: string, from: Date): string | null {
  if (timeZone === "UTC") return null;
  const [seconds = "", minutes = "", hours = "", ...dates] = schedule.split(" ");
  const [inHour, inDay, days, months, ofWeek] = [minutes, hours, ...dates].map((text, index) => {
    const field = fields[index + 1];
    return [...((field && readField(text, field)?.values) ?? [])];
  });
  if (!inHour || !inDay || !hasNeighbours(days) || !hasNeighbours(ofWeek)) return null;
  const offsets = offsetsOf(timeZone, from, new Set(months));
  const isSteady = (hour: number) => inHour.some((minute) => isOneDay(60 * hour + minute + aheadMinutes, offsets));
  if (inDay.some(isSteady)) return null;
  const [first = 0] = inDay;
  const nearby = Array.from({ length: 24 }, (_, n) => (first + 24 + (n % 2 === 1 ? 1 : -1) * Math.ceil(n / 2)) % 24);
  const hour = nearby.find(isSteady) ?? first;
  return [seconds, minutes, hour, ...dates].join(" ");
}

function hasNeighbours(values: readonly number[] = []): boolean {
  return values.some((value) => values.includes(value + 1));
}

/** Whether a minute of the UTC day is on the same day with each of these offsets. */
function isOneDay(minute: number, offsets: readonly number[]): boolean {
  return new Set(offsets.map((offset) => Math.floor((minute + offset) / dayMinutes))).size === 1;
}

/** The minutes by which a time zone is ahead of UTC in these months of the year that begins at `from`. */
function offsetsOf(timeZone: string, from: Date, months: ReadonlySet<number>): number[] {
  const format = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" });
  const weeks = Array.from({ length: 53 }, (_, week) => new Date(from.getTime() + week * weekMs));
  const offsets = weeks
    .filter((date) => months.has(date.getUTCMonth() + 1))
    .map((date) => {
      const [, sign, hours = 0, minutes = 0] = /GMT([+-])(\d\d):(\d\d)/.exec(format.format(date)) ?? [];
      return (sign === "-" ? -1 : 1) * (60 * Number(hours) + Number(minutes));
    });
  return [...new Set(offsets)];
}

/** The most days that a month has, January being 1. */
function daysOf(month: number): number {
  return new Date(Date.UTC(2024, month, 0)).getUTCDate();
}

function readField(text: string, field: Field): { text: string; values: ReadonlySet<number> } | null {
  const values = new Set<number>();
  const texts: string[] = [];
  for (const given of text.split(",")) {
    const part = readPart(given, field);
    if (!part) return null;
    texts.push(part.text);
    for (let value = part.from; value <= part.to; value += part.step) values.add(value);
  }
  return { text: texts.join(","), values };
}

const partShape = /^(?:(\*)|(\w+)(?:-(\w+))?)(?:\/(\d{1,2}))?$/;

// The host silently swaps the ends of 22-2 and reads a step of 0 as 1; neither can be what was meant.
function readPart(text: string, field: Field) {
  const [, star, first = "", last, every] = partShape.exec(text) ?? [];
  const from = star ? field.least : numberOf(first, field);
  const end = every === undefined ? from : field.most;
  const to = star ? field.most : last === undefined ? end : numberOf(last, field);
  const step = Number(every ?? 1);
  if (!(field.least <= from && from <= to && to <= field.most && 1 <= step && step <= field.most)) return null;
  const range = from === to ? String(from) : `${from}-${to}`;
  return { from, to, step, text: `${star ?? range}${every === undefined || from === to ? "" : `/${step}`}` };
}

function numberOf(text: string, { least, names = [] }: Field): number {
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const index = names.findIndex((name) => text.length >= 3 && name.toLowerCase().startsWith(text.toLowerCase()));
  return index < 0 ? Number.NaN : least + index;
}
