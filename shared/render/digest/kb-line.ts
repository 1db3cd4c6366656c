import { changedCounts, direction } from "../../core/change.ts";
import { daysOverdue, isBetter, isDueBefore, isStalled, knownAge } from "../../core/due.ts";
import type { Counts } from "../../core/missing-kb.ts";
import { compareEntries } from "../../core/order.ts";
import { type KbEntry, type KbRow, otherProducts } from "../../core/row.ts";
import { dayOf } from "../../core/run-id.ts";
import { linesShown, namesInLine } from "../limits.ts";
import { safeLink } from "../link.ts";
import { count, countWithChange, listed, many, manyWithChange, shown, softwareLabel } from "../words.ts";
import type { Context } from "./material.ts";

/** What a figure means to its reader. */
export type Tone = "worse" | "better" | "plain";

/** A count in words, with its change. */
export interface Figure {
  text: string;
  tone: Tone;
}

/** One product of a KB, with the counts that hold for it alone. */
export interface ProductLine {
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
  /** Other products it is for, and its age. */
  facts: string[];
  /** Why it should not wait: overdue, stalled. */
  warnings: string[];
  products: ProductLine[];
  /** Products that found no room. */
  more: number;
}

/** A KB with the products that it is worst in. */
export function kbLine(row: KbRow, context: Context): KbLine {
  const entries = [...row.entries].sort(compareEntries);
  const lines = linesShown("products", entries.length, context.room);
  return {
    ...kbTitle(row),
    facts: [others(row), age(row, context)].filter(Boolean),
    warnings: [overdue(row, context), stalled(entries, context)].filter(Boolean),
    products: entries.slice(0, lines).map((entry) => productLine(entry, row)),
    more: Math.max(0, entries.length - lines),
  };
}

/** A KB's number, link and name, fit to show. */
export function kbTitle({ id, url, name }: KbRow): Pick<KbLine, "number" | "link" | "name"> {
  return { number: `KB${shown(id, 20)}`, link: safeLink(url), name: shown(name, 90) };
}

function others(row: KbRow): string {
  const names = otherProducts(row).map((name) => shown(name.replaceAll("_", " "), 30));
  return listed(withMore(names.slice(0, namesInLine.otherProducts), names.length));
}

function withMore(words: readonly string[], all: number): string[] {
  const more = all - words.length;
  return [...words, ...(more > 0 ? [many(more, "more product")] : [])];
}

function age(row: KbRow, { report: { runId } }: Context): string {
  const days = knownAge(row, dayOf(runId));
  if (days === null) return "";
  return days === 0 ? "first seen today" : `${many(days, "day")} old`;
}

function overdue(row: KbRow, { report, next }: Context): string {
  const days = daysOverdue(row, report);
  if (days > 0) return `${many(days, "day")} overdue`;
  return isDueBefore(row, next, report.dueDays) ? "overdue before the next report" : "";
}

function stalled(entries: readonly KbEntry[], { report: { runId } }: Context): string {
  const entry = entries.find((one) => isStalled(one, dayOf(runId)));
  if (!entry) return "";
  return `stalled at ${count(entry.current?.machineMissedOn ?? null)}, peak ${count(entry.peak)}`;
}

function productLine({ softwareId, current, previous, kind }: KbEntry, row: KbRow): ProductLine {
  const label = shown(softwareLabel(softwareId), 60);
  if (!current) {
    const was = count(previous?.machineMissedOn ?? null);
    return { label, machines: { text: `gone (was ${was})`, tone: "better" }, cves: { text: "", tone: "plain" } };
  }
  const [machines, cves] = [figure("machineMissedOn", current, previous), figure("cveAddressed", current, previous)];
  const note = kind === row.kind ? undefined : notes[kind];
  return { label, machines: note ? { ...machines, text: `${machines.text} ${note}` } : machines, cves };
}

// Beside a product whose own change is not that of the KB as it is headed.
const notes: Partial<Record<KbEntry["kind"], string>> = {
  new: "new",
  returned: "back",
  baseline: "now watched",
  "not-read": "last known",
};

const tones = { up: "worse", down: "better", level: "plain" } as const;

function figure(of: keyof Counts, current: Counts, previous: Counts | null): Figure {
  const before = previous?.[of] ?? null;
  return { text: countWithChange(current[of], before), tone: tones[direction(before, current[of])] };
}

/** What got better: a few words for each of the first products, and the number of the others. */
export function betterWords({ entries }: KbRow): string {
  const better = entries.filter(({ kind }) => isBetter(kind)).sort(compareEntries);
  return withMore(better.slice(0, namesInLine.better).map(entryWords), better.length).join(", ");
}

const nouns = { machineMissedOn: "machine", cveAddressed: "CVE" } as const;

function entryWords({ softwareId, current, previous }: KbEntry): string {
  const label = shown(softwareLabel(softwareId), 60);
  const machines = previous?.machineMissedOn ?? null;
  if (!current) return `${label}: ${machines === null ? "gone" : `was on ${many(machines, "machine")}`}`;
  const changed = changedCounts(previous, current);
  return `${label}: ${listed(changed.map((of) => manyWithChange(current[of], previous?.[of] ?? null, nouns[of])))}`;
}
