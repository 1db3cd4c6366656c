import type { RunId } from "../core/run-id.ts";
import type { Snapshot } from "../core/snapshot.ts";
import type { ProductKey, Store } from "../ports.ts";

/** Snapshots still in memory from the step that read or wrote them, by software id. */
export type HeldSnapshots = ReadonlyMap<string, readonly Snapshot[]>;

/**
 * A product's snapshots of these runs, in their order; `null` for no run and for a snapshot that does not exist.
 * Those held are not read again.
 */
export async function findSnapshots(
  product: ProductKey,
  runIds: readonly (RunId | null)[],
  store: Store,
  held: HeldSnapshots = new Map(),
): Promise<(Snapshot | null)[]> {
  const atHand = (held.get(product.softwareId) ?? []).filter(({ tenant }) => tenant === product.tenant);
  const known = new Set(atHand.map(({ runId }) => runId));
  const wanted = [...new Set(runIds)].filter((runId) => runId !== null).filter((runId) => !known.has(runId));
  const found = wanted.length > 0 ? await store.readSnapshots(product, wanted) : [];
  const byRun = new Map([...atHand, ...found].map((snapshot) => [snapshot.runId, snapshot]));
  return runIds.map((runId) => (runId === null ? null : (byRun.get(runId) ?? null)));
}
