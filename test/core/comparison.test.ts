import { describe, expect, test } from "vitest";
import { everyRise } from "../../shared/core/change.ts";
import { changesOf, isBaseline, isRead } from "../../shared/core/comparison.ts";
import { aKb, aSnapshot } from "../support/builders.ts";

const product = { softwareId: "microsoft-_-windows_10" };
const [before, today] = ["2026-11-22", "2026-11-23"];

describe("a comparison", () => {
  test.each([
    ["of two days", before, today, { baseline: false, read: true }],
    ["at first sight", null, today, { baseline: true, read: true }],
    ["whose read failed today", before, before, { baseline: false, read: false }],
    ["that was never read", null, null, { baseline: false, read: false }],
    ["whose snapshot is lost", before, null, { baseline: false, read: false }],
  ])("%s: %s to %s is %j", (_, previous, current, { baseline, read }) => {
    const comparison = { ...product, previous, current };
    expect(isBaseline(comparison)).toBe(baseline);
    expect(isRead(comparison)).toBe(read);
  });

  test("is a baseline too if the first list came late, and then has no changes", () => {
    const late = { ...product, previous: before, current: today, lateBaseline: true as const };
    expect([isBaseline(late), isRead(late)]).toEqual([true, true]);
    const [had, has] = [aSnapshot({ runId: before }), aSnapshot({ missingKbs: [aKb()] })];
    expect(changesOf(late, everyRise, had, has)).toEqual([]);
  });

  test("has changes only if both sides were read", () => {
    const [had, has] = [aSnapshot({ runId: before }), aSnapshot({ missingKbs: [aKb()] })];
    const read = { ...product, previous: before, current: today };
    expect(changesOf(read, everyRise, had, has)).toEqual([{ kind: "new", kb: aKb(), previous: null, reasons: [] }]);
    expect(changesOf(read, everyRise, null, has)).toEqual([]);
    expect(changesOf(read, everyRise, had, null)).toEqual([]);
    expect(changesOf({ ...read, current: before }, everyRise, had, has)).toEqual([]);
  });

  test("uses the counts last reported, and calls those held back unchanged", () => {
    const counts = (machineMissedOn: number) => aSnapshot({ missingKbs: [aKb({ machineMissedOn })] });
    const kept = { "5041585": { machineMissedOn: 200 } };
    const comparison = { ...product, previous: before, current: today };
    expect(changesOf({ ...comparison, lastReported: kept }, everyRise, counts(240), counts(240))).toMatchObject([
      { kind: "worsened", previous: { machineMissedOn: 200 }, kb: { machineMissedOn: 240 } },
    ]);
    const thresholds = { ...everyRise, minMachines: 50 };
    expect(changesOf({ ...comparison, heldBack: kept }, thresholds, counts(200), counts(240))).toMatchObject([
      { kind: "unchanged", previous: { machineMissedOn: 200 } },
    ]);
  });

  test("reports a small change at once if the run had no room to hold it back", () => {
    const counts = (machineMissedOn: number) => aSnapshot({ missingKbs: [aKb({ machineMissedOn })] });
    const comparison = { ...product, previous: before, current: today };
    const thresholds = { ...everyRise, minMachines: 50 };
    expect(changesOf(comparison, thresholds, counts(200), counts(240))).toMatchObject([{ kind: "worsened" }]);
  });
});
