import { describe, expect, it } from "vitest";
import { fellMostFirst, outlineOf } from "../../shared/core/outline.ts";
import { aKb, aReport, type RunStory } from "../support/builders.ts";

const [win10, win11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
const before = [aKb({ id: "1", machineMissedOn: 9 }), aKb({ id: "2", machineMissedOn: 9 })];
const failure = { reason: "Defender answered 500.", permanent: false };
const notRead = { before, now: null, failure };
const twoWorse = before.map((kb) => ({ ...kb, machineMissedOn: 12 }));
const since = { runId: "2026-11-16", day: "2026-11-16", readable: [], watched: [], lost: [], rose: 0, cameAndWent: 0 };

async function outline(story: RunStory) {
  const { only, ...extent } = outlineOf(await aReport(story), null);
  return { ...extent, only: only?.id ?? null };
}

describe("the outline of a digest", () => {
  it("has, where KBs got worse, the most urgent to install and what became overdue, and no charts", async () => {
    expect(await outline({ products: { [win10]: { before, now: twoWorse } } })).toEqual({
      ...{ only: null, actions: "first", overdue: "moving", trend: false, bars: false },
    });
  });

  it("has, where one KB got worse, nothing to install but that", async () => {
    const products = { [win10]: { before, now: [...before, aKb({ id: "3" })] }, [win11]: notRead };
    expect(await outline({ products })).toEqual({
      ...{ only: "3", actions: "counted", overdue: "moving", trend: false, bars: false },
    });
    // New in one product, worse in another: it is still one.
    const both = { [win10]: { before, now: twoWorse.slice(0, 1) }, [win11]: { before: [], now: before.slice(0, 1) } };
    expect((await outline({ products: both })).only).toBe("1");
  });

  it("has all that there is room for on a quiet day and on one that is only better, with the trend", async () => {
    const calm = { only: null, actions: "all", overdue: "all", trend: true, bars: false };
    expect(await outline({ products: { [win10]: { before, now: before } } })).toEqual(calm);
    expect(await outline({ products: { [win10]: { before, now: before.slice(1) } } })).toEqual(calm);
  });

  it("counts what to install where the news is what could not be read", async () => {
    const counted = { only: null, actions: "counted", overdue: "moving", trend: false, bars: false };
    expect(await outline({ products: { [win10]: notRead } })).toEqual(counted);
    expect(await outline({ products: { [win10]: notRead, [win11]: { before, now: before } } })).toEqual(counted);
  });

  it("has everything to install and bars in a first digest, also where a product could not be read", async () => {
    const products = { [win10]: { now: before }, [win11]: { now: null, failure } };
    expect(await outline({ products, previousRunId: null })).toEqual({
      ...{ only: null, actions: "all", overdue: "counted", trend: true, bars: true },
    });
  });

  it("has the most urgent to install where a product joined", async () => {
    const products = { [win10]: { before, now: before }, [win11]: { before: null, now: before } };
    expect(await outline({ products })).toMatchObject({ actions: "first", overdue: "moving", trend: false });
  });

  it("is that of news where an earlier digest should have said what got worse, and names no only KB then", async () => {
    const quiet = await aReport({ products: { [win10]: { before, now: before } } });
    const late = (await aReport({ products: { [win10]: { before: [], now: before.slice(0, 1) } } })).rows;
    expect(outlineOf(quiet, { ...since, rows: late })).toMatchObject({ only: null, actions: "first", trend: false });
    const one = await aReport({ products: { [win10]: { before, now: [...before, aKb({ id: "3" })] } } });
    expect(outlineOf(one, { ...since, rows: late }).only).toBe(null);
    expect(outlineOf(one, { ...since, rows: [] }).only?.id).toBe("3");
  });
});

describe("rows by how much they fell", () => {
  it("are those first whose machines fell most in one product, then the others as they were", async () => {
    const [a, b, c] = [3, 2, 1].map((id) => aKb({ id: `${id}`, machineMissedOn: 100 }));
    if (!a || !b || !c) throw new Error("three KBs");
    const now = [
      { ...a, machineMissedOn: 95 },
      { ...b, machineMissedOn: 60 },
      { ...c, cveAddressed: 1 },
    ];
    const { rows } = await aReport({ products: { [win10]: { before: [a, b, c], now } } });
    expect(fellMostFirst(rows).map(({ id }) => id)).toEqual(["2", "3", "1"]);
  });
});
