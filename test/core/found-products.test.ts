import { describe, expect, test } from "vitest";
import { type Finding, findProducts, isFound, isWatched, mostProducts } from "../../shared/core/found-products.ts";
import type { ListReport } from "../../shared/core/list-report.ts";
import type { ListedProduct, ProductList } from "../../shared/core/product-list.ts";
import type { Run } from "../../shared/core/run.ts";
import { aRun, aWatchlist } from "../support/builders.ts";

const windows = "microsoft-_-windows_11";
const office = "microsoft-_-office";
const net = "microsoft-_-.net_framework";
const chrome = "google-_-chrome";

const listed = (softwareId: string, parts: Partial<ListedProduct> = {}): ListedProduct => ({
  ...{ softwareId, name: softwareId, vendor: "microsoft" },
  ...{ weaknesses: 3, exposedMachines: 20, installedMachines: 30, ...parts },
});
const aList = (products: readonly ListedProduct[]): ProductList => ({ readAt: "2026-11-23T05:00:10.000Z", products });
const listReport: ListReport = {
  ...{ readAt: "2026-11-22T05:00:10.000Z", failure: null, found: { configured: 0, withoutWeaknesses: 0, beyond: 0 } },
  ...{ unknown: { ids: [], more: 0 }, mistaken: [], unwatched: { products: [], more: 0 } },
};

/** A last run that had these products, each read. */
async function lastRun(products: readonly string[], parts: Partial<Run> = {}): Promise<Run> {
  const { run } = await aRun({
    runId: "2026-11-22",
    products: Object.fromEntries(products.map((id) => [id, { now: [] }])),
  });
  return { ...run, productList: listReport, ...parts };
}

function find(parts: Partial<Finding> & { watchlist?: Parameters<typeof aWatchlist>[0] }) {
  const { watchlist, ...finding } = parts;
  const all = { list: null, isCurrent: true, last: null, day: "2026-11-23", callsPerHour: 1_500, ...finding };
  return findProducts(aWatchlist({ softwareIds: [], vendor: "microsoft", ...watchlist }), all);
}

describe("a watchlist", () => {
  test.each([
    [{ vendor: "microsoft" }, windows, true],
    [{ vendor: "microsoft" }, chrome, false],
    [{ vendor: "*" }, chrome, true],
    [{ vendor: null }, windows, false],
    [{ vendor: "*", leftOut: [chrome] }, "Google-_-Chrome", false],
  ] as const)("%j finds %s: %s", (parts, softwareId, expected) => {
    const watched = aWatchlist({ softwareIds: [], ...parts });
    expect(isFound(watched, softwareId)).toBe(expected);
    expect(isWatched({ ...watched, softwareIds: [softwareId] }, softwareId)).toBe(true);
  });
});

describe("the products of a run", () => {
  test("are those of the vendor that have weaknesses, or may have, the most exposed first", () => {
    const list = aList([
      listed(net, { exposedMachines: 5 }),
      listed(office, { weaknesses: null, exposedMachines: 50 }),
      listed(windows, { weaknesses: 0 }),
      listed(chrome),
    ]);
    expect(find({ list }).softwareIds).toEqual([office, net]);
    expect(find({ list, watchlist: { vendor: "*", leftOut: [net] } }).softwareIds).toEqual([office, chrome]);
  });

  test("begin with those that the watchlist names, each once", () => {
    const found = find({ list: aList([listed(net), listed(windows)]), watchlist: { softwareIds: [windows, chrome] } });
    expect(found).toMatchObject({ softwareIds: [windows, chrome, net], configured: 2 });
  });

  test("are only those that it names without a vendor", () => {
    const found = find({ list: aList([listed(net)]), watchlist: { softwareIds: [windows], vendor: null } });
    expect(found).toMatchObject({ softwareIds: [windows], configured: 1, beyond: 0 });
  });

  test("are those of the last run too, without weaknesses, gone, or without any list", async () => {
    const last = await lastRun([windows, office]);
    const all = [windows, office];
    expect(find({ last }).softwareIds).toEqual(all);
    const found = find({ last, list: aList([listed(office, { weaknesses: 0 }), listed(net)]) });
    expect(found.softwareIds).toEqual([windows, net, office]);
    expect(found.clean).toEqual(new Set([office]));
    expect(found.gone).toEqual(new Set([windows]));
  });

  test("are not those of the last run that are no longer found", async () => {
    const last = await lastRun([windows, chrome]);
    expect(find({ last, watchlist: { leftOut: [windows] } }).softwareIds).toEqual([]);
  });

  test("need all be read where the list is older", async () => {
    const last = await lastRun([windows, office]);
    const list = aList([listed(office, { weaknesses: 0 })]);
    const found = find({ last, list, isCurrent: false });
    expect(found).toMatchObject({ clean: new Set(), gone: new Set([windows]), confirmedGone: new Set() });
    expect(found.softwareIds).toEqual([windows, office]);
  });

  test("have one that left the list until it was answered with 404 for 28 days, and ask for it once", async () => {
    const failure = { softwareId: windows, reason: "404", permanent: false, since: "2026-11-22", misses: 1 };
    const since = async (unknownSince: string) => {
      const last = await lastRun([windows, office], { failures: [{ ...failure, unknownSince }] });
      return (parts: Partial<Finding> = {}) => find({ last, list: aList([listed(office)]), ...parts });
    };
    const late = await since("2026-10-26");
    const both = { softwareIds: [windows, office], gone: new Set([windows]), confirmedGone: new Set([windows]) };
    expect(late()).toMatchObject(both);
    const later = await since("2026-10-25");
    expect(later().softwareIds).toEqual([office]);
    expect(later({ list: null }).softwareIds).toEqual([windows, office]);
    expect(later({ list: aList([listed(windows), listed(office)]) })).toMatchObject({
      ...both,
      ...{ gone: new Set(), confirmedGone: new Set() },
    });
  });

  test("are known to have missed nothing where the list of the last run says so", async () => {
    const last = await lastRun([office]);
    const list = aList([listed(windows, { cleanAt: "2026-11-22T05:00:10.000Z" }), listed(net), listed(office)]);
    expect(find({ last, list }).cleanBefore).toEqual([windows]);
    expect(find({ last: null, list }).cleanBefore).toEqual([]);
    const older = aList([listed(windows, { cleanAt: "2026-11-21T05:00:10.000Z" })]);
    expect(find({ last, list: older }).cleanBefore).toEqual([]);
    const named = { ...last, productList: { ...listReport, found: null } };
    expect(find({ last: named, list }).cleanBefore).toEqual([]);
  });
});

describe("the room of a run", () => {
  test.each([
    [1_500, 5_000],
    [1_000, 4_000],
    [1, 4],
  ])("with %i calls an hour is %i products: those that can be read twice in eight hours", (calls, expected) => {
    expect(mostProducts(calls)).toBe(expected);
  });

  test("is for the most exposed, and the rest is counted", () => {
    const products = Array.from({ length: 10 }, (_, n) => listed(`microsoft-_-${n}`, { exposedMachines: n }));
    const found = find({ list: aList(products), callsPerHour: 1, watchlist: { softwareIds: [chrome] } });
    expect(found.softwareIds).toEqual([chrome, "microsoft-_-9", "microsoft-_-8", "microsoft-_-7"]);
    expect(found.beyond).toBe(7);
  });

  test("is for those of the last run first, but not for those that the list shows to be clean", async () => {
    const last = await lastRun([windows, office, net]);
    const others = Array.from({ length: 10 }, (_, n) => listed(`microsoft-_-${n}`, { exposedMachines: 99 }));
    const list = aList([
      listed(windows, { exposedMachines: 1 }),
      listed(office, { weaknesses: 0 }),
      listed(net),
      ...others,
    ]);
    const { softwareIds, beyond } = find({ list, last, callsPerHour: 1 });
    expect(softwareIds).toEqual([windows, net, "microsoft-_-0", "microsoft-_-1"]);
    expect(beyond).toBe(9);
  });

  test("ends at 180,000 characters of ids", () => {
    const products = Array.from({ length: 1_000 }, (_, n) => listed(`microsoft-_-${n}`.padEnd(200, "x")));
    expect(find({ list: aList(products) })).toMatchObject({ softwareIds: { length: 900 }, beyond: 100 });
  });
});
