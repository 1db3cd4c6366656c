import type { TransactionAction } from "@azure/data-tables";
import type { RunFacts } from "../../core/advisory.ts";
import type { AlertKey, ExploitedAlert } from "../../core/alert.ts";
import { addDays } from "../../core/day.ts";
import type { Mail } from "../../core/mail.ts";
import type { Chain } from "../../core/message.ts";
import { compareOpened, type Run, type RunKey, type RunSummary } from "../../core/run.ts";
import { dayOf, isRunId, isScheduled, type RunId } from "../../core/run-id.ts";
import type { Snapshot } from "../../core/snapshot.ts";
import type { WatchlistStatus } from "../../core/watchlist-status.ts";
import type { ProductKey, SnapshotKey, Store, StoredAlert, StoredRun } from "../../ports.ts";
import { defaultPatience, type Patience, type StorageConnection } from "./account.ts";
import { createAdvisories } from "./advisories.ts";
import { alertKeys, alertRowKey, decodeAlert, encodeAlert } from "./alert-rows.ts";
import { allFactsKeys, decodeFacts, encodeFacts, factsKeys } from "./facts-rows.ts";
import { createConfiguration } from "./last-good.ts";
import { createProductLists } from "./product-list.ts";
import type { RowPlace } from "./row.ts";
import {
  createSnapshotDecoder,
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
import { decodeStatus, encodeStatus, statusPartition, statusRowKey } from "./status-row.ts";
import {
  changed,
  deleteRow,
  gone,
  insertRow,
  listRows,
  mergeRow,
  openTable,
  pathOf,
  putRow,
  queryRows,
  type RowRange,
  readRow,
  type Table,
  taken,
  unless,
  where,
} from "./table.ts";
import { createWalks } from "./walks.ts";

/** Defaults that tests override. */
interface StoreOptions {
  snapshotsTable?: string;
  runsTable?: string;
  watchlistsTable?: string;
  walksTable?: string;
  advisoriesTable?: string;
  patience?: Patience;
}

/** Azure Table Storage. Tables are created when first needed. */
export function createStore(connection: StorageConnection, options: StoreOptions = {}): Store {
  const { snapshotsTable = "Snapshots", runsTable = "Runs", patience = defaultPatience } = options;
  const { watchlistsTable = "Watchlists", walksTable = "Walks", advisoriesTable = "Advisories" } = options;
  const snapshots = openTable(connection, snapshotsTable, patience);
  const runs = openTable(connection, runsTable, patience);
  const watchlists = openTable(connection, watchlistsTable, patience);
  const walks = openTable(connection, walksTable, patience);
  return {
    readSnapshot: (key) => readSnapshot(snapshots, key),
    readSnapshots: (product, runIds) => readSnapshots(snapshots, product, runIds),
    listSnapshots: (product, from, to) => listSnapshots(snapshots, product, from, to),
    listSnapshotIds: async (product, before) => listSnapshotIds(snapshots, product, { below: runRowKey(before) }),
    latestSnapshot: (before) => latestSnapshot(snapshots, before),
    addSnapshot: async (snapshot) => insertRow(snapshots, encodeSnapshot(snapshot)),
    deleteSnapshot: async (key) => deleteRow(snapshots, snapshotPartition(key), runRowKey(key.runId)),
    readRun: (chain, runId) => readRun(runs, chain, runId),
    listRuns: (chain, from) => listRuns(runs, chain, from),
    readFacts: (run) => readFacts(runs, run),
    commitRun: (run, follows, facts = null) => commitRun(runs, run, follows, facts),
    updateMail: async (run, version, mail) => updateMail(runs, runPlace(runs, run), version, mail),
    deleteRun: (run) => deleteRun(runs, run),
    deleteBeginning: (chain) => deleteBeginning(runs, chain),
    addAlert: async (alert) => insertRow(runs, encodeAlert(alert)),
    readAlert: (key) => readAlert(runs, key),
    listAlerts: (chain) => listAlerts(runs, chain),
    updateAlertMail: async (key, version, mail) => updateMail(runs, alertPlace(runs, key), version, mail),
    deleteAlert: async (key) => deleteRow(runs, runPartition(key), alertRowKey(key)),
    listStatuses: () => listStatuses(watchlists),
    saveStatus: (status) => putRow(watchlists, encodeStatus(status)),
    deleteStatus: (chain) => deleteRow(watchlists, statusPartition, statusRowKey(chain)),
    ...createAdvisories(openTable(connection, advisoriesTable, patience)),
    ...createConfiguration(watchlists),
    ...createWalks(walks),
    ...createProductLists(walks),
  };
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
  return snapshotsOf(table, product, rows);
}

function snapshotsOf(table: Table, product: ProductKey, rows: readonly { rowKey: string }[]): Snapshot[] {
  const decode = createSnapshotDecoder();
  return rows.map((row) => decode({ ...product, runId: row.rowKey }, row, placeOf(table, product, row.rowKey)));
}

async function listSnapshots(table: Table, product: ProductKey, from: RunId, to: RunId): Promise<Snapshot[]> {
  const range = [where("RowKey", "ge", runRowKey(from)), where("RowKey", "le", runRowKey(to))];
  return snapshotsOf(table, product, await queryRows(table, snapshotPartition(product), range));
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
  const runIds = await listSnapshotIds(table, product, range);
  for (const runId of runIds.reverse()) {
    // If it was deleted since it was listed, take the one before.
    const snapshot = await readSnapshot(table, { ...product, runId });
    if (snapshot) return snapshot;
  }
  return null;
}

async function listSnapshotIds(table: Table, product: ProductKey, range: RowRange): Promise<RunId[]> {
  const rows = await listRows(table, snapshotPartition(product), range, ["rowKey"]);
  return rows.map(({ rowKey }) => rowKey).filter(isRunId);
}

async function readRun(table: Table, { tenant, watchlist }: Chain, runId: RunId): Promise<StoredRun | null> {
  const run = { tenant, watchlist, runId };
  const place = runPlace(table, run);
  const row = await readRow(table, place.partitionKey, place.rowKey);
  return row && { run: decodeRun(run, row, place), version: row.etag };
}

function runPlace(table: Table, run: RunKey): RowPlace {
  return { table: table.name, partitionKey: runPartition(run), rowKey: runRowKey(run.runId) };
}

// Run ids begin with a digit; this sorts after all of them.
const afterRuns = ":";

async function listRuns(table: Table, { tenant, watchlist }: Chain, from?: RunId): Promise<RunSummary[]> {
  const partitionKey = runPartition({ tenant, watchlist });
  const rows = await listRows(table, partitionKey, { from: from && runRowKey(from), below: afterRuns }, summaryColumns);
  const runs = rows.map((row) => {
    const { rowKey } = row;
    return decodeSummary({ tenant, watchlist, runId: rowKey }, row, { table: table.name, partitionKey, rowKey });
  });
  return runs.sort(compareOpened);
}

/**
 * If the answer to a commit is lost and the SDK's retry finds the run there, that looks like another's commit: false. The
 * caller then reads the run and finds its own.
 */
async function commitRun(table: Table, run: Run, follows: StoredRun | null, facts: RunFacts | null): Promise<boolean> {
  const row = encodeRun(run);
  const { partitionKey, rowKey } = row;
  // A run that a person deleted may have left its facts behind.
  const beside = (facts ? encodeFacts(run, facts) : []).map((fact): TransactionAction => ["upsert", fact, "Replace"]);
  const actions: TransactionAction[] = [["create", row], ...beside];
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
async function beginChain(table: Table, run: Run): Promise<TransactionAction | null> {
  const mark = { partitionKey: runPartition(run), rowKey: beginning, followedBy: run.runId };
  // Read this before listing the runs: a first commit in between changes it.
  const existing = await readRow(table, mark.partitionKey, beginning);
  if ((await listRuns(table, run)).some(({ runId }) => isScheduled(runId))) return null;
  return existing ? ["update", mark, "Merge", { etag: existing.etag }] : ["create", mark];
}

async function readFacts(table: Table, run: RunKey): Promise<RunFacts | null> {
  const [partitionKey, keys] = [runPartition(run), factsKeys(run)];
  const rows = await listRows(table, partitionKey, keys);
  return decodeFacts(rows, { table: table.name, partitionKey, rowKey: `${keys.from}0` });
}

/** Deletes a run together with its facts, so that these never stay behind. */
async function deleteRun(table: Table, run: RunKey): Promise<void> {
  const { partitionKey, rowKey } = runPlace(table, run);
  const facts = await listRows(table, partitionKey, factsKeys(run), ["rowKey"]);
  if (facts.length === 0) return deleteRow(table, partitionKey, rowKey);
  const rowKeys = [rowKey, ...facts.map((row) => row.rowKey)];
  const deleted = table.call(`POST /$batch ${pathOf(table, partitionKey, rowKey)}`, async (client, options) => {
    await client.submitTransaction(
      rowKeys.map((key): TransactionAction => ["delete", { partitionKey, rowKey: key }]),
      options,
    );
    return true;
  });
  // The transaction fails where one of them is gone already, also where only the answer to the first try was lost.
  if (await unless(deleted, [gone], false)) return;
  for (const key of rowKeys) await deleteRow(table, partitionKey, key);
}

async function deleteBeginning(table: Table, chain: Chain): Promise<void> {
  const partitionKey = runPartition(chain);
  // Runs that people deleted left them behind.
  for (const { rowKey } of await listRows(table, partitionKey, allFactsKeys, ["rowKey"])) {
    await deleteRow(table, partitionKey, rowKey);
  }
  await deleteRow(table, partitionKey, beginning);
}

function alertPlace(table: Table, key: AlertKey): RowPlace {
  return { table: table.name, partitionKey: runPartition(key), rowKey: alertRowKey(key) };
}

async function readAlert(table: Table, key: AlertKey): Promise<StoredAlert | null> {
  const place = alertPlace(table, key);
  const row = await readRow(table, place.partitionKey, place.rowKey);
  return row && { alert: decodeAlert(key, row, place), version: row.etag };
}

async function listAlerts(table: Table, chain: Chain): Promise<ExploitedAlert[]> {
  const partitionKey = runPartition(chain);
  const rows = await listRows(table, partitionKey, alertKeys);
  return rows.map((row) => decodeAlert(chain, row, { table: table.name, partitionKey, rowKey: row.rowKey }));
}

/**
 * Each update signs the row, so that a retry after a lost answer recognises its own write. Taken for another's, our claim
 * would keep everyone from sending until it is ten minutes old.
 */
async function updateMail(
  table: Table,
  { partitionKey, rowKey }: RowPlace,
  version: string,
  mail: Mail,
): Promise<boolean> {
  const mailWriter = crypto.randomUUID();
  if (await mergeRow(table, { partitionKey, rowKey, ...encodeMail(mail), mailWriter }, version)) return true;
  const current = await readRow(table, partitionKey, rowKey, ["mailWriter"]);
  return current?.mailWriter === mailWriter;
}

async function listStatuses(table: Table): Promise<WatchlistStatus[]> {
  const rows = await queryRows(table, statusPartition, []);
  return rows.map(decodeStatus).filter((status) => status !== null);
}
