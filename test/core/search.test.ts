import { describe, expect, test } from "vitest";
import { kbIdOf } from "../../shared/core/missing-kb.ts";
import { isFound, searchedText, searchWords } from "../../shared/core/search.ts";
import { isWorstFirst, select, trendOf, trendReport } from "../../shared/core/selection.ts";
import { noTotals } from "../../shared/core/totals.ts";
import { aKb, aReport } from "../support/builders.ts";

describe("a search", () => {
  const row = { id: "5066835", name: "October 2026 Security Updates", productsNames: ["windows_10", "edge"] };
  const finds = (search: string, softwareId = "microsoft-_-windows_11") =>
    isFound({ softwareId }, searchedText(row), searchWords(search));

  test.each(["KB5066835", "5066", "october WINDOWS_11", "edge", "  ", "security\tkb50"])(
    "of %j finds the entry",
    (search) => {
      expect(finds(search)).toBe(true);
    },
  );

  test.each(["kb 99", "windows_12", "october november", "835\nwindows_13"])("of %j does not", (search) => {
    expect(finds(search)).toBe(false);
  });

  test("looks for each word by itself, so that none spans two texts", () => {
    expect(finds("updateswindows_10")).toBe(false);
  });
});

test.each([
  ["KB5066136", "5066136"],
  ["kb 5066136", "5066136"],
  ["kb#005066136", "5066136"],
  ["5066136", "5066136"],
  ["KB", "KB"],
  ["2026-10 Rollup (Edge)", "2026-10 Rollup (Edge)"],
])("the KB named %j has the id %j", (named, id) => {
  expect(kbIdOf(named)).toBe(id);
});

describe("a selection", () => {
  const products = {
    a: { before: [], now: [aKb({ id: "1" })] },
    b: { before: [], now: [aKb({ id: "1" }), aKb({ id: "2" })] },
  };
  const ofB = [{ runId: "2026-11-22", day: "2026-11-22", totals: noTotals }];

  test("of one product ends in the trend of that product", async () => {
    const selected = select(await aReport({ products }), { softwareId: "b", change: "resolved" }, ofB);
    expect([trendOf(selected.selection), selected.report.trend]).toEqual(["b", ofB]);
    expect(trendReport(selected)).toMatchObject({
      trend: ofB,
      totals: { missingKbs: 2 },
      products: [{ softwareId: "b" }],
    });
    expect(selected.report.totals.missingKbs).toBe(0);
  });

  test("of anything else ends in the trend of the watchlist", async () => {
    const report = await aReport({ products });
    const selected = select(report, { change: "resolved" });
    expect(trendOf(selected.selection)).toBe("watchlist");
    expect(trendReport(selected)).toBe(report);
  });

  test("keeps the report's order unless another is asked for", () => {
    expect([{}, { sort: "worst" as const }, { order: "asc" as const }].map(isWorstFirst)).toEqual([true, true, true]);
    expect([{ sort: "kb" as const }, { order: "desc" as const }].map(isWorstFirst)).toEqual([false, false]);
  });
});
