import type { RunSummary } from "./run.ts";
import { isRunId } from "./run-id.ts";

/**
 * Where the next page of an export of entries begins: at an entry of a product of a run, both counted in the run's own order,
 * which never changes. Runs that are added or deleted do not move it.
 */
export interface EntryPosition extends Pick<RunSummary, "openedAt" | "runId"> {
  /** From 0, in the order of the run's comparisons. */
  product: number;
  /** How many of the product's entries were on earlier pages. */
  entries: number;
}

/** How a position is written: `2026-11-23T05:00:00.000Z_2026-11-23_12_40`. */
export const positionShape =
  /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z)_(\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}Z)?)_(\d{1,6})_(\d{1,6})$/;

/** A position as a text that `readPosition` reads. */
export function positionText({ openedAt, runId, product, entries }: EntryPosition): string {
  return [new Date(openedAt).toISOString(), runId, product, entries].join("_");
}

/** The position that a text names, or `null` if it names none. */
export function readPosition(text: string): EntryPosition | null {
  const [, openedAt = "", runId = "", product, entries] = positionShape.exec(text) ?? [];
  if (Number.isNaN(Date.parse(openedAt)) || !isRunId(runId)) return null;
  return { openedAt, runId, product: Number(product), entries: Number(entries) };
}
