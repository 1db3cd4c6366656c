import type { Counts, MissingKb } from "./missing-kb.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Thresholds } from "./watchlist.ts";

/** Some counts of some KBs, by KB id. */
export type CountsByKb = Readonly<Record<string, Partial<Counts>>>;

/** The change of one KB of one product; `previous` has the counts that were last reported. */
export type GapChange =
  | { kind: "new" | "returned"; current: MissingKb }
  | { kind: "worsened" | "improved"; previous: MissingKb; current: MissingKb }
  | { kind: "resolved"; previous: MissingKb };

export type GapKind = GapChange["kind"];

/** The smallest thresholds: every rise counts and none is held back. */
export const everyRise: Thresholds = { minMachines: 1, minPercent: 0 };

/**
 * What changed from one snapshot to a later one, ordered by KB id, resolved ones last. `lastReported` replaces counts of
 * the previous snapshot; counts in `heldBack` are treated as unchanged.
 */
export function changesBetween(
  previous: Snapshot,
  current: Snapshot,
  lastReported: CountsByKb = {},
  heldBack: CountsByKb = {},
): GapChange[] {
  const left = new Map(previous.missingKbs.map((kb) => [kb.id, kb]));
  const gone = new Set(previous.gone.map((kb) => kb.id));
  const changes: GapChange[] = [];
  for (const kb of current.missingKbs) {
    const before = left.get(kb.id);
    left.delete(kb.id);
    if (!before) {
      changes.push({ kind: gone.has(kb.id) ? "returned" : "new", current: kb });
      continue;
    }
    const base = { ...before, ...lastReported[kb.id] };
    const kind = kindOfChange(rises(base, kb, heldBack[kb.id]));
    if (kind) changes.push({ kind, previous: base, current: kb });
  }
  // If the list is empty while weaknesses stay open, its KBs were not installed. What became of them is unknown.
  if (current.emptiness?.verdict === "not-kb-patched") return changes;
  for (const before of left.values()) changes.push({ kind: "resolved", previous: before });
  return changes;
}

/**
 * The counts that a run holds back, as they were last reported: rises in machines below the thresholds, and counts that
 * are unknown today. The next run gets them as `lastReported`, so small rises add up until they are reported.
 */
export function holdBack(
  previous: Snapshot,
  current: Snapshot,
  lastReported: CountsByKb,
  thresholds: Thresholds,
): Record<string, Partial<Counts>> {
  const before = new Map(previous.missingKbs.map((kb) => [kb.id, kb]));
  const heldBack: Record<string, Partial<Counts>> = {};
  for (const kb of current.missingKbs) {
    const last = before.get(kb.id);
    if (!last) continue;
    const kept = holdBackCounts({ ...last, ...lastReported[kb.id] }, kb, thresholds);
    if (Object.keys(kept).length > 0) heldBack[kb.id] = kept;
  }
  return heldBack;
}

function holdBackCounts(base: Counts, current: Counts, thresholds: Thresholds): Partial<Counts> {
  const rise = rises(base, current);
  const kept: Partial<Counts> = {};
  if (isLost(base.machineMissedOn, current.machineMissedOn)) kept.machineMissedOn = base.machineMissedOn;
  if (isLost(base.cveAddressed, current.cveAddressed)) kept.cveAddressed = base.cveAddressed;
  // A KB that is reported because its CVEs rose is reported with its machines.
  const small = rise.machines > 0 && rise.cves <= 0 && !reaches(rise.machines, base.machineMissedOn ?? 0, thresholds);
  if (small) kept.machineMissedOn = base.machineMissedOn;
  return kept;
}

function isLost(base: number | null, current: number | null): boolean {
  return base !== null && current === null;
}

function reaches(rise: number, base: number, { minMachines, minPercent }: Thresholds): boolean {
  return rise >= minMachines && rise * 100 >= minPercent * base;
}

interface Rises {
  machines: number;
  cves: number;
}

function rises(base: Counts, current: Counts, heldBack: Partial<Counts> = {}): Rises {
  return {
    machines: "machineMissedOn" in heldBack ? 0 : rise(base.machineMissedOn, current.machineMissedOn),
    cves: "cveAddressed" in heldBack ? 0 : rise(base.cveAddressed, current.cveAddressed),
  };
}

/** How much a count rose, negative if it fell; 0 if either side is unknown, because unknown counts are never compared. */
export function rise(base: number | null, current: number | null): number {
  return base === null || current === null ? 0 : current - base;
}

function kindOfChange({ machines, cves }: Rises): "worsened" | "improved" | null {
  if (machines > 0 || cves > 0) return "worsened";
  if (machines < 0 || cves < 0) return "improved";
  return null;
}

/** Which way a count went; `level` if it did not change or one side is unknown. */
export function direction(base: number | null, current: number | null): "up" | "down" | "level" {
  const by = rise(base, current);
  return by > 0 ? "up" : by < 0 ? "down" : "level";
}

/** The counts that changed, including those that became unknown or known. */
export function changedCounts(previous: Counts | null, current: Counts): (keyof Counts)[] {
  return (["machineMissedOn", "cveAddressed"] as const).filter((of) => current[of] !== (previous?.[of] ?? null));
}
