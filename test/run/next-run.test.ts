import { describe, expect, test } from "vitest";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import { nextCertainMail, nextRun } from "../../shared/run/next-run.ts";
import { aWatchlist } from "../support/builders.ts";
import { fakeWorld } from "../support/fake-world.ts";

describe("the next certain mail", () => {
  // 23 November 2026 is a Monday.
  const after = new Date("2026-11-23T05:00:00Z");
  const { rules } = fakeWorld().ports;
  const nextFor = (overrides: Partial<Watchlist>, timeZone = "UTC") =>
    nextCertainMail(aWatchlist(overrides), { ...rules, timeZone }, after)?.toISOString() ?? null;

  test("is that of the next heartbeat day, by the report's time zone", () => {
    expect(nextFor({ heartbeatDay: "Monday" })).toBe("2026-11-30T05:00:00.000Z");
    expect(nextFor({ heartbeatDay: "Monday" }, "America/Los_Angeles")).toBe("2026-11-24T05:00:00.000Z");
  });

  test("is the next run's if every run mails, and unknown if none is certain to", () => {
    expect(nextFor({ heartbeatDay: "none", mailWhen: "always" })).toBe("2026-11-24T05:00:00.000Z");
    expect(nextFor({ heartbeatDay: "none" })).toBeNull();
  });
});

describe("the next run", () => {
  test.each([
    ["0 0 5 * * *", "2026-11-23T05:00:00Z", "2026-11-24T05:00:00.000Z"],
    ["0 0 5 * * *", "2026-11-23T04:59:59Z", "2026-11-23T05:00:00.000Z"],
    ["0 30 4 * * 1-5", "2026-11-27T04:30:00Z", "2026-11-30T04:30:00.000Z"],
    // The first of a month that is a Monday: days and weekdays must both match.
    ["0 0 9 1 * 1", "2026-11-23T00:00:00Z", "2027-02-01T09:00:00.000Z"],
    // The night in which Europe's clocks are put back: the schedule is in UTC, so it does not matter.
    ["0 30 0 * * *", "2026-10-24T00:30:00Z", "2026-10-25T00:30:00.000Z"],
  ])("of %s after %s is %s", (schedule, after, expected) => {
    expect(nextRun(schedule, new Date(after))?.toISOString()).toBe(expected);
  });
});
