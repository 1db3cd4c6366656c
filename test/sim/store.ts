import type { Chain } from "../../shared/core/message.ts";
import { compareOpened, type Run, type RunKey, type RunSummary } from "../../shared/core/run.ts";
import { isScheduled, type RunId } from "../../shared/core/run-id.ts";
import type { Snapshot } from "../../shared/core/snapshot.ts";
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
import type { Store, StoredRun } from "../../shared/ports.ts";
import { createFakeAdvisories, createFakeAlerts, createFakeFacts } from "../support/fake-advisories.ts";
import { createFakeConfiguration } from "../support/fake-configuration.ts";
import { createFakeProductLists, createFakeStatuses, createFakeWalks } from "../support/fake-walks.ts";

interface StoredRow extends StoredRun {
  row: KeyedRow;
  summary: RunSummary;
}

/** Snapshots of one product, by run id and in the order of these. */
interface Shelf {
  ids: RunId[];
  byId: Map<RunId, Snapshot>;
}

/** Runs of one watchlist, in the order in which they were opened. */
type Runs = StoredRow[];

/**
 * A store in memory with the real one's contract and rows. What is written goes through its row once, so a read costs
 * nothing, and what is read must not be changed.
 */
export function createSimStore(): Store {
  const snapshots = new Map<string, Shelf>();
  const runs = new Map<string, Runs>();
  const facts = createFakeFacts();
  let versions = 0;

  const product = (tenant: string, softwareId: string) =>
    getOrMake(snapshots, `${tenant}\n${softwareId}`, () => ({ ids: [], byId: new Map() }));
  const runsOf = ({ tenant, watchlist }: Chain) => getOrMake(runs, `${tenant}\n${watchlist.toLowerCase()}`, () => []);
  const find = (chain: Chain, id: RunId) => {
    const runId = runRowKey(id);
    return runsOf(chain).find(({ run }) => run.runId === runId);
  };

  function addRun({ tenant, watchlist, runId }: RunKey, row: KeyedRow): void {
    const run: Run = decodeRun({ tenant, watchlist, runId }, row, { table: "Runs", ...row });
    const { comparisons: _comparisons, left: _left, failures: _failures, ...summary } = run;
    const ordered = runsOf(run);
    ordered.push({ run, version: String(++versions), row, summary });
    const before = ordered.at(-2);
    if (before && compareOpened(before.run, run) > 0) ordered.sort((a, b) => compareOpened(a.run, b.run));
  }

  function change(stored: StoredRow, columns: Row): void {
    const row = { ...stored.row, ...columns };
    const { mail } = decodeSummary(stored.run, row, { table: "Runs", ...row });
    const [run, summary] = [
      { ...stored.run, mail },
      { ...stored.summary, mail },
    ];
    Object.assign(stored, { row, run, summary, version: String(++versions) });
  }

  return {
    readSnapshot: async ({ tenant, softwareId, runId }) =>
      product(tenant, softwareId).byId.get(runRowKey(runId)) ?? null,
    async readSnapshots({ tenant, softwareId }, runIds) {
      const { byId } = product(tenant, softwareId);
      return runIds
        .map(runRowKey)
        .sort()
        .flatMap((runId) => byId.get(runId) ?? []);
    },
    async listSnapshots({ tenant, softwareId }, from, to) {
      const [first, last] = [runRowKey(from), runRowKey(to)];
      return listed(product(tenant, softwareId), (runId) => runId >= first && runId <= last);
    },
    async latestSnapshot({ tenant, softwareId, runId }) {
      const before = runRowKey(runId);
      return listed(product(tenant, softwareId), (id) => id < before).at(-1) ?? null;
    },
    async addSnapshot(snapshot) {
      const { tenant, softwareId, runId } = snapshot;
      const shelf = product(tenant, softwareId);
      const row = encodeSnapshot(snapshot);
      if (shelf.byId.has(runId)) return false;
      put(shelf, runId, decodeSnapshot(snapshot, row, { table: "Snapshots", ...row }));
      return true;
    },
    async deleteSnapshot({ tenant, softwareId, runId }) {
      remove(product(tenant, softwareId), runId);
    },
    async listSnapshotIds({ tenant, softwareId }, before) {
      const below = runRowKey(before);
      return product(tenant, softwareId).ids.filter((runId) => runId < below);
    },
    async readRun(chain, runId) {
      const stored = find(chain, runId);
      return stored ? { run: named(stored.run, chain), version: stored.version } : null;
    },
    async listRuns(chain, from = "0000-01-01") {
      const first = runRowKey(from);
      return runsOf(chain).flatMap(({ summary }) => (summary.runId >= first ? [named(summary, chain)] : []));
    },
    readFacts: facts.read,
    async commitRun(run, follows, given) {
      const runId = runRowKey(run.runId);
      const row = encodeRun(run);
      const beside = facts.encode(run, given);
      const followed = follows && find(run, follows.run.runId);
      if (find(run, runId) || (follows && followed?.version !== follows.version)) return false;
      if (!follows && isScheduled(runId) && runsOf(run).some((one) => isScheduled(one.run.runId))) return false;
      if (followed) change(followed, { followedBy: runId });
      addRun(run, row);
      facts.put(run, beside);
      return true;
    },
    async updateMail(run, version, mail) {
      const stored = find(run, run.runId);
      if (stored?.version !== version) return false;
      change(stored, encodeMail(mail));
      return true;
    },
    async deleteRun(run) {
      const at = runsOf(run).findIndex(({ run: { runId } }) => runId === run.runId);
      if (at >= 0) runsOf(run).splice(at, 1);
      facts.delete(run);
    },
    // A first run is one before which there is none: nothing else remembers it.
    async deleteBeginning() {},

    ...createFakeAdvisories(),
    ...createFakeAlerts(),
    ...createFakeConfiguration(),
    ...createFakeStatuses(),
    ...createFakeWalks(),
    ...createFakeProductLists(),
  };
}

/** The same run under the name that was asked for, as the real store gives it. */
function named<T extends Chain>(run: T, { watchlist }: Chain): T {
  return run.watchlist === watchlist ? run : { ...run, watchlist };
}

function getOrMake<T>(map: Map<string, T>, name: string, make: () => T): T {
  const known = map.get(name);
  if (known !== undefined) return known;
  const made = make();
  map.set(name, made);
  return made;
}

function put({ ids, byId }: Shelf, runId: RunId, snapshot: Snapshot): void {
  const last = ids.at(-1);
  ids.push(runId);
  if (last !== undefined && last > runId) ids.sort();
  byId.set(runId, snapshot);
}

function remove({ ids, byId }: Shelf, runId: RunId): void {
  if (byId.delete(runId)) ids.splice(ids.indexOf(runId), 1);
}

function listed({ ids, byId }: Shelf, isWanted: (runId: RunId) => boolean): Snapshot[] {
  return ids.filter(isWanted).flatMap((runId) => byId.get(runId) ?? []);
}
