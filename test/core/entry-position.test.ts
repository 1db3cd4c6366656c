import fc from "fast-check";
import { expect, test } from "vitest";
import { positionText, readPosition } from "../../shared/core/entry-position.ts";

const instant = fc.date({ min: new Date(0), max: new Date("9999-12-30"), noInvalidDate: true });

test("a position is read back as it was written, and fits into a parameter", () => {
  fc.assert(
    fc.property(
      instant,
      fc.boolean(),
      fc.nat({ max: 4_999 }),
      fc.nat({ max: 99_999 }),
      (at, isOnDemand, product, entries) => {
        const openedAt = at.toISOString();
        const runId = isOnDemand ? `${openedAt.slice(0, 16)}Z` : openedAt.slice(0, 10);
        const text = positionText({ openedAt, runId, product, entries });
        expect(readPosition(text)).toEqual({ openedAt, runId, product, entries });
        expect(text.length).toBeLessThan(100);
      },
    ),
  );
});

test("a person can read a position", () => {
  const position = { openedAt: "2026-11-23T05:00:00Z", runId: "2026-11-23", product: 12, entries: 40 };
  expect(positionText(position)).toBe("2026-11-23T05:00:00.000Z_2026-11-23_12_40");
});

test.each([
  ["", "nothing"],
  ["2026-11-23", "a run id"],
  ["2026-11-23T05:00:00.000Z_2026-11-23_12", "no entry"],
  ["2026-11-23T25:00:00.000Z_2026-11-23_0_0", "no such hour"],
  ["2026-11-23T05:00:00.000Z_2026-02-30_0_0", "no such day"],
  ["2026-11-23T05:00:00.000Z_2026-11-23_-1_0", "a number below 0"],
  ["2026-11-23T05:00:00.000Z_2026-11-23_0_1234567", "more entries than any product has"],
  [" 2026-11-23T05:00:00.000Z_2026-11-23_0_0", "a blank before it"],
])("%j is not a position: %s", (text) => {
  expect(readPosition(text)).toBeNull();
});
