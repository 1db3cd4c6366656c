import type { TableClient } from "@azure/data-tables";
import { StorageError } from "../../ports.ts";
import { callStorage, codeOf, type Patience, type StorageConnection } from "./account.ts";
import type { KeyedRow } from "./row.ts";

type Options = { abortSignal: AbortSignal };

/** A table, created when it is first needed. */
export interface Table {
  name: string;
  call<T>(call: string, make: (client: TableClient, options: Options) => Promise<T>): Promise<T>;
}

export function openTable(connection: StorageConnection, name: string, patience: Patience): Table {
  let connected: Promise<TableClient> | undefined;
  return {
    name,
    async call(call, make) {
      connected ??= connect(connection, name, patience);
      const client = await connected;
      return callStorage(call, patience, (abortSignal) => createdIfAbsent(client, { abortSignal }, make));
    },
  };
}

async function connect(connection: StorageConnection, table: string, { retryMs }: Patience): Promise<TableClient> {
  const { TableClient } = await import("@azure/data-tables");
  const retryOptions = { maxRetries: 3, retryDelayInMs: retryMs, maxRetryDelayInMs: 5_000 };
  if (connection.kind === "connectionString") {
    // The emulator's connection string names plain http; the key itself never travels.
    return TableClient.fromConnectionString(connection.connectionString, table, {
      retryOptions,
      allowInsecureConnection: true,
    });
  }
  return new TableClient(connection.tableServiceUri, table, connection.credential, {
    retryOptions,
  });
}

async function createdIfAbsent<T>(
  client: TableClient,
  options: Options,
  make: (client: TableClient, options: Options) => Promise<T>,
): Promise<T> {
  try {
    return await make(client, options);
  } catch (error) {
    if (codeOf(error) !== "TableNotFound") throw error;
    await client.createTable(options);
    return make(client, options);
  }
}

/** The result of a call, or `fallback` if it failed with one of `codes`. */
export async function unless<T>(call: Promise<T>, codes: readonly string[], fallback: T): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof StorageError && codes.includes(error.code)) return fallback;
    throw error;
  }
}

/** Codes of a row that does not exist, that exists already, and that has changed since it was read. */
export const gone = "ResourceNotFound";
export const taken = "EntityAlreadyExists";
export const changed = "UpdateConditionNotSatisfied";

/** A row, for errors. */
export function pathOf(table: Table, partitionKey: string, rowKey: string): string {
  return `/${table.name}(${partitionKey}, ${rowKey})`;
}

/** A row, or the columns of it that are wanted; `null` if there is none. */
export async function readRow(table: Table, partitionKey: string, rowKey: string, select?: string[]) {
  const read = table.call(`GET ${pathOf(table, partitionKey, rowKey)}`, (client, options) =>
    client.getEntity(partitionKey, rowKey, { ...options, ...(select && { queryOptions: { select } }) }),
  );
  return unless<Awaited<typeof read> | null>(read, [gone], null);
}

/** False if there is one already. */
export async function insertRow(table: Table, row: KeyedRow): Promise<boolean> {
  const inserted = table.call(`POST ${pathOf(table, row.partitionKey, row.rowKey)}`, async (client, options) => {
    await client.createEntity(row, options);
    return true;
  });
  return unless(inserted, [taken], false);
}

/** Puts a row in the place of any that is there. */
export async function putRow(table: Table, row: KeyedRow): Promise<void> {
  await table.call(`PUT ${pathOf(table, row.partitionKey, row.rowKey)}`, async (client, options) => {
    await client.upsertEntity(row, "Replace", options);
  });
}

/** Changes columns of a row; false if it does not exist or has another version. */
export async function mergeRow(table: Table, row: KeyedRow, version = "*"): Promise<boolean> {
  const merged = table.call(`MERGE ${pathOf(table, row.partitionKey, row.rowKey)}`, async (client, options) => {
    await client.updateEntity(row, "Merge", { ...options, etag: version });
    return true;
  });
  return unless(merged, [changed, gone], false);
}

/** Does nothing if there is none. */
export async function deleteRow(table: Table, partitionKey: string, rowKey: string): Promise<void> {
  const deleted = table.call(`DELETE ${pathOf(table, partitionKey, rowKey)}`, async (client, options) => {
    await client.deleteEntity(partitionKey, rowKey, options);
  });
  await unless(deleted, [gone], undefined);
}

/** Row keys. */
export interface RowRange {
  from?: string | undefined;
  /** The first row key beyond the range. */
  below?: string | undefined;
}

/** The rows of one partition in a range of row keys. */
export function listRows(table: Table, partitionKey: string, { from, below }: RowRange, select?: string[]) {
  const filters = [from && where("RowKey", "ge", from), below && where("RowKey", "lt", below)];
  return queryRows(
    table,
    partitionKey,
    filters.filter((filter) => filter !== undefined),
    select,
  );
}

/** A filter on one column. */
export function where(column: string, operator: "eq" | "ge" | "le" | "lt", value: string): string {
  return `${column} ${operator} '${value.replaceAll("'", "''")}'`;
}

type ListedRow = Record<string, unknown> & { rowKey: string };

/** The rows of one partition that pass all filters, over all pages. */
export function queryRows(table: Table, partitionKey: string, filters: readonly string[], select?: string[]) {
  return table.call(`GET /${table.name}() of partition ${partitionKey}`, async (client, options) => {
    const filter = [where("PartitionKey", "eq", partitionKey), ...filters].join(" and ");
    const queryOptions = { filter, ...(select && { select }) };
    const rows: ListedRow[] = [];
    for await (const row of client.listEntities<ListedRow>({ ...options, queryOptions })) rows.push(row);
    return rows;
  });
}
