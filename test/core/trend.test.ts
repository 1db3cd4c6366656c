import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { daysBetween } from "../../shared/core/day.ts";
import { dailyTrend, highest } from "../../shared/core/trend.ts";
import { anyStory } from "../support/any-report.ts";
import { aKb, aReport, type RunStory } from "../support/builders.ts";

const windows = "microsoft-_-windows_10";
const now = [aKb({ machineMissedOn: 25 })];

async function trendOf(story: Partial<RunStory>, length = 30) {
  return dailyTrend(await aReport({ products: { [windows]: { before: now, now } }, ...story }), length);
}

describe("the trend of a report's last days", () => {
  test("ends with the report's own day and has one point a day", async () => {
    const trend = await trendOf({ installsBefore: [100, 50] }, 5);
    expect(trend?.days.map(({ day, totals }) => [day, totals?.missingInstalls ?? null])).toEqual([
      ["2026-11-19", null],
      ["2026-11-20", null],
      ["2026-11-21", 100],
      ["2026-11-22", 50],
      ["2026-11-23", 25],
    ]);
  });

  test("names the first, the last and the first of the highest days, and the rise between the ends", async () => {
    const trend = await trendOf({ installsBefore: [60, 75, 75, 40] });
    expect(trend).toMatchObject({
      first: { day: "2026-11-19" },
      highest: { day: "2026-11-20" },
      last: { day: "2026-11-23" },
      rise: -35,
    });
  });

  test("has no highest point if there are no runs", () => {
    expect(highest([])).toBeUndefined();
  });

  test("does not exist before a second day has a run", async () => {
    expect(await trendOf({ previousRunId: null })).toBeNull();
    expect(await trendOf({ installsBefore: [40, 40] }, 1)).toBeNull();
    expect(await trendOf({ installsBefore: [40] }, 2)).not.toBeNull();
  });

  test("knows the days on which products joined or left the list, and those with last known counts", async () => {
    const trend = await trendOf({
      installsBefore: [
        { missingInstalls: 40, read: 2 },
        { missingInstalls: 40, read: 1, notRead: 1 },
        { missingInstalls: 25, read: 1 },
        { missingInstalls: 25, read: 1, baseline: 1 },
      ],
    });
    expect(trend?.listChanged).toEqual(["2026-11-21", "2026-11-22"]);
    expect(trend?.partialDays).toBe(1);
  });

  test("is consistent for any runs", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), fc.integer({ min: 2, max: 40 }), async (story, length) => {
        const report = await aReport(story);
        const trend = dailyTrend(report, length);
        expect(trend === null).toBe(story.installsBefore?.length === 0);
        if (!trend) return;
        const { days, first, last, highest, rise } = trend;
        expect(days).toHaveLength(length);
        for (const [index, { day }] of days.entries()) expect(daysBetween(day, last.day)).toBe(length - 1 - index);
        expect(last.totals).toEqual(report.totals);
        expect(first.totals.missingInstalls + rise).toBe(last.totals.missingInstalls);
        const known = days.flatMap(({ totals }) => (totals ? [totals.missingInstalls] : []));
        expect(highest.totals.missingInstalls).toBe(Math.max(...known));
      }),
    );
  });
});
