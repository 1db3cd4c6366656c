import { type Comparison, isRead } from "./comparison.ts";
import type { RunDate } from "./day.ts";
import type { Counts } from "./missing-kb.ts";
import type { RunId } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";

/** What one run saw of one KB in one product. */
export interface KbSighting extends Counts {
  softwareId: string;
  /** `not-read`: the run could not read this product, so nothing is known. Only `missing` has counts. */
  state: "missing" | "not-missing" | "not-read";
}

/** What one run saw of one KB. */
export interface KbHistoryPoint {
  runId: RunId;
  day: RunDate;
  sightings: readonly KbSighting[];
}

/** One KB over runs, oldest first. */
export interface KbHistory {
  id: string;
  points: readonly KbHistoryPoint[];
}

/** What a run saw of one KB in one product; `current` is the snapshot that its comparison names. */
export function sightKb(kbId: string, comparison: Comparison, current: Snapshot | null): KbSighting {
  const { softwareId } = comparison;
  const unknown = { machineMissedOn: null, cveAddressed: null };
  if (!current || !isRead(comparison)) return { softwareId, state: "not-read", ...unknown };
  const kb = current.missingKbs.find(({ id }) => id === kbId);
  if (!kb) return { softwareId, state: "not-missing", ...unknown };
  return { softwareId, state: "missing", machineMissedOn: kb.machineMissedOn, cveAddressed: kb.cveAddressed };
}

/** What one run saw in one product; `undefined` if the product was not on the watchlist. */
export function sightingIn({ sightings }: KbHistoryPoint, softwareId: string): KbSighting | undefined {
  return sightings.find((sighting) => sighting.softwareId === softwareId);
}

/** On how many machines the KB was missing: 0 if it was not missing, `null` if that is unknown. */
export function machinesSeen(sighting: KbSighting | undefined): number | null {
  return sighting?.state === "not-missing" ? 0 : (sighting?.machineMissedOn ?? null);
}

/** The products that ever missed the KB, in the order in which runs first saw it there. */
export function productsThatMissed({ points }: KbHistory): string[] {
  const missed = points.flatMap(({ sightings }) => sightings.filter(({ state }) => state === "missing"));
  return [...new Set(missed.map(({ softwareId }) => softwareId))];
}
