import { describe, expect, test } from "vitest";
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

  test("has changes only if both sides were read", () => {
    const [had, has] = [aSnapshot({ runId: before }), aSnapshot({ missingKbs: [aKb()] })];
    const read = { ...product, previous: before, current: today };
    expect(changesOf(read, had, has)).toEqual([{ kind: "new", current: aKb() }]);
    expect(changesOf(read, null, has)).toEqual([]);
    expect(changesOf(read, had, null)).toEqual([]);
    expect(changesOf({ ...read, current: before }, had, has)).toEqual([]);
  });

  test("uses the counts last reported, and leaves out those held back", () => {
    const counts = (machineMissedOn: number) => aSnapshot({ missingKbs: [aKb({ machineMissedOn })] });
    const kept = { "5041585": { machineMissedOn: 200 } };
    const comparison = { ...product, previous: before, current: today };
    expect(changesOf({ ...comparison, lastReported: kept }, counts(240), counts(240))).toMatchObject([
      { kind: "worsened", previous: { machineMissedOn: 200 }, current: { machineMissedOn: 240 } },
    ]);
    expect(changesOf({ ...comparison, heldBack: kept }, counts(200), counts(240))).toEqual([]);
  });
});
