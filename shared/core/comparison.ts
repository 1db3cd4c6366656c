import { type Change, type CountsByKb, changesBetween } from "./change.ts";
import type { RunDate } from "./day.ts";
import type { RunId } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Thresholds } from "./watchlist.ts";

/** What a run compared for one product. */
export interface Comparison {
  softwareId: string;
  /** The run of the snapshot compared with; `null` at first sight. */
  previous: RunId | null;
  /** The run of the snapshot reported; older than the run itself where the read failed; `null` where none was ever read. */
  current: RunId | null;
  /** Counts that earlier reports last reported, where they differ from those of `previous`. */
  lastReported?: CountsByKb;
  /** Counts this run holds back (a rise below the thresholds, a count unknown today): the next run's `lastReported`. */
  heldBack?: CountsByKb;
  /** The day of a first answer that listed no KB over open weaknesses: the first list soon after it is the baseline. */
  firstEmptyOn?: RunDate;
  /** Set where such a list is the baseline although there is a snapshot before it. */
  lateBaseline?: true;
}

/** Whether a comparison is the first sight of a product. */
export function isBaseline({ previous, current, lateBaseline }: Comparison): boolean {
  return (previous === null && current !== null) || lateBaseline === true;
}

/** Whether the product was read in this run; where it was not, its last snapshot is shown and nothing is claimed. */
export function isRead({ previous, current }: Comparison): boolean {
  return current !== null && current !== previous;
}

/** What a comparison reports, from the snapshots it names; empty where there is nothing to compare. */
export function changesOf(
  comparison: Comparison,
  thresholds: Thresholds,
  previous: Snapshot | null,
  current: Snapshot | null,
): Change[] {
  if (!previous || !current || !isRead(comparison) || isBaseline(comparison)) return [];
  const { lastReported, heldBack = {} } = comparison;
  return changesBetween(previous, current, { thresholds, lastReported, heldBack });
}
