// docs/rules.md §2: what changed.

import { dayAfter, daysBetween } from "./days.ts";
import { isMissing } from "./figures.ts";
import { isExploited } from "./known.ts";
import { byNumber } from "./order.ts";
import { countsFrom, recentlyGone } from "./reading.ts";
import type { Advisories, Counts, Entry, Kind, Outcome, Reason, Settings, Snapshot, SnapshotKb } from "./types.ts";

/** What a watchlist's scheduled runs keep of one product. */
export interface Held {
  /** The snapshot that the last scheduled run stood on; null while it was never read. */
  readonly snapshot: Snapshot | null;
  /** The counts last reported of each KB of that snapshot. */
  readonly reported: ReadonlyMap<string, Counts>;
  /** The day of a first answer that was not patched by KBs, until KBs are listed. */
  readonly notPatchedSince: string | null;
}

/** A product never read for this watchlist. */
export const neverRead: Held = { snapshot: null, reported: new Map(), notPatchedSince: null };

/** How many entries of one run may still be held back. */
export interface Allowance {
  left: number;
}

interface Comparison {
  softwareId: string;
  day: string;
  settings: Settings;
  allowance: Allowance;
  advisories: Advisories | null;
}

interface Verdict {
  kind: Kind;
  why: Reason[];
}

interface Compared {
  entries: Entry[];
  baseline: boolean;
  after: Held;
}

/** The entries of one product, and what the next scheduled run compares it with. */
export function compareProduct(before: Held, outcome: Outcome, comparison: Comparison): Compared {
  if (outcome.state === "not-read") {
    return { entries: notReadEntries(before, comparison), baseline: false, after: before };
  }
  const { snapshot } = outcome;
  const baseline = isBaseline(before, snapshot, comparison.day);
  const { entries, reported } = listedEntries(baseline ? neverRead : before, snapshot, comparison);
  // Of a product that is not patched by KBs nothing is called resolved.
  if (outcome.state !== "not-kb-patched") entries.push(...leftEntries(before, snapshot, comparison));
  const notPatchedSince = snapshot.kbs.size > 0 ? null : waitingSince(before, outcome.state, comparison.day);
  return { entries, baseline, after: { snapshot, reported, notPatchedSince } };
}

function listedEntries(
  before: Held,
  snapshot: Snapshot,
  comparison: Comparison,
): { entries: Entry[]; reported: Map<string, Counts> } {
  const entries: Entry[] = [];
  const reported = new Map<string, Counts>();
  for (const kb of inOrder(snapshot)) {
    const { previous, compared, isShared } = baseOf(before, kb, snapshot);
    const { verdict: judged, lastReported } =
      compared === null ? arrive(before, kb, comparison.day) : compareCounts(compared, kb, comparison);
    const verdict: Verdict = isShared && judged.kind === "improved" ? { kind: "unchanged", why: [] } : judged;
    reported.set(kb.key, lastReported);
    entries.push(entryOf(kb, { ...verdict, current: kb, previous, readDay: snapshot.day }, comparison));
  }
  return { entries, reported };
}

interface Base {
  /** The counts last reported, as they are shown. */
  previous: Counts | null;
  /** The same, with CVEs of today where there are none to compare with. */
  compared: Counts | null;
  /** Whether another KB listed now replaced the same one. */
  isShared: boolean;
}

/** What a KB listed now is compared with: itself, and what it has replaced since. */
function baseOf(before: Held, kb: SnapshotKb, snapshot: Snapshot): Base {
  const own = before.reported.get(kb.key) ?? null;
  const left = [...before.reported.keys()].filter((key) => !snapshot.kbs.has(key));
  const replaced = left.filter((key) => goingOnWith(key, snapshot).includes(kb.key));
  if (replaced.length === 0) return { previous: own, compared: own, isShared: false };
  const counts = replaced.map((key) => before.reported.get(key)?.machines ?? null);
  const machines = machinesBefore(own === null ? counts : [own.machines, ...counts], kb.machines);
  return {
    previous: { machines, cves: own?.cves ?? null },
    compared: { machines, cves: own === null ? kb.cves : own.cves },
    isShared: replaced.some((key) => goingOnWith(key, snapshot).length > 1),
  };
}

/** Between the largest count and the sum of the counts before, machines are taken to be the same. */
export function machinesBefore(counts: readonly (number | null)[], now: number | null): number | null {
  const known = counts.filter((count) => count !== null);
  if (known.length === 0) return null;
  const [least, most] = [Math.max(...known), known.reduce((sum, count) => sum + count, 0)];
  if (now === null || now < least) return least;
  return known.length < counts.length || now < most ? now : most;
}

/** The KBs listed now that go on with the line of a KB. */
export function goingOnWith(key: string, { kbs, gone }: Snapshot): string[] {
  const named = [...kbs.values()].filter(({ line }) => line?.keys.includes(key)).map((kb) => kb.key);
  const end = endOfLine(key, gone);
  return named.length === 0 && end !== key && kbs.has(end) ? [end] : named;
}

/** The last of the KBs that replaced a KB one after another. */
export function endOfLine(key: string, gone: ReadonlyMap<string, SnapshotKb>): string {
  const next = gone.get(key)?.replacedBy ?? null;
  return next === null ? key : endOfLine(next, gone);
}

function isBaseline(before: Held, snapshot: Snapshot, day: string): boolean {
  if (before.snapshot === null) return true;
  const { notPatchedSince } = before;
  return notPatchedSince !== null && snapshot.kbs.size > 0 && daysBetween(notPatchedSince, day) <= 7;
}

function waitingSince(before: Held, state: Outcome["state"], day: string): string | null {
  if (before.snapshot !== null) return before.notPatchedSince;
  return state === "not-kb-patched" ? day : null;
}

interface Decision {
  verdict: Verdict;
  /** What the next run compares with. */
  lastReported: Counts;
}

/** An entry that was not listed before. */
function arrive(before: Held, kb: SnapshotKb, day: string): Decision {
  const kind = before.snapshot === null ? "baseline" : recentlyGone(kb, day) === undefined ? "new" : "returned";
  return { verdict: { kind, why: [] }, lastReported: countsOf(kb) };
}

function compareCounts(before: Counts, now: Counts, { settings, allowance }: Comparison): Decision {
  const verdict = judge(before, now, settings);
  const lastReported = verdict.kind === "unchanged" ? holdBack(before, now, settings) : knownNow(before, now);
  if (sameCounts(lastReported, now)) return { verdict, lastReported };
  if (allowance.left > 0) {
    allowance.left -= 1;
    return { verdict, lastReported };
  }
  const atOnce = { ...settings, minMachines: 1, minPercent: 0, minCves: Math.min(settings.minCves, 1) };
  return { verdict: judge(before, now, atOnce), lastReported: countsOf(now) };
}

/** A count that is unknown today is held back, whatever is reported. */
function knownNow(before: Counts, now: Counts): Counts {
  return { machines: now.machines ?? before.machines, cves: now.cves ?? before.cves };
}

/** With `WORSE_MIN_CVES=0` CVEs are not held back: they follow. */
function holdBack(before: Counts, now: Counts, settings: Settings): Counts {
  return settings.minCves === 0 ? { ...before, cves: now.cves ?? before.cves } : before;
}

function judge(before: Counts, now: Counts, settings: Settings): Verdict {
  const machinesFell = isBelow(now.machines, before.machines);
  const cvesCount = settings.minCves > 0;
  const cvesRose = cvesCount && riseOf(before.cves, now.cves) >= settings.minCves;
  const why: Reason[] = [];
  if (machinesRosePastBoth(before, now, settings)) why.push("machines");
  if (cvesRose && !machinesFell) why.push("cves");
  if (before.machines === null && now.machines !== null) why.push("machines-known");
  if (cvesCount && before.cves === null && now.cves !== null && !machinesFell) why.push("cves-known");
  if (why.length > 0) return { kind: "worsened", why };
  if (cvesRose) return { kind: "more-cves", why: ["cves"] };
  const cvesFell = cvesCount && isBelow(now.cves, before.cves) && machinesAreNotAbove(before, now);
  return { kind: machinesFell || cvesFell ? "improved" : "unchanged", why: [] };
}

function machinesRosePastBoth(before: Counts, now: Counts, { minMachines, minPercent }: Settings): boolean {
  const rise = riseOf(before.machines, now.machines);
  return rise >= Math.max(1, minMachines) && rise * 100 >= minPercent * (before.machines ?? 0);
}

/** By how much a known count is above another known one; 0 where one of them is unknown. */
function riseOf(before: number | null, now: number | null): number {
  return before === null || now === null ? 0 : now - before;
}

function isBelow(now: number | null, before: number | null): boolean {
  return now !== null && before !== null && now < before;
}

/** Whether a fall of CVEs may be called better. */
export function machinesAreNotAbove(before: Counts, now: Counts): boolean {
  if (before.machines === null) return now.machines === null;
  return now.machines !== null && now.machines <= before.machines;
}

function leftEntries(before: Held, snapshot: Snapshot, comparison: Comparison): Entry[] {
  return inOrder(before.snapshot)
    .filter((kb) => !snapshot.kbs.has(kb.key))
    .map((kb) => {
      const previous = before.reported.get(kb.key) ?? null;
      const heirs = goingOnWith(kb.key, snapshot).sort(byNumber);
      const end = endOfLine(kb.key, snapshot.gone);
      const replacedBy = heirs.includes(end) ? end : (heirs[0] ?? null);
      const kind: Kind = replacedBy === null ? "resolved" : "replaced";
      const facts = { kind, why: [], current: null, previous, readDay: snapshot.day, replacedBy };
      const { firstSeen, peak } = snapshot.gone.get(kb.key) ?? kb;
      return entryOf({ ...kb, firstSeen, peak }, facts, comparison);
    });
}

function notReadEntries({ snapshot, reported }: Held, comparison: Comparison): Entry[] {
  return inOrder(snapshot).map((kb) => {
    const previous = reported.get(kb.key) ?? null;
    // What was held back stays so.
    if (previous !== null && !sameCounts(previous, kb)) comparison.allowance.left -= 1;
    const facts = { kind: "not-read" as const, why: [], current: kb, previous, readDay: snapshot?.day ?? "" };
    return entryOf(kb, facts, comparison);
  });
}

type Facts = Pick<Entry, "kind" | "why" | "current" | "previous" | "readDay"> & Partial<Pick<Entry, "replacedBy">>;

/** Age, overdue and stalled are rules of §3. */
function entryOf(kb: SnapshotKb, facts: Facts, { softwareId, day, settings, advisories }: Comparison): Entry {
  const { key, id, name, productsNames, firstSeen, peak, line } = kb;
  const { dueFrom, dueDays, dueDaysExploited } = settings;
  const since = dueFrom === "first-seen" ? firstSeen : countsFrom(kb, advisories?.get(key)?.released);
  const ageDays = Math.max(0, daysBetween(since, day));
  const allowed = isExploited(key, advisories) ? Math.min(dueDays, dueDaysExploited) : dueDays;
  const readAndMissing = facts.kind !== "not-read" && isMissing(facts);
  const ownDays = daysBetween(line?.ownFirstSeen ?? firstSeen, day);
  return {
    softwareId,
    key,
    id,
    name,
    productsNames,
    ...facts,
    current: facts.current && countsOf(facts.current),
    firstSeen,
    peak,
    since,
    dueOn: dayAfter(since, allowed),
    ageDays,
    overdueDays: readAndMissing ? Math.max(0, ageDays - allowed) : 0,
    stalled: readAndMissing && ownDays >= 14 && isNearPeak(kb),
    replaces: line?.keys ?? [],
    replacedBy: facts.replacedBy ?? null,
  };
}

function isNearPeak({ machines, peak }: SnapshotKb): boolean {
  return machines !== null && peak !== null && machines * 100 >= peak * 80;
}

function countsOf({ machines, cves }: Counts): Counts {
  return { machines, cves };
}

function sameCounts(one: Counts, other: Counts): boolean {
  return one.machines === other.machines && one.cves === other.cves;
}

function inOrder(snapshot: Snapshot | null): SnapshotKb[] {
  return [...(snapshot?.kbs.values() ?? [])].sort((one, other) => byNumber(one.key, other.key));
}
