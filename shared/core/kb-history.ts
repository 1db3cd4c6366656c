import { type Comparison, isRead } from "./comparison.ts";
import type { Counts } from "./missing-kb.ts";
import type { RunId } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";

/** What one run saw of one KB in one software. */
export interface KbSighting extends Counts {
  softwareId: string;
  /** `not-read`: the run could not read this software, so nothing is said. Counts are of `missing` alone. */
  state: "missing" | "not-missing" | "not-read";
}

/** What one run saw of one KB. */
export interface KbHistoryPoint {
  runId: RunId;
  sightings: readonly KbSighting[];
}

/** One KB over runs, oldest first. */
export interface KbHistory {
  id: string;
  points: readonly KbHistoryPoint[];
}

/** What a run's comparison, with the snapshot it stands on, says of one KB. */
export function sightKb(kbId: string, comparison: Comparison, current: Snapshot | null): KbSighting {
  const { softwareId } = comparison;
  const unknown = { machineMissedOn: null, cveAddressed: null };
  if (!current || !isRead(comparison)) return { softwareId, state: "not-read", ...unknown };
  const kb = current.missingKbs.find(({ id }) => id === kbId);
  if (!kb) return { softwareId, state: "not-missing", ...unknown };
  return { softwareId, state: "missing", machineMissedOn: kb.machineMissedOn, cveAddressed: kb.cveAddressed };
}
