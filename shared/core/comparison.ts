import { type CountsByKb, changesBetween, type GapChange } from "./change.ts";
import type { RunId } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";

/** What a run compared for one product. */
export interface Comparison {
  softwareId: string;
  /** The run of the snapshot compared with; `null` at first sight, when all KBs are baseline. */
  previous: RunId | null;
  /** The run of the snapshot reported: an earlier run if today's read failed, `null` if the product was never read. */
  current: RunId | null;
  /** Counts as they were last reported, if they differ from those of `previous`. */
  lastReported?: CountsByKb;
  /** Counts that this run holds back (small rises, unknown today): the next run's `lastReported`. */
  heldBack?: CountsByKb;
}

/** Whether a comparison is the first sight of a product. */
export function isBaseline({ previous, current }: Comparison): boolean {
  return previous === null && current !== null;
}

/** Whether today's read succeeded. If not, the last snapshot is shown and no change is claimed. */
export function isRead({ previous, current }: Comparison): boolean {
  return current !== null && current !== previous;
}

/** The changes of a comparison, given the snapshots that it names. */
export function changesOf(comparison: Comparison, previous: Snapshot | null, current: Snapshot | null): GapChange[] {
  if (!previous || !current || !isRead(comparison)) return [];
  return changesBetween(previous, current, comparison.lastReported, comparison.heldBack);
}
