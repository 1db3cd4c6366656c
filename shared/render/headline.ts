import { daysBetween, type RunDate } from "../core/day.ts";
import { changeOf, countsNowKnown, isLargest, reachOf } from "../core/due.ts";
import { betterLeads, exploitedLeads, type Lead, movedMost, worseLeads } from "../core/leads.ts";
import type { Counts } from "../core/missing-kb.ts";
import { comparedRun, notReadLongestFirst, productsIn, unlistedProducts } from "../core/products.ts";
import { hasLeftInventory, isUnknownId, type ProductRow, type Report } from "../core/report.ts";
import type { KbEntry, KbRow } from "../core/row.ts";
import { runDay } from "../core/run-id.ts";
import type { SinceDigest } from "../core/since.ts";
import { countWatched, isPartial } from "../core/totals.ts";
import { verdictOf } from "../core/verdict.ts";
import { agree, count, formatRun, listed, many, manyWithChange, productLabel, shortDay, shown } from "./words.ts";

/** The report in a sentence or two, which claim nothing of what could not be read. */
export function headline(report: Report, since: SinceDigest | null = null): string {
  const sentences = [...mainSentences(report, since), ...unlisted(report), ...readableAgain(since)];
  return `${sentences.join(". ")}.`;
}

function mainSentences(report: Report, since: SinceDigest | null): string[] {
  const { totals } = report;
  const late = lateSentences(since);
  switch (verdictOf(report)) {
    case "worse":
      return [worseSentence(report), ...late];
    case "not-read":
      return [nothingRead(report), ...late];
    case "partly-read":
      return [...notReadPart(report), ...(late.length > 0 ? late : [nothingElseWorse(report)]), ...joinedPart(report)];
    case "first":
      return [
        `Now watching ${many(totals.read, "product")}: ${missing(report)}${onUpTo(reachOf(report.rows), ", on up to ")}`,
      ];
    case "better":
      return [...late, betterSentence(report, late.length > 0), ...joinedPart(report)];
    case "joined":
      return late.length > 0 ? [nowWatched(report), ...late] : [`${nowWatched(report)}; nothing else changed`];
    case "quiet":
      return quietSentences(report, since);
  }
}

/** What got worse: first what is exploited, by its number, then how many others. */
function worseSentence({ rows }: Report): string {
  const exploited = exploitedLeads(rows);
  const ids = new Set(exploited.flatMap(({ rows }) => rows.map(({ id }) => id)));
  if (ids.size === 0) return sentencesOf(worseLeads(rows));
  const others = worseLeads(rows.filter(({ id }) => !ids.has(id)));
  return [exploitedSentence(exploited), ...others.map(laterSentenceOf)].join("; ");
}

const namedExploited = 2;

/** `KB5068861 is being exploited and reached 14 more machines`; of several that they got worse. */
function exploitedSentence(leads: readonly Lead[]): string {
  const [first, ...others] = leads.flatMap(({ kind, change, rows }) => rows.map((row) => ({ kind, change, row })));
  if (!first) return "";
  if (others.length > 0) {
    const names = [first, ...others].slice(0, namedExploited).map(({ row }) => kbWord(row));
    const more = others.length + 1 - names.length;
    return `${listed([...names, ...(more > 0 ? [many(more, "more KB")] : [])])} are being exploited and got worse`;
  }
  const { kind, change, row } = first;
  const what = change === null ? predicateOf(kind, row) : `reached ${many(change, "more machine")}`;
  return `${kbWord(row)} is being exploited and ${what}`;
}

/** What an earlier digest said that was not delivered. */
function lateLeads(since: SinceDigest | null): Lead[] {
  return since ? worseLeads(since.rows) : [];
}

function lateSentences(since: SinceDigest | null): string[] {
  const leads = lateLeads(since);
  return since && leads.length > 0 ? [`Since the digest of ${shortDay(since.day)}: ${sentencesOf(leads)}`] : [];
}

function betterSentence({ rows }: Report, isLate: boolean): string {
  return isLate ? sentencesOf(betterLeads(rows)) : `Nothing got worse: ${sentencesOf(betterLeads(rows))}`;
}

function quietSentences(report: Report, since: SinceDigest | null): string[] {
  const late = lateSentences(since);
  if (late.length > 0) return late;
  const better =
    since && since.rows.length > 0 ? [`Since the digest of ${shortDay(since.day)}: ${betterThan(since)}`] : [];
  if (better.length > 0 || unlistedProducts(report).length > 0) return ["Nothing got worse", ...better];
  // What rose below the thresholds since then, or came and went, is a change too.
  const isStill = !since || since.rose + since.cameAndWent === 0;
  return [`${isStill ? "Nothing changed" : "Nothing got worse"}: ${missing(report)}`];
}

function betterThan({ rows }: SinceDigest): string {
  return sentencesOf(betterLeads(rows));
}

function nothingElseWorse(report: Report): string {
  const better = betterLeads(report.rows);
  const rest = better.length > 0 ? `: ${sentencesOf(better)}` : "";
  return report.previousRunId === null ? `Of the others, ${missing(report)}` : `Nothing else got worse${rest}`;
}

function readableAgain(since: SinceDigest | null): string[] {
  if (!since || since.readable.length === 0) return [];
  return [`${productsNamed(since.readable, 3)} can be read again`];
}

/** Of more than two only the first names its KB: "KB5070884 is new in Windows 11, on 41 machines; 6 got worse; 1 is back". */
function sentencesOf(leads: readonly Lead[]): string {
  const named = leads.length > 2 ? 1 : 2;
  return leads.map((lead, index) => (index < named ? sentenceOf(lead) : laterSentenceOf(lead))).join("; ");
}

const verbs: Readonly<Record<Lead["kind"], readonly [one: string, other: string]>> = {
  new: ["is new", "are new"],
  worsened: ["got worse", "got worse"],
  returned: ["is back", "are back"],
  "more-cves": ["lists more CVEs", "list more CVEs"],
  improved: ["got better", "got better"],
  resolved: ["is resolved", "are resolved"],
};

function laterSentenceOf({ kind, rows, change }: Lead): string {
  const most = rows.length > 1 ? "the most " : "";
  const by = change === null ? "" : `, ${most}by ${many(change, "machine")}`;
  return `${count(rows.length)} ${agree(rows.length, ...verbs[kind])}${by}`;
}

/** One lead as a part of a sentence: one KB by its number and products, several by how many they are. */
function sentenceOf({ kind, rows, reach, change }: Lead): string {
  const [only] = rows;
  if (rows.length === 1 && only) return sentenceOfOne(kind, only);
  const kbs = many(rows.length, "KB");
  switch (kind) {
    case "new":
      return `${kbs} are new${onUpTo(reach, ", on up to ")}`;
    case "worsened":
      return change === null ? `${kbs} got worse` : `${kbs} got worse, the most by ${many(change, "machine")}`;
    case "returned":
      return `${kbs} are back${onUpTo(reach, ", on up to ")}`;
    case "more-cves":
      return `${kbs} list more CVEs, on fewer machines`;
    case "improved":
      return change === null ? `${kbs} got better` : `${kbs} got better, the most by ${many(change, "machine")}`;
    case "resolved":
      return `${kbs} are resolved`;
  }
}

function sentenceOfOne(kind: Lead["kind"], row: KbRow): string {
  return `${kbWord(row)} ${predicateOf(kind, row)}`;
}

function kbWord({ id }: KbRow): string {
  return `KB${shown(id, 20)}`;
}

/** What is said of one KB after its number. */
function predicateOf(kind: Lead["kind"], row: KbRow): string {
  const where = productsOf(row);
  const entry = movedMost(row);
  const figure = figureOf(entry);
  const upTo = upToOf(row, entry);
  switch (kind) {
    case "new":
      return `is new in ${where}, on ${upTo}${figure}`;
    case "worsened":
      return isKnownNow(entry, "machineMissedOn")
        ? `is now known to be missing on ${figure} in ${where}`
        : `got worse in ${where}: ${figure}`;
    case "returned":
      return `is back in ${where}, on ${upTo}${figure}`;
    case "more-cves":
      return `lists more CVEs in ${where}, on fewer machines: ${figure}`;
    case "improved":
      return `got better in ${where}: ${figure}`;
    case "resolved":
      return `is resolved in ${where}`;
  }
}

/** What is said of one KB: its machines, or its CVEs where only these changed. */
function figureOf(entry: KbEntry | undefined): string {
  const [now, before] = [entry?.current ?? null, entry?.previous ?? null];
  return countSaid(entry) === "machineMissedOn"
    ? machinesOf(now?.machineMissedOn ?? null, before?.machineMissedOn ?? null)
    : manyWithChange(now?.cveAddressed ?? null, before?.cveAddressed ?? null, "CVE");
}

function countSaid(entry: KbEntry | undefined): keyof Counts {
  const isCves =
    entry && (entry.kind === "more-cves" || !changed(entry, "machineMissedOn")) && changed(entry, "cveAddressed");
  return isCves ? "cveAddressed" : "machineMissedOn";
}

function changed(entry: KbEntry, count: keyof Counts): boolean {
  return isKnownNow(entry, count) || (changeOf(entry, count) ?? 0) !== 0;
}

function isKnownNow(entry: KbEntry | undefined, count: keyof Counts): boolean {
  return entry !== undefined && countsNowKnown(entry).includes(count);
}

function machinesOf(now: number | null, before: number | null): string {
  return now === null ? "an unknown number of machines" : manyWithChange(now, before, "machine");
}

/** `up to ` where other products have less of what is said. */
function upToOf(row: KbRow, entry: KbEntry | undefined): string {
  return row.entries.length > 1 && entry && isLargest(entry, row, countSaid(entry)) ? "up to " : "";
}

/** `Windows 11`, or `3 products`. */
function productsOf({ entries }: KbRow): string {
  const [entry] = entries;
  return entries.length === 1 && entry ? shown(productLabel(entry.softwareId), 40) : many(entries.length, "product");
}

const maxSubject = 120;

/** The subject of a report's digest: the worst first, one KB by its number; one line of at most 120 characters. */
export function subject(report: Report, since: SinceDigest | null = null): string {
  // Where there is no room for names, counts say it all: no part is dropped for a longer one.
  const lines = named.map((names) => subjectParts(report, since, names).join("; "));
  const line = lines.find(({ length }) => length <= maxSubject) ?? shown(lines.at(-1) ?? "", maxSubject);
  // Where there is one watchlist alone, its name says nothing.
  const room = maxSubject - line.length - " · ".length;
  return report.watchlist === "default" || room < 8 ? line : `${line} · ${shown(report.watchlist, room)}`;
}

/** What a subject names: the products that could not be read, and the first KB with its product. */
const named = [
  { notRead: true, kb: true },
  { notRead: false, kb: true },
  { notRead: false, kb: false },
] as const;

function subjectParts(report: Report, since: SinceDigest | null, names: (typeof named)[number]): string[] {
  const { totals, previousRunId } = report;
  const parts = (leads: readonly Lead[], when = "") =>
    leads.map((lead, index) => (names.kb && index === 0 ? subjectPart(lead, when) : shortPart(lead, index, when)));
  const missingNow = lacksKbs(report)
    ? missing(report, 1)
    : [`${many(totals.missingKbs, "KB")} missing`, ...exploitedPart(totals)].join(", ");
  const late = since ? parts(lateLeads(since), ` since ${shortDay(since.day)}`) : [];
  const verdict = verdictOf(report);
  if (late.length > 0 && verdict !== "worse") return [...notReadPart(report, names.notRead), ...late, missingNow];
  switch (verdict) {
    case "worse":
      return [...worseParts(report, names.kb, parts), ...notReadPart(report, names.notRead)];
    case "not-read":
      return [nothingRead(report)];
    case "partly-read":
      return [...notReadPart(report, names.notRead), previousRunId === null ? missingNow : "nothing else got worse"];
    case "first":
      return [`Watching ${many(totals.read, "product")}: ${[missingNow, ...overduePart(totals)].join(", ")}`];
    case "better":
      return parts(betterLeads(report.rows));
    case "joined":
      return [nowWatched(report), missingNow];
    case "quiet": {
      const noLongerListed = unlisted(report, 1);
      if (noLongerListed.length > 0) return [...noLongerListed, "nothing got worse"];
      if (since && since.rows.length > 0)
        return [...parts(betterLeads(since.rows), ` since ${shortDay(since.day)}`), missingNow];
      return [`Nothing changed${lacksKbs(report) ? ": " : ", "}${missingNow}`];
    }
  }
}

/** What is exploited comes first: one KB by its number, several by how many they are. */
function worseParts({ rows }: Report, names: boolean, parts: (leads: readonly Lead[]) => string[]): string[] {
  const leads = worseLeads(rows);
  const exploited = exploitedLeads(rows);
  const [first] = exploited;
  if (!first) return parts(leads);
  if (exploited.length > 1 || !names) return [`${count(exploited.length)} exploited`, ...parts(leads)];
  const rest = leads.filter((lead) => lead.rows.length > 1 || lead.kind !== first.kind);
  const counts = rest.map(({ kind, rows }) => `${count(rows.length)} ${words[kind][1]}`);
  return [subjectPart(first, "", "Exploited"), ...(counts.length > 0 ? [counts.join(", ")] : [])];
}

function exploitedPart({ exploited }: Report["totals"]): string[] {
  return exploited > 0 ? [`${count(exploited)} exploited`] : [];
}

function overduePart({ overdue }: Report["totals"]): string[] {
  return overdue > 0 ? [`${count(overdue)} overdue`] : [];
}

const words: Readonly<Record<Lead["kind"], readonly [title: string, word: string]>> = {
  new: ["New", "new"],
  worsened: ["Worse", "worse"],
  returned: ["Back", "back"],
  "more-cves": ["More CVEs", "with more CVEs"],
  improved: ["Better", "better"],
  resolved: ["Resolved", "resolved"],
};

// "New: KB5070884, Windows Server 2022, 41 machines"; the parts after it only count: "6 worse, most +14".
function subjectPart(lead: Lead, when: string, title = words[lead.kind][0]): string {
  const { kind, rows } = lead;
  const [only] = rows;
  if (rows.length > 1 || !only) return shortPart(lead, 0, when);
  const entry = movedMost(only);
  const before = entry?.previous?.machineMissedOn ?? null;
  const figure =
    kind === "resolved"
      ? `was on ${machinesOf(before, null)}`
      : `${lead.change === null ? upToOf(only, entry) : ""}${figureOf(entry)}`;
  return `${title}${when}: KB${shown(only.id, 20)}, ${productsOf(only)}, ${figure}`;
}

function shortPart({ kind, rows, change }: Lead, index: number, when: string): string {
  const most = rows.length > 1 ? "most " : "";
  const by = change === null ? "" : `, ${most}${kind === "improved" ? "−" : "+"}${count(change)}`;
  return `${count(rows.length)} ${words[kind][1]}${index === 0 ? when : ""}${by}`;
}

function missing(report: Report, most = 3): string {
  const { missingKbs } = report.totals;
  if (missingKbs > 0) return `${many(missingKbs, "KB")} ${agree(missingKbs, "is", "are")} missing`;
  if (!lacksKbs(report)) return "Defender lists no missing KBs";
  const products = productsIn(report, "not-kb-patched").map(({ softwareId }) => softwareId);
  return `Defender lists no KBs but counts weaknesses of ${productsNamed(products, most)}`;
}

/** Whether an empty list of KBs says nothing, because Defender counts weaknesses all the same. */
function lacksKbs(report: Report): boolean {
  return report.totals.missingKbs === 0 && productsIn(report, "not-kb-patched").length > 0;
}

/** That none of a report's products could be read. */
function nothingRead(report: Report): string {
  const watched = countWatched(report.totals);
  if (watched === 0) return "No products are watched: Defender's product list could not be read";
  return watched === 1 ? notReadWords(report) : `None of the ${many(watched, "product")} could be read`;
}

function joinedPart(report: Report): string[] {
  return report.previousRunId !== null && report.totals.baseline > 0 ? [nowWatched(report)] : [];
}

/** How many products joined the watchlist, or which one. */
function nowWatched({ totals: { baseline }, products }: Report): string {
  const joined = products.filter((product) => product.baseline);
  const [only] = joined;
  if (joined.length === 1 && only) return `${shown(productLabel(only.softwareId), 60)} is now watched`;
  return `${many(baseline, "more product")} are now watched`;
}

function notReadPart(report: Report, names = true): string[] {
  const { totals } = report;
  if (!isPartial(totals)) return [];
  return [names ? notReadWords(report) : `${many(totals.notRead, "product")} could not be read`];
}

/** `SQL Server 2019 could not be read since 24 Nov`, or how many could not. */
export function notReadWords(report: Report): string {
  const products = notReadLongestFirst(report);
  const [only] = products;
  if (products.length !== 1 || !only) return `${many(products.length, "product")} could not be read`;
  if (isUnknownId(only)) return `Defender does not know the id ${shown(only.softwareId, 60)}`;
  const label = shown(productLabel(only.softwareId), 60);
  if (hasLeftInventory(only, report.day)) return `${label} has left Defender's inventory`;
  return `${label} could not be read${sinceWhen(only, report)}`;
}

/** ` since 24 Nov`; empty where it is only today. */
export function sinceWhen({ failure }: ProductRow, { day, timeZone }: Report): string {
  const since = failure ? runDay(failure.since, timeZone) : day;
  return since < day ? ` since ${shortDay(since)}` : "";
}

// KBs that are no longer listed while weaknesses stay open are neither resolved nor unchanged.
function unlisted(report: Report, most = 3): string[] {
  const products = unlistedProducts(report).map(({ softwareId }) => softwareId);
  if (products.length === 0) return [];
  return [`Defender no longer lists KBs for ${productsNamed(products, most)} but still counts weaknesses`];
}

/** `Windows 11`, `Edge and Office`, or, of more than `most`, `4 products`. */
function productsNamed(softwareIds: readonly string[], most: number): string {
  if (softwareIds.length > most) return many(softwareIds.length, "product");
  return listed(softwareIds.map((softwareId) => shown(productLabel(softwareId), 40)));
}

/** `, on up to 512 machines` with that lead; empty where no count is known. */
export function onUpTo(machines: number | null, lead: string): string {
  return machines === null ? "" : `${lead}${many(machines, "machine")}`;
}

/** Which run the report compares with and how old that is. */
export function comparedWith(report: Report): string {
  const { day, timeZone } = report;
  const previous = comparedRun(report);
  if (previous === null) {
    return "This is the first run, so there is nothing to compare with yet; the next one will show what changed.";
  }
  const verb = verdictOf(report) === "not-read" ? "The last report was of" : "Compared with";
  return `${verb} ${formatRun(previous, timeZone)}, ${howMuchEarlier(runDay(previous, timeZone), day)}.`;
}

/** `1 day earlier`, or `the same day`. */
export function howMuchEarlier(earlier: RunDate, later: RunDate): string {
  const days = daysBetween(earlier, later);
  return days === 0 ? "the same day" : `${many(days, "day")} earlier`;
}
