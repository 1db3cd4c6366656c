import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ageBands,
  countLasting,
  daysOverdue,
  isLargest,
  isStalled,
  knownAge,
  overdueTest,
  stalledEntry,
} from "../../shared/core/due.ts";
import { isMissing } from "../../shared/core/row.ts";
import { anyStory } from "../support/any-report.ts";
import { aKb, aReport } from "../support/builders.ts";

const windows = "microsoft-_-windows_10";

describe("the figures of a report", () => {
  test("age bands count every missing KB once, and the overdue ones as overdue", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const report = await aReport(story);
        const bands = ageBands(report);
        const sum = (of: "count" | "overdue") => bands.reduce((all, band) => all + band[of], 0);
        expect(sum("count")).toBe(report.totals.missingKbs);
        expect(sum("overdue")).toBe(countLasting(report).overdue);
        expect(sum("overdue")).toBe(report.rows.filter((row) => daysOverdue(row, report) > 0).length);
      }),
    );
  });

  test("an age band includes both its ends", async () => {
    const ages = [0, 7, 8, 14, 15, 30, 31, 60, 61, 90, 91, 180, 181, 900];
    const kbs = ages.map((age) =>
      aKb({ id: String(age), firstSeen: new Date(Date.UTC(2026, 10, 23 - age)).toISOString().slice(0, 10) }),
    );
    const report = await aReport({ products: { [windows]: { before: kbs, now: kbs } } });
    expect(ageBands(report).map(({ count }) => count)).toEqual([2, 2, 2, 2, 2, 2, 2]);
    expect(ageBands(report).map(({ overdue }) => overdue)).toEqual([0, 0, 2, 2, 2, 2, 2]);
  });

  test("the test for many rows agrees with the days overdue of each", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const report = await aReport(story);
        const isOverdue = overdueTest(report);
        for (const row of report.rows) expect(isOverdue(row)).toBe(daysOverdue(row, report) > 0);
      }),
    );
  });

  test("an age is known from first sight of a KB on, but not at first sight of a product", () => {
    expect(knownAge({ kind: "unchanged", firstSeen: "2026-11-20" }, "2026-11-23")).toBe(3);
    expect(knownAge({ kind: "new", firstSeen: "2026-11-23" }, "2026-11-23")).toBe(0);
    expect(knownAge({ kind: "baseline", firstSeen: "2026-11-23" }, "2026-11-23")).toBeNull();
  });

  test("what could not be read is neither overdue nor stalled", async () => {
    const kb = aKb({ firstSeen: "2026-10-01" });
    const read = await aReport({ products: { [windows]: { before: [kb], now: [kb] } } });
    expect(countLasting(read)).toEqual({ overdue: 1, stalled: 1 });
    const notRead = await aReport({ products: { [windows]: { before: [kb], now: null } } });
    expect(notRead.rows.filter(isMissing)).toHaveLength(1);
    expect(notRead.rows[0]?.entries.some((entry) => isStalled(entry, "2026-11-23"))).toBe(false);
    expect(countLasting(notRead)).toEqual({ overdue: 0, stalled: 0 });
  });

  test("a row's largest counts may come from different products, and one of its entries can be stalled", async () => {
    const kb = (machineMissedOn: number, cveAddressed: number, firstSeen: string) =>
      aKb({ machineMissedOn, cveAddressed, firstSeen });
    const [old, fresh] = [[kb(5, 90, "2026-10-01")], [kb(40, 2, "2026-11-20")]];
    const report = await aReport({
      products: { [windows]: { before: fresh, now: fresh }, edge: { before: old, now: old } },
    });
    const [row] = report.rows;
    const largestIn = (count: "machineMissedOn" | "cveAddressed") =>
      row?.entries.filter((entry) => isLargest(entry, row, count)).map(({ softwareId }) => softwareId);
    expect(largestIn("machineMissedOn")).toEqual([windows]);
    expect(largestIn("cveAddressed")).toEqual(["edge"]);
    expect(row && stalledEntry(row, "2026-11-23")?.softwareId).toBe("edge");
  });
});
