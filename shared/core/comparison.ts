import { type CountsByKb, changesBetween, type GapChange } from "./change.ts";
import type { RunId } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";

/** What a run compared for one software. */
export interface Comparison {
  softwareId: string;
  /** The run of the snapshot compared with; `null` at first sight, where all is baseline. */
  previous: RunId | null;
  /** The run of the snapshot reported; older than the run itself where today's read failed; `null` where none was ever read. */
  current: RunId | null;
  /** Counts that earlier reports last told, where they differ from those of `previous`. */
  lastReported?: CountsByKb;
  /** Counts this run keeps back (a rise below the thresholds, a count unknown today): the next run's `told`. */
  heldBack?: CountsByKb;
}

/** Whether a comparison is the first sight of a software. */
export function isBaseline({ previous, current }: Comparison): boolean {
  return previous === null && current !== null;
}

/** Whether today's read succeeded; where it did not, the last snapshot stands and nothing is claimed. */
export function isRead({ previous, current }: Comparison): boolean {
  return current !== null && current !== previous;
}

/** What a comparison tells, from the snapshots it names. */
export function changesOf(comparison: Comparison, previous: Snapshot | null, current: Snapshot | null): GapChange[] {
  if (!previous || !current || !isRead(comparison)) return [];
  return changesBetween(previous, current, comparison.lastReported, comparison.heldBack);
}
