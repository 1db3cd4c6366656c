import { describe, expect, test } from "vitest";
import { everyRise } from "../../shared/core/change.ts";
import { buildReport, hasLeftInventory, isUnknownId, type ProductRow } from "../../shared/core/report.ts";
import type { Compared } from "../../shared/core/row.ts";
import { aKb, aReport, aRun, aSnapshot, eachOf } from "../support/builders.ts";

const [windows10, windows11, edge] = ["microsoft-_-windows_10", "microsoft-_-windows_11", "microsoft-_-edge"] as const;

describe("a report", () => {
  test("has the frame of its run and the given trend", async () => {
    const { run, compared } = await aRun();
    const frame = {
      ...{ run, previousRunId: "2026-11-20T10:17Z", previousDay: "2026-11-20", thresholds: everyRise },
      trend: [{ runId: "2026-11-22", day: "2026-11-22", totals: run.totals }],
    };
    const report = await buildReport(frame, eachOf(compared));
    const { watchlist, tenant, runId, day, openedAt, committedAt, totals } = run;
    expect(report).toMatchObject({ watchlist, tenant, runId, day, openedAt, committedAt, totals });
    const { previousRunId, previousDay, trend } = frame;
    expect(report).toMatchObject({ previousRunId, previousDay, trend, dueDays: 14, timeZone: "UTC" });
  });

  test("is made under the rules of its run, and under the thresholds given", async () => {
    const products = {
      [windows10]: { before: [aKb({ firstSeen: "2026-11-18" })], now: [aKb({ machineMissedOn: 250 })] },
    };
    const thresholds = { minMachines: 50, minPercent: 0, minCves: 1 };
    const { run, compared } = await aRun({ products, watchlist: { thresholds, dueDays: 2 } });
    expect(run.rules).toEqual({ thresholds, dueDays: 2, dueDaysExploited: 3, dueFrom: "released", timeZone: "UTC" });
    const frame = { run, previousRunId: null, previousDay: null, trend: [] };
    const report = await buildReport({ ...frame, thresholds }, eachOf(compared));
    expect(report.totals).toEqual(run.totals);
    expect(report.totals).toMatchObject({ worsened: 0, overdue: 1 });
    const [comparison] = run.comparisons;
    if (!comparison) throw new Error("there is a comparison");
    const { heldBack: _, ...unlimited } = comparison;
    const [one] = compared;
    if (!one) throw new Error("there is a comparison");
    const changed = await buildReport({ ...frame, thresholds: everyRise }, eachOf([{ ...one, comparison: unlimited }]));
    expect(changed.totals.worsened).toBe(1);
  });

  test("lists the worst KB first, each once", async () => {
    const report = await aReport({
      products: {
        [windows10]: { before: [aKb({ id: "1" })], now: [aKb({ id: "1" }), aKb({ id: "2", machineMissedOn: 3 })] },
        [windows11]: { before: [], now: [aKb({ id: "3" }), aKb({ id: "2", machineMissedOn: 4 })] },
      },
    });
    expect(report.rows.map(({ id, kind, entries }) => [id, kind, entries.length])).toEqual([
      ["3", "new", 1],
      ["2", "new", 2],
      ["1", "unchanged", 1],
    ]);
    expect(report.totals).toMatchObject({ new: 2, missingKbs: 3, read: 2 });
  });

  test("lists each product in the watchlist's order, with what was compared and what it misses", async () => {
    const failure = { reason: "Defender answered 403.", permanent: true };
    const report = await aReport({
      products: {
        [windows11]: {
          before: [],
          now: [aKb({ id: "1", machineMissedOn: 240 }), aKb({ id: "2", machineMissedOn: null })],
          snapshot: { unusable: 3 },
        },
        [windows10]: { before: [aKb({ id: "1", machineMissedOn: 7 })], now: null, failure },
        [edge]: { before: null, now: [aKb({ id: "4", machineMissedOn: 5 }), aKb({ id: "5", machineMissedOn: 6 })] },
      },
    });
    const plain = { unlistedKbs: 0, differed: false, neverListed: false };
    expect(report.products).toEqual<ProductRow[]>([
      {
        ...{ softwareId: windows11, state: "read", baseline: false, previous: "2026-11-22", current: "2026-11-23" },
        ...{ readOn: "2026-11-23", missingKbs: 2, missingInstalls: 240, unusable: 3, failure: null, ...plain },
      },
      {
        ...{ softwareId: windows10, state: "not-read", baseline: false },
        ...{ previous: "2026-11-22", current: "2026-11-22", readOn: "2026-11-22" },
        ...{ missingKbs: 1, missingInstalls: 7, unusable: 0, ...plain },
        failure: {
          ...{ softwareId: windows10, ...failure, since: "2026-11-23", misses: 1 },
          permanentSince: "2026-11-23",
        },
      },
      {
        ...{ softwareId: edge, state: "read", baseline: true, previous: null, current: "2026-11-23" },
        ...{ readOn: "2026-11-23", missingKbs: 2, missingInstalls: 11, unusable: 0, failure: null, ...plain },
      },
    ]);
  });

  test("distinguishes an empty list, one that hides weaknesses, and a product never read", async () => {
    const { run } = await aRun();
    const comparison = { softwareId: edge, previous: "2026-11-22", current: "2026-11-23" };
    const stateOf = async (compared: Partial<Compared>) => {
      const complete: Compared = { comparison, previous: null, current: null, ...compared };
      const frame = { run, previousRunId: null, previousDay: null, trend: [], thresholds: everyRise };
      return (await buildReport(frame, eachOf([complete]))).products[0];
    };
    const emptiness = (verdict: "clean" | "not-kb-patched") =>
      aSnapshot({ softwareId: edge, emptiness: { verdict, checkedOn: "2026-11-23" } });
    expect((await stateOf({ current: emptiness("clean") }))?.state).toBe("empty");
    expect((await stateOf({ current: emptiness("not-kb-patched") }))?.state).toBe("not-kb-patched");
    expect((await stateOf({ current: aSnapshot({ missingKbs: [aKb()] }) }))?.state).toBe("read");
    expect((await stateOf({ current: aSnapshot() }))?.state).toBe("empty");
    expect(await stateOf({ comparison: { ...comparison, previous: null, current: null } })).toMatchObject({
      ...{ state: "not-read", readOn: null, missingKbs: 0, missingInstalls: 0, unusable: 0, failure: null },
    });
  });

  test("notes that two answers differed, unless the snapshot is of an earlier run", async () => {
    const differed = { differed: true } as const;
    const report = await aReport({
      products: {
        [windows10]: { before: [], now: [aKb()], snapshot: differed },
        [windows11]: { before: [aKb()], beforeSnapshot: differed, now: null },
      },
    });
    expect(report.products.map((product) => product.differed)).toEqual([true, false]);
  });

  test("counts the KBs that Defender no longer lists while weaknesses are open, and claims nothing of them", async () => {
    const emptiness = { verdict: "not-kb-patched", checkedOn: "2026-11-23" } as const;
    const report = await aReport({
      products: { [windows10]: { before: [aKb(), aKb({ id: "1" })], now: [], snapshot: { emptiness } } },
    });
    expect(report.products[0]).toMatchObject({ state: "not-kb-patched", unlistedKbs: 2, missingKbs: 0 });
    expect([report.rows, report.totals.resolved]).toEqual([[], 0]);
  });
});

describe("a product that Defender does not know", () => {
  const failure = { softwareId: edge, reason: "", permanent: false, since: "2026-11-01", misses: 9 };
  const gone = { ...failure, unknownSince: "2026-11-01" };

  test("is an unknown id if it was never read", () => {
    expect(isUnknownId({ failure: { ...gone, permanent: true } })).toBe(true);
    // It was read before, by this watchlist or by another of the tenant.
    expect(isUnknownId({ failure: gone })).toBe(false);
    expect(isUnknownId({ failure: { ...failure, permanent: true } })).toBe(false);
    expect(isUnknownId({ failure: null })).toBe(false);
  });

  test("has left the inventory if it was read before and 14 days have passed", () => {
    const product = { failure: gone };
    expect(hasLeftInventory(product, "2026-11-14")).toBe(false);
    expect(hasLeftInventory(product, "2026-11-15")).toBe(true);
    expect(hasLeftInventory({ failure: { ...gone, permanent: true } }, "2026-11-15")).toBe(false);
    expect(hasLeftInventory({ failure }, "2026-11-15")).toBe(false);
    expect(hasLeftInventory({ failure: null }, "2026-11-15")).toBe(false);
  });
});
