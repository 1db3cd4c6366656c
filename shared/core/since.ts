import type { RunFacts } from "./advisory.ts";
import { type CountsByKb, changesBetween, countsOf, pairsBetween, rise, shownOf as shownBefore } from "./change.ts";
import { daysBetween, type RunDate } from "./day.ts";
import { isWorse } from "./due.ts";
import type { Counts, MissingKb } from "./missing-kb.ts";
import { sortRows } from "./order.ts";
import { isNotRead } from "./products.ts";
import type { ProductRow, Report } from "./report.ts";
import { addEntry, datesOf, type EntryRules, type KbEntry, type KbRow, type KbRows, toRow } from "./row.ts";
import { firstAnswerDays } from "./run.ts";
import type { RunId } from "./run-id.ts";
import { type GoneKb, lastOfLine, type Snapshot } from "./snapshot.ts";
import { compareText } from "./text.ts";
import type { DueRules, Thresholds } from "./watchlist.ts";

/** What happened between the last digest and this one, besides what the report itself shows as changed. */
export interface SinceDigest {
  /** The run of the last digest, and its day. */
  runId: RunId;
  day: RunDate;
  /**
   * Entries that got better or were resolved, by that digest's counts against today's; and those that got worse, which a digest
   * in between said that was not delivered.
   */
  rows: readonly KbRow[];
  /** Products that it could not read and that can be read now. */
  readable: readonly string[];
  /** Products that were first read after it, and before this run. */
  watched: readonly string[];
  /** Products of which nobody knows any more what it showed. */
  lost: readonly string[];
  /** KBs on more machines than then, and not reported as worse: the rise was held back. */
  rose: number;
  /** Entries that were not listed then and are not now, but were in between. */
  cameAndWent: number;
}

/** One product at the last digest and now. */
export interface SinceProduct {
  softwareId: string;
  /** The snapshot that the last digest was made from; `null` where it had none. */
  last: Snapshot | null;
  /** It had one, which is gone or damaged. */
  isLost?: boolean;
  /** What its run held back, and the day of a first answer without KBs, see `Comparison`. */
  heldBack?: CountsByKb | undefined;
  firstEmptyOn?: RunDate | undefined;
  wasRead: boolean;
  /** The snapshot that the report shows. */
  now: Snapshot | null;
}

/**
 * Products of which the readers of this digest know neither a baseline nor what changed since: all of them where no digest was ever
 * sent (`isFirst`), and those of which nobody knows any more what the last one showed.
 */
export function incomparable(
  { products, previousRunId }: Pick<Report, "products" | "previousRunId">,
  since: Pick<SinceDigest, "lost"> | null,
  isFirst: boolean,
): ProductRow[] {
  const lost = new Set(since?.lost);
  const isAll = isFirst && previousRunId !== null;
  return products.filter(({ softwareId, baseline, readOn }) => {
    return (isAll || lost.has(softwareId)) && readOn !== null && !baseline;
  });
}

/** Compares a report with the last digest's run, one product at a time. */
export async function changesSince(
  report: Report,
  digest: Pick<SinceDigest, "runId" | "day">,
  products: AsyncIterable<SinceProduct>,
): Promise<SinceDigest> {
  const [readable, watched, lost]: [string[], string[], string[]] = [[], [], []];
  const found: Found = { kbs: new Map(), rose: new Set(), cameAndWent: 0 };
  const entryOf = entryFinder(report);
  const reported = new Map(report.products.map((product) => [product.softwareId, product]));
  for await (const then of products) {
    const { softwareId, wasRead, heldBack, now } = then;
    const product = reported.get(softwareId);
    if (!product || !now || product.baseline) continue;
    if (then.isLost) {
      lost.push(softwareId);
      continue;
    }
    const last = isBaselineSince(then, now) ? null : then.last;
    if (!last) watched.push(softwareId);
    if (last && !wasRead && !isNotRead(product)) readable.push(softwareId);
    addPair(found, { product, last, heldBack, now, entryOf: (id) => entryOf(id, softwareId) }, report, digest);
  }
  const { kbs, rose, cameAndWent } = found;
  const rows = sortRows(Array.from(kbs.values(), (kb) => toRow(kb, kb.entries)));
  return { ...digest, rows, readable, watched, lost, rose: rose.size, cameAndWent };
}

/** What is known so far. */
interface Found {
  kbs: KbRows;
  rose: Set<string>;
  cameAndWent: number;
}

/** Whether a product without KBs at the last digest had its baseline since then, see `firstAnswerDays`. */
function isBaselineSince({ last, firstEmptyOn }: Pick<SinceProduct, "last" | "firstEmptyOn">, now: Snapshot): boolean {
  if (!firstEmptyOn || !last || last.missingKbs.length > 0) return false;
  const [first] = [...now.missingKbs, ...now.gone].map(({ firstSeen }) => firstSeen).sort(compareText);
  return first !== undefined && daysBetween(firstEmptyOn, first) <= firstAnswerDays;
}

/** A product as it is now, with what the digest showed of it. */
interface Pair extends Pick<SinceProduct, "last" | "heldBack"> {
  product: ProductRow;
  now: Snapshot;
  /** The entry that the report has of a KB. */
  entryOf: (id: string) => KbEntry | undefined;
}

function shownOf({ last }: Pair): readonly MissingKb[] {
  return last?.missingKbs ?? [];
}

/** What is listed now, each with what the digest showed of it, or of what it has replaced since. */
function pairsOf({ last, now }: Pair): ReturnType<typeof pairsBetween> {
  return last ? pairsBetween(last, now) : [];
}

function addPair(
  found: Found,
  pair: Pair,
  report: Pick<Report, "thresholds" | "facts"> & DueRules,
  { day }: Pick<SinceDigest, "day">,
): void {
  const { thresholds, facts } = report;
  const worse = worseOf(pair, thresholds);
  addEach(found.kbs, worse, facts);
  // Of what could not be read today only that is said which a digest in between should have said.
  if (isNotRead(pair.product)) return;
  const worseIds = new Set(worse.map(({ kb }) => kb.id));
  const better = betterOf(pair, thresholds).filter(({ kb }) => !worseIds.has(kb.id));
  addEach(found.kbs, [...better, ...resolvedOf(pair, { due: report, facts })], facts);
  for (const id of risenOf(pair)) if (!worseIds.has(id)) found.rose.add(id);
  found.cameAndWent += countPassed(pair, day);
}

function addEach(kbs: KbRows, entries: readonly SinceEntry[], facts: RunFacts | null): void {
  for (const { kb, entry } of entries) addEntry(kbs, kb, entry, facts);
}

interface SinceEntry {
  kb: MissingKb;
  entry: KbEntry;
}

/** What is worse than the digest reported it, and not called worse by the report, which compares with a run in between. */
function worseOf({ last, heldBack, now, entryOf }: Pair, thresholds: Thresholds): SinceEntry[] {
  if (!last || last.runId === now.runId) return [];
  const changes = changesBetween(last, now, { thresholds, lastReported: heldBack });
  return changes.flatMap(({ kind, kb, reasons, previous }) => {
    const entry = isWorse(kind) ? entryOf(kb.id) : undefined;
    return entry && !isWorse(entry.kind) ? [{ kb, entry: { ...entry, kind, reasons, previous } }] : [];
  });
}

function entryFinder(report: Report): (id: string, softwareId: string) => KbEntry | undefined {
  const rows = new Map(report.rows.map((row) => [row.id, row]));
  return (id, softwareId) => rows.get(id)?.entries.find((entry) => entry.softwareId === softwareId);
}

/** What the report calls unchanged although it is less than it was then. */
function betterOf(pair: Pair, thresholds: Thresholds): SinceEntry[] {
  return pairsOf(pair).flatMap(({ kb, base }) => {
    const entry = pair.entryOf(kb.id);
    if (!base || base.isShared || entry?.kind !== "unchanged" || !isLess(base.counts, entry, thresholds)) return [];
    return [{ kb, entry: { ...entry, kind: "improved", previous: shownBefore(base) } }];
  });
}

/** Fewer machines, or as many and fewer CVEs; never while machines are above those last reported. */
function isLess(then: Counts, { current, previous }: KbEntry, { minCves }: Thresholds): boolean {
  if (!current || !previous || isAbove(current.machineMissedOn, previous.machineMissedOn)) return false;
  const machines = rise(then.machineMissedOn, current.machineMissedOn);
  if (machines !== 0) return machines < 0;
  const isSame = then.machineMissedOn === current.machineMissedOn;
  return isSame && minCves > 0 && rise(then.cveAddressed, current.cveAddressed) < 0;
}

/** Whether a count is, or may be, above the one last reported. */
function isAbove(now: number | null, lastReported: number | null): boolean {
  return now === null ? lastReported !== null : lastReported === null || now > lastReported;
}

/** What was listed then, and was called resolved by a run in between: of what left so long ago that nobody knows why, nothing is said. */
function resolvedOf(pair: Pair, rules: Omit<EntryRules, "thresholds">): SinceEntry[] {
  const { product, now, entryOf } = pair;
  if (!canResolve(product)) return [];
  const gone = goneById(now);
  const carriedOn = new Set(now.missingKbs.flatMap(({ line }) => line?.ids ?? []));
  const left = shownOf(pair).filter(({ id }) => {
    const last = lastOfLine(id, gone);
    const goesOn = last !== id && carriedOn.has(id);
    return !entryOf(id) && !entryOf(last) && !goesOn && isResolved(gone.get(last));
  });
  return left.map((kb) => {
    const { softwareId } = product;
    const entry = { softwareId, kind: "resolved", reasons: [], previous: countsOf(kb), current: null } as const;
    return { kb, entry: { ...entry, ...datesOf(kb, rules) } };
  });
}

/** Whether a KB left the list because it was installed everywhere. */
function isResolved(kb: GoneKb | undefined): boolean {
  return kb !== undefined && !kb.unexplained && kb.replacedBy === undefined;
}

function goneById({ gone }: Snapshot): ReadonlyMap<string, GoneKb> {
  return new Map(gone.map((kb) => [kb.id, kb]));
}

function canResolve({ state }: ProductRow): boolean {
  return state === "read" || state === "empty";
}

/** The KBs that are on more machines than then, and that the report does not call worse. */
function risenOf(pair: Pair): string[] {
  const risen = pairsOf(pair).filter(({ kb, base }) => {
    const entry = pair.entryOf(kb.id);
    return base && entry?.kind === "unchanged" && rise(base.counts.machineMissedOn, kb.machineMissedOn) > 0;
  });
  return risen.map(({ kb }) => kb.id);
}

/** How many entries were not listed then, are not now, and were resolved in between. */
function countPassed(pair: Pair, day: RunDate): number {
  const { product, now, entryOf } = pair;
  if (!canResolve(product)) return 0;
  const gone = goneById(now);
  const before = new Set(shownOf(pair).flatMap(({ id }) => [id, lastOfLine(id, gone)]));
  const passed = now.gone.filter((kb) => {
    const { id, goneOn } = kb;
    return goneOn > day && isResolved(kb) && !before.has(id) && !entryOf(id);
  });
  return passed.length;
}
