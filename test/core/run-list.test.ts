import { describe, expect, test } from "vitest";
import { inOrderOfOpening, isOpenedBefore, isPastRetention, latestRun, newerRuns } from "../../shared/core/run-list.ts";

const run = (runId: string, openedAt: string) => ({ runId, openedAt });
// In Tokyo the scheduled run of 23 November was opened on 22 November in UTC.
const first = run("2026-11-23", "2026-11-22T22:00:00.000Z");
const asked = run("2026-11-22T23:00Z", "2026-11-22T23:00:12.000Z");
const second = run("2026-11-24", "2026-11-23T22:00:00.000Z");
const last = run("2026-11-23T23:30Z", "2026-11-23T23:30:59.000Z");
const runs = [last, second, asked, first];

describe("runs", () => {
  test("are ordered by when they were opened, not by their ids", () => {
    expect(inOrderOfOpening(runs)).toEqual([first, asked, second, last]);
    expect(isOpenedBefore(first, asked)).toBe(true);
    expect(isOpenedBefore(asked, first)).toBe(false);
    expect(isOpenedBefore(first, first)).toBe(false);
  });

  test("are shown from the last scheduled one, before the first of these from the last one asked for", () => {
    expect(latestRun(runs)).toBe(second);
    expect(latestRun([asked, first])).toBe(first);
    expect(latestRun([last, asked])).toBe(last);
    expect(latestRun([])).toBeUndefined();
  });

  test("that are newer than another are those opened after it, oldest first", () => {
    expect(newerRuns(runs, first)).toEqual([asked, second, last]);
    expect(newerRuns(runs, last)).toEqual([]);
  });

  test("are kept for RETENTION_DAYS, counted from the day they belong to", () => {
    const rules = { retentionDays: 30, timeZone: "Asia/Tokyo" };
    expect(isPastRetention("2026-10-24", "2026-11-23", rules)).toBe(false);
    expect(isPastRetention("2026-10-23", "2026-11-23", rules)).toBe(true);
    expect(isPastRetention("2026-10-23T23:00Z", "2026-11-23", rules)).toBe(false);
    expect(isPastRetention("2026-10-23T14:59Z", "2026-11-23", rules)).toBe(true);
  });
});
