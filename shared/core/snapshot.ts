import { daysBetween, type RunDate } from "./day.ts";
import { larger, type MissingKb, type Reading, type ReadKb } from "./missing-kb.ts";
import { dayOf, type RunId } from "./run-id.ts";
import { compareText } from "./text.ts";

/** A KB that left a product's list recently: if it comes back, it is `returned` and keeps its age. */
export interface GoneKb {
  id: string;
  firstSeen: RunDate;
  peak: number | null;
  goneOn: RunDate;
}

/** Why a list is empty: no open weaknesses at all, or only some that Defender ties to no KB. */
export interface Emptiness {
  verdict: "clean" | "not-kb-patched";
  /** The day on which Defender was last asked. */
  checkedOn: RunDate;
}

/** What one product missed in one run. Written once, never changed. */
export interface Snapshot {
  tenant: string;
  softwareId: string;
  runId: RunId;
  /** Sorted by id. */
  missingKbs: readonly MissingKb[];
  gone: readonly GoneKb[];
  /** How many items of Defender's answer had no usable id. */
  unusable: number;
  /** Only if `missingKbs` is empty. */
  emptiness?: Emptiness;
}

/** For how many days, and how many, KBs that left a product's list are remembered. */
export const goneMemory = { days: 90, kbs: 500 };

/**
 * The snapshot of a reading. Each KB keeps its first day and peak from the snapshot before, and the latest 500 KBs that
 * left the list are remembered for 90 days.
 */
export function takeSnapshot(
  key: Pick<Snapshot, "tenant" | "softwareId" | "runId">,
  reading: Reading,
  before: Snapshot | null,
  emptiness?: Emptiness,
): Snapshot {
  const today = dayOf(key.runId);
  const known = new Map<string, GoneKb | MissingKb>(before?.gone.map((kb) => [kb.id, kb]));
  for (const kb of before?.missingKbs ?? []) known.set(kb.id, kb);
  const missingKbs = [...reading.missingKbs, ...possiblyUnusable(reading, before)].map((kb) => {
    const earlier = known.get(kb.id);
    return { ...kb, firstSeen: earlier?.firstSeen ?? today, peak: larger(earlier?.peak ?? null, kb.machineMissedOn) };
  });
  missingKbs.sort((a, b) => compareText(a.id, b.id));
  const gone = before ? rememberGone(before, new Set(missingKbs.map((kb) => kb.id)), today) : [];
  return { ...key, missingKbs, gone, unusable: reading.unusable, ...(emptiness && { emptiness }) };
}

/**
 * KBs that an unusable item may be. They may still be missing, on an unknown number of machines. These are all KBs that
 * were absent when an item became unusable, for as long as any item is unusable.
 */
function possiblyUnusable(reading: Reading, before: Snapshot | null): ReadKb[] {
  if (!before || reading.unusable === 0) return [];
  const read = new Set(reading.missingKbs.map((kb) => kb.id));
  const absent = before.missingKbs.filter((kb) => !read.has(kb.id));
  const doubted = reading.unusable > before.unusable ? absent : absent.filter(isUnknown);
  return doubted.map((kb) => ({ ...kb, machineMissedOn: null, cveAddressed: null }));
}

function isUnknown({ machineMissedOn, cveAddressed }: ReadKb): boolean {
  return machineMissedOn === null && cveAddressed === null;
}

function rememberGone(before: Snapshot, present: ReadonlySet<string>, today: RunDate): GoneKb[] {
  const left = before.missingKbs.map(({ id, firstSeen, peak }) => ({ id, firstSeen, peak, goneOn: today }));
  return [...left, ...before.gone]
    .filter((kb) => !present.has(kb.id) && daysBetween(kb.goneOn, today) <= goneMemory.days)
    .sort((a, b) => compareText(b.goneOn, a.goneOn) || compareText(a.id, b.id))
    .slice(0, goneMemory.kbs);
}

/** Whether a list lost more than half of its KBs or machines at once, so that it should be read again. */
export function isSuspicious(reading: Reading, before: Snapshot | null): boolean {
  if (!before || before.missingKbs.length === 0) return false;
  const halved = (now: number, then: number) => now * 2 < then;
  return (
    halved(reading.missingKbs.length, before.missingKbs.length) ||
    halved(machines(reading.missingKbs), machines(before.missingKbs))
  );
}

function machines(kbs: readonly Pick<MissingKb, "machineMissedOn">[]): number {
  return kbs.reduce((sum, kb) => sum + (kb.machineMissedOn ?? 0), 0);
}
