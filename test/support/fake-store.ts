import { compareOpened } from "../../shared/core/run.ts";
import { isScheduled } from "../../shared/core/run-id.ts";
import {
  decodeRun,
  decodeSnapshot,
  decodeSummary,
  encodeMail,
  encodeRun,
  encodeSnapshot,
  type KeyedRow,
  type Row,
  runRowKey,
} from "../../shared/io/storage/rows.ts";
import type { SnapshotKey, Store, StoredRun } from "../../shared/ports.ts";

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
  // A row that is deleted and written again is not the row it was.
  let versions = 0;

  const change = (stored: Versioned, columns: Row) => {
    Object.assign(stored.row, columns);
    stored.version = ++versions;
  };
  const hasScheduled = (watchlist: string) =>
    [...runs].some(([name, { row }]) => name === runName(watchlist, row.rowKey) && isScheduled(row.rowKey));
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
    async readRun(watchlist, runId) {
      const stored = runs.get(runName(watchlist, runId));
      return stored ? storedRun({ watchlist, runId }, stored) : null;
    },
    async listRuns(watchlist, from = "0000-01-01") {
      const first = runName(watchlist, from);
      const prefix = first.slice(0, -from.length);
      const names = [...runs.keys()].filter((name) => name.startsWith(prefix) && name >= first).sort();
      const summaries = names.flatMap((name) => {
        const row = runs.get(name)?.row;
        return row ? [decodeSummary({ watchlist, runId: row.rowKey }, row, { table: "Runs", ...row })] : [];
      });
      return summaries.sort(compareOpened);
    },
    async commitRun(run, follows) {
      const name = runName(run.watchlist, run.runId);
      const row = encodeRun(run);
      const followed = follows && runs.get(runName(run.watchlist, follows.run.runId));
      if (runs.has(name) || (follows && String(followed?.version) !== follows.version)) return false;
      if (!follows && isScheduled(run.runId) && hasScheduled(run.watchlist)) return false;
      if (followed) change(followed, { followedBy: run.runId });
      runs.set(name, { row, version: ++versions });
      return true;
    },
    async updateMail({ watchlist, runId }, version, mail) {
      const stored = runs.get(runName(watchlist, runId));
      if (!stored || String(stored.version) !== version) return false;
      change(stored, encodeMail(mail));
      return true;
    },
    async deleteRun(watchlist, runId) {
      runs.delete(runName(watchlist, runId));
    },
  };
}

function snapshotName({ tenant, softwareId, runId }: SnapshotKey): string {
  return JSON.stringify([tenant, softwareId]) + runRowKey(runId);
}

function runName(watchlist: string, runId: string): string {
  return JSON.stringify([watchlist.toLowerCase()]) + runRowKey(runId);
}

function storedRun(key: { watchlist: string; runId: string }, { row, version }: Versioned): StoredRun {
  return { run: decodeRun(key, row, { table: "Runs", ...row }), version: String(version) };
}
