import { describe, expect, test } from "vitest";
import { changesOf, isBaseline, isRead } from "../../shared/core/comparison.ts";
import { aKb, aSnapshot } from "../support/builders.ts";

const software = { softwareId: "microsoft-_-windows_10" };
const [before, today] = ["2026-11-22", "2026-11-23"];

describe("a comparison", () => {
  test.each([
    ["of two days", before, today, { baseline: false, measured: true }],
    ["at first sight", null, today, { baseline: true, measured: true }],
    ["whose read failed today", before, before, { baseline: false, measured: false }],
    ["that was never read", null, null, { baseline: false, measured: false }],
    ["whose snapshot is lost", before, null, { baseline: false, measured: false }],
  ])("%s: %s to %s is %j", (_, previous, current, { baseline, measured }) => {
    const comparison = { ...software, previous, current };
    expect(isBaseline(comparison)).toBe(baseline);
    expect(isRead(comparison)).toBe(measured);
  });

  test("tells changes where both sides were measured, and of nothing else", () => {
    const [had, has] = [aSnapshot({ runId: before }), aSnapshot({ missingKbs: [aKb()] })];
    const measured = { ...software, previous: before, current: today };
    expect(changesOf(measured, had, has)).toEqual([{ kind: "new", current: aKb() }]);
    expect(changesOf(measured, null, has)).toEqual([]);
    expect(changesOf(measured, had, null)).toEqual([]);
    expect(changesOf({ ...measured, current: before }, had, has)).toEqual([]);
  });

  test("tells from the counts last told, and not what is kept back", () => {
    const counts = (machineMissedOn: number) => aSnapshot({ missingKbs: [aKb({ machineMissedOn })] });
    const kept = { "5041585": { machineMissedOn: 200 } };
    const comparison = { ...software, previous: before, current: today };
    expect(changesOf({ ...comparison, lastReported: kept }, counts(240), counts(240))).toMatchObject([
      { kind: "worsened", previous: { machineMissedOn: 200 }, current: { machineMissedOn: 240 } },
    ]);
    expect(changesOf({ ...comparison, heldBack: kept }, counts(200), counts(240))).toEqual([]);
  });
});
