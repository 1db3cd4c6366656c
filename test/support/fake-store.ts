import type { Chain } from "../../shared/core/message.ts";
import { compareOpened, type RunKey } from "../../shared/core/run.ts";
import { isScheduled, type RunId } from "../../shared/core/run-id.ts";
import type { KeyedRow, Row } from "../../shared/io/storage/row.ts";
import {
  decodeRun,
  decodeSnapshot,
  decodeSummary,
  encodeMail,
  encodeRun,
  encodeSnapshot,
  runRowKey,
} from "../../shared/io/storage/rows.ts";
import type { SnapshotKey, Store, StoredRun } from "../../shared/ports.ts";
import { createFakeAdvisories, createFakeAlerts, createFakeFacts } from "./fake-advisories.ts";
import { createFakeConfiguration } from "./fake-configuration.ts";
import { createFakeProductLists, createFakeStatuses, createFakeWalks } from "./fake-walks.ts";

interface Versioned {
  row: KeyedRow;
  version: number;
}

/**
 * A store in memory with the real one's contract, rows and limits. A call takes effect at once, before its
 * promise is returned.
 */
export function createFakeStore(): Store {
  const snapshots = new Map<string, KeyedRow>();
  const runs = new Map<string, Versioned>();
  const facts = createFakeFacts();
  // A row that is deleted and written again is not the row it was.
  let versions = 0;

  const change = (stored: Versioned, columns: Row) => {
    Object.assign(stored.row, columns);
    stored.version = ++versions;
  };
  const hasScheduled = (chain: Chain) =>
    [...runs].some(([name, { row }]) => name === runName(chain, row.rowKey) && isScheduled(row.rowKey));
  const snapshotAt = (key: SnapshotKey, row: KeyedRow) => decodeSnapshot(key, row, { table: "Snapshots", ...row });

  return {
    async readSnapshot(key) {
      const row = snapshots.get(snapshotName(key));
      return row ? snapshotAt(key, row) : null;
    },
    async readSnapshots(product, runIds) {
      return runIds.toSorted().flatMap((runId) => {
        const key = { ...product, runId };
        const row = snapshots.get(snapshotName(key));
        return row ? [snapshotAt(key, row)] : [];
      });
    },
    async listSnapshots(product, from, to) {
      const [first, last] = [from, to].map((runId) => snapshotName({ ...product, runId }));
      const prefix = (first ?? "").slice(0, -from.length);
      const names = [...snapshots.keys()].filter((name) => name.startsWith(prefix)).sort();
      return names.flatMap((name) => {
        const row = name >= (first ?? "") && name <= (last ?? "") && snapshots.get(name);
        return row ? [snapshotAt({ ...product, runId: row.rowKey }, row)] : [];
      });
    },
    async latestSnapshot(before) {
      const name = snapshotName(before);
      const prefix = name.slice(0, -before.runId.length);
      const newest = [...snapshots.keys()]
        .filter((other) => other.startsWith(prefix) && other < name)
        .sort()
        .at(-1);
      const row = newest && snapshots.get(newest);
      return row ? snapshotAt({ ...before, runId: row.rowKey }, row) : null;
    },
    async addSnapshot(snapshot) {
      const name = snapshotName(snapshot);
      const row = encodeSnapshot(snapshot);
      if (snapshots.has(name)) return false;
      snapshots.set(name, row);
      return true;
    },
    async deleteSnapshot(key) {
      snapshots.delete(snapshotName(key));
    },
    async listSnapshotIds(product, before) {
      const name = snapshotName({ ...product, runId: before });
      const prefix = name.slice(0, -before.length);
      const names = [...snapshots.keys()].filter((other) => other.startsWith(prefix) && other < name);
      return names.sort().map((other) => other.slice(prefix.length));
    },

    async readRun(chain, runId) {
      const stored = runs.get(runName(chain, runId));
      return stored ? storedRun({ ...chain, runId }, stored) : null;
    },
    async listRuns(chain, from = "0000-01-01") {
      const first = runName(chain, from);
      const names = [...runs.keys()].filter((name) => name.startsWith(runPrefix(chain)) && name >= first).sort();
      const { tenant, watchlist } = chain;
      const summaries = names.flatMap((name) => {
        const row = runs.get(name)?.row;
        const key = { tenant, watchlist, runId: row?.rowKey ?? "" };
        return row ? [decodeSummary(key, row, { table: "Runs", ...row })] : [];
      });
      return summaries.sort(compareOpened);
    },
    readFacts: facts.read,
    async commitRun(run, follows, given) {
      const name = runName(run, run.runId);
      const row = encodeRun(run);
      const beside = facts.encode(run, given);
      const followed = follows && runs.get(runName(run, follows.run.runId));
      if (runs.has(name) || (follows && String(followed?.version) !== follows.version)) return false;
      if (!follows && isScheduled(run.runId) && hasScheduled(run)) return false;
      if (followed) change(followed, { followedBy: run.runId });
      runs.set(name, { row, version: ++versions });
      facts.put(run, beside);
      return true;
    },
    async updateMail(run, version, mail) {
      const stored = runs.get(runName(run, run.runId));
      if (!stored || String(stored.version) !== version) return false;
      change(stored, encodeMail(mail));
      return true;
    },
    async deleteRun(run) {
      runs.delete(runName(run, run.runId));
      facts.delete(run);
    },
    // Here a first run is one before which there is none: nothing else remembers it.
    async deleteBeginning() {},

    ...createFakeAdvisories(),
    ...createFakeAlerts(),
    ...createFakeConfiguration(),
    ...createFakeStatuses(),
    ...createFakeWalks(),
    ...createFakeProductLists(),
  };
}

function snapshotName({ tenant, softwareId, runId }: SnapshotKey): string {
  return JSON.stringify([tenant, softwareId]) + runRowKey(runId);
}

function runName(chain: Chain, runId: RunId): string {
  return runPrefix(chain) + runRowKey(runId);
}

function runPrefix({ tenant, watchlist }: Chain): string {
  return JSON.stringify([tenant, watchlist.toLowerCase()]);
}

function storedRun({ tenant, watchlist, runId }: RunKey, { row, version }: Versioned): StoredRun {
  const key = { tenant, watchlist, runId };
  return { run: decodeRun(key, row, { table: "Runs", ...row }), version: String(version) };
}
