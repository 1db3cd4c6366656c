import { TableClient } from "@azure/data-tables";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Row } from "../../../shared/io/storage/row.ts";
import { encodeStatus } from "../../../shared/io/storage/status-row.ts";
import { createStore } from "../../../shared/io/storage/tables.ts";
import { RowError } from "../../../shared/ports.ts";
import { createSimStore } from "../../sim/store.ts";
import { emulator } from "../../support/azurite.ts";
import { createFakeStore } from "../../support/fake-store.ts";
import { faultyStores, odataFault, otherCodes, passingFaults, uniqueTables } from "../../support/faulty-stores.ts";
import {
  aLease,
  anEmptyStatus,
  aProductList,
  aRequest,
  aStatus,
  describeProductLists,
  describeStatuses,
  describeWalks,
} from "../../support/walks-contract.ts";

const tables = uniqueTables();
const store = createStore(emulator(), tables);

for (const describeContract of [describeStatuses, describeWalks, describeProductLists]) {
  describeContract("memory", createFakeStore);
  describeContract("the simulation", createSimStore);
  describeContract("Table Storage", () => createStore(emulator(), tables));
}

function client(table: string): TableClient {
  return TableClient.fromConnectionString(emulator().connectionString, table, { allowInsecureConnection: true });
}

const bookmark = { day: "2026-11-23", isDone: false, after: "microsoft-_-windows_10" };

describe("the statuses of all watchlists", () => {
  it("are listed over all pages, whatever their tenants", async () => {
    const fresh = uniqueTables();
    const many = createStore(emulator(), fresh);
    expect(await many.listStatuses()).toEqual([]);
    const statuses = Array.from({ length: 1_150 }, (_, n) => {
      return anEmptyStatus({ tenant: `t${n % 7}`, watchlist: `w${n}`, removedOn: "2026-11-23" });
    });
    for (let n = 0; n < statuses.length; n += 100) {
      const rows = statuses.slice(n, n + 100).map(encodeStatus);
      await client(fresh.watchlistsTable).submitTransaction(rows.map((row) => ["create", row]));
    }
    const listed = await many.listStatuses();
    expect(listed).toHaveLength(1_150);
    expect(new Set(listed.map(({ watchlist }) => watchlist))).toEqual(new Set(statuses.map((one) => one.watchlist)));
  });

  it("cost one query", async () => {
    const { open, close } = faultyStores(tables);
    const counted = await open([]);
    await counted.listStatuses();
    expect(counted.requests).toHaveLength(1);
    await close();
  });

  const damages: Record<string, Row> = {
    "from a newer version": { schemaVersion: 2 },
    "whose totals are not JSON": { totals0: "{" },
    "whose mails are of another shape": { open0: "[1]" },
    "without a known day": { removedOn: "tomorrow" },
  };
  for (const [damage, columns] of Object.entries(damages)) {
    it(`list one ${damage} with its names alone, and the others as they are, until it is saved again`, async () => {
      const [damaged, sound] = [aStatus(), aStatus()];
      await store.saveStatus(damaged);
      await store.saveStatus(sound);
      const keys = { partitionKey: "all", rowKey: `${damaged.tenant}|default` };
      await client(tables.watchlistsTable).updateEntity({ ...keys, ...columns }, "Merge");
      const listed = await store.listStatuses();
      expect(listed).toContainEqual(anEmptyStatus({ tenant: damaged.tenant }));
      expect(listed).toContainEqual(sound);
      await store.saveStatus(damaged);
      expect(await store.listStatuses()).toContainEqual(damaged);
    });
  }

  it("leave out one without names", async () => {
    const sound = aStatus();
    await store.saveStatus(sound);
    await client(tables.watchlistsTable).createEntity({ partitionKey: "all", rowKey: "stranger", schemaVersion: 1 });
    const listed = await store.listStatuses();
    expect(listed).toContainEqual(sound);
    expect(listed.map(({ tenant }) => tenant)).not.toContain(undefined);
  });
});

describe("a row of a tenant that cannot be read", () => {
  const walks = () => client(tables.walksTable);

  it("is a lease: it has ended, and counts as if the calls of every quota had just been made", async () => {
    const tenant = crypto.randomUUID();
    await store.writeLease(tenant, aLease(), null);
    await walks().updateEntity({ partitionKey: tenant, rowKey: "reader", usage0: "[" }, "Merge");
    const found = await store.readLease(tenant);
    expect(found).toMatchObject({ isDamaged: true, lease: { owner: "", until: "1970-01-01T00:00:00.000Z" } });
    expect(found?.lease.usage.calls.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThanOrEqual(100_000);
    const version = await store.writeLease(tenant, aLease(), found?.version ?? null);
    expect(await store.readLease(tenant)).toEqual({ lease: aLease(), version });
  });

  it("is a lease that a newer version wrote: the error names it and says what to do", async () => {
    const tenant = crypto.randomUUID();
    await store.writeLease(tenant, aLease(), null);
    await walks().updateEntity({ partitionKey: tenant, rowKey: "reader", schemaVersion: 2 }, "Merge");
    await expect(store.readLease(tenant)).rejects.toThrow(RowError);
    await expect(store.readLease(tenant)).rejects.toThrow("Upgrade the app to read it.");
  });

  it("is a run asked for: the others are listed, and the error names it when it is asked about", async () => {
    const damaged = aRequest();
    const sound = aRequest({ tenant: damaged.tenant, watchlist: "other" });
    await store.addRequest(damaged);
    await store.addRequest(sound);
    const rowKey = "asked|default|2026-11-23T10:17Z";
    await walks().updateEntity({ partitionKey: damaged.tenant, rowKey, openedAt: "now" }, "Merge");
    expect(await store.listRequests(damaged.tenant)).toEqual([sound]);
    await expect(store.readRequest(damaged)).rejects.toThrow(
      `Row (${damaged.tenant}, ${rowKey}) of table ${tables.walksTable} is damaged and cannot be read. Delete it, and ask`,
    );
  });

  it("is a bookmark: retention begins the day again", async () => {
    const tenant = crypto.randomUUID();
    await store.saveBookmark(tenant, bookmark);
    await walks().updateEntity({ partitionKey: tenant, rowKey: "retention", day: "today" }, "Merge");
    expect(await store.readBookmark(tenant)).toBeNull();
    await store.saveBookmark(tenant, bookmark);
    expect(await store.readBookmark(tenant)).toEqual(bookmark);
  });
});

describe.concurrent("a fault on the way to a tenant's rows", { timeout: 20_000 }, () => {
  const { open: faulty, close } = faultyStores(tables);
  beforeAll(async () => {
    await store.writeLease(crypto.randomUUID(), aLease(), null);
    await store.listStatuses();
  });
  afterAll(close);

  for (const [fault, fate] of Object.entries(passingFaults)) {
    it(`of ${fault} leaves a lease that we took or renewed our own`, async () => {
      const tenant = crypto.randomUUID();
      const taken = await (await faulty([fate])).writeLease(tenant, aLease(), null);
      expect(await store.readLease(tenant)).toEqual({ lease: aLease(), version: taken });
      const renewed = await (await faulty([fate])).writeLease(tenant, aLease({ reserved: 1 }), taken);
      expect(await store.readLease(tenant)).toEqual({ lease: aLease({ reserved: 1 }), version: renewed });
    });

    it(`of ${fault} leaves a run asked for, mailed, dropped and deleted as it should be`, async () => {
      const request = aRequest();
      await (await faulty([fate])).addRequest(request);
      await (await faulty(["pass", fate])).addRequest({ ...request, mail: true });
      expect(await store.readRequest(request)).toEqual({ ...request, mail: true });
      await (await faulty([fate])).dropRequest(request, "Too late.");
      const listed = await (await faulty([fate])).listRequests(request.tenant);
      expect(listed).toEqual([{ ...request, mail: true, dropped: "Too late." }]);
      await (await faulty([fate])).deleteRequest(request);
      expect(await store.readRequest(request)).toBeNull();
    });

    it(`of ${fault} leaves a status and a bookmark as they were saved`, async () => {
      const status = aStatus();
      await (await faulty([fate])).saveStatus(status);
      await (await faulty([fate])).saveBookmark(status.tenant, bookmark);
      expect(await (await faulty([fate])).listStatuses()).toContainEqual(status);
      expect(await (await faulty([fate])).readBookmark(status.tenant)).toEqual(bookmark);
      await (await faulty([fate])).deleteStatus(status);
      expect(await store.listStatuses()).not.toContainEqual(status);
    });
  }

  it("that hides the answer to our lease does not hide that another took it first", async () => {
    const tenant = crypto.randomUUID();
    const version = await store.writeLease(tenant, aLease({ owner: "another" }), null);
    // The same lease in every field but for who wrote it.
    const same = aLease({ owner: "another" });
    expect(await (await faulty(["reset after"])).writeLease(tenant, same, null)).toBeNull();
    await store.writeLease(tenant, same, version);
    expect(await (await faulty(["reset after"])).writeLease(tenant, same, version)).toBeNull();
  });

  it("that hides our lease's answer until another has taken it leaves it to the other", async () => {
    const tenant = crypto.randomUUID();
    const version = await store.writeLease(tenant, aLease(), null);
    const slow = (await faulty(["hang after"])).writeLease(tenant, aLease({ owner: "slow" }), version);
    await expect.poll(async () => (await store.readLease(tenant))?.lease.owner).toBe("slow");
    const ours = await store.readLease(tenant);
    const taken = await store.writeLease(tenant, aLease({ owner: "another" }), ours?.version ?? null);
    expect(await slow).toBeNull();
    expect(await store.readLease(tenant)).toEqual({ lease: aLease({ owner: "another" }), version: taken });
  });

  it("of a request that is deleted while it is asked for again leaves it asked for", async () => {
    const request = aRequest({ mail: true });
    await store.addRequest(request);
    // The first answer says that it exists; the merge then finds none.
    const again = await faulty([odataFault(409, "EntityAlreadyExists"), odataFault(404, "ResourceNotFound")]);
    await store.deleteRequest(request);
    await again.addRequest(request);
    expect(await store.readRequest(request)).toEqual(request);
  });

  for (const [status, code] of otherCodes) {
    it(`of ${status} ${code} is not taken for a row's state`, async () => {
      const [{ tenant }, request] = [aStatus(), aRequest({ mail: true })];
      const version = await store.writeLease(tenant, aLease(), null);
      const refusing = await faulty([odataFault(status, code)], "forever");
      const calls = [
        () => refusing.listStatuses(),
        () => refusing.saveStatus(aStatus()),
        () => refusing.deleteStatus(aStatus()),
        () => refusing.readLease(tenant),
        () => refusing.writeLease(tenant, aLease(), null),
        () => refusing.writeLease(tenant, aLease(), version),
        () => refusing.listRequests(tenant),
        () => refusing.readRequest(request),
        () => refusing.addRequest(request),
        () => refusing.dropRequest(request, "Too late."),
        () => refusing.deleteRequest(request),
        () => refusing.readBookmark(tenant),
        () => refusing.saveBookmark(tenant, bookmark),
      ];
      for (const call of calls) await expect(call()).rejects.toThrow(`Azure Storage returned ${status} ${code} for `);
    });
  }
});

describe("a product list that cannot be read", () => {
  const list = aProductList();
  const listing = { triedAt: list.readAt, list: { readAt: list.readAt, count: 2 }, failure: null };

  it.each<[string, Row]>([
    ["without its first column", { parts: 1 }],
    ["of more parts than there are", { parts: 2, text0: '"x"' }],
    ["that is not compressed", { parts: 1, text0: '"eA=="' }],
    ["of another version", { schemaVersion: 2 }],
  ])("%s is none, and the next one replaces it", async (_, columns) => {
    const tenant = crypto.randomUUID();
    await store.saveListing(tenant, listing, list);
    const keys = { partitionKey: tenant, rowKey: "products|0" };
    await client(tables.walksTable).upsertEntity({ ...keys, schemaVersion: 1, ...columns }, "Replace");
    expect(await store.readProductList(tenant)).toBeNull();
    await client(tables.walksTable).upsertEntity({ ...keys, rowKey: "products", triedAt: "soon" }, "Replace");
    expect(await store.readListing(tenant)).toBeNull();
    await store.saveListing(tenant, listing, list);
    expect([await store.readListing(tenant), await store.readProductList(tenant)]).toEqual([listing, list]);
  });

  it("is written with one call and read with one", async () => {
    const { open, close } = faultyStores(tables);
    const counted = await open([]);
    const tenant = crypto.randomUUID();
    await counted.saveListing(tenant, listing, aProductList(40_000));
    await counted.readProductList(tenant);
    expect(counted.requests).toHaveLength(2);
    await close();
  });
});
