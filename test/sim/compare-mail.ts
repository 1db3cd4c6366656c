import { worseKinds } from "../oracle/figures.ts";
import { isExploited } from "../oracle/known.ts";
import { worstFirst } from "../oracle/order.ts";
import { larger } from "../oracle/reading.ts";
import type { Since, SinceEntry } from "../oracle/since.ts";
import type { Entry, Kind, OracleReport } from "../oracle/types.ts";
import { disagreements } from "./compare.ts";
import { type DigestFacts, totalOfKind } from "./digest-facts.ts";
import { type EntryFacts, type Facts, kbOf, type Names, noFacts } from "./facts.ts";

/** How a digest and the rules disagree: about the report, about what happened since the last digest, and in its remarks. */
export function digestDisagreements(
  digest: DigestFacts,
  rules: Facts,
  says: { report: OracleReport; since: Since | null; first: readonly string[] },
): string[] {
  return [
    ...disagreements(rules, digest.facts),
    ...sinceDisagreements(digest, says.since),
    ...remarkDisagreements(digest, says),
  ];
}

function sinceDisagreements({ facts, since: said, cameAndWent, isCut }: DigestFacts, since: Since | null): string[] {
  const passed = since?.cameAndWent ?? 0;
  const found = passed === cameAndWent ? [] : [`came and went: rules ${passed}, ${facts.source} ${cameAndWent}`];
  const [one, other] = [noFacts("rules since", true), noFacts(`${facts.source} since`, !isCut)];
  for (const entry of since?.entries ?? []) {
    const { softwareId, kind, now } = entry;
    const facts: EntryFacts = { kind, machines: now?.machines ?? null, ...beforeOf(entry) };
    one.entries.set(`${softwareId} ${kbOf(entry)}`, facts);
  }
  other.entries = said.entries;
  one.totals = Object.fromEntries(Object.entries(totalOfKind).map(([kind, total]) => [total, kbsOf(since, kind)]));
  other.totals = said.totals;
  return [...found, ...disagreements(one, other)];
}

/** A digest shows the count before only beside a change of it. */
function beforeOf({ kind, before, now }: SinceEntry): EntryFacts {
  const isShown = kind === "improved" || kind === "resolved" || (before?.machines != null && now?.machines != null);
  return isShown && before ? { machinesBefore: before.machines } : {};
}

function kbsOf(since: Since | null, kind: string): number {
  return new Set(since?.entries.filter((entry) => entry.kind === kind).map((entry) => entry.key)).size;
}

function remarkDisagreements(
  { facts, remarks }: DigestFacts,
  { report, since, first }: Parameters<typeof digestDisagreements>[2],
): string[] {
  const { products, previousRunId } = report;
  const [notRead, readable] = [products.filter(({ state }) => state === "not-read"), since?.products ?? []];
  const lost = (product: (typeof products)[number]) => product.unknownId || product.leftInventory;
  const expected: Record<string, number> = {
    "all that is missing": first.length,
    "not read": notRead.filter((product) => !lost(product)).length,
    "unknown id": notRead.filter(({ unknownId }) => unknownId).length,
    "left the inventory": notRead.filter(({ leftInventory }) => leftInventory).length,
    "now watched": previousRunId === null ? 0 : products.filter(({ baseline }) => baseline).length,
    "not patched by kbs": products.filter(({ state }) => state === "not-kb-patched").length,
    "two answers differed": products.filter(({ differed }) => differed).length,
    "can be read again": readable.filter(({ kind }) => kind === "readable-again").length,
  };
  return Object.entries(expected).flatMap(([title, count]) => {
    const said = remarks.get(title) ?? 0;
    return said === count ? [] : [`remark "${title}": rules ${count}, ${facts.source} ${said}`];
  });
}

const kindOfWord: Readonly<Record<string, keyof typeof totalOfKind>> = {
  ...{ New: "new", Worse: "worsened", Back: "returned", "More CVEs": "more-cves", Better: "improved" },
  ...{ new: "new", worse: "worsened", back: "returned", "with more CVEs": "more-cves", better: "improved" },
  ...{ Resolved: "resolved", resolved: "resolved" },
};

const lead =
  /^(New|Worse|Back|More CVEs|Better|Resolved|Exploited)(?: since .+?)?: KB(.+?), (.+?), (?:was on )?(up to )?(?:an unknown number of machines|([\d,?]+) (machine|CVE)s?(?: \(([+−][\d,]+)\))?)$/;
const sinceLead =
  /^(New|Worse|Back|More CVEs|Better|Resolved|[\d,]+ (new|worse|back|with more CVEs|better|resolved)) since /;
const short = /^([\d,]+) (new|worse|back|with more CVEs|better|resolved)(?: since .+?)?(?:, (?:most )?([+−][\d,]+))?$/;
const counts = /^[\d,]+ (?:new|worse|back|with more CVEs)(?:, [\d,]+ (?:new|worse|back|with more CVEs))+$/;
const others = [
  /^nothing (else )?got worse$/,
  /^Nothing changed(, [\d,]+ KBs? missing(, [\d,]+ exploited)?|: Defender lists no .+)$/,
  /^Watching [\d,]+ products?: ([\d,]+ KBs? missing(, [\d,]+ exploited)?(, [\d,]+ overdue)?|Defender lists no .+)$/,
  /^([\d,]+) KBs? missing(, [\d,]+ exploited)?$/,
  /^[\d,]+ exploited$/,
  /^Defender (no longer )?lists /,
  /^.+ (is|are) now watched$/,
  /^.+ could not be read( since .+)?$/,
  /^None of the \d+ products could be read$/,
  /^Defender does not know the id .+$/,
  /^.+ has left Defender's inventory$/,
];

/** What a subject says in one of its parts. */
interface Said {
  report: OracleReport;
  since: Since | null;
  names: Names;
  /** Whether it speaks of what happened since the last digest, because the report itself has no news. */
  isSince?: boolean;
  isExploitedNamed?: boolean;
}

/** How a subject and the rules disagree. */
export function subjectDisagreements(subject: string, run: Omit<Said, "isSince" | "isExploitedNamed">): string[] {
  const found: string[] = [];
  if (subject.length > 120) found.push("the subject is longer than 120 characters");
  const parts = subject
    .replace(/ · \S+$/, "")
    .split("; ")
    .flatMap((part) => (counts.test(part) ? part.split(", ") : [part]));
  const said: Said = {
    ...run,
    isSince: parts.some((part) => sinceLead.test(part)),
    isExploitedNamed: parts.some((part) => part.startsWith("Exploited: ")),
  };
  const named = new Set<Kind>();
  for (const part of parts) {
    if (part.endsWith("…")) continue;
    const kind = leadKind(part, said, found) ?? shortKind(part, said, found);
    if (kind !== null) named.add(kind);
    else if (!others.some((shape) => shape.test(part))) found.push(`subject: "${part}" is not understood`);
    found.push(...countDisagreements(part, said));
  }
  const worse = (["new", "worsened", "returned", "more-cves"] as const).filter(
    (kind) => said.report.totals[totalOfKind[kind]] > 0,
  );
  const nothingRead = said.report.totals.read === 0;
  for (const kind of worse)
    if (!named.has(kind) && !nothingRead) found.push(`subject: it does not say what is ${kind}`);
  return found.map((text) => `${text} ("${subject}")`);
}

function countDisagreements(part: string, { report }: Said): string[] {
  const { totals } = report;
  const expected: [RegExp, number][] = [
    [/([\d,]+) KBs? missing/, totals.missingKbs],
    [/missing, ([\d,]+) exploited/, totals.exploited],
    [/^([\d,]+) exploited$/, exploitedWorse(report).size],
    [/([\d,]+) overdue/, totals.overdue],
    [/^([\d,]+) products could not be read/, totals.notRead],
    [/^None of the ([\d,]+) products/, totals.notRead],
    [/^Watching ([\d,]+) products/, totals.read],
    [/^([\d,]+) more products are now watched/, totals.baseline],
  ];
  return expected.flatMap(([shape, count]) => {
    const said = shape.exec(part)?.[1];
    return said === undefined || Number(said.replaceAll(",", "")) === count ? [] : [`subject: ${said} is not ${count}`];
  });
}

/** The entries that got worse of exploited KBs, by KB. */
function exploitedWorse({ entries, advisories }: OracleReport): Map<string, Entry[]> {
  const worse = entries.filter(({ kind, key }) => worseKinds.includes(kind) && isExploited(key, advisories));
  return Map.groupBy(worse, kbOf);
}

/** What a subject names first: its kind, where it names an exploited KB, and the KBs that it could name. */
function ledBy(word: string, said: Said): { kind: Kind; entries: Map<string, SaidEntry[]> } | null {
  if (word !== "Exploited") {
    const kind = kindOfWord[word];
    return kind === undefined ? null : { kind, entries: entriesOf(kind, said) };
  }
  const exploited = exploitedWorse(said.report);
  const kinds = [...exploited.values()].flat().map(({ kind }) => kind);
  const kind = worstFirst.find((one) => kinds.includes(one)) ?? "new";
  const own = [...exploited].map(([kb, entries]) => [kb, entries.filter((entry) => entry.kind === kind)] as const);
  return { kind, entries: new Map(own) };
}

/** Entries of one kind by KB: of the report, or of what happened since the last digest. */
function entriesOf(kind: Kind, { report, since, isSince }: Said): Map<string, SaidEntry[]> {
  const entries: SaidEntry[] = isSince
    ? (since?.entries ?? []).map((entry) => ({ ...entry, current: entry.now, previous: entry.before }))
    : [...report.entries];
  return Map.groupBy(
    entries.filter((entry) => entry.kind === kind),
    kbOf,
  );
}

type SaidEntry = Pick<Entry, "id" | "name" | "softwareId" | "kind" | "current" | "previous">;

function leadKind(part: string, said: Said, found: string[]): Kind | null {
  const [, word = "", kb = "", where = "", upTo, count, noun, change] = lead.exec(part) ?? [];
  const led = ledBy(word, said);
  if (led === null) return null;
  const { kind, entries } = led;
  const own = entries.get(kb) ?? [];
  if (entries.size !== 1 || own.length === 0) {
    found.push(`subject: rules ${[...entries.keys()].join(", ") || "no KB"} ${kind}, subject KB${kb} alone`);
    return kind;
  }
  const products = own.length === 1 ? said.names.labels.get(where) : where;
  const right = own.length === 1 ? own[0]?.softwareId : `${own.length} products`;
  if (products !== right) found.push(`subject: rules ${right}, subject ${where}`);
  const of = noun === "CVE" ? "cves" : "machines";
  const now = count === undefined || count === "?" ? null : numberOf(count);
  if (!own.some((entry) => isFigure(entry, of, now, change))) found.push(`subject: KB${kb} has no such figure`);
  if (upTo !== undefined && now !== reach(own, of)) found.push(`subject: KB${kb} is on up to ${reach(own, of)}`);
  return kind;
}

function isFigure(entry: SaidEntry, of: "machines" | "cves", now: number | null, change: string | undefined): boolean {
  const shown = (entry.current ?? entry.previous)?.[of] ?? null;
  if (shown !== now) return false;
  const before = entry.previous?.[of] ?? null;
  const by = entry.current === null || before === null || shown === null ? 0 : shown - before;
  return (change === undefined ? 0 : signed(change)) === by || (change === undefined && entry.kind === "returned");
}

function reach(entries: readonly SaidEntry[], of: "machines" | "cves"): number | null {
  return entries.map(({ current, previous }) => (current ?? previous)?.[of] ?? null).reduce(larger);
}

function shortKind(part: string, said: Said, found: string[]): Kind | null {
  const [, count, word = "", most] = short.exec(part) ?? [];
  const kind = kindOfWord[word];
  if (kind === undefined) return null;
  const entries = entriesOf(kind, said);
  if (numberOf(count) !== entries.size) found.push(`subject: rules ${entries.size} ${kind}, subject ${count}`);
  // What is beside the one exploited KB that a subject names is only counted.
  if (said.isExploitedNamed && most === undefined) return kind;
  const moves = [...entries.values()].flat().map(machinesMoved);
  const largest = moves.reduce(larger, null);
  const right = kind === "worsened" || kind === "improved" ? largest : null;
  const shown = most === undefined ? null : Math.abs(signed(most));
  if (shown !== right) found.push(`subject: the most of what is ${kind}: rules ${right}, subject ${shown}`);
  return kind;
}

/** By how much machines rose, or fell where the entry is better; null where they did not, or it is not known. */
function machinesMoved({ kind, current, previous }: SaidEntry): number | null {
  if (current?.machines == null || previous?.machines == null) return null;
  const by = (current.machines - previous.machines) * (kind === "improved" ? -1 : 1);
  return by > 0 ? by : null;
}

function numberOf(text: string | undefined): number {
  return Number((text ?? "0").replaceAll(",", ""));
}

function signed(text: string): number {
  return numberOf(text.slice(1)) * (text.startsWith("−") ? -1 : 1);
}
