import { decodeLastGood, encodeLastGood } from "../../shared/io/storage/last-good.ts";
import type { KeyedRow } from "../../shared/io/storage/row.ts";
import type { Store } from "../../shared/ports.ts";

/** The last good watchlists of a store in memory. */
export function createFakeConfiguration(): Pick<Store, "readLastGood" | "saveLastGood"> {
  let stored: { rows: KeyedRow[]; version: string } | null = null;
  let versions = 0;
  return {
    async readLastGood() {
      return stored && { good: decodeLastGood(stored.rows), version: stored.version };
    },
    async saveLastGood(good, version) {
      const rows = encodeLastGood(good);
      if ((stored?.version ?? null) !== version) return false;
      versions += 1;
      stored = { rows, version: `${versions}` };
      return true;
    },
  };
}
