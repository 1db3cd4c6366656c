import { describe, expect, test } from "vitest";
import { lastKnownTotals, lastReadOn } from "../../shared/core/last-known.ts";
import { aKb, aReport } from "../support/builders.ts";

const old = (id: string, machineMissedOn = 240) => aKb({ id, machineMissedOn, firstSeen: "2026-10-01" });

describe("what is only known from when products were last read", () => {
  test("is counted with the days of these reads", async () => {
    const report = await aReport({
      products: {
        read: { before: [old("1", 7)], now: [old("1", 7)] },
        // The first KB is overdue and stalled in the product that was read as well.
        missed: { before: [old("1", 10), old("2", 20)], now: null, beforeRunId: "2026-11-20" },
        missedLately: { before: [aKb({ id: "5", machineMissedOn: 5 })], now: null, beforeRunId: "2026-11-15" },
        longMissed: {
          before: [old("3", 30), aKb({ id: "4", firstSeen: "2026-11-01" })],
          now: null,
          beforeRunId: "2026-11-10",
        },
        never: { before: null, now: null },
      },
    });
    const between = { from: "2026-11-10", to: "2026-11-20" };
    expect(lastKnownTotals(report)).toEqual({
      overdue: { count: 2, ...between },
      stalled: { count: 2, ...between },
      exploited: null,
      missingKbs: { count: 4, ...between },
      missingInstalls: { count: 3 + 20 + 5 + 30 + 240, ...between },
    });
    expect(report.totals).toMatchObject({
      overdue: 1,
      stalled: 1,
      missingKbs: 5,
      missingInstalls: 10 + 20 + 5 + 30 + 240,
    });
    expect(
      lastReadOn(
        report.rows.flatMap(({ entries }) => entries),
        report,
      ),
    ).toEqual(between);
  });

  test("is not what a product that was read says as well", async () => {
    const young = [aKb({ id: "1", machineMissedOn: 40, firstSeen: "2026-11-20" })];
    const report = await aReport({
      products: {
        read: { before: young, now: young },
        missed: { before: [old("1", 10)], now: null, beforeRunId: "2026-11-05" },
      },
    });
    const then = { count: 1, from: "2026-11-05", to: "2026-11-05" };
    expect(lastKnownTotals(report)).toEqual({
      overdue: then,
      stalled: then,
      exploited: null,
      missingKbs: null,
      missingInstalls: null,
    });
  });

  test("is of the day of the read: a KB within its due date then is not called overdue", async () => {
    const due = aKb({ machineMissedOn: 7, firstSeen: "2026-11-01" });
    const missedOn = (beforeRunId: string) => aReport({ products: { a: { before: [due], now: null, beforeRunId } } });
    expect(lastKnownTotals(await missedOn("2026-11-15")).overdue).toBeNull();
    expect(lastKnownTotals(await missedOn("2026-11-16")).overdue).toMatchObject({ count: 1 });
  });

  test("is nothing if every product was read", async () => {
    const report = await aReport({ products: { a: { before: [old("1")], now: [old("1")] } } });
    const nothing = { overdue: null, stalled: null, exploited: null, missingKbs: null, missingInstalls: null };
    expect(lastKnownTotals(report)).toEqual(nothing);
    expect(
      lastReadOn(
        report.rows.flatMap(({ entries }) => entries),
        report,
      ),
    ).toBeNull();
  });
});
