import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDays, daysBetween } from "../../shared/core/day.ts";
import { idsBetween, isRunId, isScheduled, onDemandRunId, runDay, scheduledRunId } from "../../shared/core/run-id.ts";

describe("a run id", () => {
  test.each([
    ["2026-11-23T05:00:00Z", "UTC", "2026-11-23"],
    ["2026-11-23T05:00:00Z", "America/Los_Angeles", "2026-11-22"],
    ["2026-11-23T23:30:00Z", "Asia/Tokyo", "2026-11-24"],
    // The night on which clocks go back, before and after.
    ["2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-25"],
    ["2026-10-25T22:59:59Z", "Europe/Berlin", "2026-10-25"],
    ["2026-10-25T23:00:00Z", "Europe/Berlin", "2026-10-26"],
    // The night on which clocks go forward.
    ["2026-03-28T22:59:59Z", "Europe/Berlin", "2026-03-28"],
    ["2026-03-28T23:00:00Z", "Europe/Berlin", "2026-03-29"],
    ["2028-02-29T12:00:00Z", "UTC", "2028-02-29"],
    ["2026-12-31T23:59:59Z", "UTC", "2026-12-31"],
    ["2026-12-31T23:59:59Z", "Pacific/Kiritimati", "2027-01-01"],
  ])("of a scheduled run at %s in %s is the day %s", (instant, timeZone, runId) => {
    expect(scheduledRunId(new Date(instant), timeZone)).toBe(runId);
    expect(isScheduled(runId)).toBe(true);
  });

  test("of a run on demand is the same within a minute, and another a minute later", () => {
    expect(onDemandRunId(new Date("2026-11-23T10:17:00Z"))).toBe("2026-11-23T10:17Z");
    expect(onDemandRunId(new Date("2026-11-23T10:17:59.999Z"))).toBe("2026-11-23T10:17Z");
    expect(onDemandRunId(new Date("2026-11-23T10:18:00Z"))).toBe("2026-11-23T10:18Z");
    expect(isScheduled("2026-11-23T10:17Z")).toBe(false);
  });

  test.each(["2026-11-23", "2026-11-23T10:17Z", "2028-02-29"])("%s is valid", (text) => {
    expect(isRunId(text)).toBe(true);
  });

  test.each([
    "",
    "latest",
    "2026-02-30",
    "2026-13-01",
    "2026-11-23T25:00Z",
    "2026-11-23T10:17",
    "2026-11-23 ",
    "2026-11-23(2026-11-23",
    "../x",
  ])("%j is not valid", (text) => {
    expect(isRunId(text)).toBe(false);
  });
});

describe("the day of a run", () => {
  test.each(["UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"])(
    "is its id if it is scheduled, in %s too",
    (timeZone) => {
      expect(runDay("2026-11-23", timeZone)).toBe("2026-11-23");
    },
  );

  test.each([
    ["2026-11-23T10:17Z", "UTC", "2026-11-23"],
    ["2026-11-22T23:00Z", "UTC", "2026-11-22"],
    ["2026-11-22T23:00Z", "Asia/Tokyo", "2026-11-23"],
    ["2026-11-22T14:59Z", "Asia/Tokyo", "2026-11-22"],
    ["2026-11-22T15:00Z", "Asia/Tokyo", "2026-11-23"],
    ["2026-11-23T07:59Z", "America/Los_Angeles", "2026-11-22"],
    ["2026-11-23T08:00Z", "America/Los_Angeles", "2026-11-23"],
    ["2026-12-31T10:00Z", "Pacific/Kiritimati", "2027-01-01"],
    ["2026-11-23T18:14Z", "Asia/Kathmandu", "2026-11-23"],
    ["2026-11-23T18:15Z", "Asia/Kathmandu", "2026-11-24"],
    // Summer time ends on 25 October: midnight is at 22:00 UTC before that night, and at 23:00 after it.
    ["2026-10-24T21:59Z", "Europe/Berlin", "2026-10-24"],
    ["2026-10-24T22:00Z", "Europe/Berlin", "2026-10-25"],
    ["2026-10-25T22:59Z", "Europe/Berlin", "2026-10-25"],
    ["2026-10-25T23:00Z", "Europe/Berlin", "2026-10-26"],
    // It begins on 28 March.
    ["2027-03-27T22:59Z", "Europe/Berlin", "2027-03-27"],
    ["2027-03-27T23:00Z", "Europe/Berlin", "2027-03-28"],
    ["2027-03-28T21:59Z", "Europe/Berlin", "2027-03-28"],
    ["2027-03-28T22:00Z", "Europe/Berlin", "2027-03-29"],
  ])("that was asked for at %s in %s is %s", (runId, timeZone, day) => {
    expect(runDay(runId, timeZone)).toBe(day);
  });

  test("asked for at any minute is that of the scheduled run of the minute", () => {
    const anyMinute = fc.date({ min: new Date("2020-01-01"), max: new Date("2035-01-01"), noInvalidDate: true });
    const zones = fc.constantFrom("UTC", "Asia/Tokyo", "Europe/Berlin", "America/St_Johns", "Pacific/Apia");
    fc.assert(
      fc.property(anyMinute, zones, (at, timeZone) => {
        const minute = new Date(Math.floor(at.getTime() / 60_000) * 60_000);
        expect(runDay(onDemandRunId(at), timeZone)).toBe(scheduledRunId(minute, timeZone));
      }),
    );
  });
});

describe("the ids between two runs", () => {
  const zones = ["UTC", "Asia/Tokyo", "America/St_Johns", "Pacific/Pago_Pago", "Pacific/Kiritimati"];

  test("are those of all runs that were opened in between, west and east of UTC", () => {
    const minutes = fc.array(fc.integer({ min: 0, max: 3 * 24 * 60 }), { minLength: 3, maxLength: 3 });
    const isTimers = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(minutes, isTimers, fc.constantFrom(...zones), (opened, timers, timeZone) => {
        const ids = opened
          .sort((a, b) => a - b)
          .map((minute) => new Date(Date.UTC(2026, 11, 30) + minute * 60_000))
          .map((at, index) => (timers[index] ? scheduledRunId(at, timeZone) : onDemandRunId(at)));
        const [from = "", between = "", to = ""] = ids;
        const [first, last] = idsBetween(from, to);
        expect(between >= first && between <= last).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("days", () => {
  test("are counted by the calendar, even if clocks changed in between", () => {
    expect(daysBetween("2026-10-24", "2026-10-26")).toBe(2);
    expect(daysBetween("2026-02-27", "2026-03-01")).toBe(2);
    expect(daysBetween("2028-02-27", "2028-03-01")).toBe(3);
    expect(addDays("2026-10-31", 1)).toBe("2026-11-01");
    expect(addDays("2026-03-01", -1)).toBe("2026-02-28");
  });
});
