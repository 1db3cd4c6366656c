import { larger } from "./counts.ts";
import type { Counts, MissingKb } from "./missing-kb.ts";
import { lastOfLine, type Snapshot } from "./snapshot.ts";
import type { Thresholds } from "./watchlist.ts";

/** The counts of some KBs by KB id; a count that is not named is not meant. */
export type CountsByKb = Readonly<Record<string, Partial<Counts>>>;

/** What became of a KB that is listed now and was listed before. */
export type CountChange = "worsened" | "more-cves" | "improved" | "unchanged";

export type ChangeKind = CountChange | "new" | "returned" | "resolved" | "replaced";

/** Why an entry is worse. `now-known`: a count that was never known before. */
export const worseReasons = ["machines", "cves", "now-known"] as const;
export type WorseReason = (typeof worseReasons)[number];

/** One for all entries that are not worse: a large report has a million of them. */
export const noReasons: readonly WorseReason[] = [];

/** One KB of one product in two snapshots. `previous` holds the counts last reported, `null` where there were none. */
export interface Change {
  kind: ChangeKind;
  kb: MissingKb;
  previous: Counts | null;
  reasons: readonly WorseReason[];
  /** Of a replaced one: the id of the KB listed in its place. */
  replacedBy?: string;
}

/** Nothing is held back: every rise counts. */
export const everyRise: Thresholds = { minMachines: 1, minPercent: 0, minCves: 1 };

/** What two counts of a KB mean, and which counts last reported are held back from this report. */
export interface Judgement {
  kind: CountChange;
  reasons: readonly WorseReason[];
  heldBack: Partial<Counts>;
}

/**
 * Compares the counts read now with those last reported. A rise below the thresholds, and a count that is unknown today, are
 * held back: the count last reported stays what the next run compares with, so nothing is lost.
 */
export function judge(lastReported: Counts, now: Counts, thresholds: Thresholds): Judgement {
  if (areSame(lastReported, now)) return unchanged;
  const machines = compareCounts(lastReported.machineMissedOn, now.machineMissedOn, (rise, base) => {
    return rise >= thresholds.minMachines && rise * 100 >= thresholds.minPercent * base;
  });
  const cves = compareCves(lastReported.cveAddressed, now.cveAddressed, thresholds.minCves);
  const reasons = reasonsOf(machines, cves);
  // CVEs that are known for the first time are no reason while machines fell.
  const isWorse = machines === "fell" ? cves === "rose" : reasons.length > 0;
  const lost = pickCounts(lastReported, machines === "lost", cves === "lost");
  if (isWorse) return { kind: machines === "fell" ? "more-cves" : "worsened", reasons, heldBack: lost };
  if (machines === "fell" || (cves === "fell" && machines === "same")) {
    return { kind: "improved", reasons: noReasons, heldBack: lost };
  }
  return {
    kind: "unchanged",
    reasons: noReasons,
    heldBack: pickCounts(lastReported, machines !== "same", cves !== "same"),
  };
}

// Most of a million KBs are this.
const unchanged: Judgement = { kind: "unchanged", reasons: noReasons, heldBack: {} };

/** Whether both counts are the same; unknown is the same as unknown. */
export function areSame(a: Counts, b: Counts): boolean {
  return a.machineMissedOn === b.machineMissedOn && a.cveAddressed === b.cveAddressed;
}

/** `rose` past the thresholds, `crept` below them; `known` for the first time, `lost` where it is unknown now. */
type CountMove = "rose" | "crept" | "fell" | "same" | "known" | "lost";

function compareCounts(
  base: number | null,
  now: number | null,
  isEnough: (rise: number, base: number) => boolean,
): CountMove {
  if (base === null) return now === null ? "same" : "known";
  if (now === null) return "lost";
  if (now <= base) return now < base ? "fell" : "same";
  return isEnough(now - base, base) ? "rose" : "crept";
}

/** With `WORSE_MIN_CVES=0` CVEs only follow: never a reason, and the last known count is the one last reported. */
function compareCves(base: number | null, now: number | null, minCves: number): CountMove {
  const move = compareCounts(base, now, (rise) => rise >= minCves);
  return minCves === 0 && move !== "lost" ? "same" : move;
}

function reasonsOf(machines: CountMove, cves: CountMove): WorseReason[] {
  const reasons: WorseReason[] = [];
  if (machines === "rose") reasons.push("machines");
  if (cves === "rose") reasons.push("cves");
  if (machines === "known" || cves === "known") reasons.push("now-known");
  return reasons;
}

function pickCounts(counts: Counts, machines: boolean, cves: boolean): Partial<Counts> {
  return {
    ...(machines && { machineMissedOn: counts.machineMissedOn }),
    ...(cves && { cveAddressed: counts.cveAddressed }),
  };
}

/** What decides which changes of two snapshots are reported. */
export interface ChangeRules {
  thresholds: Thresholds;
  /** Counts that earlier reports last reported, where they differ from those of the previous snapshot. */
  lastReported?: CountsByKb | undefined;
  /** What the run held back; a KB that is not named is reported at once, whatever the thresholds. Absent: no limit. */
  heldBack?: CountsByKb | undefined;
}

/** What became of each KB from one snapshot of a product to a later one: those listed now, then those that left the list. */
export function changesBetween(previous: Snapshot, current: Snapshot, rules: ChangeRules): Change[] {
  const { thresholds, lastReported, heldBack } = rules;
  const pairs = pairUp(previous, current, lastReported);
  const atOnce = { ...everyRise, minCves: Math.min(everyRise.minCves, thresholds.minCves) };
  const changes = pairs.listed.map(({ kb, base }): Change => {
    if (!base) return { kind: kb.goneOn === undefined ? "new" : "returned", kb, previous: null, reasons: noReasons };
    const judgement = judge(base.counts, kb, thresholds);
    const hasRoom = !isHeldBack(judgement) || !heldBack || Object.hasOwn(heldBack, kb.id);
    const { kind, reasons } = hasRoom ? judgement : judge(base.counts, kb, atOnce);
    // Some of the machines of the one that was replaced may be at another that replaced it too.
    const isShared = kind === "improved" && base.isShared;
    return { kind: isShared ? "unchanged" : kind, kb, previous: shownOf(base), reasons };
  });
  // KBs that are no longer listed while weaknesses stay open were not installed: nobody knows what became of them.
  if (current.emptiness?.verdict === "not-kb-patched") return changes;
  const known = new Map(current.gone.map((kb) => [kb.id, kb]));
  const gone = pairs.left.map((kb): Change => {
    // Other runs may have seen more of it since.
    const { firstSeen, peak } = known.get(kb.id) ?? kb;
    const replacedBy = pairs.replacedBy(kb.id, lastOfLine(kb.id, known));
    const kind = replacedBy === undefined ? "resolved" : "replaced";
    const change = { kind, kb: { ...kb, firstSeen, peak }, previous: countsOf(kb), reasons: noReasons } as const;
    return replacedBy === undefined ? change : { ...change, replacedBy };
  });
  return [...changes, ...gone];
}

/** What a KB listed now is compared with. */
export interface Base {
  counts: Counts;
  /** The counts that its report shows as those last reported, where they are others: see `shownOf`. */
  shown?: Counts;
  /** Whether they are those of a KB that more than one listed now replaced. */
  isShared?: boolean;
}

/** The counts that a report shows as those last reported. */
export function shownOf({ counts, shown }: Base): Counts {
  return shown ?? countsOf(counts);
}

/** A KB listed now; without a base it was not listed before, nor was what it replaces. */
export interface Pair {
  kb: MissingKb;
  base: Base | null;
}

const none: readonly MissingKb[] = [];

interface Pairs {
  listed: readonly Pair[];
  /** Those of the snapshot before that are not listed now, with the counts last reported. */
  left: readonly MissingKb[];
  /** The KB listed now that replaced one that left: `by`, by the snapshot, if that is one of them. */
  replacedBy(id: string, by: string): string | undefined;
}

/** The KBs of two snapshots of a product: each listed now with itself before, or with those that it has replaced since. */
function pairUp(previous: Snapshot, current: Snapshot, lastReported: CountsByKb | undefined): Pairs {
  const before = new Map(previous.missingKbs.map((kb) => [kb.id, withLast(kb, lastReported)]));
  const now = new Set(current.missingKbs.map(({ id }) => id));
  const left = [...before.values()].filter(({ id }) => !now.has(id));
  const heirs = heirsOf(left, current, now);
  const olderOf = Map.groupBy(
    left.flatMap((old) => (heirs.get(old.id) ?? []).map((id) => ({ id, old }))),
    ({ id }) => id,
  );
  const listed = current.missingKbs.map((kb) => {
    const self = before.get(kb.id);
    const replaced = olderOf.get(kb.id)?.map(({ old }) => old) ?? none;
    if (replaced.length === 0) return { kb, base: self ? { counts: self } : null };
    const machineMissedOn = machinesOfAll([...replaced, ...(self ? [self] : [])], kb);
    const isShared = replaced.some(({ id }) => (heirs.get(id)?.length ?? 0) > 1);
    // Another KB closes other CVEs: how many says nothing of the machines.
    const counts = { machineMissedOn, cveAddressed: (self ?? kb).cveAddressed };
    return { kb, base: { counts, shown: { machineMissedOn, cveAddressed: self?.cveAddressed ?? null }, isShared } };
  });
  return {
    listed,
    left,
    replacedBy(id, by) {
      const own = heirs.get(id);
      return own?.includes(by) ? by : own?.[0];
    },
  };
}

/** By the id of each KB that left: those listed now that go on with its line. */
function heirsOf(
  left: readonly MissingKb[],
  { missingKbs, gone }: Snapshot,
  listed: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const heirs = new Map<string, string[]>(left.map(({ id }) => [id, []]));
  if (left.length === 0) return heirs;
  for (const { id, line } of missingKbs) if (line) for (const old of line.ids) heirs.get(old)?.push(id);
  const known = new Map(gone.map((kb) => [kb.id, kb]));
  for (const [old, own] of heirs) {
    // A line does not name all of the many that it replaced.
    const last = own.length === 0 ? lastOfLine(old, known) : old;
    if (listed.has(last)) own.push(last);
  }
  return heirs;
}

/**
 * The machines of several KBs that are compared with those of the one listed now: some may have missed several of them, so
 * anything between their largest count and their sum may be the same machines, and is the count of now.
 */
function machinesOfAll(before: readonly Counts[], { machineMissedOn: now }: Counts): number | null {
  const counts = before.map(({ machineMissedOn }) => machineMissedOn);
  const most = counts.reduce(larger, null);
  if (most === null || now === null || now <= most) return most;
  // Nobody knows how many machines an unknown count adds.
  const all = counts.reduce<number>((sum, count) => sum + (count ?? Number.POSITIVE_INFINITY), 0);
  return Math.min(now, all);
}

/** The KBs listed now, each with what an earlier snapshot counted. */
export function pairsBetween(previous: Snapshot, current: Snapshot): readonly Pair[] {
  return pairUp(previous, current, undefined).listed;
}

/** A KB with the counts last reported of it. */
function withLast(kb: MissingKb, lastReported: CountsByKb | undefined): MissingKb {
  return lastReported && Object.hasOwn(lastReported, kb.id) ? { ...kb, ...lastReported[kb.id] } : kb;
}

function isHeldBack({ heldBack }: Judgement): boolean {
  return heldBack.machineMissedOn !== undefined || heldBack.cveAddressed !== undefined;
}

/** The counts that a run holds back, with their values last reported: the next run's `lastReported`. */
export function holdBack(
  previous: Snapshot,
  current: Snapshot,
  { thresholds, lastReported }: ChangeRules,
): Record<string, Partial<Counts>> {
  const kept = pairUp(previous, current, lastReported).listed.flatMap(({ kb, base }): [string, Partial<Counts>][] => {
    if (!base) return [];
    const judgement = judge(base.counts, kb, thresholds);
    return isHeldBack(judgement) ? [[kb.id, judgement.heldBack]] : [];
  });
  return Object.fromEntries(kept);
}

/** By how much a count rose; negative where it fell, 0 where one side is unknown. */
export function rise(base: number | null, current: number | null): number {
  return base === null || current === null ? 0 : current - base;
}

/** Which way a count went; `level` where it did not change or one side is unknown. */
export function direction(base: number | null, current: number | null): "up" | "down" | "level" {
  const by = rise(base, current);
  return by > 0 ? "up" : by < 0 ? "down" : "level";
}

/** The counts that are not what they were, one that became unknown or known included. */
export function changedCounts(previous: Counts | null, current: Counts): (keyof Counts)[] {
  return (["machineMissedOn", "cveAddressed"] as const).filter((of) => current[of] !== (previous?.[of] ?? null));
}

const sharedCounts = new Map<number, Counts>();

/** The two counts alone. Small ones are shared: the million entries of a large report have far fewer different ones. */
export function countsOf({ machineMissedOn, cveAddressed }: Counts): Counts {
  const counts = { machineMissedOn, cveAddressed };
  if (machineMissedOn === null || machineMissedOn > 999 || cveAddressed === null || cveAddressed > 99) return counts;
  const key = machineMissedOn * 100 + cveAddressed;
  const shared = sharedCounts.get(key) ?? counts;
  if (shared === counts) sharedCounts.set(key, counts);
  return shared;
}
