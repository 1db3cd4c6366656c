import { LRUCache } from "lru-cache";
import type { Snapshot } from "../core/snapshot.ts";
import type { SnapshotKey, Store } from "../ports.ts";

/** About 18 MB: both days of 600 software that miss 40 KBs each. A small instance needs the rest for the report. */
const mostKbs = 50_000;

/**
 * The same store, which reads no snapshot again that it read or wrote lately, for a snapshot never changes. It spares a
 * run more than half of its calls, and a reader of the page the wait at each click.
 */
export function rememberSnapshots(store: Store, most = mostKbs): Store {
  const known = new LRUCache<string, Snapshot>({
    maxSize: most,
    sizeCalculation: ({ missingKbs, gone }) => 1 + missingKbs.length + gone.length,
  });
  return {
    ...store,
    async readSnapshot(key) {
      const held = known.get(nameOf(key));
      if (held) return held;
      const snapshot = await store.readSnapshot(key);
      if (snapshot) known.set(nameOf(key), snapshot);
      return snapshot;
    },
    async addSnapshot(snapshot) {
      const added = await store.addSnapshot(snapshot);
      if (added) known.set(nameOf(snapshot), snapshot);
      return added;
    },
    async deleteSnapshot(key) {
      known.delete(nameOf(key));
      await store.deleteSnapshot(key);
    },
  };
}

function nameOf({ tenant, softwareId, runId }: SnapshotKey): string {
  return JSON.stringify([tenant, softwareId, runId]);
}
