import { describe, expect, test } from "vitest";
import { minutesUntilLate, walkSeconds } from "../../shared/core/deadline.ts";

const quota = { callsPerMinute: 100, callsPerHour: 1_500 };

describe("a walk", () => {
  test.each([
    [0, quota, 0],
    [1, quota, 1],
    [200, quota, 120],
    [1_500, quota, 15 * 60],
    // The hour's calls are used up after a quarter of it.
    [1_501, quota, 3_601],
    [5_000, quota, 3 * 3_600 + 5 * 60],
    // Ten a minute never use up the hour's calls.
    [1_500, { callsPerMinute: 10, callsPerHour: 1_500 }, 150 * 60],
    [3_000, { callsPerMinute: 10, callsPerHour: 1_500 }, 300 * 60],
  ])("of %i calls within %j takes %i seconds", (calls, within, seconds) => {
    expect(walkSeconds(calls, within)).toBe(seconds);
  });
});

test("a run is late after its grace, the time to read every product twice, and half an hour for its mail", () => {
  expect(minutesUntilLate(0, { ...quota, graceMinutes: 120 })).toBe(150);
  expect(minutesUntilLate(2_500, { ...quota, graceMinutes: 120 })).toBe(120 + 185 + 30);
});
