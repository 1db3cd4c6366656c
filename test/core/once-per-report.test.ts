import { expect, test } from "vitest";
import { oncePerReport } from "../../shared/core/once-per-report.ts";
import { aReport } from "../support/builders.ts";

test("a function of a report computes once for each, also where that finds nothing", async () => {
  const [one, other] = [await aReport(), await aReport({ products: { a: { before: [], now: [] } } })];
  const asked: unknown[] = [];
  const firstOf = oncePerReport((report) => {
    asked.push(report);
    return report.rows[0]?.id;
  });
  expect([firstOf(one), firstOf(other), firstOf(one), firstOf(other)]).toEqual([
    "5041585",
    undefined,
    "5041585",
    undefined,
  ]);
  expect(asked).toEqual([one, other]);
});
