import { weekdays } from "../core/watchlist.ts";
import { shown } from "./excerpt.ts";
import { textKind } from "./kinds.ts";
import type { Kind, Notes } from "./reader.ts";

interface Field {
  name: string;
  least: number;
  most: number;
  names?: readonly string[];
}

/** What one field says, written so that every reader of cron takes it alike, and the values it stands for. */
interface FieldValues {
  text: string;
  values: ReadonlySet<number>;
}

const monthDays: ReadonlyMap<string, number> = new Map([
  ["January", 31],
  ["February", 29],
  ["March", 31],
  ["April", 30],
  ["May", 31],
  ["June", 30],
  ["July", 31],
  ["August", 31],
  ["September", 30],
  ["October", 31],
  ["November", 30],
  ["December", 31],
]);

const fields: readonly Field[] = [
  { name: "seconds", least: 0, most: 59 },
  { name: "minutes", least: 0, most: 59 },
  { name: "hours", least: 0, most: 23 },
  { name: "days", least: 1, most: 31 },
  { name: "months", least: 1, most: 12, names: [...monthDays.keys()] },
  { name: "days of the week", least: 0, most: 6, names: weekdays },
];

/** An NCRONTAB schedule; names of days and months come as numbers. */
export const scheduleKind: Kind<string> = textKind(
  {
    allowed:
      "six NCRONTAB fields in UTC (seconds, minutes, hours, days, months, days of the week with 0 for Sunday), best once a day",
    example: "0 0 5 * * *",
  },
  (text, notes) => {
    const given = text.split(/\s+/);
    if (given.length !== fields.length) {
      notes.fault(given.length === 5 ? withoutSeconds(text) : `has ${given.length} of six fields`);
      return null;
    }
    const read = fields.flatMap((field, index) => readField(given[index] ?? "", field, notes) ?? []);
    const [seconds, minutes, hours, days, months, daysOfWeek] = read;
    if (!seconds || !minutes || !hours || !days || !months || !daysOfWeek) return null;
    if (neverComes(days.values, months.values)) notes.fault("names a day that its months do not have");
    const perDay = seconds.values.size * minutes.values.size * hours.values.size;
    if (perDay > 1)
      notes.warning(`fires ${perDay} times a day, where a scheduled run is its day: the first one counts`);
    return read.map((field) => field.text).join(" ");
  },
);

function withoutSeconds(text: string): string {
  return `has five fields, but NCRONTAB begins with the seconds; put them in front: ${shown(`0 ${text}`)}`;
}

function readField(text: string, field: Field, { fault }: Notes): FieldValues | null {
  const parts = text.split(",").flatMap((part) => readPart(part, field) ?? []);
  if (parts.length < text.split(",").length) {
    fault(`${shown(text)} does not fit the ${field.name} (${field.least} to ${field.most}, ranges upwards)`);
    return null;
  }
  const values = new Set<number>();
  for (const { from, to, step } of parts) {
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return { text: parts.map((part) => part.text).join(","), values };
}

const partShape = /^(?:(\*)|(\w+)(?:-(\w+))?)(?:\/(\d{1,2}))?$/;

// The platform swaps the ends of 22-2 without a word and takes a step of 0 for 1: neither is what its writer meant.
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

// The platform fires where the day and the day of the week both fit; a week's day comes to every date in time.
function neverComes(days: ReadonlySet<number>, months: ReadonlySet<number>): boolean {
  const lengths = [...monthDays.values()];
  const earliest = Math.min(...days);
  return [...months].every((month) => earliest > (lengths[month - 1] ?? 0));
}
