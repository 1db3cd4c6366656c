import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { betterKinds, isBetter, isWorse, worseKinds } from "../../shared/core/due.ts";
import { type RowKind, rowKinds } from "../../shared/core/row.ts";
import {
  countArrived,
  countBetter,
  countOfKind,
  countWatched,
  countWorse,
  isNothingRead,
  isPartial,
} from "../../shared/core/totals.ts";
import { anyStory } from "../support/any-report.ts";
import { aReport } from "../support/builders.ts";

describe("totals", () => {
  test("count for each kind the KBs that have an entry of it", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const { rows, totals } = await aReport(story);
        const kbsWith = (test: (kind: RowKind) => boolean) =>
          rows.filter(({ entries }) => entries.some(({ kind }) => test(kind))).length;
        for (const kind of [...worseKinds, ...betterKinds]) {
          expect(countOfKind(totals, kind)).toBe(kbsWith((one) => one === kind));
        }
        expect(countOfKind(totals, "unchanged")).toBe(0);
        expect(countWorse(totals) > 0).toBe(kbsWith(isWorse) > 0);
        expect(countBetter(totals) > 0).toBe(kbsWith(isBetter) > 0);
        expect(totals.missingKbs).toBe(kbsWith((kind) => kind !== "resolved"));
      }),
    );
    expect(countArrived({ new: 2, returned: 1 })).toBe(3);
    expect(rowKinds.filter((kind) => isWorse(kind) && isBetter(kind))).toEqual([]);
  });

  test("say how many products are watched and whether all, some or none could be read", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const { products, totals } = await aReport(story);
        const failed = products.filter(({ state }) => state === "not-read").length;
        expect(countWatched(totals)).toBe(products.length);
        expect(isPartial(totals)).toBe(failed > 0);
        expect(isNothingRead(totals)).toBe(failed === products.length);
      }),
    );
    expect(isNothingRead({ read: 0, notRead: 0 })).toBe(false);
  });
});
