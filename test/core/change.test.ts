import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  changedCounts,
  changesBetween,
  direction,
  everyRise,
  type GapChange,
  holdBack,
  rise,
} from "../../shared/core/change.ts";
import type { Snapshot } from "../../shared/core/snapshot.ts";
import type { Thresholds } from "../../shared/core/watchlist.ts";
import { aKnownAnswer, anAnswer, countsById, snapshotOf } from "../support/arbitraries.ts";

const twoAnswers = fc.tuple(anAnswer, anAnswer);
const thresholds = fc.record({
  minMachines: fc.integer({ min: 1, max: 20 }),
  minPercent: fc.integer({ min: 0, max: 60 }),
});

function kb(machineMissedOn: number | null, cveAddressed: number | null = 14) {
  return { id: "5068861", name: "", productsNames: [], url: null, machineMissedOn, cveAddressed };
}

function kindsOf(before: readonly unknown[], after: readonly unknown[]): string[] {
  return changesBetween(snapshotOf(before), snapshotOf(after, "2026-11-23")).map(({ kind }) => kind);
}

describe("comparing two snapshots", () => {
  test("finds nothing between equals", () => {
    fc.assert(
      fc.property(anAnswer, (items) => {
        expect(changesBetween(snapshotOf(items), snapshotOf(items, "2026-11-23"))).toEqual([]);
      }),
    );
  });

  test("calls nothing resolved if weaknesses stay open and the list is empty", () => {
    fc.assert(
      fc.property(anAnswer, (items) => {
        const emptied: Snapshot = {
          ...snapshotOf([], "2026-11-23", snapshotOf(items)),
          emptiness: { verdict: "not-kb-patched", checkedOn: "2026-11-23" },
        };
        expect(changesBetween(snapshotOf(items), emptied)).toEqual([]);
      }),
    );
  });

  test("swaps new with resolved when the sides are swapped", () => {
    fc.assert(
      fc.property(twoAnswers, ([a, b]) => {
        const idsOf = (kind: string, changes: GapChange[]) =>
          changes
            .filter((change) => change.kind === kind)
            .map((change) => ("current" in change ? change.current : change.previous).id);
        const there = changesBetween(snapshotOf(a), snapshotOf(b));
        const back = changesBetween(snapshotOf(b), snapshotOf(a));
        expect(idsOf("new", back)).toEqual(idsOf("resolved", there));
        expect(idsOf("resolved", back)).toEqual(idsOf("new", there));
      }),
    );
  });

  test("finds changes that turn one side into the other", () => {
    fc.assert(
      fc.property(fc.tuple(aKnownAnswer, aKnownAnswer), ([a, b]) => {
        const before = snapshotOf(a);
        const applied = new Map(before.missingKbs.map((known) => [known.id, known]));
        for (const change of changesBetween(before, snapshotOf(b))) {
          if (change.kind === "resolved") applied.delete(change.previous.id);
          else applied.set(change.current.id, change.current);
        }
        expect(sorted(countsById(applied.values()))).toEqual(sorted(countsById(snapshotOf(b).missingKbs)));
      }),
    );
  });

  test.each([
    ["more machines", kb(240), kb(252), ["worsened"]],
    ["more CVEs", kb(240, 14), kb(240, 15), ["worsened"]],
    ["more machines and fewer CVEs", kb(240, 14), kb(252, 2), ["worsened"]],
    ["fewer machines and more CVEs", kb(240, 14), kb(10, 15), ["worsened"]],
    ["fewer machines", kb(240), kb(10), ["improved"]],
    ["machines that became unknown", kb(240), kb(null), []],
    ["machines that became known", kb(null), kb(240), []],
    ["unknown machines and fewer CVEs", kb(240, 14), kb(null, 3), ["improved"]],
    ["from unknown to zero", kb(null), kb(0), []],
    ["zero to one", kb(0), kb(1), ["worsened"]],
  ])("names the change: %s", (_, before, after, kinds) => {
    expect(kindsOf([before], [after])).toEqual(kinds);
  });

  test("treats a count that is held back as unchanged", () => {
    const [before, after] = [snapshotOf([kb(240, 14)]), snapshotOf([kb(240, 15)])];
    expect(changesBetween(before, after, {}, { "5068861": { cveAddressed: 14 } })).toEqual([]);
    expect(changesBetween(before, after, {}, { "5068861": { machineMissedOn: 240 } })).toHaveLength(1);
  });

  test("calls a resolved KB that is back returned, with the day it was first seen", () => {
    const first = snapshotOf([kb(240)], "2026-11-10");
    const without = snapshotOf([], "2026-11-15", first);
    const back = snapshotOf([kb(3)], "2026-11-23", without);
    expect(changesBetween(without, back)).toEqual([
      { kind: "returned", current: expect.objectContaining({ id: "5068861", firstSeen: "2026-11-10", peak: 240 }) },
    ]);
  });
});

describe("thresholds", () => {
  /** Follows a KB's counts over runs as reports do, and returns what each reported. */
  function follow(counts: readonly (number | null)[], limits: Thresholds): GapChange[][] {
    let lastReported = {};
    let before: Snapshot | null = null;
    return counts.map((count) => {
      const current = snapshotOf([kb(count)]);
      const heldBack = before ? holdBack(before, current, lastReported, limits) : {};
      const changes = before ? changesBetween(before, current, lastReported, heldBack) : [];
      lastReported = heldBack;
      before = current;
      return changes;
    });
  }

  test("let every rise through if they are the smallest", () => {
    fc.assert(
      fc.property(twoAnswers, ([a, b]) => {
        const [before, current] = [snapshotOf(a), snapshotOf(b)];
        const heldBack = holdBack(before, current, {}, everyRise);
        expect(changesBetween(before, current, {}, heldBack)).toEqual(changesBetween(before, current));
      }),
    );
  });

  test("never lose a slow creep: what was last reported stays within the thresholds of the truth", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 2, maxLength: 30 }),
        thresholds,
        (counts, limits) => {
          const reported = follow(counts, limits);
          let base = counts[0] ?? 0;
          for (const [run, now] of counts.entries()) {
            if (reported[run]?.length) base = now;
            const hidden = now - base;
            expect(hidden).toBeGreaterThanOrEqual(0);
            if (hidden > 0) expect(hidden < limits.minMachines || hidden * 100 < limits.minPercent * base).toBe(true);
          }
        },
      ),
    );
  });

  test("report a rise across an unknown count", () => {
    const reported = follow([240, null, null, 300], everyRise);
    expect(reported.map((changes) => changes.map(({ kind }) => kind))).toEqual([[], [], [], ["worsened"]]);
    expect(reported[3]?.[0]).toMatchObject({ previous: { machineMissedOn: 240 }, current: { machineMissedOn: 300 } });
  });

  test("report small rises together once they add up, with what was last reported", () => {
    const reported = follow([100, 102, 104, 106, 107], { minMachines: 5, minPercent: 0 });
    expect(reported.map((changes) => changes.length)).toEqual([0, 0, 0, 1, 0]);
    expect(reported[3]?.[0]).toMatchObject({ previous: { machineMissedOn: 100 }, current: { machineMissedOn: 106 } });
  });

  test("require both the machines and the percentage", () => {
    const limits = { minMachines: 5, minPercent: 10 };
    const kindsFor = (from: number, to: number) => follow([from, to], limits)[1]?.map(({ kind }) => kind);
    expect(kindsFor(100, 109)).toEqual([]);
    expect(kindsFor(10, 14)).toEqual([]);
    expect(kindsFor(100, 110)).toEqual(["worsened"]);
    expect(kindsFor(0, 5)).toEqual(["worsened"]);
  });

  test("hold nothing back that did not change, was never known, or is new", () => {
    const limits = { minMachines: 50, minPercent: 0 };
    fc.assert(
      fc.property(anAnswer, (items) => {
        expect(holdBack(snapshotOf(items), snapshotOf(items), {}, limits)).toEqual({});
        expect(holdBack(snapshotOf([]), snapshotOf(items), {}, limits)).toEqual({});
      }),
    );
    expect(holdBack(snapshotOf([kb(null, null)]), snapshotOf([kb(null, null)]), {}, limits)).toEqual({});
    expect(holdBack(snapshotOf([]), snapshotOf([kb(null, null)]), {}, limits)).toEqual({});
  });

  test("hold back a count that became unknown, and only that one", () => {
    const lost = (now: ReturnType<typeof kb>) => holdBack(snapshotOf([kb(240, 14)]), snapshotOf([now]), {}, everyRise);
    expect(lost(kb(240, null))).toEqual({ "5068861": { cveAddressed: 14 } });
    expect(lost(kb(null, 14))).toEqual({ "5068861": { machineMissedOn: 240 } });
  });

  test("do not hold back more CVEs, nor the machines that came with them", () => {
    const before = snapshotOf([kb(100, 14)]);
    const current = snapshotOf([kb(101, 15)]);
    expect(holdBack(before, current, {}, { minMachines: 50, minPercent: 0 })).toEqual({});
  });
});

function sorted<T>(map: Map<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("one count", () => {
  test("goes up, down or stays level, and never moves if a side is unknown", () => {
    expect([rise(3, 5), rise(5, 3), rise(4, 4), rise(null, 4), rise(4, null)]).toEqual([2, -2, 0, 0, 0]);
    const pairs = [
      [3, 5],
      [5, 3],
      [4, 4],
      [null, 4],
      [4, null],
    ] as const;
    expect(pairs.map(([base, current]) => direction(base, current))).toEqual(["up", "down", "level", "level", "level"]);
  });

  test("is named among those that changed, even if it became unknown or known", () => {
    const before = { machineMissedOn: 4, cveAddressed: null };
    expect(changedCounts(before, before)).toEqual([]);
    expect(changedCounts(before, { machineMissedOn: 5, cveAddressed: null })).toEqual(["machineMissedOn"]);
    expect(changedCounts(before, { machineMissedOn: null, cveAddressed: 1 })).toEqual([
      "machineMissedOn",
      "cveAddressed",
    ]);
    expect(changedCounts(null, before)).toEqual(["machineMissedOn"]);
  });
});
