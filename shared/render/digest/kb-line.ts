import { ageInDays, daysOverdue, isDueBefore, isStalled } from "../../core/due.ts";
import { compareEntries } from "../../core/order.ts";
import type { Report } from "../../core/report.ts";
import type { KbEntry, KbRow } from "../../core/row.ts";
import { otherProducts } from "../../core/row.ts";
import { dayOf } from "../../core/run-id.ts";
import { safeLink } from "../link.ts";
import { count, countWithChange, listed, many, shown, softwareLabel } from "../words.ts";
import type { Material } from "./material.ts";

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

/** What ages and due dates are counted by. */
type Dates = Pick<Material, "report" | "next">;

/** A KB with the worst `room` of its software. */
export function kbLine(row: KbRow, dates: Dates, room: number): KbLine {
  const entries = [...row.entries].sort(compareEntries);
  return {
    ...kbTitle(row),
    facts: [products(row), age(row, dates.report)].filter(Boolean),
    warnings: [overdue(row, dates), stalled(entries, dates.report)].filter(Boolean),
    software: entries.slice(0, room).map((entry) => softwareLine(entry, row)),
    more: Math.max(0, entries.length - room),
  };
}

/** A KB's number, link and name, fit to show. */
export function kbTitle({ id, url, name }: KbRow): Pick<KbLine, "number" | "link" | "name"> {
  return { number: `KB${shown(id, 20)}`, link: safeLink(url), name: shown(name, 90) };
}

function products(row: KbRow): string {
  const others = otherProducts(row).map((name) => shown(name.replaceAll("_", " "), 30));
  const more = others.length - 3;
  return listed([...others.slice(0, 3), ...(more > 0 ? [`${count(more)} more products`] : [])]);
}

function age(row: KbRow, { runId }: Report): string {
  // At first sight of a product its KBs are all of today, whatever their age.
  if (row.kind === "baseline") return "";
  const days = ageInDays(row, dayOf(runId));
  return days === 0 ? "today" : `${many(days, "day")} old`;
}

function overdue(row: KbRow, { report, next }: Dates): string {
  const days = daysOverdue(row, report);
  if (days > 0) return `${many(days, "day")} overdue`;
  return isDueBefore(row, next, report.dueDays) ? "overdue before the next report" : "";
}

function stalled(entries: readonly KbEntry[], { runId }: Report): string {
  const entry = entries.find((one) => isStalled(one, dayOf(runId)));
  if (!entry) return "";
  return `stalled at ${count(entry.current?.machineMissedOn ?? null)}, peak ${count(entry.peak)}`;
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
