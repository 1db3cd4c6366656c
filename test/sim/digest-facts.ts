import { visibleText } from "../support/mail-text.ts";
import { type EntryFacts, type Facts, type FigureFacts, type Names, noFacts } from "./facts.ts";

/** A part of a digest that lists KBs, each with lines of its own. */
interface Section {
  /** In small letters: `worse`, `better since the digest of 23 nov`. */
  title: string;
  /** How many KBs the title says. */
  count: number;
  kbs: ListedKb[];
  /** How many it says it leaves out. */
  more: number;
}

interface ListedKb {
  /** All that is beside the number: name, age, warnings; or what got better. */
  title: string;
  products: { label: string; machines: string; cves: string }[];
}

/** What a digest says of the run itself, and of what happened since the last digest. */
export interface DigestFacts {
  facts: Facts;
  /** `softwareId kb` to kind and counts; null where the digest has no such section. */
  since: { entries: Map<string, EntryFacts>; totals: Partial<Facts["totals"]> };
  /** How many products each remark is about, by its title in small letters. */
  remarks: Map<string, number>;
  /** How many entries came and went since the last digest. */
  cameAndWent: number;
  /** Whether a list was too long to be shown in full. */
  isCut: boolean;
}

/** A digest's text, or a report's. */
export function textFacts(text: string, names: Names): DigestFacts {
  return { ...factsOf("text", textSections(text), remarksOf(text.split("\n")), names), ...meanwhile(text) };
}

/** A digest's html. */
export function htmlFacts(html: string, names: Names): DigestFacts {
  const lines = visibleText(html).split("\n");
  return { ...factsOf("html", htmlSections(lines, names), remarksOf(lines), names), ...meanwhile(lines.join("\n")) };
}

function meanwhile(text: string): Pick<DigestFacts, "cameAndWent"> {
  return { cameAndWent: numberOf(/([\d,]+)\s+came\s+and\s+went/.exec(text)?.[1]) };
}

const kinds: Readonly<Record<string, string>> = {
  new: "new",
  worse: "worsened",
  "back after being resolved": "returned",
  "more cves, on fewer machines": "more-cves",
  "missing now": "baseline",
  better: "improved",
  resolved: "resolved",
};

/** What a total of one kind is called. */
export const totalOfKind = {
  new: "new",
  worsened: "worsened",
  returned: "returned",
  "more-cves": "moreCves",
  improved: "improved",
  resolved: "resolved",
} as const;

const sectionTitle = /^(?:! )?(.+?): ([\d,]+) KBs?(?: missing for more than .*)?(?: {2,}machines +CVEs)?$/i;
const remarkTitle = /^(?:! )?(.+?): ([\d,]+) products?$/i;

function remarksOf(lines: readonly string[]): Map<string, number> {
  const found = lines.flatMap((line) => {
    const [, title, count] = remarkTitle.exec(line) ?? [];
    return title !== undefined ? [[remarkOf(title), numberOf(count)] as const] : [];
  });
  return new Map(found);
}

function remarkOf(title: string): string {
  return title.toLowerCase().replace(/^could not be read$/, "not read");
}

/** Blocks with an empty line between them. */
function textSections(text: string): Section[] {
  return text.split("\n\n").flatMap((block) => {
    const [head = "", ...lines] = unwrap(block.split("\n"));
    const section = sectionOf(head) ?? briefOf(head);
    if (section === null || section.title === "links") return [];
    for (const line of lines) addLine(section, line);
    return [section];
  });
}

const brief = /^(?:! )?(.+?): ([\d,]+) KBs?\. (.*)$/;

/** A section that is one line: `Better: 2 KBs. KB5003 Windows 10: 5 machines (−15); KB5001 …`, or how many KBs alone. */
function briefOf(line: string): Section | null {
  const [, title = "", count, words = ""] = brief.exec(line) ?? [];
  const name = title.toLowerCase().replace(/ since the digest of .*$/, "");
  if (!(name in kinds) && name !== "overdue") return null;
  const named = words.split(/; (?=KB|[\d,]+ more\b)/).filter((word) => word.startsWith("KB"));
  const kbs = named.map((word): ListedKb => ({ title: word.slice(2), products: [] }));
  const all = numberOf(count);
  return { title: title.toLowerCase(), count: all, kbs, more: all - kbs.length };
}

function sectionOf(line: string): Section | null {
  const [, title, count] = sectionTitle.exec(line) ?? [];
  return title === undefined ? null : { title: title.toLowerCase(), count: numberOf(count), kbs: [], more: 0 };
}

const moreProducts = /^(?: {2}|- )?and [\d,]+ more products?$/;
const columns = /^ {2}(\S.*?) {2,}(\S.*?)(?: {2,}(\S.*))?$/;

/** Puts what was broken at the edge back into one line; a product's counts are in columns. */
function unwrap(lines: readonly string[]): string[] {
  const joined: string[] = [];
  for (const line of lines) {
    if (line.startsWith("  ") && !columns.test(line) && !moreProducts.test(line))
      joined.push(`${joined.pop() ?? ""} ${line.trim()}`);
    else joined.push(line);
  }
  return joined;
}

function addLine(section: Section, line: string): void {
  const [, label = "", machines, cves = ""] = columns.exec(line) ?? [];
  if (machines !== undefined) section.kbs.at(-1)?.products.push({ label, machines, cves });
  else if (line.startsWith("KB")) section.kbs.push({ title: line.slice(2), products: [] });
  else if (moreProducts.test(line)) section.more += 1;
  else section.more += numberOf(/^([\d,]+) more\b/.exec(line)?.[1]);
}

// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one line of the mail at a time, as a reader goes through it
function htmlSections(lines: readonly string[], { labels }: Names): Section[] {
  const sections: Section[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const begun = sectionOf(line) ?? briefOf(line);
    const section = sections.at(-1);
    if (begun !== null) sections.push(begun);
    else if (section === undefined) continue;
    else if (labels.has(line) && section.kbs.length > 0 && isFigure(lines[at + 1] ?? "")) {
      const machines = lines[at + 1] ?? "";
      const isGone = gone.test(machines);
      section.kbs.at(-1)?.products.push({ label: line, machines, cves: isGone ? "" : (lines[at + 2] ?? "") });
      at += isGone ? 1 : 2;
    } else addLine(section, line.replaceAll(" · ", "; "));
  }
  return sections;
}

/** What is no longer listed. */
const gone = /^(gone|replaced)(?: \(was (.*)\))?$/;

// A bar names its product too.
function isFigure(text: string): boolean {
  const [, note] = /^(?:\?|[\d,]+)(?: \([+−][\d,]+\))?(?: (.*))?$/.exec(text) ?? [text, "no figure"];
  return gone.test(text) || note === undefined || note === "now known" || note in notes;
}

// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one section of the mail at a time
function factsOf(
  source: string,
  sections: readonly Section[],
  remarks: Map<string, number>,
  names: Names,
): Omit<DigestFacts, "cameAndWent"> {
  const facts = noFacts(source, false);
  const none = { new: 0, worsened: 0, returned: 0, moreCves: 0, improved: 0, resolved: 0 };
  const [totals, since] = [{ ...none }, { entries: new Map<string, EntryFacts>(), totals: { ...none } }];
  for (const section of sections) {
    const [, title = "", isSince] = /^(.*?)( since the digest of .*)?$/.exec(section.title) ?? [];
    const kind = kinds[title];
    const isTotal = (one: string | undefined): one is keyof typeof totalOfKind =>
      one !== undefined && one in totalOfKind;
    if (isTotal(kind)) (isSince === undefined ? totals : since.totals)[totalOfKind[kind]] = section.count;
    if (kind === "improved" || kind === "resolved") {
      for (const kb of section.kbs) addBetter(isSince === undefined ? facts.entries : since.entries, kb, kind, names);
    } else if (kind !== undefined && isSince !== undefined) {
      for (const kb of section.kbs) addListedSince(facts, since.entries, kb, { kind, names });
    } else if (kind !== undefined || title === "overdue") {
      for (const kb of section.kbs) addListed(facts, kb, kind ?? null, names);
    }
  }
  const overdue = sections.find(({ title }) => title === "overdue");
  facts.totals = { ...totals, ...(overdue && { overdue: overdue.count }) };
  const isCut = sections.some(({ kbs, more }) => more > 0 || kbs.some(({ title }) => /\b\d+ more product/.test(title)));
  return { facts, since, remarks, isCut };
}

function addListed(facts: Facts, { title, products }: ListedKb, kind: string | null, names: Names): void {
  const kb = idIn(title, names);
  const words = title
    .slice(kb.length)
    .split("; ")
    .map((word) => word.replace(/^! /, ""));
  const figures = figuresIn(words);
  // What will be overdue soon is listed beside what is.
  if (kind !== null || figures.overdueDays !== 0) facts.figures.set(`${kb} ${kind ?? "overdue"}`, figures);
  for (const { label, machines, cves } of products) {
    const name = `${names.labels.get(label) ?? label} ${kb}`;
    const known = facts.entries.get(name);
    facts.entries.set(name, { ...entryIn(machines, cves, kind), ...known });
  }
}

/** A KB that got worse since the last digest: beside its products may be others, with what the report says of them. */
function addListedSince(
  facts: Facts,
  since: Map<string, EntryFacts>,
  { title, products }: ListedKb,
  { kind, names }: { kind: string; names: Names },
): void {
  for (const { label, machines, cves } of products) {
    const name = `${names.labels.get(label) ?? label} ${idIn(title, names)}`;
    const entry = entryIn(machines, cves, kind);
    // Whether its product was read today is for the report to say.
    if (entry.kind === kind) since.set(name, { kind, machines: entry.machines, machinesBefore: entry.machinesBefore });
    else facts.entries.set(name, { ...entry, ...facts.entries.get(name) });
  }
}

function figuresIn(words: readonly string[]): FigureFacts {
  const overdue = words.map((word) => /^([\d,]+) days? overdue$/.exec(word)?.[1]).find((days) => days !== undefined);
  const old = words
    .map((word) => /^(?:released .*, )?([\d,]+) days? old$/.exec(word)?.[1])
    .find((days) => days !== undefined);
  const isNew = words.includes("first seen today");
  return {
    ...(isNew && { ageDays: 0 }),
    ...(old !== undefined && { ageDays: numberOf(old) }),
    overdueDays: overdue === undefined ? 0 : numberOf(overdue),
    stalled: words.some((word) => word.startsWith("stalled at ")),
    exploited: words.some((word) => word.startsWith("exploited: ")),
  };
}

const notes: Readonly<Record<string, string>> = {
  ...{ new: "new", worse: "worsened", back: "returned", "more CVEs": "more-cves", better: "improved" },
  ...{ resolved: "resolved", "now watched": "baseline", unchanged: "unchanged", "last known": "not-read" },
};

function entryIn(machines: string, cves: string, kind: string | null): EntryFacts {
  const left = gone.exec(machines);
  if (left) return leftIn(left[1], left[2]);
  const [, now = "", change, note] = /^(\S+)(?: \(([+−][\d,]+)\))?(?: (.*))?$/.exec(machines) ?? [];
  const [, cvesNow = "", cvesChange] = /^(\S+)(?: \(([+−][\d,]+)\))?$/.exec(cves) ?? [];
  const own = note === undefined ? undefined : notes[note];
  return {
    ...(own !== undefined ? { kind: own } : kind !== null && { kind }),
    machines: countIn(now),
    cves: countIn(cvesNow),
    ...(change !== undefined && { machinesBefore: (countIn(now) ?? 0) - changeIn(change) }),
    ...(cvesChange !== undefined && { cvesBefore: (countIn(cvesNow) ?? 0) - changeIn(cvesChange) }),
    ...((own ?? kind) && { isRead: (own ?? kind) !== "not-read" }),
  };
}

function leftIn(word: string | undefined, was = "?"): EntryFacts {
  return { kind: word === "gone" ? "resolved" : "replaced", machinesBefore: countIn(was), machines: null };
}

/** `5066835 Windows 10: 5 machines (−3) and 2 CVEs (−1), Windows 11: was on 3 machines`. */
function addBetter(entries: Map<string, EntryFacts>, { title }: ListedKb, kind: string, names: Names): void {
  const kb = idIn(title, names);
  const said = title.slice(kb.length + 1);
  const starts = [...names.labels.keys()]
    .map((label) => ({ label, at: said.startsWith(`${label}: `) ? 0 : said.indexOf(`, ${label}: `) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at);
  for (const [index, { label, at }] of starts.entries()) {
    const words = said.slice(at, starts[index + 1]?.at);
    entries.set(`${names.labels.get(label)} ${kb}`, { kind, ...betterIn(words) });
  }
}

function betterIn(words: string): EntryFacts {
  const was = /was on ([\d,]+) machines?/.exec(words)?.[1];
  if (was !== undefined) return { machines: null, machinesBefore: numberOf(was) };
  if (/gone|was on an unknown number/.test(words)) return { machines: null, machinesBefore: null };
  const machines = /([\d,?]+) machines?(?: \(([+−][\d,]+)\))?/.exec(words);
  const cves = /([\d,?]+) CVEs?(?: \(([+−][\d,]+)\))?/.exec(words);
  return {
    ...(machines && { machines: countIn(machines[1] ?? "") }),
    ...(machines?.[2] && { machinesBefore: (countIn(machines[1] ?? "") ?? 0) - changeIn(machines[2]) }),
    ...(cves && { cves: countIn(cves[1] ?? "") }),
    ...(cves?.[2] && { cvesBefore: (countIn(cves[1] ?? "") ?? 0) - changeIn(cves[2]) }),
  };
}

/** The id with which a title begins: one that is no number may have spaces. */
function idIn(title: string, { kbs }: Names): string {
  const known = [...kbs].filter((kb) => title === kb || title.startsWith(`${kb} `) || title.startsWith(`${kb};`));
  return known.sort((a, b) => b.length - a.length)[0] ?? /^\S+/.exec(title)?.[0] ?? "";
}

/** `?` is unknown. */
function countIn(text: string): number | null {
  return text === "?" ? null : numberOf(text);
}

function numberOf(text: string | undefined): number {
  return Number((text ?? "0").replaceAll(",", ""));
}

function changeIn(text: string): number {
  return numberOf(text.slice(1)) * (text.startsWith("−") ? -1 : 1);
}
