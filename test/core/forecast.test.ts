import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDays, daysBetween } from "../../shared/core/day.ts";
import { forecast } from "../../shared/core/forecast.ts";
import type { TrendPoint } from "../../shared/core/report.ts";
import { noTotals } from "../../shared/core/totals.ts";

const start = "2026-10-01";

function point(day: number, missingInstalls: number, read = 10, notRead = 0): TrendPoint {
  const date = addDays(start, day);
  return { runId: date, day: date, totals: { ...noTotals, read, notRead, missingInstalls } };
}

/** One run a day with these missing installs. */
function daily(...pairs: number[]): TrendPoint[] {
  return pairs.map((count, day) => point(day, count));
}

const aTrend = fc.array(fc.nat({ max: 5_000 }), { minLength: 5, maxLength: 30 }).map((pairs) => daily(...pairs));

describe("a forecast", () => {
  test("of a straight fall is the day on which the line reaches zero", () => {
    expect(forecast(daily(100, 90, 80, 70, 60))).toEqual({
      outlook: "falling",
      zeroOn: addDays(start, 10),
      runs: 5,
      from: start,
      to: addDays(start, 4),
      first: 100,
      last: 60,
      perDay: -10,
      steadiness: 1,
    });
  });

  test("of any straight fall is the last count divided by the fall a day, rounded up to full days", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 2_000 }),
        fc.integer({ min: 5, max: 14 }),
        (fall, last, runs) => {
          const pairs = Array.from({ length: runs }, (_, index) => last + (runs - 1 - index) * fall);
          const days = Math.ceil(last / fall);
          const result = forecast(daily(...pairs));
          if (days > 365) expect(result.outlook).toBe("distant");
          else
            expect(result).toMatchObject({
              outlook: "falling",
              zeroOn: addDays(start, runs - 1 + days),
              perDay: -fall,
            });
        },
      ),
    );
  });

  test("counts days, not runs, if runs are missing", () => {
    const trend = [point(0, 100), point(2, 80), point(4, 60), point(5, 50), point(8, 20)];
    expect(forecast(trend)).toMatchObject({ outlook: "falling", perDay: -10, zeroOn: addDays(start, 10) });
  });

  test("is not falling if the installs rise or stay level", () => {
    expect(forecast(daily(10, 20, 30, 40, 50))).toMatchObject({ outlook: "not-falling", perDay: 10 });
    expect(forecast(daily(10, 10, 10, 10, 10))).toMatchObject({ outlook: "not-falling", perDay: 0, steadiness: 0 });
  });

  test("of runs on one day has no slope", () => {
    const trend = [100, 90, 80, 70, 60].map((pairs) => point(3, pairs));
    expect(forecast(trend)).toMatchObject({ outlook: "not-falling", perDay: 0, steadiness: 0 });
  });

  test("reaches a year ahead, to the day", () => {
    expect(forecast(daily(369, 368, 367, 366, 365))).toMatchObject({ outlook: "falling", zeroOn: addDays(start, 369) });
    expect(forecast(daily(370, 369, 368, 367, 366))).toMatchObject({ outlook: "distant" });
  });

  test("counts a fall as steady if it explains half of the variation", () => {
    expect(forecast(daily(4, 6, 0, 0, 1))).toMatchObject({ outlook: "falling", steadiness: 0.5 });
  });

  test("is not falling if variation hides the fall", () => {
    expect(forecast(daily(100, 20, 110, 15, 90, 10))).toMatchObject({ outlook: "not-falling" });
  });

  test("is clear if nothing is missing", () => {
    expect(forecast(daily(30, 20, 10, 5, 0))).toEqual({ outlook: "clear" });
    expect(forecast(daily(0))).toEqual({ outlook: "clear" });
  });

  test("needs at least five runs", () => {
    expect(forecast([])).toEqual({ outlook: "too-few", runs: 0, needed: 5 });
    expect(forecast(daily(40, 30, 20, 10))).toEqual({ outlook: "too-few", runs: 4, needed: 5 });
  });

  test("starts over when the number of watched products changes", () => {
    const small = [0, 1, 2, 3, 4].map((day) => point(day, 500 - day, 4));
    const large = [5, 6, 7].map((day) => point(day, 900 - day, 9, 1));
    expect(forecast([...small, ...large])).toEqual({ outlook: "too-few", runs: 3, needed: 5 });
  });

  test("leaves out runs that read nothing, which only repeat the counts before", () => {
    const trend = daily(100, 90, 80, 70, 60);
    const failed = [point(5, 60, 0, 10), point(6, 60, 0, 10)];
    expect(forecast([...trend, ...failed])).toEqual(forecast(trend));
  });

  test("depends only on the last 14 runs", () => {
    fc.assert(
      fc.property(aTrend, (trend) => {
        expect(forecast(trend)).toEqual(forecast(trend.slice(-14)));
      }),
    );
  });

  test("is never in the past, today, or more than a year ahead", () => {
    fc.assert(
      fc.property(aTrend, (trend) => {
        const result = forecast(trend);
        if (result.outlook !== "falling") return;
        const ahead = daysBetween(result.to, result.zeroOn);
        expect(ahead).toBeGreaterThan(0);
        expect(ahead).toBeLessThanOrEqual(365);
      }),
    );
  });

  test("does not depend on when the days begin", () => {
    fc.assert(
      fc.property(aTrend, fc.integer({ min: -400, max: 400 }), (trend, days) => {
        const moved = trend.map(({ day, totals }) => ({ runId: addDays(day, days), day: addDays(day, days), totals }));
        const [result, later] = [forecast(trend), forecast(moved)];
        expect(later.outlook).toBe(result.outlook);
        if (result.outlook === "falling" && later.outlook === "falling") {
          expect(later.zeroOn).toBe(addDays(result.zeroOn, days));
        }
      }),
    );
  });

  test("of a reversed trend has the opposite slope", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 5, maxLength: 14 }), (pairs) => {
        const there = forecast(daily(...pairs));
        const back = forecast(daily(...pairs.toReversed()));
        if (!("perDay" in there) || !("perDay" in back)) throw new Error("both have a slope");
        expect(back.perDay).toBeCloseTo(-there.perDay, 6);
        expect(back.steadiness).toBeCloseTo(there.steadiness, 6);
      }),
    );
  });
});
