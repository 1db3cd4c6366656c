import { inspect } from "node:util";
import { TableClient } from "@azure/data-tables";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addDays } from "../../../shared/core/day.ts";
import type { Mail } from "../../../shared/core/mail.ts";
import type { RunKey } from "../../../shared/core/run.ts";
import type { Row } from "../../../shared/io/storage/row.ts";
import { encodeRun, encodeSnapshot } from "../../../shared/io/storage/rows.ts";
import { createStore } from "../../../shared/io/storage/tables.ts";
import { RowError } from "../../../shared/ports.ts";
import { createSimStore } from "../../sim/store.ts";
import { emulator } from "../../support/azurite.ts";
import { aKb, aSnapshot } from "../../support/builders.ts";
import { aChain } from "../../support/chains.ts";
import { createFakeStore } from "../../support/fake-store.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../../support/fault-proxy.ts";
import {
  faultyStores,
  odataFault,
  otherCodes,
  passingFaults,
  patience,
  uniqueTables,
} from "../../support/faulty-stores.ts";
import { fullRun, fullSnapshot } from "../../support/full-rows.ts";
import { aStoredRun, describeStore, pendingMail } from "../../support/store-contract.ts";
import { aLease, aRequest, aStatus } from "../../support/walks-contract.ts";

const tables = uniqueTables();
const snapshotsClient = () => client(tables.snapshotsTable);
const runsClient = () => client(tables.runsTable);

function client(table: string): TableClient {
  return TableClient.fromConnectionString(emulator().connectionString, table, { allowInsecureConnection: true });
}

describeStore("memory", createFakeStore);
describeStore("the simulation", createSimStore);
describeStore("Table Storage", () => createStore(emulator(), tables));

describe("the tables", () => {
  it("are created when first needed, by many at once", async () => {
    const fresh = uniqueTables();
    const stores = [1, 2, 3, 4, 5].map(() => createStore(emulator(), fresh));
    const read = stores.map((store) => store.latestSnapshot(aSnapshot()));
    const listed = stores.map((store) => store.listRuns(aChain()));
    const committed = stores.map((store) => store.commitRun(aStoredRun(), null));
    expect(await Promise.all(read)).toEqual([null, null, null, null, null]);
    await Promise.all(listed);
    expect((await Promise.all(committed)).filter(Boolean)).toHaveLength(1);
  });

  it("are called Snapshots, Runs, Watchlists and Walks by default, and keyed by tenant", async () => {
    const chain = { ...aChain(), watchlist: "Servers" };
    const { tenant } = chain;
    const store = createStore(emulator());
    await store.addSnapshot(aSnapshot({ tenant }));
    await store.commitRun(aStoredRun(chain), null);
    await store.saveStatus(aStatus(chain));
    await store.writeLease(tenant, aLease(), null);
    await store.addRequest(aRequest(chain));
    await store.saveBookmark(tenant, { day: "2026-11-23", isDone: true });
    const keys = [
      ["Snapshots", `${tenant}|microsoft-_-windows_10`, "2026-11-23"],
      ["Runs", `${tenant}|servers`, "2026-11-23"],
      ["Watchlists", "all", `${tenant}|servers`],
      ["Walks", tenant, "reader"],
      ["Walks", tenant, "asked|servers|2026-11-23T10:17Z"],
      ["Walks", tenant, "retention"],
    ] as const;
    for (const [table, partitionKey, rowKey] of keys) {
      expect(await client(table).getEntity(partitionKey, rowKey)).toMatchObject({ schemaVersion: 1 });
    }
  });

  it("hold a run's mail and totals in plain columns", async () => {
    const watchlist = `${crypto.randomUUID()} ä`;
    const failures = [{ softwareId: "x", reason: "Busy.", permanent: false, since: "2026-11-23", misses: 1 }];
    const store = createStore(emulator(), tables);
    await store.commitRun(aStoredRun({ watchlist, failures, previousRunId: "2026-11-22" }), null);
    const row = await runsClient().getEntity(`home|${watchlist.replace(" ä", "=20=C3=A4")}`, "2026-11-23");
    expect(row).toMatchObject({
      ...{ schemaVersion: 1, previousRunId: "2026-11-22" },
      ...{ openedAt: "2026-11-23T05:00:00.000Z", committedAt: "2026-11-23T05:04:00.000Z" },
      ...{ mailStatus: "pending", mailAt: "2026-11-23T05:04:00.000Z", mailAttempts: 0, mailUnknownOutcomes: 0 },
      ...{ new: 1n, worsened: 2n, improved: 3n, resolved: 4n, returned: 5n, baseline: 6n, read: 7n },
      ...{ notRead: 8n, missingKbs: 9n, missingInstalls: 3_000_000_000n },
      ...{ comparisons0: expect.any(String), failures0: expect.stringContaining("Busy.") },
    });
  });

  it("hold how many KBs a snapshot has in a plain column", async () => {
    const snapshot = aSnapshot({ tenant: crypto.randomUUID(), missingKbs: [aKb(), aKb({ id: "2" })] });
    await createStore(emulator(), tables).addSnapshot(snapshot);
    const row = await snapshotsClient().getEntity(`${snapshot.tenant}|microsoft-_-windows_10`, "2026-11-23");
    expect(row).toMatchObject({ schemaVersion: 1, missingKbCount: 2, missingKbs0: expect.stringContaining("5041585") });
  });

  it("show by which run a run was followed", async () => {
    const run = aStoredRun({ watchlist: crypto.randomUUID() });
    const store = createStore(emulator(), tables);
    await store.commitRun(run, null);
    await store.commitRun({ ...run, runId: "2026-11-24" }, await store.readRun(run, run.runId));
    expect(await runsClient().getEntity(`home|${run.watchlist}`, run.runId)).toMatchObject({
      followedBy: "2026-11-24",
    });
  });

  it("hold nothing of a watchlist once its runs and their beginning are deleted", async () => {
    const run = aStoredRun(aChain());
    const store = createStore(emulator(), tables);
    await store.commitRun(run, null);
    await store.deleteRun(run);
    const filter = `PartitionKey eq '${run.tenant}|default'`;
    const left = () => Array.fromAsync(runsClient().listEntities({ queryOptions: { filter } }));
    expect(await left()).toMatchObject([{ rowKey: "beginning", followedBy: run.runId }]);
    await store.deleteBeginning(run);
    expect(await left()).toEqual([]);
  });

  it("list more runs than one page holds", async () => {
    const watchlist = crypto.randomUUID();
    const runIds = Array.from({ length: 1_150 }, (_, n) => addDays("2023-01-01", n));
    await createStore(emulator(), tables).listRuns({ tenant: "home", watchlist });
    for (let n = 0; n < runIds.length; n += 100) {
      const rows = runIds.slice(n, n + 100).map((runId) => encodeRun(aStoredRun({ watchlist, runId })));
      await runsClient().submitTransaction(rows.map((row) => ["create", row]));
    }
    const listed = await createStore(emulator(), tables).listRuns({ tenant: "home", watchlist });
    expect(listed.map(({ runId }) => runId)).toEqual(runIds);
  });
});

describe("error codes that are only in the body", () => {
  it("are enough to notice a missing table, a missing row and a lost race", async () => {
    const proxy = await startFaultProxy(emulator().connectionString, "Table");
    const fresh = uniqueTables();
    const store = createStore(proxy.connection, fresh);
    expect(await store.readSnapshot(aSnapshot())).toBeNull();
    await store.addSnapshot(aSnapshot());
    await store.addSnapshot(aSnapshot());
    const wins = [await store.commitRun(aStoredRun(), null), await store.commitRun(aStoredRun(), null)];
    expect(wins).toEqual([true, false]);
    expect(await store.updateMail(aStoredRun(), 'W/"an older version"', pendingMail)).toBe(false);
    await store.deleteRun(aStoredRun());
    await store.deleteRun(aStoredRun());
    await proxy.close();
  });
});

describe("a query", () => {
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await startFaultProxy(emulator().connectionString, "Table");
  });
  afterAll(() => proxy.close());

  it("for runs brings only their plain columns", async () => {
    const run = fullRun({ watchlist: crypto.randomUUID() });
    const store = createStore(proxy.connection, tables);
    await store.commitRun(run, null);
    const before = proxy.requests.length;
    expect(await store.listRuns(run, "2026-11-20")).toHaveLength(1);
    const [query, ...others] = proxy.requests.slice(before);
    const { searchParams } = new URL(query?.path ?? "", "http://table");
    expect(searchParams.get("$filter")).toBe(
      `PartitionKey eq 'home|${run.watchlist}' and RowKey ge '2026-11-20' and RowKey lt ':'`,
    );
    expect(searchParams.get("$select")).toMatch(
      /^RowKey,schemaVersion,.*mailStatus,.*mailSince,.*missingInstalls,.*notRead$/,
    );
    expect(searchParams.get("$select")).not.toMatch(/comparisons|left|failures/);
    expect(others).toEqual([]);
  });

  it("for the snapshots of two runs is one, and brings no others", async () => {
    const tenant = crypto.randomUUID();
    const store = createStore(proxy.connection, tables);
    for (const runId of ["2026-11-22", "2026-11-22T10:17Z", "2026-11-23"]) {
      await store.addSnapshot(aSnapshot({ tenant, runId, missingKbs: [aKb()] }));
    }
    const before = proxy.requests.length;
    const snapshots = await store.readSnapshots(aSnapshot({ tenant }), ["2026-11-22", "2026-11-23"]);
    expect(snapshots.map(({ runId }) => runId)).toEqual(["2026-11-22", "2026-11-23"]);
    const [query, ...others] = proxy.requests.slice(before);
    expect(new URL(query?.path ?? "", "http://table").searchParams.get("$filter")).toMatch(
      / and RowKey ge '2026-11-22' and RowKey le '2026-11-23' and \(RowKey eq '2026-11-22' or RowKey eq '2026-11-23'\)$/,
    );
    expect(others).toEqual([]);
  });

  it("for the ids of a product's snapshots brings their keys alone", async () => {
    const snapshot = aSnapshot({ tenant: crypto.randomUUID() });
    const store = createStore(proxy.connection, tables);
    await store.addSnapshot(snapshot);
    const before = proxy.requests.length;
    expect(await store.listSnapshotIds(snapshot, "2026-11-24")).toEqual([snapshot.runId]);
    const [query, ...others] = proxy.requests.slice(before);
    const { searchParams } = new URL(query?.path ?? "", "http://table");
    expect(searchParams.get("$select")).toBe("RowKey");
    expect(searchParams.get("$filter")).toMatch(/ and RowKey lt '2026-11-24'$/);
    expect(others).toEqual([]);
  });

  it("for the latest snapshot looks at the keys of 40 days first, then reads one row", async () => {
    const snapshot = aSnapshot({ tenant: crypto.randomUUID(), runId: "2026-11-20" });
    const store = createStore(proxy.connection, tables);
    await store.addSnapshot(snapshot);
    const before = proxy.requests.length;
    await store.latestSnapshot({ ...snapshot, runId: "2026-11-23" });
    const [query, ...others] = proxy.requests.slice(before);
    const { searchParams } = new URL(query?.path ?? "", "http://table");
    expect(searchParams.get("$filter")).toMatch(/ and RowKey ge '2026-10-14' and RowKey lt '2026-11-23'$/);
    expect(searchParams.get("$select")).toBe("RowKey");
    expect(others).toHaveLength(1);
  });
});

describe("full rows", () => {
  const store = createStore(emulator(), tables);

  it("of 2,000 KBs come back as they went", async () => {
    const snapshot = fullSnapshot(2_000, { tenant: crypto.randomUUID() });
    await store.addSnapshot(snapshot);
    expect(await store.readSnapshot(snapshot)).toEqual(snapshot);
  });

  it("of 5,000 products are committed, followed and read", async () => {
    const run = fullRun({ watchlist: crypto.randomUUID() });
    expect(await store.commitRun(run, null)).toBe(true);
    const stored = await store.readRun(run, run.runId);
    expect(stored?.run).toEqual(run);
    expect(await store.commitRun({ ...run, runId: "2026-11-24" }, stored)).toBe(true);
  });
});

describe("a row that cannot be read", () => {
  const store = createStore(emulator(), tables);

  async function damaged(columns: Row) {
    const run = aStoredRun({
      watchlist: crypto.randomUUID(),
      comparisons: [{ softwareId: "x", previous: null, current: null }],
    });
    const snapshot = aSnapshot({ tenant: run.watchlist, missingKbs: [aKb()] });
    await store.commitRun(run, null);
    await store.addSnapshot(snapshot);
    const keys = { partitionKey: `home|${run.watchlist}`, rowKey: run.runId };
    await runsClient().updateEntity({ ...keys, ...columns }, "Merge");
    const snapshotKeys = { partitionKey: `${snapshot.tenant}|${snapshot.softwareId}`, rowKey: snapshot.runId };
    await snapshotsClient().updateEntity({ ...snapshotKeys, ...columns }, "Merge");
    return { run, snapshot };
  }

  it("was written by a newer version: it is refused wherever it is read, and the error names the upgrade", async () => {
    const { run, snapshot } = await damaged({ schemaVersion: 2 });
    const reads = [
      () => store.readRun(run, run.runId),
      () => store.listRuns(run),
      () => store.readSnapshot(snapshot),
      () => store.readSnapshots(snapshot, ["2026-11-22", snapshot.runId]),
      () => store.latestSnapshot({ ...snapshot, runId: "2026-11-24" }),
    ];
    for (const read of reads) {
      await expect(read()).rejects.toThrow(RowError);
      await expect(read()).rejects.toThrow("was written by a newer version of this app. Upgrade the app to read it.");
    }
    await expect(store.readRun(run, run.runId)).rejects.toThrow(
      `Row (home|${run.watchlist}, 2026-11-23) of table ${tables.runsTable} `,
    );
    await expect(store.readSnapshot(snapshot)).rejects.toThrow(
      `Row (${snapshot.tenant}|microsoft-_-windows_10, 2026-11-23) of table ${tables.snapshotsTable} `,
    );
  });

  it("has a key that is not a run id: the error names it, for a run and for a snapshot", async () => {
    const { run, snapshot } = await damaged({});
    const stranger = { rowKey: "2026-13", schemaVersion: 1 };
    await runsClient().createEntity({ ...encodeRun(run), ...stranger });
    await snapshotsClient().createEntity({ ...encodeSnapshot(snapshot), ...stranger });
    await expect(store.listRuns(run)).rejects.toThrow(`Row (home|${run.watchlist}, 2026-13) of table`);
    const newest = store.latestSnapshot({ ...snapshot, runId: "2026-11-22" });
    await expect(newest).resolves.toBeNull();
    expect(await store.listSnapshotIds(snapshot, "2027-01-01")).toEqual([snapshot.runId]);
  });

  it("is damaged: the error says what to do, and what is lost", async () => {
    const { run, snapshot } = await damaged({ day: "today" });
    await expect(store.readRun(run, run.runId)).rejects.toThrow(
      "Restore it from a backup, or delete it: its report and the mail it owes are then lost,",
    );
    await expect(store.readSnapshot(snapshot)).rejects.toThrow("Delete it: reports that need it then answer 410,");
  });

  const runDamages: Record<string, Row> = {
    "no known mail status": { mailStatus: "lost" },
    "no time": { mailAt: "yesterday" },
    "a total that is text": { new: "many" },
    "another kind of version": { schemaVersion: "one" },
    "a version before the first": { schemaVersion: 0 },
  };
  for (const [damage, columns] of Object.entries(runDamages)) {
    it(`is a run with ${damage}: the error names it, read or listed`, async () => {
      const { run } = await damaged(columns);
      const sentence = `Row (home|${run.watchlist}, 2026-11-23) of table ${tables.runsTable} is damaged`;
      await expect(store.readRun(run, run.runId)).rejects.toThrow(sentence);
      await expect(store.listRuns(run)).rejects.toThrow(sentence);
    });
  }

  const listDamages: Record<string, Row> = {
    "text that is not JSON": { comparisons0: "[", missingKbs0: "[[" },
    "JSON of another shape": { comparisons0: "{}", missingKbs0: "[[1]]" },
    "a list in the place of an object": { comparisons0: "[]", missingKbs0: '{"0":1}' },
    "more text than was written": { comparisons1: "x", missingKbs1: "]" },
    "fewer items than it should": {
      comparisons0: '{"ids":["x"],"of":[],"pairs":[],"lastReported":[],"heldBack":[]}',
      missingKbs0: "[]",
    },
  };
  for (const [damage, columns] of Object.entries(listDamages)) {
    it(`has a list with ${damage}: the error names it`, async () => {
      const { run, snapshot } = await damaged(columns);
      await expect(store.readRun(run, run.runId)).rejects.toThrow(/^Row .+ is damaged/);
      await expect(store.readSnapshot(snapshot)).rejects.toThrow(/^Row .+ is damaged/);
    });
  }
});

describe.concurrent("a fault on the way", { timeout: 20_000 }, () => {
  const { open: faulty, close } = faultyStores(tables);
  beforeAll(async () => {
    await straight.addSnapshot(aSnapshot({ tenant: crypto.randomUUID() }));
    await straight.listRuns(aChain());
  });
  afterAll(close);

  const straight = createStore(emulator(), tables);
  const claim: Mail = { ...pendingMail, status: "sending", attempts: 1 };

  async function committedRun() {
    const run = aStoredRun({ watchlist: crypto.randomUUID() });
    await straight.commitRun(run, null);
    return { run, stored: await readBack(run) };
  }

  async function readBack(run: RunKey) {
    const stored = await straight.readRun(run, run.runId);
    if (!stored) throw new Error(`No run ${run.runId} of ${run.watchlist}.`);
    return stored;
  }

  for (const [fault, fate] of Object.entries(passingFaults)) {
    const landed = typeof fate === "string" && fate.endsWith("after");

    it(`of ${fault} does not disturb adding, reading, listing or deleting`, async () => {
      const snapshot = aSnapshot({ tenant: crypto.randomUUID(), missingKbs: [aKb()] });
      await (await faulty([fate])).addSnapshot(snapshot);
      const { run } = await committedRun();
      const reads = [
        (await faulty([fate])).readSnapshot(snapshot),
        (await faulty(["pass", fate])).latestSnapshot({ ...snapshot, runId: "2026-11-24" }),
        (await faulty([fate])).listRuns(run),
      ];
      expect(await Promise.all(reads)).toEqual([snapshot, snapshot, [expect.objectContaining({ runId: run.runId })]]);
      await (await faulty([fate])).deleteSnapshot(snapshot);
      expect(await straight.readSnapshot(snapshot)).toBeNull();
    });

    it(`of ${fault} leaves a commit complete${landed ? ", though it looks like another's" : ""}`, async () => {
      const { run, stored } = await committedRun();
      const next = { ...run, runId: "2026-11-24" };
      expect(await (await faulty([fate])).commitRun(next, stored)).toBe(!landed);
      expect((await readBack(next)).run).toEqual(next);
    });

    it(`of ${fault} leaves our own mail update our own`, async () => {
      const { run, stored } = await committedRun();
      expect(await (await faulty([fate])).updateMail(run, stored.version, claim)).toBe(true);
      expect((await readBack(run)).run.mail).toEqual(claim);
    });
  }

  it("that hides our claim's answer does not hide that another claimed first", async () => {
    const { run, stored } = await committedRun();
    await straight.updateMail(run, stored.version, claim);
    expect(await (await faulty(["reset after"])).updateMail(run, stored.version, claim)).toBe(false);
  });

  it("of 500 for good fails with method, path and status after four calls", async () => {
    const store = await faulty([odataFault(500, "InternalError")], "forever");
    await expect(store.readRun(aStoredRun(), "2026-11-23")).rejects.toThrow(
      `Azure Storage returned 500 InternalError for GET /${tables.runsTable}(home|default, 2026-11-23).`,
    );
    expect(store.requests).toHaveLength(4);
  });

  it("of 429 without a time to wait fails at once: the queue's message brings the step back", async () => {
    const store = await faulty([odataFault(429, "TooManyRequests")]);
    const refused = store.addSnapshot(aSnapshot());
    await expect(refused).rejects.toThrow("Azure Storage returned 429 TooManyRequests for POST");
    await expect(refused).rejects.toMatchObject({ cause: { name: "RestError", statusCode: 429 } });
  });

  it("of a wait that is too long fails in time", async () => {
    const store = await faulty([odataFault(503, "ServerBusy", { "retry-after": "86400" })], "forever");
    await expect(store.readRun(aChain(), "2026-11-23")).rejects.toThrow(
      /^Azure Storage did not answer GET .* \(ETIMEDOUT\)\.$/,
    );
  });

  it("of silence for good fails after three tries", async () => {
    const store = await faulty(["hang"], "forever");
    const run = aStoredRun({ watchlist: crypto.randomUUID(), runId: "2026-11-23T10:17Z" });
    await expect(store.commitRun(run, null)).rejects.toThrow(
      `Azure Storage did not answer POST /$batch /${tables.runsTable}(home|${run.watchlist}, ${run.runId}) (ETIMEDOUT).`,
    );
    expect(store.requests).toHaveLength(3);
  });

  it("of half an answer is an error, never an empty answer", async () => {
    const half = await faulty([{ headers: { "content-type": "application/json" }, body: '{"value":[' }]);
    await expect(half.listRuns(aChain())).rejects.toThrow(/^Azure Storage returned 200 .*for GET/);
  });

  const silent: Record<string, string> = {
    nothing: "",
    "half of it": "--changesetresponse_1\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n--changesetresponse_1--",
    "a refusal without a reason":
      "--changesetresponse_1\r\n\r\nHTTP/1.1 412 \r\n\r\n--changesetresponse_1\r\n\r\nHTTP/1.1 204 \r\n\r\n--changesetresponse_1--",
  };
  for (const [what, body] of Object.entries(silent)) {
    it(`of a transaction's answer that contains ${what} is not taken for a commit`, async () => {
      const { run, stored } = await committedRun();
      const store = await faulty([{ status: 202, headers: { "content-type": "multipart/mixed" }, body }]);
      const commit = store.commitRun({ ...run, runId: "2026-11-24" }, stored);
      await expect(commit).rejects.toThrow("without saying whether it succeeded");
    });
  }

  it("of empty pages that are not the last does not hide what comes after", async () => {
    const { run } = await committedRun();
    // The emulator's own way to name the next page.
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const empty = (nextRowKey: string): Fault => ({
      headers: {
        "content-type": "application/json;odata=minimalmetadata",
        "x-ms-continuation-NextPartitionKey": base64(`home|${run.watchlist}`),
        "x-ms-continuation-NextRowKey": base64(nextRowKey),
      },
      body: '{"value":[]}',
    });
    const listed = await (await faulty([empty("2026-01-01"), empty("2026-01-02")])).listRuns(run);
    expect(listed.map(({ runId }) => runId)).toEqual([run.runId]);
  });

  for (const [status, code] of otherCodes) {
    it(`of ${status} ${code} is not taken for a row's state`, async () => {
      const { run, stored } = await committedRun();
      const store = await faulty([odataFault(status, code)], "forever");
      const calls = [
        () => store.addSnapshot(aSnapshot()),
        () => store.readSnapshot(aSnapshot()),
        () => store.commitRun({ ...run, runId: "2026-11-24" }, stored),
        () => store.updateMail(run, stored.version, claim),
        () => store.deleteRun(run),
      ];
      for (const call of calls) await expect(call()).rejects.toThrow(`Azure Storage returned ${status} ${code} for `);
    });
  }

  it("of a refused key says what to check, and leaks neither key nor signature", async () => {
    const { connectionString } = emulator();
    const wrong = Buffer.from("not the key of this account").toString("base64");
    const refused = createStore({
      kind: "connectionString",
      connectionString: connectionString.replace(/AccountKey=[^;]+/, `AccountKey=${wrong}`),
    });
    const error = await refused.readRun(aChain(), "2026-11-23").catch((thrown: unknown) => thrown);
    expect(inspect(error)).toMatch(/Azure Storage returned 403 AuthorizationFailure for GET .*Check REPORTER_STORAGE/);
    expect(inspect(error, { depth: 20 })).not.toMatch(/SharedKey|bm90IHRoZSBrZXk/);
  });

  it("does not leak a shared access signature", async () => {
    const endpoint = /TableEndpoint=[^;]+/.exec(emulator().connectionString)?.[0];
    const connectionString = `${endpoint};SharedAccessSignature=sv=2022-11-02&sig=c2VjcmV0&se=2030-01-01`;
    const refused = createStore({ kind: "connectionString", connectionString });
    const error = await refused.readRun(aChain(), "2026-11-23").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "StorageError", status: 403 });
    expect(inspect(error, { depth: 20 })).not.toContain("c2VjcmV0");
  });

  it("of a closed port is named", async () => {
    const gone = await startFaultProxy(emulator().connectionString, "Table");
    await gone.close();
    const read = createStore(gone.connection, { ...tables, patience }).readRun(aChain(), "2026-11-23");
    await expect(read).rejects.toThrow(/^Azure Storage did not answer GET .* \(ECONNREFUSED\)\.$/);
  });
});
