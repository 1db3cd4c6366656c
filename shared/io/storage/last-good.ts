import type { TransactionAction } from "@azure/data-tables";
import * as z from "zod/mini";
import { type LastGood, type Store, TooLargeError } from "../../ports.ts";
import { pack, unpack } from "./packed.ts";
import { type Columns, instant, type KeyedRow } from "./row.ts";
import { changed, gone, listRows, pathOf, type Table, taken, unless } from "./table.ts";

/*
 * Rows of Watchlists besides the statuses, version 1: [[source, since], …], packed.
 */

const partitionKey = "configuration";
const keys = { from: "last-good|", below: "last-good}" };
const firstKey = `${keys.from}0`;

// A transaction may have 4 MiB.
const maxRows = 8;

/** The part of the store that keeps the last good version of each watchlist in a document. */
type Configuration = Pick<Store, "readLastGood" | "saveLastGood">;

export function createConfiguration(table: Table): Configuration {
  return {
    async readLastGood() {
      const rows = await listRows(table, partitionKey, keys);
      const version = rows.find(({ rowKey }) => rowKey === firstKey)?.etag;
      return typeof version === "string" ? { good: decodeLastGood(rows), version } : null;
    },
    saveLastGood: (good, version) => saveLastGood(table, encodeLastGood(good), version),
  };
}

async function saveLastGood(table: Table, rows: readonly KeyedRow[], version: string | null): Promise<boolean> {
  const actions = rows.map((row, index): TransactionAction => {
    if (index > 0) return ["upsert", row, "Replace"];
    return version === null ? ["create", row] : ["update", row, "Replace", { etag: version }];
  });
  const saved = table.call(`POST /$batch ${pathOf(table, partitionKey, firstKey)}`, async (client, options) => {
    await client.submitTransaction(actions, options);
    return true;
  });
  return unless(saved, [taken, changed, gone], false);
}

export function encodeLastGood(good: readonly LastGood[]): KeyedRow[] {
  const packed = pack(
    { partitionKey, prefix: keys.from },
    good.map(({ source, since }) => [source, since]),
    maxRows,
  );
  if ("rows" in packed) return packed.rows;
  throw new TooLargeError(
    `The last good versions of ${good.length} watchlists are too large to keep: they have ${packed.characters} characters after compression, and ${packed.room} fit.`,
  );
}

const packedList = z.array(z.tuple([z.unknown(), z.nullable(instant)]));

/** None if they cannot be read: the next good document replaces them. */
export function decodeLastGood(rows: readonly Columns[]): LastGood[] {
  try {
    return packedList.parse(unpack(rows)).map(([source, since]) => ({ source, since }));
  } catch {
    return [];
  }
}
