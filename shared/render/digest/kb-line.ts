import type { RunDate } from "../../core/missing-kb.ts";
import { ageInDays, isStalled, type KbEntry, type KbRow, overdueDays, rowKinds } from "../../core/row.ts";
import { safeLink } from "../link.ts";
import { count, countWithChange, listed, many, shown, softwareLabel } from "../words.ts";

/** What a figure means to its reader. */
export type Tone = "worse" | "better" | "plain";

/** A count in words, with its change. */
export interface Figure {
  text: string;
  tone: Tone;
}

/** One software of a KB, with the counts that hold for it alone. */
export interface SoftwareLine {
  label: string;
  machines: Figure;
  cves: Figure;
}

/** One KB as a digest shows it. */
export interface KbLine {
  /** `KB5041585`. */
  number: string;
  /** Safe to follow, or `null`. */
  link: string | null;
  name: string;
  /** What is known besides: products, age. */
  facts: string[];
  /** Why it should not wait: overdue, stalled. */
  warnings: string[];
  software: SoftwareLine[];
  /** Software that found no room. */
  more: number;
}

/** The days that ages and due dates are told by. */
export interface Days {
  today: RunDate;
  /** The day of the next report; `null` where it is not known. */
  next: RunDate | null;
  dueDays: number;
}

/** A KB with the worst `room` of its software. */
export function kbLine(row: KbRow, days: Days, room: number): KbLine {
  const entries = [...row.entries].sort(compareEntries);
  return {
    ...kbTitle(row),
    facts: [products(row), age(row, days.today)].filter(Boolean),
    warnings: [overdue(row, days), stalled(entries, days.today)].filter(Boolean),
    software: entries.slice(0, room).map((entry) => softwareLine(entry, row)),
    more: Math.max(0, entries.length - room),
  };
}

/** A KB's number, link and name, fit to show. */
export function kbTitle({ id, url, name }: KbRow): Pick<KbLine, "number" | "link" | "name"> {
  return { number: `KB${shown(id, 20)}`, link: safeLink(url), name: shown(name, 90) };
}

/** Worst first, then what reaches furthest. */
export function compareEntries(a: KbEntry, b: KbEntry): number {
  const machines = ({ current, previous }: KbEntry) => (current ?? previous)?.machineMissedOn ?? -1;
  return rowKinds.indexOf(a.kind) - rowKinds.indexOf(b.kind) || machines(b) - machines(a);
}

// A product that one of the software ids names already says nothing more.
function products({ productsNames, entries }: KbRow): string {
  const named = new Set(entries.map(({ softwareId }) => softwareId.split("-_-").at(-1)));
  const others = productsNames.filter((name) => !named.has(name)).map((name) => shown(name.replaceAll("_", " "), 30));
  const more = others.length - 3;
  return listed([...others.slice(0, 3), ...(more > 0 ? [`${count(more)} more products`] : [])]);
}

function age(row: KbRow, today: RunDate): string {
  // At first sight of a software its KBs are all of today, whatever their age.
  if (row.kind === "baseline") return "";
  const days = ageInDays(row, today);
  return days === 0 ? "today" : `${many(days, "day")} old`;
}

function overdue(row: KbRow, { today, next, dueDays }: Days): string {
  const days = overdueDays(row, today, dueDays);
  if (days > 0) return `${many(days, "day")} overdue`;
  return next && overdueDays(row, next, dueDays) > 0 ? "overdue before the next report" : "";
}

function stalled(entries: readonly KbEntry[], today: RunDate): string {
  const entry = entries.find((one) => isStalled(one, today));
  if (!entry?.current?.machineMissedOn || !entry.peak) return "";
  return `stalled at ${count(entry.current.machineMissedOn)}, peak ${count(entry.peak)}`;
}

function softwareLine(entry: KbEntry, row: KbRow): SoftwareLine {
  const { current, previous, kind } = entry;
  const label = shown(softwareLabel(entry.softwareId), 60);
  if (kind === "resolved") {
    return {
      label,
      machines: { text: `gone (was ${count(previous?.machineMissedOn ?? null)})`, tone: "better" },
      cves: noFigure,
    };
  }
  const machines = figure(current?.machineMissedOn ?? null, previous?.machineMissedOn ?? null);
  const cves = figure(current?.cveAddressed ?? null, previous?.cveAddressed ?? null);
  const note = kind === row.kind ? undefined : notes[kind];
  return { label, machines: note ? { ...machines, text: `${machines.text} ${note}` } : machines, cves };
}

const noFigure: Figure = { text: "", tone: "plain" };

// Said of one software where it differs from what is said of the KB as a whole.
const notes: Partial<Record<KbEntry["kind"], string>> = {
  new: "new",
  returned: "back",
  baseline: "now watched",
  "not-read": "last known",
};

function figure(current: number | null, previous: number | null): Figure {
  const change = current === null || previous === null ? 0 : current - previous;
  return { text: countWithChange(current, previous), tone: change > 0 ? "worse" : change < 0 ? "better" : "plain" };
}

/** What became better, in a few words for each of at most `room` software. */
export function betterWords({ entries }: KbRow, room: number): string {
  const better = entries.filter(({ kind }) => kind === "improved" || kind === "resolved").sort(compareEntries);
  const words = better.slice(0, room).map(entryWords);
  const more = better.length - room;
  return [...words, ...(more > 0 ? [`${count(more)} more software`] : [])].join(", ");
}

function entryWords({ softwareId, current, previous }: KbEntry): string {
  const label = shown(softwareLabel(softwareId), 60);
  const machines = previous?.machineMissedOn ?? null;
  if (!current) return `${label}: ${machines === null ? "gone" : `was on ${many(machines, "machine")}`}`;
  const parts: string[] = [];
  if (current.machineMissedOn !== machines)
    parts.push(`${countWithChange(current.machineMissedOn, machines)} machines`);
  const cves = previous?.cveAddressed ?? null;
  if (current.cveAddressed !== cves) parts.push(`${countWithChange(current.cveAddressed, cves)} CVEs`);
  return `${label}: ${parts.join(" and ")}`;
}
