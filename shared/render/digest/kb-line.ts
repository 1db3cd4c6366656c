import { changedCounts, direction } from "../../core/change.ts";
import { changeOf, daysOverdue, isBetter, isDueBefore, knownAge, stalledEntry } from "../../core/due.ts";
import type { Counts } from "../../core/missing-kb.ts";
import { compareEntries } from "../../core/order.ts";
import { type KbEntry, type KbRow, otherProducts } from "../../core/row.ts";
import { exploitationWords, exploitedWords, releasedWords, replacementWords, restartOf } from "../advisory-words.ts";
import { linesShown, namesInLine } from "../limits.ts";
import { safeLink } from "../link.ts";
import { count, countWithChange, listed, many, manyWithChange, productLabel, shown } from "../words.ts";
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

/** A row of one section: its entries first, then the KB's other entries, each with its own state. */
export function kbLine(row: KbRow, context: Context): KbLine {
  const own = new Set(row.entries);
  const others = (context.rowsById.get(row.id)?.entries ?? []).filter((entry) => !own.has(entry));
  const line = lineOf(row, others, context);
  return {
    ...line,
    facts: [...line.facts, ...(context.outline.only?.id === row.id ? allFacts(row) : [])],
    warnings: [exploitedWords(row), overdue(row, context), stalled(row, context)].filter(Boolean),
  };
}

/** What else there is to know of the only KB that got worse. */
function allFacts(row: KbRow): string[] {
  const isMarked = exploitedWords(row) !== "";
  return [isMarked ? "" : exploitationWords(row), restartOf(row)].filter(Boolean);
}

/** A row of what happened since the last digest: nothing more of it, for its products may not have been read today. */
export function sinceLine(row: KbRow, context: Context): KbLine {
  return { ...lineOf(row, [], context), warnings: [exploitedWords(row)].filter(Boolean) };
}

function lineOf(row: KbRow, others: readonly KbEntry[], context: Context): Omit<KbLine, "warnings"> {
  const entries = [...row.entries.toSorted(compareEntries), ...others.toSorted(compareEntries)];
  const lines = linesShown("products", entries.length, context.room);
  return {
    ...kbTitle(row),
    facts: [otherNames(row), replacementWords(row), age(row, context)].filter(Boolean),
    products: entries.slice(0, lines).map((entry) => productLine(entry, row)),
    more: Math.max(0, entries.length - lines),
  };
}

/** A KB's number, link and name, fit to show. */
export function kbTitle({ id, url, name }: KbRow): Pick<KbLine, "number" | "link" | "name"> {
  return { number: `KB${shown(id, 20)}`, link: safeLink(url), name: shown(name, 90) };
}

function otherNames(row: KbRow): string {
  const names = otherProducts(row).map((name) => shown(name.replaceAll("_", " "), 30));
  if (names.length === 0) return "";
  return `also for ${listed(withMore(names.slice(0, namesInLine.otherProducts), names.length))}`;
}

function withMore(words: readonly string[], all: number): string[] {
  const more = all - words.length;
  return [...words, ...(more > 0 ? [many(more, "more product")] : [])];
}

function age(row: KbRow, { report: { day } }: Context): string {
  const days = knownAge(row, day);
  if (days === null) return "";
  const released = releasedWords(row);
  if (days === 0) return released || "first seen today";
  return [released, `${many(days, "day")} old`].filter(Boolean).join(", ");
}

function overdue(row: KbRow, { report, next }: Context): string {
  const days = daysOverdue(row, report);
  if (days > 0) return `${many(days, "day")} overdue`;
  return isDueBefore(row, next) ? "overdue before the next report" : "";
}

function stalled(row: KbRow, { report: { day } }: Context): string {
  const entry = stalledEntry(row, day);
  if (!entry) return "";
  return `stalled at ${count(entry.current?.machineMissedOn ?? null)}, peak ${count(entry.peak)}`;
}

function productLine(entry: KbEntry, row: KbRow): ProductLine {
  const { softwareId, current, previous, kind } = entry;
  const label = shown(productLabel(softwareId), 60);
  if (!current) {
    const was = `(was ${count(previous?.machineMissedOn ?? null)})`;
    const isReplaced = kind === "replaced";
    const machines: Figure = {
      text: `${isReplaced ? "replaced" : "gone"} ${was}`,
      tone: isReplaced ? "plain" : "better",
    };
    return { label, machines, cves: { text: "", tone: "plain" } };
  }
  const [machines, cves] = [figure("machineMissedOn", entry), figure("cveAddressed", entry)];
  const note = kind === row.kind ? knownNow(entry) : notes[kind];
  return { label, machines: note ? { ...machines, text: `${machines.text} ${note}` } : machines, cves };
}

function knownNow({ reasons, previous }: KbEntry): string | null {
  return reasons.includes("now-known") && previous?.machineMissedOn === null ? "now known" : null;
}

// Beside a product whose own state is not that of the section.
const notes: Readonly<Record<KbEntry["kind"], string>> = {
  new: "new",
  worsened: "worse",
  returned: "back",
  "more-cves": "more CVEs",
  improved: "better",
  resolved: "resolved",
  baseline: "now watched",
  unchanged: "unchanged",
  "not-read": "last known",
  replaced: "replaced",
};

const tones = { up: "worse", down: "better", level: "plain" } as const;

function figure(of: keyof Counts, entry: KbEntry): Figure {
  const now = entry.current?.[of] ?? null;
  const change = changeOf(entry, of);
  const before = now === null || change === null ? null : now - change;
  return { text: countWithChange(now, before), tone: tones[direction(before, now)] };
}

/** What got better: a few words for each of the first products, and the number of the others. */
export function betterWords({ entries }: KbRow): string {
  const better = entries.filter(({ kind }) => isBetter(kind)).sort(compareEntries);
  return withMore(better.slice(0, namesInLine.better).map(entryWords), better.length).join(", ");
}

const nouns = { machineMissedOn: "machine", cveAddressed: "CVE" } as const;

function entryWords({ softwareId, current, previous }: KbEntry): string {
  const label = shown(productLabel(softwareId), 60);
  const machines = previous?.machineMissedOn ?? null;
  if (!current) return `${label}: ${machines === null ? "gone" : `was on ${many(machines, "machine")}`}`;
  const changed = changedCounts(previous, current);
  return `${label}: ${listed(changed.map((of) => manyWithChange(current[of], previous?.[of] ?? null, nouns[of])))}`;
}
