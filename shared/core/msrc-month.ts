import type { RunDate } from "./day.ts";

/* MSRC writes a document a month, and names it as in `2026-Nov`. */

const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const shape = new RegExp(`^\\d{4}-(${names.join("|")})$`);

/** Whether a text is the id of a month. */
export function isMonthId(text: string): boolean {
  return shape.test(text);
}

/** Months since the year 0, to compare and count them. */
function numberOf(id: string): number {
  const [year, name = ""] = id.split("-");
  return Number(year) * 12 + names.indexOf(name);
}

function idOf(number: number): string {
  return `${String(Math.floor(number / 12)).padStart(4, "0")}-${names[number % 12]}`;
}

/** The month of a day. */
export function monthOf(day: RunDate): string {
  return idOf(numberOfDay(day));
}

function numberOfDay(day: RunDate): number {
  return Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1;
}

const bundle = new RegExp(`\\b(${names.join("|")})[a-z]*\\s+(\\d{4})\\b`, "i");

/**
 * The months whose documents may have a KB: that of Defender's bundle, such as "November 2026 Security Updates", or else that of
 * the day on which it was first seen and the one before.
 */
export function possibleMonths({ name, firstSeen }: { name: string; firstSeen: RunDate }): string[] {
  const [, month, year] = bundle.exec(name) ?? [];
  if (month && year) return [`${year}-${month.charAt(0).toUpperCase()}${month.slice(1).toLowerCase()}`];
  const number = numberOfDay(firstSeen);
  return [idOf(number), idOf(number - 1)];
}

/** So many of the newest months are read at least: a KB of Patch Tuesday has its facts in the next morning's run. */
const newest = 2;
/** In so many of the newest months, those between two that are needed lead from a KB to the one it replaced. */
const linked = 24;

/**
 * The months to read of those that MSRC lists, the newest first: the two newest, those that are needed, and the months of the
 * last two years that lie between them.
 */
export function monthsToRead(listed: readonly string[], needed: ReadonlySet<string>): string[] {
  const ordered = [...new Set(listed)].sort((a, b) => numberOf(b) - numberOf(a));
  const oldest = ordered.slice(0, linked).findLastIndex((id) => needed.has(id));
  return ordered.filter((id, index) => index < newest || index <= oldest || needed.has(id));
}
