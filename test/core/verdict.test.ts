import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noTotals, type Totals } from "../../shared/core/totals.ts";
import { isAboutReading, type Verdict, verdictOf } from "../../shared/core/verdict.ts";

const day = "2026-11-22";
const verdict = (totals: Partial<Totals>, previousRunId: string | null = day) =>
  verdictOf({ totals: { ...noTotals, read: 5, ...totals }, previousRunId, productList: null });

describe("a report's verdict", () => {
  test.each<[string, Partial<Totals>, string | null, Verdict]>([
    ["nothing changed", {}, day, "quiet"],
    ["something is new", { new: 1 }, day, "worse"],
    ["something rose", { worsened: 1 }, day, "worse"],
    ["something is back", { returned: 1 }, day, "worse"],
    ["a KB lists more CVEs", { moreCves: 1 }, day, "worse"],
    ["something is worse, and something better", { worsened: 1, resolved: 9 }, day, "worse"],
    ["something is worse, and a product was not read", { new: 1, notRead: 1 }, day, "worse"],
    ["something got better", { improved: 1 }, day, "better"],
    ["something was resolved", { resolved: 1, baseline: 1 }, day, "better"],
    ["a product was not read", { notRead: 1 }, day, "partly-read"],
    ["a product was not read, and something got better", { improved: 3, notRead: 1 }, day, "partly-read"],
    ["a product was not read in the first run", { notRead: 1, baseline: 4 }, null, "partly-read"],
    ["nothing was read", { read: 0, notRead: 5 }, day, "not-read"],
    ["nothing was read in the first run", { read: 0, notRead: 5 }, null, "not-read"],
    ["it is the first run", { baseline: 5 }, null, "first"],
    ["a product joined", { baseline: 1 }, day, "joined"],
    ["there are no products", { read: 0 }, day, "quiet"],
  ])("if %s", (_, totals, previousRunId, expected) => {
    expect(verdict(totals, previousRunId)).toBe(expected);
  });

  test("is never good news while a product could not be read", () => {
    const some = fc.nat({ max: 2 });
    const totals = fc.record({ new: some, moreCves: some, improved: some, resolved: some, baseline: some, read: some });
    fc.assert(
      fc.property(totals, fc.integer({ min: 1, max: 3 }), (counts, notRead) => {
        const found = verdict({ ...counts, notRead });
        expect(found === "worse" || isAboutReading(found)).toBe(true);
      }),
    );
  });
});
