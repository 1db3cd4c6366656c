import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  comparedProducts,
  comparedRun,
  countStates,
  notReadByReason,
  notReadLongestFirst,
  productsIn,
  sortByMissing,
  unlistedProducts,
} from "../../shared/core/products.ts";
import { anyStory } from "../support/any-report.ts";
import { aKb, aReport, type ProductStory } from "../support/builders.ts";

const ids = (rows: readonly { softwareId: string }[]) => rows.map(({ softwareId }) => softwareId);

function notRead(reason: string, misses: number): ProductStory {
  return {
    ...{ before: [aKb()], now: null, failure: { reason, permanent: false } },
    failedSince: { since: "2026-11-19", misses },
  };
}

describe("the products of a report", () => {
  test("are sorted by missing installs, then by missing KBs", async () => {
    const now = (...machines: (number | null)[]) => ({
      now: machines.map((machineMissedOn, index) => aKb({ id: String(index), machineMissedOn })),
    });
    const { products } = await aReport({
      products: { few: now(1), clean: now(), unknown: now(null, null), most: now(4), more: now(2, 2) },
    });
    expect(ids(sortByMissing(products))).toEqual(["more", "most", "few", "unknown", "clean"]);
  });

  test("that could not be read are listed longest first, and by reason most frequent first", async () => {
    const report = await aReport({
      products: {
        a: notRead("Defender answered 500.", 2),
        read: { before: [], now: [] },
        b: notRead("Defender answered 404.", 5),
        c: notRead("Defender answered 500.", 3),
        d: { before: [], now: [] },
      },
    });
    expect(ids(notReadLongestFirst(report))).toEqual(["b", "c", "a"]);
    expect(notReadByReason(report).map(({ reason, products }) => [reason, ids(products)])).toEqual([
      ["Defender answered 500.", ["c", "a"]],
      ["Defender answered 404.", ["b"]],
    ]);
  });

  test("that could not be read are each in exactly one group, that of their reason", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const report = await aReport(story);
        const groups = notReadByReason(report);
        expect(groups.flatMap(({ products }) => products)).toHaveLength(report.totals.notRead);
        expect(new Set(groups.map(({ reason }) => reason)).size).toBe(groups.length);
        for (const { reason, products } of groups) {
          expect(products.every(({ failure }) => failure?.reason === reason)).toBe(true);
        }
      }),
    );
  });

  test("are compared if they were read now and before, some with an older run than the report was", async () => {
    const report = await aReport({
      products: {
        a: { before: [], now: [] },
        b: { before: [], now: [], beforeRunId: "2026-11-17" },
        c: { before: [], now: [], beforeRunId: "2026-11-15" },
        failed: { before: [], now: null, beforeRunId: "2026-11-01" },
        first: { before: null, now: [] },
        late: { before: [], now: [aKb()], beforeRunId: "2026-11-18", firstEmptyOn: "2026-11-18" },
      },
    });
    expect(comparedProducts(report)).toEqual({ compared: 3, older: 2, oldest: "2026-11-15", newest: "2026-11-17" });
    const first = await aReport({ previousRunId: null, products: { a: { now: [] } } });
    expect(comparedProducts(first)).toEqual({ compared: 0, older: 0, oldest: null, newest: null });
  });

  test("were compared with an older run than the report's if all of them were read last in that run", async () => {
    const story = (beforeRunId?: string): ProductStory => ({
      before: [],
      now: [],
      ...(beforeRunId && { beforeRunId }),
    });
    const runOf = async (...stories: ProductStory[]) =>
      comparedRun(await aReport({ products: Object.fromEntries(stories.map((one, index) => [String(index), one])) }));
    expect(await runOf(story("2026-11-17"), story("2026-11-17"))).toBe("2026-11-17");
    expect(await runOf(story("2026-11-17"), story("2026-11-15"))).toBe("2026-11-22");
    expect(await runOf(story("2026-11-17"), story())).toBe("2026-11-22");
    expect(await runOf({ before: null, now: [] })).toBe("2026-11-22");
  });

  test("are listed by state, with those whose KBs are no longer listed while weaknesses are open", async () => {
    const emptiness = { verdict: "not-kb-patched", checkedOn: "2026-11-23" } as const;
    const report = await aReport({
      products: {
        a: { before: [], now: [aKb()] },
        b: { before: [aKb()], now: null },
        c: { before: [aKb()], now: [], snapshot: { emptiness } },
        d: { before: [], now: [], snapshot: { emptiness } },
        e: { before: [], now: [] },
      },
    });
    const states = ["read", "empty", "not-kb-patched", "not-read"] as const;
    expect(states.map((state) => ids(productsIn(report, state)))).toEqual([["a"], ["e"], ["c", "d"], ["b"]]);
    expect(ids(unlistedProducts(report))).toEqual(["c"]);
    expect(countStates(report.products)).toEqual({ baseline: 0, read: 4, notRead: 1 });
  });
});
