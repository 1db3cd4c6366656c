import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isBetter, isWorse } from "../../shared/core/due.ts";
import { rowKinds } from "../../shared/core/row.ts";
import {
  countArrived,
  countBetter,
  countWatched,
  countWorse,
  isNothingRead,
  isPartial,
} from "../../shared/core/totals.ts";
import { anyStory } from "../support/any-report.ts";
import { aReport } from "../support/builders.ts";

describe("totals", () => {
  test("count KBs that are worse and better by the kinds that rows have", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const { rows, totals } = await aReport(story);
        expect(countWorse(totals)).toBe(rows.filter(({ kind }) => isWorse(kind)).length);
        expect(countBetter(totals)).toBe(rows.filter(({ kind }) => isBetter(kind)).length);
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
