import { describe, expect, test } from "vitest";
import { checkIds, findUnwatched, hasCoverage, isOfNewWeek, nearest, withoutKbs } from "../../shared/core/coverage.ts";
import type { ListReport } from "../../shared/core/list-report.ts";
import type { ListedProduct, ProductList } from "../../shared/core/product-list.ts";
import { aKb, aReport, aWatchlist } from "../support/builders.ts";

const aList = (...products: (Partial<ListedProduct> & { softwareId: string })[]): ProductList => ({
  readAt: "2026-11-23T05:00:00.000Z",
  products: products.map((product) => ({
    ...{ name: "", vendor: "", weaknesses: 3, exposedMachines: 100, installedMachines: 200, ...product },
  })),
});
const edge = "microsoft-_-edge_chromium-based";
const list = aList(
  { softwareId: "microsoft-_-windows_10" },
  { softwareId: "microsoft-_-windows_11" },
  { softwareId: "microsoft-_-windows_server_2019" },
  { softwareId: "microsoft-_-edge" },
  { softwareId: edge },
  { softwareId: "google-_-chrome" },
);

describe("the ids of a watchlist", () => {
  test("that the list lacks are unknown, with the nearest that it has", () => {
    const { unknown } = checkIds(
      aWatchlist({ softwareIds: ["microsoft-_-windows_12", "Google-_-Chrome", "x-_-y"] }),
      list,
    );
    expect(unknown).toEqual({
      ids: [
        { softwareId: "microsoft-_-windows_12", nearest: ["microsoft-_-windows_10", "microsoft-_-windows_11"] },
        { softwareId: "x-_-y", nearest: [] },
      ],
      more: 0,
    });
  });

  test("are shown five at most, and the rest is counted", () => {
    const softwareIds = Array.from({ length: 8 }, (_, n) => `x-_-${n}`);
    const { unknown } = checkIds(aWatchlist({ softwareIds }), list);
    expect([unknown.ids.length, unknown.more]).toEqual([5, 3]);
  });

  test("of the old Edge are mistaken, unless the new one is watched or not there", () => {
    const old = ["microsoft-_-edge"];
    expect(checkIds({ softwareIds: old }, list).mistaken).toEqual([{ softwareId: "microsoft-_-edge", meant: edge }]);
    expect(checkIds({ softwareIds: [...old, edge] }, list).mistaken).toEqual([]);
    expect(checkIds({ softwareIds: old }, aList({ softwareId: "microsoft-_-edge" })).mistaken).toEqual([]);
  });

  test.each([
    ["microsoft-_-windows_server_2091", ["microsoft-_-windows_server_2019"]],
    ["edge_chromium", [edge]],
    ["contoso-_-chrome", ["google-_-chrome"]],
    ["microsoft-_-widnows_11", ["microsoft-_-windows_11"]],
    ["", []],
  ])("%j is nearest to %j", (id, expected) => {
    expect(nearest(id, list)).toEqual(expected);
  });
});

describe("products that no watchlist has", () => {
  const names = (of: ProductList, ...watchlists: Parameters<typeof findUnwatched>[0]) =>
    findUnwatched(watchlists, of).products.map(({ softwareId }) => softwareId.replace("microsoft-_-", ""));

  test("are Microsoft's with weaknesses on many exposed machines, the most exposed first", () => {
    const of = aList(
      { softwareId: "microsoft-_-a", exposedMachines: 400 },
      { softwareId: "microsoft-_-b", exposedMachines: 1_000 },
      { softwareId: "microsoft-_-c", exposedMachines: 50 },
      { softwareId: "microsoft-_-d", exposedMachines: 49 },
      { softwareId: "microsoft-_-e", exposedMachines: null },
      { softwareId: "microsoft-_-f", weaknesses: 0 },
      { softwareId: "google-_-chrome", exposedMachines: 900 },
    );
    expect(names(of)).toEqual(["b", "a", "c"]);
    expect(names(aList({ softwareId: "microsoft-_-a", exposedMachines: 9 }))).toEqual([]);
  });

  test("are not those that one watches, finds or leaves out", () => {
    const own = aWatchlist({ softwareIds: ["microsoft-_-windows_10", "microsoft-_-windows_11"] });
    expect(names(list, own)).toEqual(["edge", "edge_chromium-based", "windows_server_2019"]);
    expect(names(list, own, aWatchlist({ vendor: "*", leftOut: [edge] }))).toEqual([]);
  });

  test("are five, and the rest is counted", () => {
    const of = aList(...Array.from({ length: 7 }, (_, n) => ({ softwareId: `microsoft-_-${n}` })));
    expect(findUnwatched([], of)).toMatchObject({ products: { length: 5 }, more: 2 });
  });
});

test("a list of 40,000 products and 500 watchlists is looked through within five seconds", () => {
  const many = aList(...Array.from({ length: 40_000 }, (_, n) => ({ softwareId: `microsoft-_-product_${n}` })));
  const watchlists = Array.from({ length: 500 }, (_, n) => {
    return aWatchlist({ softwareIds: Array.from({ length: 20 }, (_, m) => `microsoft-_-product_${n * m}`) });
  });
  const start = performance.now();
  findUnwatched([...watchlists, aWatchlist({ softwareIds: [], vendor: "microsoft", leftOut: ["a-_-b"] })], many);
  for (const watchlist of watchlists) checkIds(watchlist, many);
  expect(performance.now() - start).toBeLessThan(5_000);
});

describe("products that never had a KB", () => {
  const gone = [{ id: "1", firstSeen: "2026-11-01", peak: 3, goneOn: "2026-11-20" }];
  const listReport: ListReport = {
    ...{ readAt: null, failure: null, found: { configured: 2, withoutWeaknesses: 0, beyond: 0 } },
    ...{ unknown: { ids: [], more: 0 }, mistaken: [], unwatched: { products: [], more: 0 } },
  };

  test("are those that the watchlist names, and that were read without any now or lately", async () => {
    const report = await aReport({
      products: {
        never: { before: [], now: [] },
        had: { before: [], now: [], snapshot: { gone } },
        has: { before: [], now: [aKb()] },
        failing: { now: null },
        found: { before: [], now: [] },
      },
    });
    expect(withoutKbs(report).map(({ softwareId }) => softwareId)).toEqual(["never", "found"]);
    const finding = { ...report, productList: listReport };
    expect(withoutKbs(finding).map(({ softwareId }) => softwareId)).toEqual(["never"]);
    expect(hasCoverage(finding)).toBe(true);
    expect(hasCoverage({ products: [], productList: listReport })).toBe(false);
  });
});

test.each([
  ["2026-11-23", null, true],
  ["2026-11-23", "2026-11-22", true],
  ["2026-11-29", "2026-11-23", false],
  ["2026-11-30", "2026-11-23", true],
  ["2026-11-25", "2026-11-24", false],
])("%s is in a later week than %s: %s", (day, last, expected) => {
  expect(isOfNewWeek(day, last)).toBe(expected);
});
