import type { TransactionAction } from "@azure/data-tables";
import * as z from "zod/mini";
import { type LastGood, type Store, TooLargeError } from "../../ports.ts";
import { compress, expand, maxCompressed } from "./compressed.ts";
import { type Columns, count, gather, instant, type KeyedRow, schemaVersion, spread } from "./row.ts";
import { changed, gone, listRows, pathOf, type Table, taken, unless } from "./table.ts";

/*
 * Rows of Watchlists besides the statuses, version 1: [[source, since], …] as JSON, compressed, base64, in as many rows as it
 * needs. The first row says how many those are; any after them are left from before.
 */

const partitionKey = "configuration";
const keys = { from: "last-good|", below: "last-good}" };
const firstKey = `${keys.from}0`;

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
  const compressed = compress(good.map(({ source, since }) => [source, since]));
  if ("tooLong" in compressed) {
    throw new TooLargeError(
      `The last good versions of ${good.length} watchlists are too large to keep: they have ${compressed.tooLong} characters after compression, and ${maxCompressed} fit.`,
    );
  }
  const { parts } = compressed;
  return parts.map((part, n) => {
    const row = { partitionKey, rowKey: `${keys.from}${n}`, schemaVersion, ...spread("text", part) };
    return n === 0 ? { ...row, parts: parts.length } : row;
  });
}

const first = z.object({ schemaVersion: z.literal(schemaVersion), parts: count });
const part = z.string();
const packed = z.array(z.tuple([z.unknown(), z.nullable(instant)]));

/** None if they cannot be read: the next good document replaces them. */
export function decodeLastGood(rows: readonly Columns[]): LastGood[] {
  try {
    const { parts } = first.parse(rows[0]);
    const text = rows.slice(0, parts).map((row) => part.parse(gather("text", row)));
    return packed.parse(expand(text)).map(([source, since]) => ({ source, since }));
  } catch {
    return [];
  }
}
