import type { TableClient, TransactionAction } from "@azure/data-tables";
import { addDays } from "../../core/day.ts";
import { compareOpened, type Mail, type Run, type RunSummary } from "../../core/run.ts";
import { dayOf, isScheduled, type RunId } from "../../core/run-id.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import type { ProductKey, SnapshotKey, Store, StoredRun } from "../../ports.ts";
import {
  callStorage,
  codeOf,
  defaultPatience,
  type Patience,
  type StorageConnection,
  StorageError,
} from "./account.ts";
import {
  decodeRun,
  decodeSnapshot,
  decodeSummary,
  encodeMail,
  encodeRun,
  encodeSnapshot,
  runPartition,
  runRowKey,
  snapshotPartition,
  summaryColumns,
} from "./rows.ts";

/** Defaults that tests override. */
interface StoreOptions {
  snapshotsTable?: string;
  runsTable?: string;
  patience?: Patience;
}

/** Azure Table Storage. Tables are created when first needed. */
export function createStore(connection: StorageConnection, options: StoreOptions = {}): Store {
  const { snapshotsTable = "Snapshots", runsTable = "Runs", patience = defaultPatience } = options;
  const snapshots = openTable(connection, snapshotsTable, patience);
  const runs = openTable(connection, runsTable, patience);
  return {
    readSnapshot: (key) => readSnapshot(snapshots, key),
    readSnapshots: (product, runIds) => readSnapshots(snapshots, product, runIds),
    listSnapshots: (product, from, to) => listSnapshots(snapshots, product, from, to),
    latestSnapshot: (before) => latestSnapshot(snapshots, before),
    addSnapshot: (snapshot) => addSnapshot(snapshots, snapshot),
    deleteSnapshot: (key) => deleteRow(snapshots, snapshotPartition(key), runRowKey(key.runId)),
    readRun: (watchlist, runId) => readRun(runs, watchlist, runId),
    listRuns: (watchlist, from) => listRuns(runs, watchlist, from),
    commitRun: (run, follows) => commitRun(runs, run, follows),
    updateMail: (run, version, mail) => updateMail(runs, run, version, mail),
    deleteRun: (watchlist, runId) => deleteRow(runs, runPartition(watchlist), runRowKey(runId)),
  };
}

type Options = { abortSignal: AbortSignal };

interface Table {
  name: string;
  call<T>(call: string, make: (client: TableClient, options: Options) => Promise<T>): Promise<T>;
}

function openTable(connection: StorageConnection, name: string, patience: Patience): Table {
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
async function unless<T>(call: Promise<T>, codes: readonly string[], fallback: T): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof StorageError && codes.includes(error.code)) return fallback;
    throw error;
  }
}

const gone = "ResourceNotFound";
const taken = "EntityAlreadyExists";
const changed = "UpdateConditionNotSatisfied";

function pathOf(table: Table, partitionKey: string, rowKey: string): string {
  return `/${table.name}(${partitionKey}, ${rowKey})`;
}

async function readRow(table: Table, partitionKey: string, rowKey: string, select?: string[]) {
  const read = table.call(`GET ${pathOf(table, partitionKey, rowKey)}`, (client, options) =>
    client.getEntity(partitionKey, rowKey, { ...options, ...(select && { queryOptions: { select } }) }),
  );
  return unless<Awaited<typeof read> | null>(read, [gone], null);
}

async function deleteRow(table: Table, partitionKey: string, rowKey: string): Promise<void> {
  const deleted = table.call(`DELETE ${pathOf(table, partitionKey, rowKey)}`, async (client, options) => {
    await client.deleteEntity(partitionKey, rowKey, options);
  });
  await unless(deleted, [gone], undefined);
}

interface RowRange {
  from?: string | undefined;
  /** The first row key beyond the range. */
  below?: string | undefined;
}

/** The rows of one partition in a range of row keys. */
function listRows(table: Table, partitionKey: string, { from, below }: RowRange, select: string[]) {
  const filters = [from && where("RowKey", "ge", from), below && where("RowKey", "lt", below)];
  return queryRows(
    table,
    partitionKey,
    filters.filter((filter) => filter !== undefined),
    select,
  );
}

function where(column: string, operator: "eq" | "ge" | "le" | "lt", value: string): string {
  return `${column} ${operator} '${value.replaceAll("'", "''")}'`;
}

/** The rows of one partition that pass all filters, over all pages. */
function queryRows(table: Table, partitionKey: string, filters: readonly string[], select?: string[]) {
  return table.call(`GET /${table.name}() of partition ${partitionKey}`, async (client, options) => {
    const filter = [where("PartitionKey", "eq", partitionKey), ...filters].join(" and ");
    const queryOptions = { filter, ...(select && { select }) };
    const rows: { rowKey: string }[] = [];
    for await (const row of client.listEntities<{ rowKey: string }>({ ...options, queryOptions })) rows.push(row);
    return rows;
  });
}

async function readSnapshot(table: Table, { runId, ...product }: SnapshotKey): Promise<Snapshot | null> {
  const place = placeOf(table, product, runRowKey(runId));
  const row = await readRow(table, place.partitionKey, place.rowKey);
  return row && decodeSnapshot({ ...product, runId }, row, place);
}

function placeOf(table: Table, product: ProductKey, rowKey: string) {
  return { table: table.name, partitionKey: snapshotPartition(product), rowKey };
}

async function readSnapshots(table: Table, product: ProductKey, runIds: readonly RunId[]): Promise<Snapshot[]> {
  const rowKeys = runIds.map(runRowKey).sort();
  const [first, last] = [rowKeys[0], rowKeys.at(-1)];
  if (!first || !last) return [];
  // The range keeps the service from scanning the partition, as it does for `or` alone.
  const rows = await queryRows(table, snapshotPartition(product), [
    where("RowKey", "ge", first),
    where("RowKey", "le", last),
    `(${rowKeys.map((rowKey) => where("RowKey", "eq", rowKey)).join(" or ")})`,
  ]);
  return rows.map((row) => snapshotOf(table, product, row));
}

function snapshotOf(table: Table, product: ProductKey, row: { rowKey: string }): Snapshot {
  return decodeSnapshot({ ...product, runId: row.rowKey }, row, placeOf(table, product, row.rowKey));
}

async function listSnapshots(table: Table, product: ProductKey, from: RunId, to: RunId): Promise<Snapshot[]> {
  const range = [where("RowKey", "ge", runRowKey(from)), where("RowKey", "le", runRowKey(to))];
  const rows = await queryRows(table, snapshotPartition(product), range);
  return rows.map((row) => snapshotOf(table, product, row));
}

// Most products were read lately: looking at a few weeks first avoids listing the keys of a year.
const windowDays = 40;

async function latestSnapshot(table: Table, { runId: before, ...product }: SnapshotKey): Promise<Snapshot | null> {
  const below = runRowKey(before);
  const from = addDays(dayOf(before), -windowDays);
  return (
    (await newestSnapshot(table, product, { from, below })) ?? (await newestSnapshot(table, product, { below: from }))
  );
}

async function newestSnapshot(table: Table, product: ProductKey, range: RowRange): Promise<Snapshot | null> {
  const rows = await listRows(table, snapshotPartition(product), range, ["rowKey"]);
  for (const { rowKey: runId } of rows.reverse()) {
    // If it was deleted since it was listed, take the one before.
    const snapshot = await readSnapshot(table, { ...product, runId });
    if (snapshot) return snapshot;
  }
  return null;
}

async function addSnapshot(table: Table, snapshot: Snapshot): Promise<boolean> {
  const row = encodeSnapshot(snapshot);
  const added = table.call(`POST ${pathOf(table, row.partitionKey, row.rowKey)}`, async (client, options) => {
    await client.createEntity(row, options);
    return true;
  });
  return unless(added, [taken], false);
}

async function readRun(table: Table, watchlist: string, runId: RunId): Promise<StoredRun | null> {
  const place = { table: table.name, partitionKey: runPartition(watchlist), rowKey: runRowKey(runId) };
  const row = await readRow(table, place.partitionKey, place.rowKey);
  return row && { run: decodeRun({ watchlist, runId }, row, place), version: row.etag };
}

// Run ids begin with a digit; this sorts after all of them.
const afterRuns = ":";

async function listRuns(table: Table, watchlist: string, from?: RunId): Promise<RunSummary[]> {
  const partitionKey = runPartition(watchlist);
  const rows = await listRows(table, partitionKey, { from: from && runRowKey(from), below: afterRuns }, summaryColumns);
  const runs = rows.map((row) => {
    const { rowKey } = row;
    return decodeSummary({ watchlist, runId: rowKey }, row, { table: table.name, partitionKey, rowKey });
  });
  return runs.sort(compareOpened);
}

/**
 * If the answer to a commit is lost and the SDK's retry finds the run there, that looks like another's commit: false. The
 * caller then reads the run and finds its own.
 */
async function commitRun(table: Table, run: Run, follows: StoredRun | null): Promise<boolean> {
  const row = encodeRun(run);
  const { partitionKey, rowKey } = row;
  const actions: TransactionAction[] = [["create", row]];
  if (follows) {
    const mark = { partitionKey, rowKey: runRowKey(follows.run.runId), followedBy: rowKey };
    actions.push(["update", mark, "Merge", { etag: follows.version }]);
  } else if (isScheduled(run.runId)) {
    const mark = await beginChain(table, run);
    if (!mark) return false;
    actions.push(mark);
  }
  const committed = table.call(`POST /$batch ${pathOf(table, partitionKey, rowKey)}`, async (client, options) => {
    const { subResponses } = await client.submitTransaction(actions, options);
    // The SDK takes an answer that it does not understand for a success.
    if (subResponses.length === actions.length && subResponses.every(({ status }) => status === 204)) return true;
    throw new Error("Azure Storage answered a transaction without saying whether it succeeded.");
  });
  return unless(committed, [taken, changed, gone], false);
}

/** The row that a watchlist's first run follows, just as every other run follows the one before it. */
const beginning = "beginning";

/** Marks the beginning as followed by this run; `null` if it is not the first scheduled run. */
async function beginChain(table: Table, { watchlist, runId }: Run): Promise<TransactionAction | null> {
  const mark = { partitionKey: runPartition(watchlist), rowKey: beginning, followedBy: runId };
  // Read this before listing the runs: a first commit in between changes it.
  const existing = await readRow(table, mark.partitionKey, beginning);
  if ((await listRuns(table, watchlist)).some((run) => isScheduled(run.runId))) return null;
  return existing ? ["update", mark, "Merge", { etag: existing.etag }] : ["create", mark];
}

/**
 * Each update signs the row, so that a retry after a lost answer recognises its own write. Taken for another's, our claim
 * would keep everyone from sending until it is ten minutes old.
 */
async function updateMail(
  table: Table,
  { watchlist, runId }: Pick<Run, "watchlist" | "runId">,
  version: string,
  mail: Mail,
): Promise<boolean> {
  const [partitionKey, rowKey] = [runPartition(watchlist), runRowKey(runId)];
  const mailWriter = crypto.randomUUID();
  const row = { partitionKey, rowKey, ...encodeMail(mail), mailWriter };
  const updated = table.call(`MERGE ${pathOf(table, partitionKey, rowKey)}`, async (client, options) => {
    await client.updateEntity(row, "Merge", { ...options, etag: version });
    return true;
  });
  if (await unless(updated, [changed, gone], false)) return true;
  const current = await readRow(table, partitionKey, rowKey, ["mailWriter"]);
  return current?.mailWriter === mailWriter;
}
