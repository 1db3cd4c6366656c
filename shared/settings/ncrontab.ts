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
