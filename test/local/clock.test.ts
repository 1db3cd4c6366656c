import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { followClock, restoreClock, skipPauses, turnClock } from "../../local/clock.ts";

afterEach(restoreClock);

const past = new Date("2024-02-29T05:00:00Z");
const near = (time: number) => Math.abs(time - past.getTime()) < 5_000;

test("a turned clock shows the time it was turned to, however it is read", () => {
  turnClock(past);
  expect(near(Date.now())).toBe(true);
  const made = new Date();
  expect(near(made.valueOf())).toBe(true);
  expect(near(Date.parse(Date()))).toBe(true);
});

test("a turned clock keeps running", async () => {
  turnClock(past);
  const before = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(Date.now() - before).toBeGreaterThanOrEqual(15);
});

test("a turned clock changes nothing else about dates", () => {
  const old = new Date();
  turnClock(past);
  expect(new Date(2020, 1, 3).getMonth()).toBe(1);
  expect(new Date("2020-01-02T00:00:00Z").toISOString()).toBe("2020-01-02T00:00:00.000Z");
  expect(Date.UTC(1970, 0, 2)).toBe(86_400_000);
  expect(new Date(old)).toEqual(old);
  expect([new Date(), old].map((date) => [date instanceof Date, date.constructor === Date])).toEqual([
    [true, true],
    [true, true],
  ]);
  expect(structuredClone(new Date(5))).toEqual(new Date(5));
  class Special extends Date {}
  expect(new Special() instanceof Special).toBe(true);
  expect(near(new Special().getTime())).toBe(true);
});

test("a restored clock is the real one", () => {
  const real = Date.now();
  const RealDate = Date;
  turnClock(past);
  restoreClock();
  expect(Date).toBe(RealDate);
  expect(Date.now() - real).toBeGreaterThanOrEqual(0);
  expect(Date.now() - real).toBeLessThan(60_000);
});

test("a clock that is turned twice shows the last time it was turned to", () => {
  turnClock(new Date("2030-01-01T00:00:00Z"));
  turnClock(past);
  expect(near(Date.now())).toBe(true);
});

test("a followed clock is asked anew at each look", () => {
  const real = Date.now();
  let ahead = 3_600_000;
  followClock(() => ahead);
  const within = (instant: number) => expect(Math.abs(instant - real - ahead)).toBeLessThan(60_000);
  within(Date.now());
  ahead = -86_400_000;
  within(Date.parse(new Date().toISOString()));
});

describe("skipped pauses", () => {
  const hour = 3_600_000;
  /** In hours, by the turned clock. */
  const hoursOf = async (work: () => Promise<unknown>) => {
    const before = Date.now();
    await work();
    return Math.round((Date.now() - before) / hour);
  };

  test("take no time, but the clock goes on by them", async () => {
    turnClock(past);
    skipPauses();
    expect(await hoursOf(() => pause(2 * hour))).toBe(2);
    expect(await pause(hour, "the value")).toBe("the value");
    expect(near(Date.now() - 3 * hour)).toBe(true);
  });

  test("that overlap pass side by side, not one after another", async () => {
    skipPauses();
    const pauses = [pause(2 * hour), pause(8 * hour), pause(hour).then(() => pause(hour))];
    expect(await hoursOf(() => Promise.all(pauses))).toBeLessThanOrEqual(9);
    expect(await hoursOf(async () => {})).toBe(0);
  });

  test("end early when their signal does", async () => {
    skipPauses();
    const reason = new Error("out of time");
    const ended = pause(hour, undefined, { signal: AbortSignal.abort(reason) });
    await expect(ended).rejects.toMatchObject({ name: "AbortError", cause: reason });
    expect(await hoursOf(async () => {})).toBe(0);
  });

  test("leave time limits alone", async () => {
    skipPauses();
    let isOver = false;
    const limit = setTimeout(() => {
      isOver = true;
    }, hour);
    await pause(2 * hour);
    clearTimeout(limit);
    expect(isOver).toBe(false);
  });

  test("are real again with the clock", async () => {
    skipPauses();
    restoreClock();
    const before = performance.now();
    await pause(20);
    expect(performance.now() - before).toBeGreaterThanOrEqual(15);
  });
});
