import type { TableClient, TransactionAction } from "@azure/data-tables";
import { addDays } from "../../core/day.ts";
import type { Mail, Run, RunSummary } from "../../core/run.ts";
import { dayOf, isScheduled, type RunId } from "../../core/run-id.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import type { SnapshotKey, Store, StoredRun } from "../../ports.ts";
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
  encodeKey,
  encodeMail,
  encodeRun,
  encodeSnapshot,
  runRowKey,
  snapshotPartition,
  summaryColumns,
} from "./rows.ts";

/** What tests set otherwise. */
interface StoreOptions {
  snapshotsTable?: string;
  runsTable?: string;
  patience?: Patience;
}

/** Azure Table Storage. Tables are made when first missed. */
export function createStore(connection: StorageConnection, options: StoreOptions = {}): Store {
  const { snapshotsTable = "Snapshots", runsTable = "Runs", patience = defaultPatience } = options;
  const snapshots = openTable(connection, snapshotsTable, patience);
  const runs = openTable(connection, runsTable, patience);
  return {
    readSnapshot: (key) => readSnapshot(snapshots, key),
    latestSnapshot: (before) => latestSnapshot(snapshots, before),
    addSnapshot: (snapshot) => addSnapshot(snapshots, snapshot),
    deleteSnapshot: (key) => deleteRow(snapshots, snapshotPartition(key), runRowKey(key.runId)),
    readRun: (watchlist, runId) => readRun(runs, watchlist, runId),
    listRuns: (watchlist, from) => listRuns(runs, watchlist, from),
    commitRun: (run, follows) => commitRun(runs, run, follows),
    updateMail: (run, version, mail) => updateMail(runs, run, version, mail),
    deleteRun: (watchlist, runId) => deleteRow(runs, encodeKey(watchlist), runRowKey(runId)),
  };
}

type Options = { abortSignal: AbortSignal };
type Software = Omit<SnapshotKey, "runId">;

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
      return callStorage(call, patience, (abortSignal) => createdWhenAbsent(client, { abortSignal }, make));
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

async function createdWhenAbsent<T>(
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

/** `otherwise` where the call failed of one of `codes`. */
async function unless<T>(call: Promise<T>, codes: readonly string[], otherwise: T): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof StorageError && codes.includes(error.code)) return otherwise;
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

/** The rows of one partition whose row keys are at least `from` and less than `to`, over all pages. */
function listRows(
  table: Table,
  partitionKey: string,
  { from, to }: { from?: string | undefined; to?: string | undefined },
  select: string[],
) {
  return table.call(`GET /${table.name}() of partition ${partitionKey}`, async (client, options) => {
    const { odata } = await import("@azure/data-tables");
    const filters = [odata`PartitionKey eq ${partitionKey}`];
    if (from) filters.push(odata`RowKey ge ${from}`);
    if (to) filters.push(odata`RowKey lt ${to}`);
    const queryOptions = { filter: filters.join(" and "), select };
    const rows: { rowKey: string }[] = [];
    for await (const row of client.listEntities<{ rowKey: string }>({ ...options, queryOptions })) rows.push(row);
    return rows;
  });
}

async function readSnapshot(table: Table, { runId, ...software }: SnapshotKey): Promise<Snapshot | null> {
  return readSnapshotRow(table, software, runRowKey(runId));
}

async function readSnapshotRow(table: Table, software: Software, rowKey: string): Promise<Snapshot | null> {
  const place = { table: table.name, partitionKey: snapshotPartition(software), rowKey };
  const row = await readRow(table, place.partitionKey, rowKey);
  return row && decodeSnapshot({ ...software, runId: rowKey }, row, place);
}

// Where a software was read lately, as most are, the window spares listing a year of keys.
const windowDays = 40;

async function latestSnapshot(table: Table, { runId: before, ...software }: SnapshotKey): Promise<Snapshot | null> {
  const to = runRowKey(before);
  const window = addDays(dayOf(before), -windowDays);
  return (
    (await newestSnapshot(table, software, { from: window, to })) ??
    (await newestSnapshot(table, software, { to: window }))
  );
}

async function newestSnapshot(
  table: Table,
  software: Software,
  range: { from?: string; to: string },
): Promise<Snapshot | null> {
  const rows = await listRows(table, snapshotPartition(software), range, ["rowKey"]);
  for (const { rowKey } of rows.reverse()) {
    // What was deleted since it was listed gives way to the one before.
    const snapshot = await readSnapshotRow(table, software, rowKey);
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
  const place = { table: table.name, partitionKey: encodeKey(watchlist), rowKey: runRowKey(runId) };
  const row = await readRow(table, place.partitionKey, place.rowKey);
  return row && { run: decodeRun({ watchlist, runId }, row, place), version: row.etag };
}

// Run ids begin with a digit; this is what comes after the last one.
const afterRuns = ":";

async function listRuns(table: Table, watchlist: string, from?: RunId): Promise<RunSummary[]> {
  const partitionKey = encodeKey(watchlist);
  const rows = await listRows(table, partitionKey, { from: from && runRowKey(from), to: afterRuns }, summaryColumns);
  return rows.map((row) => {
    const { rowKey } = row;
    return decodeSummary({ watchlist, runId: rowKey }, row, { table: table.name, partitionKey, rowKey });
  });
}

/**
 * Where the answer to a commit is lost and the SDK's retry finds it done, it is told as another's: false. The caller
 * reads the run and finds its own.
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
    // The SDK takes an answer that it does not understand for success.
    if (subResponses.length === actions.length && subResponses.every(({ status }) => status === 204)) return true;
    throw new Error("Azure Storage answered a transaction without telling what became of it.");
  });
  return unless(committed, [taken, changed, gone], false);
}

/** The row that a watchlist's first run follows, as every other one follows the run before it. */
const beginning = "beginning";

/** How the first scheduled run marks the beginning as followed; `null` where it is not the first. */
async function beginChain(table: Table, { watchlist, runId }: Run): Promise<TransactionAction | null> {
  const mark = { partitionKey: encodeKey(watchlist), rowKey: beginning, followedBy: runId };
  // Read before the runs are listed: a first commit that comes in between changes it.
  const standing = await readRow(table, mark.partitionKey, beginning);
  if ((await listRuns(table, watchlist)).some((run) => isScheduled(run.runId))) return null;
  return standing ? ["update", mark, "Merge", { etag: standing.etag }] : ["create", mark];
}

/**
 * Each update signs the row, so that an update whose answer was lost knows its own hand when it is tried again. Taken
 * for another's, a claim would keep everyone from sending until it is ten minutes old.
 */
async function updateMail(
  table: Table,
  { watchlist, runId }: Pick<Run, "watchlist" | "runId">,
  version: string,
  mail: Mail,
): Promise<boolean> {
  const [partitionKey, rowKey] = [encodeKey(watchlist), runRowKey(runId)];
  const mailWriter = crypto.randomUUID();
  const row = { partitionKey, rowKey, ...encodeMail(mail), mailWriter };
  const updated = table.call(`MERGE ${pathOf(table, partitionKey, rowKey)}`, async (client, options) => {
    await client.updateEntity(row, "Merge", { ...options, etag: version });
    return true;
  });
  if (await unless(updated, [changed, gone], false)) return true;
  const standing = await readRow(table, partitionKey, rowKey, ["mailWriter"]);
  return standing?.mailWriter === mailWriter;
}
