import { describe, expect, it } from "vitest";
import type { Mail } from "../../shared/core/mail.ts";
import type { ListedProduct, Listing, ProductList } from "../../shared/core/product-list.ts";
import type { WatchlistStatus } from "../../shared/core/watchlist-status.ts";
import { type Lease, type RunRequest, type Store, TooLargeError } from "../../shared/ports.ts";
import { aChain, anyChains } from "./chains.ts";
import { someTotals } from "./store-contract.ts";

const refused: Mail = {
  ...{ status: "refused", at: "2026-11-22T05:05:00.000Z", attempts: 3, unknownOutcomes: 1, reason: "SendGrid: 413." },
  ...{ since: null, crashes: 1 },
};

/** Everything that a status may hold. */
export function aStatus(parts: Partial<WatchlistStatus> = {}): WatchlistStatus {
  const at = { openedAt: "2026-11-23T05:00:00.000Z", committedAt: "2026-11-23T05:04:00.000Z" };
  return {
    ...aChain(),
    latest: { runId: "2026-11-23", day: "2026-11-23", ...at, totals: someTotals },
    failing: { softwareId: "microsoft-_-office", reason: "It is gone.", misses: 22, others: 1 },
    line: [
      { day: "2026-11-22", missingInstalls: 3_000_000_001 },
      { day: "2026-11-23", missingInstalls: 0 },
    ],
    lastDigest: { runId: "2026-11-20", at: "2026-11-20T05:06:00.000Z" },
    open: [{ runId: "2026-11-22", committedAt: "2026-11-22T05:04:00.000Z", mail: refused }],
    removedOn: "2026-11-23",
    awaitedSince: "2026-11-24T10:00:00.000Z",
    ...parts,
  };
}

/** A status of a watchlist without a run. */
export function anEmptyStatus(parts: Partial<WatchlistStatus> = {}): WatchlistStatus {
  const bare = { latest: null, failing: null, line: [], lastDigest: null, open: [], removedOn: null };
  return { ...aChain(), ...bare, ...parts };
}

/** Tests of the watchlists' statuses that every store must pass. */
export function describeStatuses(kind: string, open: () => Store): void {
  describe(`a watchlist's status in ${kind}`, () => {
    const store = open();
    const listed = async (wanted: readonly WatchlistStatus[]) => {
      const tenants = new Set(wanted.map(({ tenant }) => tenant));
      return (await store.listStatuses()).filter(({ tenant }) => tenants.has(tenant));
    };

    it("is listed as it was saved, full or empty", async () => {
      for (const status of [aStatus(), anEmptyStatus()]) {
        await store.saveStatus(status);
        expect(await listed([status])).toEqual([status]);
      }
    });

    it("is replaced by the next one, which leaves nothing of it", async () => {
      const status = aStatus();
      const empty = anEmptyStatus({ tenant: status.tenant });
      await store.saveStatus(status);
      await store.saveStatus(empty);
      expect(await listed([status])).toEqual([empty]);
    });

    it("is one however the watchlist's name is capitalized", async () => {
      const status = aStatus({ watchlist: "Servers" });
      await store.saveStatus(status);
      await store.saveStatus({ ...status, watchlist: "servers" });
      expect(await listed([status])).toEqual([{ ...status, watchlist: "servers" }]);
      await store.deleteStatus({ ...status, watchlist: "SERVERS" });
      expect(await listed([status])).toEqual([]);
    });

    it("is listed with all tenants', and kept apart for any name", async () => {
      const statuses = anyChains().map((chain, misses) => {
        return anEmptyStatus({ ...chain, failing: { softwareId: "x", reason: "Busy.", misses, others: 0 } });
      });
      for (const status of statuses) await store.saveStatus(status);
      const all = await store.listStatuses();
      for (const status of statuses) expect(all).toContainEqual(status);
      const [first, ...others] = statuses;
      if (first) await store.deleteStatus(first);
      const left = await store.listStatuses();
      expect(left).not.toContainEqual(first);
      for (const status of others) expect(left).toContainEqual(status);
    });

    it("does not exist once deleted, and deleting a missing one is fine", async () => {
      const status = aStatus();
      await store.saveStatus(status);
      await store.deleteStatus(status);
      await store.deleteStatus(status);
      expect(await listed([status])).toEqual([]);
    });

    it("keeps only the start of a long reason", async () => {
      const failing = { softwareId: "x", reason: "Because of this. ".repeat(100), misses: 1, others: 0 };
      const status = aStatus({ failing });
      await store.saveStatus(status);
      const [saved] = await listed([status]);
      expect(saved?.failing?.reason).toMatch(/^Because of this\. .{282}…$/);
    });
  });
}

/** A lease with something in each field. */
export function aLease(parts: Partial<Lease> = {}): Lease {
  return {
    owner: "step 1",
    until: "2026-11-23T05:05:00.000Z",
    usage: {
      calls: [
        [1_795_000_000_000, 3],
        [1_795_000_001_000, 1],
      ],
      throttledUntil: 1_795_000_060_000,
    },
    reserved: 40,
    outside: [[1_795_000_002_000, 1]],
    progress: [{ watchlist: "Büro", runId: "2026-11-23", read: 3, total: 7 }],
    ...parts,
  };
}

/** A run asked for, of a watchlist that no other test has. */
export function aRequest(parts: Partial<RunRequest> = {}): RunRequest {
  return { ...aChain(), runId: "2026-11-23T10:17Z", openedAt: "2026-11-23T10:17:08.000Z", mail: false, ...parts };
}

const awkwardTenants = () =>
  [...new Set(anyChains().map(({ tenant }) => tenant))].filter((tenant) => tenant !== "home");

/** Tests of leases, requests and bookmarks that every store must pass. */
export function describeWalks(kind: string, open: () => Store): void {
  const store = open();

  describe(`a tenant's lease in ${kind}`, () => {
    it("is null if there was none", async () => {
      expect(await store.readLease(crypto.randomUUID())).toBeNull();
    });

    it("is read as it was written, with the version that the write gave", async () => {
      const tenant = crypto.randomUUID();
      const version = await store.writeLease(tenant, aLease(), null);
      expect(await store.readLease(tenant)).toEqual({ lease: aLease(), version });
      const bare = aLease({ usage: { calls: [], throttledUntil: null }, outside: [], progress: [], reserved: 0 });
      const next = await store.writeLease(tenant, bare, version);
      expect(next).not.toBe(version);
      expect(await store.readLease(tenant)).toEqual({ lease: bare, version: next });
    });

    it("is not written over one that another wrote", async () => {
      const tenant = crypto.randomUUID();
      const version = await store.writeLease(tenant, aLease(), null);
      expect(await store.writeLease(tenant, aLease({ owner: "step 2" }), null)).toBeNull();
      const renewed = await store.writeLease(tenant, aLease({ reserved: 1 }), version);
      expect(await store.writeLease(tenant, aLease({ owner: "step 2" }), version)).toBeNull();
      expect(await store.readLease(tenant)).toEqual({ lease: aLease({ reserved: 1 }), version: renewed });
    });

    it("is not written in the place of one that does not exist", async () => {
      const tenant = crypto.randomUUID();
      const version = await store.writeLease(crypto.randomUUID(), aLease(), null);
      expect(await store.writeLease(tenant, aLease(), version)).toBeNull();
      expect(await store.readLease(tenant)).toBeNull();
    });

    it("has one winner among many that take it at once, the first time and later", async () => {
      const tenant = crypto.randomUUID();
      const race = async (round: number, before: string | null) => {
        const owners = [1, 2, 3, 4, 5].map((n) => `step ${round}.${n}`);
        const written = await Promise.all(owners.map((owner) => store.writeLease(tenant, aLease({ owner }), before)));
        expect(written.filter((version) => version !== null)).toHaveLength(1);
        const winner = written.findIndex((version) => version !== null);
        const version = written[winner] ?? null;
        expect(await store.readLease(tenant)).toEqual({ lease: aLease({ owner: `${owners[winner]}` }), version });
        return version;
      };
      await race(2, await race(1, null));
    });

    it("is each tenant's own, for any id", async () => {
      const tenants = awkwardTenants();
      for (const tenant of tenants) await store.writeLease(tenant, aLease({ owner: tenant }), null);
      for (const tenant of tenants) expect((await store.readLease(tenant))?.lease.owner).toBe(tenant);
    });

    it("counts the oldest of more calls than it has room for as ended later, never as fewer", async () => {
      const tenant = crypto.randomUUID();
      const calls = Array.from({ length: 5_000 }, (_, n) => [1_795_000_000_000 + n, 2] as const);
      await store.writeLease(tenant, aLease({ usage: { calls, throttledUntil: null }, outside: calls }), null);
      const kept = (await store.readLease(tenant))?.lease;
      for (const list of [kept?.usage.calls ?? [], kept?.outside ?? []]) {
        expect(list.reduce((sum, [, count]) => sum + count, 0)).toBe(10_000);
        expect(list.slice(1)).toEqual(calls.slice(-list.length + 1));
        expect(list[0]?.[0]).toBe(calls.at(-list.length)?.[0]);
      }
    });

    it("leaves out how far the last runs are where there is no room for all", async () => {
      const tenant = crypto.randomUUID();
      const progress = Array.from({ length: 5_000 }, (_, n) => {
        return { watchlist: `${n} ${"x".repeat(300)}`, runId: "2026-11-23", read: n, total: 5_000 };
      });
      await store.writeLease(tenant, aLease({ progress }), null);
      const kept = (await store.readLease(tenant))?.lease.progress ?? [];
      expect(kept.length).toBeGreaterThan(1_000);
      expect(kept).toEqual(progress.slice(0, kept.length));
    });
  });

  describe(`a run asked for in ${kind}`, () => {
    it("is read and listed as it was added", async () => {
      const request = aRequest({ watchlist: "Büro", mail: true });
      expect(await store.readRequest(request)).toBeNull();
      expect(await store.listRequests(request.tenant)).toEqual([]);
      await store.addRequest(request);
      expect(await store.readRequest(request)).toEqual(request);
      expect(await store.listRequests(request.tenant)).toEqual([request]);
    });

    it("stays as it is when it is added again, except that it mails as soon as one of the two does", async () => {
      const request = aRequest();
      await store.addRequest(request);
      await store.addRequest({ ...request, openedAt: "2026-11-23T10:17:40.000Z" });
      expect(await store.readRequest(request)).toEqual(request);
      await store.addRequest({ ...request, openedAt: "2026-11-23T10:17:50.000Z", mail: true });
      expect(await store.readRequest(request)).toEqual({ ...request, mail: true });
      await store.addRequest(request);
      expect(await store.readRequest(request)).toEqual({ ...request, mail: true });
    });

    it("mails if one of many at once asked for it", async () => {
      const request = aRequest();
      const all = [false, false, true, false].map((mail) => store.addRequest({ ...request, mail }));
      await Promise.all(all);
      expect(await store.listRequests(request.tenant)).toEqual([{ ...request, mail: true }]);
    });

    it("is one however the watchlist's name is capitalized", async () => {
      const request = aRequest({ watchlist: "Servers" });
      await store.addRequest(request);
      await store.addRequest({ ...request, watchlist: "SERVERS", mail: true });
      expect(await store.listRequests(request.tenant)).toEqual([{ ...request, mail: true }]);
    });

    it("is listed after those that were asked for before it", async () => {
      const { tenant } = aRequest();
      const requests = [
        aRequest({ tenant, watchlist: "b", runId: "2026-11-23T09:00Z", openedAt: "2026-11-23T09:00:00.000Z" }),
        aRequest({ tenant, watchlist: "a", runId: "2026-11-23T10:00Z", openedAt: "2026-11-23T10:00:00.000Z" }),
        aRequest({ tenant, watchlist: "a", runId: "2026-11-23T08:00Z", openedAt: "2026-11-23T11:00:00.000Z" }),
      ];
      for (const request of requests.toReversed()) await store.addRequest(request);
      expect(await store.listRequests(tenant)).toEqual(requests);
    });

    it("says why it was dropped, and stays mailed and opened as it was", async () => {
      const request = aRequest({ mail: true });
      await store.addRequest(request);
      await store.dropRequest(request, "The watchlist was removed.");
      const dropped = { ...request, dropped: "The watchlist was removed." };
      expect(await store.readRequest(request)).toEqual(dropped);
      expect(await store.listRequests(request.tenant)).toEqual([dropped]);
      await store.addRequest(request);
      expect(await store.readRequest(request)).toEqual(dropped);
    });

    it("is not made by dropping one that does not exist", async () => {
      const request = aRequest();
      await store.dropRequest(request, "The watchlist was removed.");
      expect(await store.readRequest(request)).toBeNull();
      expect(await store.listRequests(request.tenant)).toEqual([]);
    });

    it("keeps only the start of a long reason", async () => {
      const request = aRequest();
      await store.addRequest(request);
      await store.dropRequest(request, "Because of this. ".repeat(100));
      expect((await store.readRequest(request))?.dropped).toMatch(/^Because of this\. .{282}…$/);
    });

    it("does not exist once deleted, and deleting a missing one is fine", async () => {
      const request = aRequest();
      await store.addRequest(request);
      await store.deleteRequest(request);
      await store.deleteRequest(request);
      expect(await store.readRequest(request)).toBeNull();
      await store.addRequest({ ...request, mail: true });
      expect(await store.listRequests(request.tenant)).toEqual([{ ...request, mail: true }]);
    });

    it("is its tenant's and watchlist's own, for any name", async () => {
      const requests = anyChains().map((chain) => aRequest(chain));
      for (const request of requests) await store.addRequest(request);
      for (const request of requests) {
        expect(await store.readRequest(request)).toEqual(request);
        expect(await store.listRequests(request.tenant)).toContainEqual(request);
      }
      const [{ tenant } = aRequest()] = requests.slice(-1);
      expect(await store.listRequests(tenant)).toEqual(requests.filter((request) => request.tenant === tenant));
    });

    it("refuses what is not a run id", async () => {
      const odd = aRequest({ runId: "' or true" });
      await expect(store.addRequest(odd)).rejects.toThrow("is not a run id");
      await expect(store.readRequest(odd)).rejects.toThrow("is not a run id");
      await expect(store.dropRequest(odd, "x")).rejects.toThrow("is not a run id");
      await expect(store.deleteRequest(odd)).rejects.toThrow("is not a run id");
    });

    it("is not confused with the lease or the bookmark beside it", async () => {
      const request = aRequest({ watchlist: "reader" });
      await store.writeLease(request.tenant, aLease(), null);
      await store.saveBookmark(request.tenant, { day: "2026-11-23", isDone: false });
      await store.addRequest(request);
      expect(await store.listRequests(request.tenant)).toEqual([request]);
      expect((await store.readLease(request.tenant))?.lease).toEqual(aLease());
    });
  });

  describe(`retention's bookmark in ${kind}`, () => {
    it("is null before the first, then the last that was saved", async () => {
      const tenant = crypto.randomUUID();
      expect(await store.readBookmark(tenant)).toBeNull();
      const first = { day: "2026-11-23", isDone: false, after: "microsoft-_-windows_10" };
      await store.saveBookmark(tenant, first);
      expect(await store.readBookmark(tenant)).toEqual(first);
      await store.saveBookmark(tenant, { day: "2026-11-23", isDone: true });
      expect(await store.readBookmark(tenant)).toEqual({ day: "2026-11-23", isDone: true });
    });

    it("is each tenant's own, for any id", async () => {
      const tenants = awkwardTenants();
      for (const after of tenants) await store.saveBookmark(after, { day: "2026-11-23", isDone: false, after });
      for (const after of tenants) expect((await store.readBookmark(after))?.after).toBe(after);
    });
  });
}

/** A product list with something in each field, of this many products. */
export function aProductList(count = 2): ProductList {
  const products = Array.from({ length: count }, (_, n): ListedProduct => {
    const softwareId = `microsoft-_-product_${`${n}`.padStart(5, "0")}`;
    const counts = { weaknesses: n, exposedMachines: n % 3 === 0 ? null : n, installedMachines: 3_000 };
    const own = n === 0 ? { name: "Name 🏢", vendor: "Büro", cleanAt: "2026-11-20T05:00:00.000Z" } : {};
    return { softwareId, name: softwareId.slice(12), vendor: "microsoft", ...counts, ...own };
  });
  return { readAt: "2026-11-23T05:00:00.000Z", products };
}

/** Tests of product lists that every store must pass. */
export function describeProductLists(kind: string, open: () => Store): void {
  describe(`a tenant's product list in ${kind}`, () => {
    const store = open();
    const list = aProductList();
    const read: Listing = { triedAt: list.readAt, list: { readAt: list.readAt, count: 2 }, failure: null };
    const failure = { reason: "Busy.", since: "2026-11-24T05:00:00.000Z", tries: 2, short: 1 };
    const failed: Listing = { ...read, triedAt: "2026-11-25T05:00:00.000Z", failure };

    it("is null if there was none", async () => {
      const tenant = crypto.randomUUID();
      expect([await store.readListing(tenant), await store.readProductList(tenant)]).toEqual([null, null]);
    });

    it("is read as it was saved, and replaced by the next", async () => {
      const tenant = crypto.randomUUID();
      await store.saveListing(tenant, read, list);
      expect(await store.readListing(tenant)).toEqual(read);
      expect(await store.readProductList(tenant)).toEqual(list);
      const next = { ...list, products: list.products.slice(1) };
      await store.saveListing(tenant, read, next);
      expect(await store.readProductList(tenant)).toEqual(next);
    });

    it("stays where only its listing is saved, which leaves nothing of the one before", async () => {
      const tenant = crypto.randomUUID();
      await store.saveListing(tenant, read, list);
      await store.saveListing(tenant, failed);
      expect(await store.readListing(tenant)).toEqual(failed);
      expect(await store.readProductList(tenant)).toEqual(list);
      await store.saveListing(tenant, read);
      expect(await store.readListing(tenant)).toEqual(read);
    });

    it("can have failed before there was any", async () => {
      const tenant = crypto.randomUUID();
      await store.saveListing(tenant, { ...failed, list: null });
      expect(await store.readListing(tenant)).toEqual({ ...failed, list: null });
      expect(await store.readProductList(tenant)).toBeNull();
    });

    it("has as many as an answer of Defender's holds, and fewer later", async () => {
      const tenant = crypto.randomUUID();
      for (const count of [40_000, 3]) {
        const long = aProductList(count);
        await store.saveListing(tenant, read, long);
        expect(await store.readProductList(tenant)).toEqual(long);
      }
    });

    it("is refused where it is too large, and the one before is kept", async () => {
      const tenant = crypto.randomUUID();
      await store.saveListing(tenant, read, list);
      const products = aProductList(30_000).products.map((product) => {
        return { ...product, name: Array.from({ length: 6 }, () => crypto.randomUUID()).join(" ") };
      });
      const saved = Promise.resolve().then(() => store.saveListing(tenant, failed, { ...list, products }));
      await expect(saved).rejects.toThrow(TooLargeError);
      expect([await store.readListing(tenant), await store.readProductList(tenant)]).toEqual([read, list]);
    });

    it("is each tenant's own, for any id", async () => {
      const tenants = awkwardTenants();
      const listOf = (tenant: string) => ({
        ...list,
        products: list.products.map((one) => ({ ...one, name: tenant })),
      });
      for (const tenant of tenants) await store.saveListing(tenant, read, listOf(tenant));
      for (const tenant of tenants) expect(await store.readProductList(tenant)).toEqual(listOf(tenant));
    });
  });
}
