import { TableClient } from "@azure/data-tables";
import fc from "fast-check";
import { afterAll, describe, expect, it, test } from "vitest";
import { type Advisory, feedNames, type MsrcKb, restarts, severities } from "../../../shared/core/advisory.ts";
import {
  decodeKev,
  decodeMonth,
  decodeState,
  encodeKev,
  encodeMonth,
  encodeState,
} from "../../../shared/io/storage/advisory-rows.ts";
import { decodeAlert, encodeAlert } from "../../../shared/io/storage/alert-rows.ts";
import { decodeFacts, encodeFacts } from "../../../shared/io/storage/facts-rows.ts";
import { runPartition } from "../../../shared/io/storage/rows.ts";
import { createStore } from "../../../shared/io/storage/tables.ts";
import { RowError } from "../../../shared/ports.ts";
import { createSimStore } from "../../sim/store.ts";
import {
  aMonth,
  anAlert,
  describeAdvisories,
  describeAlerts,
  describeFacts,
  someFacts,
  someKev,
  someState,
} from "../../support/advisories-contract.ts";
import { anyCount, anyDay, anyInstant, anyMail, anyText, expectStorable } from "../../support/any-rows.ts";
import { emulator } from "../../support/azurite.ts";
import { aMsrcKb } from "../../support/builders.ts";
import { aChain } from "../../support/chains.ts";
import { createFakeStore } from "../../support/fake-store.ts";
import { faultyStores, passingFaults, uniqueTables } from "../../support/faulty-stores.ts";
import { fullRun } from "../../support/full-rows.ts";
import { aStoredRun } from "../../support/store-contract.ts";

const tables = uniqueTables();
const runs = client(tables.runsTable);

function client(table: string): TableClient {
  return TableClient.fromConnectionString(emulator().connectionString, table, { allowInsecureConnection: true });
}

for (const describeAll of [describeFacts, describeAlerts, describeAdvisories]) {
  describeAll("memory", createFakeStore);
  describeAll("the simulation", createSimStore);
}
describeFacts("Table Storage", () => createStore(emulator(), tables));
describeAlerts("Table Storage", () => createStore(emulator(), tables));
describeAdvisories("Table Storage", () => createStore(emulator(), uniqueTables()));

describe("the rows", () => {
  const store = createStore(emulator(), tables);
  const faulty = faultyStores(tables);
  afterAll(() => faulty.close());

  async function keysOf(chain: Parameters<typeof runPartition>[0]): Promise<string[]> {
    const filter = `PartitionKey eq '${runPartition(chain)}'`;
    const keys: string[] = [];
    for await (const { rowKey } of runs.listEntities({ queryOptions: { filter } })) keys.push(rowKey ?? "");
    return keys;
  }

  test("are beside their run, and in a table Advisories", async () => {
    const chain = aChain();
    const named = createStore(emulator());
    await store.commitRun(aStoredRun(chain), null, someFacts());
    await store.addAlert(anAlert(chain));
    const keys = ["2026-11-23", "alert|CVE-2026-20001", "beginning", "facts|2026-11-23|0"];
    expect(await keysOf(chain)).toEqual(keys);
    await named.saveMonth(aMonth());
    await named.saveFeed("msrc", someState);
    await named.saveKev(someKev, someState);
    const places = [
      ["msrc", "2026-Nov"],
      ["msrc", "state"],
      ["kev", "catalogue"],
    ] as const;
    for (const [partitionKey, rowKey] of places) {
      expect(await client("Advisories").getEntity(partitionKey, rowKey)).toMatchObject({ schemaVersion: 1 });
    }
  });

  test("of the largest run with many facts fit into one transaction", async () => {
    const run = fullRun(aChain());
    const ids = Array.from({ length: 50_000 }, (_, n) => `${4_000_000 + n * 7}`);
    const [advisory = null] = [...someFacts().advisories.values()];
    const facts = someFacts(Object.fromEntries(ids.map((id) => [id, advisory])));
    expect(await store.commitRun(run, null, facts)).toBe(true);
    expect(await store.readFacts(run)).toEqual(facts);
  });

  test("of facts are replaced by those of a run that is committed again after a person deleted it", async () => {
    const run = aStoredRun({ ...aChain(), runId: "2026-11-23T10:17Z" });
    await store.commitRun(run, null, someFacts({ "5079999": null }));
    await runs.deleteEntity(runPartition(run), run.runId);
    expect(await store.commitRun(run, null, someFacts())).toBe(true);
    expect(await store.readFacts(run)).toEqual(someFacts());
  });

  test("of facts are deleted where a person deleted the run, and with the beginning of its watchlist", async () => {
    const run = aStoredRun(aChain());
    const onDemand = { ...run, runId: "2026-11-24T10:17Z" };
    for (const one of [run, onDemand]) {
      await store.commitRun(one, null, someFacts());
      await runs.deleteEntity(runPartition(one), one.runId);
    }
    await store.deleteRun(run);
    expect(await keysOf(run)).toEqual(["beginning", "facts|2026-11-24T10:17Z|0"]);
    await store.deleteBeginning(run);
    expect(await keysOf(run)).toEqual([]);
  });

  test.each([{ text0: "damaged" }, { parts: -1 }, { parts: 3 }])(
    "of facts that are damaged are named, and go with their run: %j",
    async (columns) => {
      const run = aStoredRun(aChain());
      await store.commitRun(run, null, someFacts());
      const [partitionKey, rowKey] = [runPartition(run), "facts|2026-11-23|0"];
      await runs.updateEntity({ partitionKey, rowKey, text1: "", ...columns }, "Merge");
      const read = store.readFacts(run);
      await expect(read).rejects.toThrow(RowError);
      await expect(read).rejects.toThrow(`Row (${partitionKey}, ${rowKey}) of table ${tables.runsTable} is damaged`);
      await store.deleteRun(run);
      expect(await keysOf(run)).toEqual(["beginning"]);
    },
  );

  test("of facts whose first one is missing are damaged too", async () => {
    const run = aStoredRun(aChain());
    await store.commitRun(run, null, someFacts());
    const row = await runs.getEntity(runPartition(run), "facts|2026-11-23|0");
    await runs.createEntity({ ...row, partitionKey: runPartition(run), rowKey: "facts|2026-11-23|1" });
    await runs.deleteEntity(runPartition(run), "facts|2026-11-23|0");
    await expect(store.readFacts(run)).rejects.toThrow(RowError);
  });

  test("of an alert that is damaged are named", async () => {
    const alert = anAlert();
    await store.addAlert(alert);
    const [partitionKey, rowKey] = [runPartition(alert), "alert|CVE-2026-20001"];
    await runs.updateEntity({ partitionKey, rowKey, sources: "someone" }, "Merge");
    for (const read of [store.readAlert(alert), store.listAlerts(alert)]) {
      await expect(read).rejects.toThrow(`(${partitionKey}, ${rowKey}) of table ${tables.runsTable} is damaged`);
    }
  });

  test("of a month that is damaged is left out, and those of a state or catalogue as if they were never saved", async () => {
    const fresh = uniqueTables();
    const own = createStore(emulator(), fresh);
    for (const id of ["2026-Nov", "2026-Oct"]) await own.saveMonth(aMonth({ id }));
    await own.saveFeed("msrc", someState);
    await own.saveKev(someKev, someState);
    const advisories = client(fresh.advisoriesTable);
    await advisories.updateEntity({ partitionKey: "msrc", rowKey: "2026-Oct", facts0: "[" }, "Merge");
    await advisories.updateEntity({ partitionKey: "msrc", rowKey: "state", readAt: "yesterday" }, "Merge");
    await advisories.updateEntity({ partitionKey: "kev", rowKey: "catalogue", entries0: "{}" }, "Merge");
    expect(await own.readAdvisories()).toEqual({
      ...{ months: [aMonth()], msrc: { validators: {}, readAt: null } },
      ...{ kev: { ...someState, validators: {} }, exploited: null },
    });
  });

  test.each(Object.entries(passingFaults))("are committed and deleted in spite of %s", async (_, fault) => {
    const run = aStoredRun(aChain());
    const committing = await faulty.open([fault]);
    // After a lost answer a commit looks like another's; the caller reads the run and finds its own.
    await committing.commitRun(run, null, someFacts());
    expect(await store.readFacts(run)).toEqual(someFacts());
    // The first request of a deletion lists the facts.
    const deleting = await faulty.open(["pass", fault]);
    await deleting.deleteRun(run);
    expect(await keysOf(run)).toEqual(["beginning"]);
  });
});

describe("rows of any facts, alerts and feeds", () => {
  const place = { table: "Runs", partitionKey: "p", rowKey: "facts|2026-11-23|0" };
  const anyReadAt = fc.record({ msrc: fc.option(anyInstant), kev: fc.option(anyInstant) });
  const anyExploited = fc.record({
    ...{ cve: anyText, sources: fc.subarray([...feedNames], { minLength: 1 }) },
    ...{ since: fc.option(anyDay), ransomware: fc.boolean() },
  });
  const anySaid = {
    released: anyDay,
    severity: fc.option(fc.constantFrom(...severities)),
    restart: fc.option(fc.constantFrom(...restarts)),
    supersedes: fc.array(anyText, { maxLength: 3 }),
    hotpatch: fc.boolean(),
  };
  const anyAdvisory: fc.Arbitrary<Advisory> = fc.record({
    ...anySaid,
    exploited: fc.array(anyExploited, { maxLength: 3 }),
  });
  const anyCves = fc.array(anyText, { maxLength: 3 });
  const anyMsrcKb: fc.Arbitrary<MsrcKb> = fc.record({
    ...anySaid,
    ...{ id: anyText, cves: anyCves, exploitedCves: anyCves },
  });
  const wellFormed = <T>(value: T): T => JSON.parse(JSON.stringify(value));

  test("are read as they were written", () => {
    const anyFacts = fc.array(fc.tuple(anyText, fc.option(anyAdvisory)), { maxLength: 5 });
    fc.assert(
      fc.property(anyFacts, anyReadAt, (advisories, readAt) => {
        const facts = { advisories: new Map(advisories), readAt };
        const rows = encodeFacts(aStoredRun(), facts);
        for (const row of rows) expectStorable(row);
        expect(decodeFacts(rows, place)).toEqual(facts);
      }),
    );
    fc.assert(
      fc.property(fc.array(anyMsrcKb, { maxLength: 4 }), anyText, (kbs, changedAt) => {
        const month = { id: "2026-Nov", changedAt, kbs };
        const row = encodeMonth(month);
        expectStorable(row);
        expect(decodeMonth(row)).toEqual(wellFormed(month));
      }),
    );
    const anyGap = fc.record({
      ...{ id: anyText, name: anyText, url: fc.option(anyText), softwareId: anyText },
      ...{ machineMissedOn: anyCount, firstSeen: anyDay, readOn: anyDay },
    });
    fc.assert(
      fc.property(fc.array(anyGap, { maxLength: 3 }), anyExploited, anyMail, (gaps, exploited, mail) => {
        const alert = anAlert({ ...exploited, gaps, mail });
        const row = encodeAlert(alert);
        expectStorable(row);
        expect(decodeAlert(alert, row, { ...place, ...row })).toEqual(alert);
      }),
    );
  });

  test("of states are read as they were written, with long reasons cut", () => {
    const anyFault = fc.record({ reason: anyText, since: anyInstant });
    const anyState = fc.record(
      {
        validators: fc.record(
          { etag: fc.constant('"1"'), lastModified: fc.constant("Mon"), digest: fc.constant("q1_-") },
          { requiredKeys: [] },
        ),
        ...{ readAt: fc.option(anyInstant), fault: anyFault },
      },
      { requiredKeys: ["validators", "readAt"] },
    );
    fc.assert(
      fc.property(anyState, (state) => {
        expect(decodeState(encodeState("msrc", state))).toEqual(state);
        expect(decodeKev(encodeKev(someKev, state))).toEqual({ kev: state, exploited: someKev });
      }),
    );
    const fault = { reason: "x".repeat(1_000), since: "2026-11-23T03:17:00.000Z" };
    expect(decodeState(encodeState("kev", { ...someState, fault })).fault?.reason).toHaveLength(300);
  });

  test("of a large month, and of KEV in twenty years, are storable", () => {
    const cves = Array.from({ length: 2_000 }, (_, n) => `CVE-2026-${20_000 + n}`);
    const kbs = Array.from({ length: 100 }, (_, n) => aMsrcKb(`${5_070_000 + n}`, { cves: cves.slice(n, n + 500) }));
    expectStorable(encodeMonth(aMonth({ kbs })));
    const kev = Array.from({ length: 6_000 }, (_, n) => ({
      ...{ cve: `CVE-2026-${20_000 + n}`, since: "2026-11-23", ransomware: true },
    }));
    expectStorable(encodeKev(kev, someState));
  });

  test("of a state with more KBs than fit forget them", () => {
    const notFound = Array.from({ length: 100_000 }, (_, n) => ({ id: `${5_000_000 + n}`, months: ["2026-Nov"] }));
    const row = encodeState("msrc", { ...someState, notFound });
    expectStorable(row);
    expect(decodeState(row)).toEqual(someState);
  });
});

it.each(["Nov-2026", "2026-Nov ", "state"])("a row %j is none of a month", (rowKey) => {
  expect(decodeMonth({ ...encodeMonth(aMonth()), rowKey })).toBeNull();
});
