import { describe, expect, test } from "vitest";
import { buildReport, type Compared, type ProductRow } from "../../shared/core/report.ts";
import { aKb, aReport, aRun, aSnapshot, eachOf } from "../support/builders.ts";

const [windows10, windows11, edge] = ["microsoft-_-windows_10", "microsoft-_-windows_11", "microsoft-_-edge"] as const;

describe("a report", () => {
  test("has the frame of its run and the given trend", async () => {
    const { run, compared } = await aRun();
    const trend = [{ runId: "2026-11-22", totals: run.totals }];
    const report = await buildReport({ run, previousRunId: "2026-11-20", trend, dueDays: 30 }, eachOf(compared));
    const { watchlist, tenant, runId, openedAt, committedAt, totals } = run;
    expect(report).toMatchObject({ watchlist, tenant, runId, openedAt, committedAt, totals });
    expect(report).toMatchObject({ previousRunId: "2026-11-20", trend, dueDays: 30 });
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
    expect(report.products).toEqual<ProductRow[]>([
      {
        ...{ softwareId: windows11, state: "read", baseline: false, previous: "2026-11-22", current: "2026-11-23" },
        ...{ missingKbs: 2, missingInstalls: 240, unusable: 3, failure: null },
      },
      {
        ...{ softwareId: windows10, state: "not-read", baseline: false },
        ...{ previous: "2026-11-22", current: "2026-11-22", missingKbs: 1, missingInstalls: 7, unusable: 0 },
        failure: { softwareId: windows10, ...failure, since: "2026-11-23", misses: 1 },
      },
      {
        ...{ softwareId: edge, state: "read", baseline: true, previous: null, current: "2026-11-23" },
        ...{ missingKbs: 2, missingInstalls: 11, unusable: 0, failure: null },
      },
    ]);
  });

  test("distinguishes an empty list, one that hides weaknesses, and a product never read", async () => {
    const { run } = await aRun();
    const comparison = { softwareId: edge, previous: "2026-11-22", current: "2026-11-23" };
    const stateOf = async (compared: Partial<Compared>) => {
      const full: Compared = { comparison, previous: null, current: null, ...compared };
      const report = await buildReport({ run, previousRunId: null, trend: [], dueDays: 14 }, eachOf([full]));
      return report.products[0];
    };
    const emptiness = (verdict: "clean" | "not-kb-patched") =>
      aSnapshot({ softwareId: edge, emptiness: { verdict, checkedOn: "2026-11-23" } });
    expect((await stateOf({ current: emptiness("clean") }))?.state).toBe("empty");
    expect((await stateOf({ current: emptiness("not-kb-patched") }))?.state).toBe("not-kb-patched");
    expect((await stateOf({ current: aSnapshot({ missingKbs: [aKb()] }) }))?.state).toBe("read");
    expect((await stateOf({ current: aSnapshot() }))?.state).toBe("empty");
    expect(await stateOf({ comparison: { ...comparison, previous: null, current: null } })).toMatchObject({
      ...{ state: "not-read", missingKbs: 0, missingInstalls: 0, unusable: 0, failure: null },
    });
  });
});
