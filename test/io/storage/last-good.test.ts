import { randomBytes } from "node:crypto";
import { TableClient } from "@azure/data-tables";
import { afterAll, describe, expect, it } from "vitest";
import { createStore } from "../../../shared/io/storage/tables.ts";
import { type LastGood, type Store, TooLargeError } from "../../../shared/ports.ts";
import { createSimStore } from "../../sim/store.ts";
import { emulator } from "../../support/azurite.ts";
import { createFakeStore } from "../../support/fake-store.ts";
import { faultyStores, passingFaults, uniqueTables } from "../../support/faulty-stores.ts";
import { aStatus } from "../../support/walks-contract.ts";

const stores: [kind: string, open: () => Store][] = [
  ["memory", createFakeStore],
  ["the simulation", createSimStore],
  ["Table Storage", () => createStore(emulator(), uniqueTables())],
];

const servers: LastGood = { source: { name: "Servers 🏢", softwareIds: ["a-_-b"] }, since: null };
const edge: LastGood = { source: { name: "Edge" }, since: "2026-11-23T05:00:00.000Z" };

/** Entries that do not compress: about this many characters are stored. */
function random(characters: number): LastGood[] {
  const text = randomBytes((characters * 3) / 4).toString("latin1");
  return [{ source: { text }, since: null }];
}

describe.each(stores)("the last good watchlists in %s", (_, open) => {
  it("are null at first, then what was saved last", async () => {
    const store = open();
    expect(await store.readLastGood()).toBeNull();
    expect(await store.saveLastGood([servers, edge], null)).toBe(true);
    const first = await store.readLastGood();
    expect(first?.good).toEqual([servers, edge]);
    expect(await store.saveLastGood([], first?.version ?? "")).toBe(true);
    expect((await store.readLastGood())?.good).toEqual([]);
  });

  it("are not saved over those of another", async () => {
    const store = open();
    await store.saveLastGood([servers], null);
    const first = await store.readLastGood();
    expect(await store.saveLastGood([edge], null)).toBe(false);
    expect(await store.saveLastGood([edge], first?.version ?? "")).toBe(true);
    expect(await store.saveLastGood([servers], first?.version ?? "")).toBe(false);
    expect((await store.readLastGood())?.good).toEqual([edge]);
  });

  it("are 2,000 of a hundred products each, in full", async () => {
    const store = open();
    const softwareIds = Array.from({ length: 100 }, (_, n) => `microsoft-_-product_number_${n}`);
    const many = Array.from({ length: 2_000 }, (_, n): LastGood => {
      return { source: { name: `Customer ${n}`, softwareIds, mailTo: [`it@customer-${n}.example`] }, since: null };
    });
    expect(await store.saveLastGood(many, null)).toBe(true);
    expect((await store.readLastGood())?.good).toEqual(many);
  });

  it("take as many rows as they need, and fewer later", async () => {
    const store = open();
    const large = random(2_500_000);
    await store.saveLastGood(large, null);
    const first = await store.readLastGood();
    expect(first?.good).toEqual(large);
    await store.saveLastGood([servers], first?.version ?? "");
    const second = await store.readLastGood();
    expect(second?.good).toEqual([servers]);
    const larger = random(1_000_000);
    expect(await store.saveLastGood(larger, second?.version ?? "")).toBe(true);
    expect((await store.readLastGood())?.good).toEqual(larger);
  });

  it("are refused where they are too large, and the ones before are kept", async () => {
    const store = open();
    await store.saveLastGood([servers], null);
    const { version = "" } = (await store.readLastGood()) ?? {};
    const saved = Promise.resolve().then(() => store.saveLastGood(random(5_000_000), version));
    await expect(saved).rejects.toThrow(TooLargeError);
    expect((await store.readLastGood())?.good).toEqual([servers]);
  });

  it("are no watchlist's status", async () => {
    const store = open();
    const status = aStatus();
    await store.saveStatus(status);
    await store.saveLastGood([servers], null);
    expect(await store.listStatuses()).toEqual([status]);
  });
});

describe("the rows of the last good watchlists", () => {
  const tables = uniqueTables();
  const table = TableClient.fromConnectionString(emulator().connectionString, tables.watchlistsTable, {
    allowInsecureConnection: true,
  });
  const store = createStore(emulator(), tables);
  const faulty = faultyStores(tables);
  afterAll(() => faulty.close());

  it.each([{ text0: "damaged" }, { text0: JSON.stringify("damaged") }, { parts: -1 }, { schemaVersion: 2 }])(
    "count as none where they are damaged, and can be replaced: %j",
    async (columns) => {
      const before = await store.readLastGood();
      expect(await store.saveLastGood([servers], before?.version ?? null)).toBe(true);
      await table.updateEntity({ partitionKey: "configuration", rowKey: "last-good|0", ...columns }, "Merge");
      const damaged = await store.readLastGood();
      expect(damaged?.good).toEqual([]);
      expect(await store.saveLastGood([edge], damaged?.version ?? "")).toBe(true);
      expect((await store.readLastGood())?.good).toEqual([edge]);
    },
  );

  it.each(Object.entries(passingFaults))("are read in spite of %s", async (_, fault) => {
    const before = await store.readLastGood();
    expect((await (await faulty.open([fault])).readLastGood())?.good).toEqual(before?.good);
  });
});
