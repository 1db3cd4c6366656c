import type { TransactionAction } from "@azure/data-tables";
import * as z from "zod/mini";
import type { ListedProduct, Listing, ProductList } from "../../core/product-list.ts";
import { type Store, TooLargeError } from "../../ports.ts";
import { pack, unpack } from "./packed.ts";
import { absent, type Columns, count, cut, instant, type KeyedRow, schemaVersion } from "./row.ts";
import { maxReason } from "./rows.ts";
import { listRows, pathOf, putRow, readRow, type Table } from "./table.ts";
import { walkPartition } from "./walk-rows.ts";

/*
 * Rows of Walks, version 1: a tenant's product list as {readAt, products: [[id, name, vendor, weaknesses, exposedMachines,
 * installedMachines, cleanAt?], …]}, compressed. A name and a vendor that the id has are empty. The
 * listing has a row of its own, because it is written also when the list stays. Parts after those that the first one counts
 * are left from before.
 */

const listingRowKey = "products";
const keys = { from: "products|", below: "products}" };
const firstKey = `${keys.from}0`;

type ProductLists = Pick<Store, "readListing" | "readProductList" | "saveListing">;

/** The part of the store that keeps each tenant's product list. */
export function createProductLists(table: Table): ProductLists {
  return {
    async readListing(tenant) {
      const row = await readRow(table, walkPartition(tenant), listingRowKey);
      return row && decodeListing(row);
    },
    async readProductList(tenant) {
      return decodeList(await listRows(table, walkPartition(tenant), keys));
    },
    async saveListing(tenant, listing, list) {
      const row = encodeListing(tenant, listing);
      if (!list) return putRow(table, row);
      const actions = [row, ...encodeList(tenant, list)].map((one): TransactionAction => ["upsert", one, "Replace"]);
      await table.call(`POST /$batch ${pathOf(table, row.partitionKey, firstKey)}`, async (client, options) => {
        await client.submitTransaction(actions, options);
      });
    },
  };
}

export function encodeListing(tenant: string, { triedAt, list, failure }: Listing): KeyedRow {
  return {
    ...{ partitionKey: walkPartition(tenant), rowKey: listingRowKey, schemaVersion, triedAt },
    ...(list && { readAt: list.readAt, products: list.count }),
    ...(failure && {
      reason: cut(failure.reason, maxReason).toWellFormed(),
      ...{ since: failure.since, tries: failure.tries, short: failure.short },
    }),
  };
}

const listingColumns = z.object({
  schemaVersion: z.literal(schemaVersion),
  triedAt: instant,
  readAt: absent(instant),
  products: absent(count),
  reason: absent(z.string()),
  since: absent(instant),
  tries: absent(count),
  short: absent(count),
});

/** `null` for one that cannot be read: the next list replaces it. */
export function decodeListing(row: Columns): Listing | null {
  const { data } = listingColumns.safeParse(row);
  if (!data) return null;
  const { triedAt, readAt, products, reason, since, tries, short } = data;
  return {
    triedAt,
    list: readAt ? { readAt, count: products ?? 0 } : null,
    failure:
      typeof reason === "string" ? { reason, since: since ?? triedAt, tries: tries ?? 1, short: short ?? 0 } : null,
  };
}

// A transaction may have 4 MiB.
const maxRows = 8;

export function encodeList(tenant: string, { readAt, products }: ProductList): KeyedRow[] {
  const place = { partitionKey: walkPartition(tenant), prefix: keys.from };
  const packed = pack(place, { readAt, products: products.map(packProduct) }, maxRows);
  if ("rows" in packed) return packed.rows;
  throw new TooLargeError(
    `Defender's list of ${products.length} products is too large to keep: it has ${packed.characters} characters after compression, and ${packed.room} fit.`,
  );
}

function packProduct(product: ListedProduct) {
  const { softwareId, name, vendor, weaknesses, exposedMachines, installedMachines, cleanAt } = product;
  const [ownVendor = "", ...rest] = softwareId.split("-_-");
  const texts = [softwareId, name === rest.join("-_-") ? "" : name, vendor === ownVendor ? "" : vendor] as const;
  const packed = [...texts, weaknesses, exposedMachines, installedMachines] as const;
  return cleanAt ? ([...packed, cleanAt] as const) : packed;
}

const known = z.nullable(count);
const packedList = z.object({
  readAt: instant,
  products: z.array(z.tuple([z.string(), z.string(), z.string(), known, known, known, z.optional(instant)])),
});
/** `null` where there is none, or it cannot be read: the next list replaces it. */
export function decodeList(rows: readonly Columns[]): ProductList | null {
  try {
    const { readAt, products } = packedList.parse(unpack(rows));
    return { readAt, products: products.map(unpackProduct) };
  } catch {
    return null;
  }
}

function unpackProduct(packed: z.infer<typeof packedList>["products"][number]): ListedProduct {
  const [softwareId, name, vendor, weaknesses, exposedMachines, installedMachines, cleanAt] = packed;
  const [ownVendor = "", ...rest] = softwareId.split("-_-");
  return {
    ...{ softwareId, name: name || rest.join("-_-"), vendor: vendor || ownVendor },
    ...{ weaknesses, exposedMachines, installedMachines },
    ...(cleanAt && { cleanAt }),
  };
}
