import type { RunKey } from "../../core/run.ts";
import { compareText } from "../../core/text.ts";
import type { RunRequest, Store, StoredLease } from "../../ports.ts";
import type { KeyedRow } from "./row.ts";
import {
  changed,
  deleteRow,
  gone,
  insertRow,
  listRows,
  mergeRow,
  pathOf,
  putRow,
  readRow,
  type Table,
  taken,
  unless,
} from "./table.ts";
import {
  bookmarkRowKey,
  decodeBookmark,
  decodeLease,
  decodeRequest,
  encodeBookmark,
  encodeDropped,
  encodeLease,
  encodeRequest,
  leaseRowKey,
  readableRequest,
  requestKeys,
  requestRowKey,
  walkPartition,
} from "./walk-rows.ts";

/** The part of the store that says who reads a tenant, what was asked for, and how far retention is. */
type Walks = Pick<
  Store,
  | "readLease"
  | "writeLease"
  | "listRequests"
  | "readRequest"
  | "addRequest"
  | "dropRequest"
  | "deleteRequest"
  | "readBookmark"
  | "saveBookmark"
>;

export function createWalks(table: Table): Walks {
  return {
    readLease: (tenant) => readLease(table, tenant),
    writeLease: (tenant, lease, version) => writeLease(table, encodeLease(tenant, lease), version),
    listRequests: (tenant) => listRequests(table, tenant),
    readRequest: (run) => readRequest(table, run),
    addRequest: (request) => addRequest(table, request),
    dropRequest: async (run, reason) => void (await mergeRow(table, { ...keysOf(run), ...encodeDropped(reason) })),
    deleteRequest: async (run) => deleteRow(table, walkPartition(run.tenant), requestRowKey(run)),
    async readBookmark(tenant) {
      const row = await readRow(table, walkPartition(tenant), bookmarkRowKey);
      return row && decodeBookmark(row);
    },
    saveBookmark: (tenant, bookmark) => putRow(table, encodeBookmark(tenant, bookmark)),
  };
}

async function readLease(table: Table, tenant: string): Promise<StoredLease | null> {
  const [partitionKey, rowKey] = [walkPartition(tenant), leaseRowKey];
  const row = await readRow(table, partitionKey, rowKey);
  return row && { ...decodeLease(row, { table: table.name, partitionKey, rowKey }), version: row.etag };
}

/**
 * Each write signs the row, so that a retry after a lost answer recognises its own write. Taken for another's, our own lease
 * would lock us out until it ends.
 */
async function writeLease(table: Table, lease: KeyedRow, version: string | null): Promise<string | null> {
  const { partitionKey, rowKey } = lease;
  const writer = crypto.randomUUID();
  const row = { ...lease, writer };
  const method = version === null ? "POST" : "PUT";
  const written = table.call(`${method} ${pathOf(table, partitionKey, rowKey)}`, async (client, options) => {
    const { etag } = await (version === null
      ? client.createEntity(row, options)
      : client.updateEntity(row, "Replace", { ...options, etag: version }));
    return etag ?? null;
  });
  const etag = await unless(written, [taken, changed, gone], null);
  if (etag !== null) return etag;
  const current = await readRow(table, partitionKey, rowKey, ["writer"]);
  return current?.writer === writer ? current.etag : null;
}

async function listRequests(table: Table, tenant: string): Promise<RunRequest[]> {
  const rows = await listRows(table, walkPartition(tenant), requestKeys);
  const requests = rows.map((row) => readableRequest(tenant, row, placeOf(table, tenant, row.rowKey)));
  return requests.filter((request) => request !== null).sort((a, b) => compareText(a.openedAt, b.openedAt));
}

function placeOf(table: Table, tenant: string, rowKey: string) {
  return { table: table.name, partitionKey: walkPartition(tenant), rowKey };
}

async function readRequest(table: Table, run: RunKey): Promise<RunRequest | null> {
  const place = placeOf(table, run.tenant, requestRowKey(run));
  const row = await readRow(table, place.partitionKey, place.rowKey);
  return row && decodeRequest(run.tenant, row, place);
}

async function addRequest(table: Table, request: RunRequest): Promise<void> {
  const isAdded = await insertRow(table, encodeRequest(request));
  if (isAdded || !request.mail) return;
  // If it was deleted since, add it after all.
  if (!(await mergeRow(table, { ...keysOf(request), mail: true }))) await addRequest(table, request);
}

function keysOf(run: RunKey): Pick<KeyedRow, "partitionKey" | "rowKey"> {
  return { partitionKey: walkPartition(run.tenant), rowKey: requestRowKey(run) };
}
