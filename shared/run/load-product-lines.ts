import { pMapIterable } from "p-map";
import { addDays, type RunDate } from "../core/day.ts";
import type { Run } from "../core/run.ts";
import { isScheduled } from "../core/run-id.ts";
import { type Ports, RowError } from "../ports.ts";
import { unlessDamaged } from "./unless-damaged.ts";

/** The missing installs of one product in the scheduled runs that read it, oldest first. */
export type ProductLine = readonly { day: RunDate; missingInstalls: number }[];

const lineDays = 30;
const concurrency = 16;

/** The lines of these products over the 30 days up to a run; one that cannot be read is left out. */
export async function loadProductLines(
  softwareIds: readonly string[],
  { tenant, day }: Run,
  { store }: Pick<Ports, "store">,
): Promise<Map<string, ProductLine>> {
  const load = async (softwareId: string) => {
    const found = await unlessDamaged(store.listSnapshots({ tenant, softwareId }, addDays(day, 1 - lineDays), day));
    const snapshots = found instanceof RowError ? [] : found.filter(({ runId }) => isScheduled(runId));
    const line = snapshots.map((snapshot) => ({
      day: snapshot.day,
      missingInstalls: snapshot.missingKbs.reduce((sum, kb) => sum + (kb.machineMissedOn ?? 0), 0),
    }));
    return [softwareId, line] as const;
  };
  const lines = new Map<string, ProductLine>();
  for await (const [softwareId, line] of pMapIterable(softwareIds, load, { concurrency })) {
    if (line.length > 0) lines.set(softwareId, line);
  }
  return lines;
}
