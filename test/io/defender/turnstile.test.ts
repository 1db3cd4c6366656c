import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createTurnstile, type Limits, type Turnstile } from "../../../shared/io/defender/turnstile.ts";
import { DefenderError } from "../../../shared/ports.ts";

const start = Date.UTC(2026, 10, 23, 5);
const limits: Limits = {
  minute: { calls: 8, window: 60_000 },
  hour: { calls: 20, window: 3_600_000 },
  concurrency: 3,
  patience: 60_500,
  throttle: 10_000,
  longestThrottle: 3_600_000,
  now: Date.now,
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout", "Date"], now: start });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Makes so many calls of no length, all at once. */
async function call(turnstile: Turnstile, times: number): Promise<void> {
  for (let made = 0; made < times; made++) (await turnstile.enter(undefined))(true);
}

/** The turnstile of another process, whose clock is this far from ours. */
function another(clockAhead = 0): Turnstile {
  return createTurnstile({ ...limits, now: () => Date.now() + clockAhead });
}

describe("the usage of a tenant", () => {
  test("is when calls ended, ten seconds of them dated at the last", async () => {
    const turnstile = another();
    await call(turnstile, 1);
    await vi.advanceTimersByTimeAsync(9_000);
    await call(turnstile, 2);
    await vi.advanceTimersByTimeAsync(1_000);
    await call(turnstile, 1);
    expect(turnstile.usage()).toEqual({
      calls: [
        [start + 9_000, 3],
        [start + 10_000, 1],
      ],
      throttledUntil: null,
    });
    await vi.advanceTimersByTimeAsync(3_603_000);
    expect(turnstile.usage().calls).toEqual([[start + 10_000, 1]]);
  });

  test("says until when the tenant asked to be left alone", async () => {
    const turnstile = another();
    turnstile.hold(performance.now(), 300_000);
    expect(turnstile.usage()).toEqual({ calls: [], throttledUntil: start + 300_000 });
    await vi.advanceTimersByTimeAsync(300_000);
    expect(turnstile.usage().throttledUntil).toBeNull();
  });

  test("counts in the process that takes it over, until the same moment", async () => {
    const [before, after] = [another(), another()];
    await call(before, 5);
    after.resume(before.usage());
    const late = after.enter(undefined).then(() => Date.now() - start);
    await vi.advanceTimersByTimeAsync(60_061);
    expect(await late).toBe(60_061);
  });

  test("replaces what the process counted itself, so that handing it over twice counts nothing twice", async () => {
    const turnstile = another();
    await call(turnstile, 4);
    const usage = turnstile.usage();
    turnstile.resume(usage);
    turnstile.resume(usage);
    expect(turnstile.usage()).toEqual(usage);
    turnstile.resume({ calls: [], throttledUntil: null });
    await call(turnstile, 5);
    expect(turnstile.usage().calls).toEqual([[start, 5]]);
  });

  test("leaves calls under way counted", async () => {
    const turnstile = another();
    const leave = await turnstile.enter(undefined);
    turnstile.resume({ calls: [[start, 4]], throttledUntil: null });
    let admitted = false;
    void turnstile.enter(undefined).then(() => {
      admitted = true;
    });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(admitted).toBe(false);
    leave(true);
    await vi.advanceTimersByTimeAsync(30_061);
    expect(admitted).toBe(true);
  });

  test("of a tenant that is throttled refuses calls in the next process, and lets them through when that is over", async () => {
    const turnstile = another();
    turnstile.resume({ calls: [], throttledUntil: start + 600_000 });
    const refused = await turnstile.enter(undefined).catch((error) => error);
    expect(refused).toBeInstanceOf(DefenderError);
    expect(refused.retryAfterSeconds).toBe(600);
    turnstile.resume({ calls: [], throttledUntil: null });
    await call(turnstile, 1);
  });

  test("lets calls through that wait for a throttle which was lifted", async () => {
    const turnstile = another();
    turnstile.hold(performance.now(), 30_000);
    const waiting = turnstile.enter(undefined);
    turnstile.resume({ calls: [], throttledUntil: null });
    await waiting;
  });

  test("that another clock dates in the future counts as now, and blocks no longer than the longest throttle", async () => {
    const [ahead, turnstile] = [another(600_000), another()];
    await call(ahead, 5);
    turnstile.resume(ahead.usage());
    expect(turnstile.usage().calls).toEqual([[start, 5]]);
    turnstile.resume({ calls: [], throttledUntil: start + 1e12 });
    expect(turnstile.usage().throttledUntil).toBe(start + limits.longestThrottle);
  });
});

describe("the quotas", () => {
  interface Span {
    from: number;
    to: number;
  }

  /** The most calls that a service may count in one window, whenever it counts each between its start and its end. */
  function mostIn(window: number, spans: readonly Span[]): number {
    const overlapping = spans.map((first) =>
      spans.filter(({ from, to }) => to >= first.to && from < first.to + window),
    );
    return Math.max(0, ...overlapping.map(({ length }) => length));
  }

  /** One process after another; each asks to make calls, and one that lost its place makes only those it has begun. */
  async function play(steps: readonly Step[]): Promise<Span[]> {
    const spans: Span[] = [];
    let current = { turnstile: another(), isAtWork: true };
    let froze = false;

    const makeCall = async ({ turnstile }: typeof current, owner: { isAtWork: boolean }, lasts: number) => {
      const leave = await turnstile.enter(undefined);
      if (!owner.isAtWork) return leave(false);
      const from = Date.now();
      await new Promise((resolve) => setTimeout(resolve, lasts));
      spans.push({ from, to: Date.now() });
      leave(true);
    };

    for (const { calls, lasts, pause, handOver } of steps) {
      const process = current;
      for (let asked = 0; asked < calls; asked++) makeCall(process, process, lasts).catch(() => {});
      await vi.advanceTimersByTimeAsync(pause);
      if (handOver === "no") continue;
      process.isAtWork = false;
      // All calls of a process that ends in peace are over. Only one freezes with calls begun and ends them later.
      if (handOver === "in peace" || froze) await vi.advanceTimersByTimeAsync(longestCall);
      else froze = true;
      current = { turnstile: another(), isAtWork: true };
      current.turnstile.resume(process.turnstile.usage());
    }
    await vi.advanceTimersByTimeAsync(longestCall);
    return spans;
  }

  const longestCall = 400_000;
  interface Step {
    calls: number;
    lasts: number;
    pause: number;
    handOver: "no" | "in peace" | "frozen";
  }
  const step: fc.Arbitrary<Step> = fc.record({
    calls: fc.nat(10),
    lasts: fc.oneof(fc.nat(3_000), fc.nat(longestCall)),
    pause: fc.oneof(fc.nat(5_000), fc.nat(90_000), fc.nat(1_000_000)),
    handOver: fc.constantFrom("no", "no", "in peace", "frozen"),
  });

  test("hold over any history of calls and of processes that take over, even if one froze before it sent its last", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20, size: "max" }), async (steps) => {
        const spans = await play(steps);
        for (const { calls, window } of [limits.minute, limits.hour]) {
          expect(mostIn(window, spans)).toBeLessThanOrEqual(calls);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("keep as many calls in hand as may be under way, and allow one at least", async () => {
    const turnstile = another();
    const asked = Promise.all([call(turnstile, 2), call(turnstile, 4)]);
    await vi.advanceTimersByTimeAsync(60_060);
    expect(turnstile.usage().calls).toEqual([[start, 5]]);
    await vi.advanceTimersByTimeAsync(1);
    await asked;
    const small = createTurnstile({ ...limits, minute: { calls: 1, window: 60_000 } });
    await call(small, 1);
  });
});
