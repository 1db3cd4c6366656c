import { DefenderError, type Usage } from "../../ports.ts";

/** At most `calls` in any `window` of milliseconds. */
export interface Quota {
  calls: number;
  window: number;
}

/** The limits of a tenant; times in milliseconds. */
export interface Limits {
  minute: Quota;
  hour: Quota;
  /** Calls under way at once. */
  concurrency: number;
  /** The longest wait for a throttled tenant or a full hour; calls that would wait longer are refused at once. */
  patience: number;
  /** The wait after a first throttled call without `Retry-After`; it doubles with each further one in a row. */
  throttle: number;
  longestThrottle: number;
  /** Milliseconds since 1970, for what goes to and comes from another process. */
  now: () => number;
}

/** Every call to a tenant goes through its turnstile. */
export interface Turnstile {
  /** Waits for the call's turn. The returned function must be called when the call is over, with whether it was sent. */
  enter(signal: AbortSignal | undefined): Promise<(sent: boolean) => void>;
  /** Makes every call of the tenant wait, because the one sent at `sentAt` was throttled. */
  hold(sentAt: number, asked: number | null): void;
  /** Notes that the call sent at `sentAt` was not throttled. */
  passed(sentAt: number): void;
  /** The calls that ended within the hour. */
  usage(): Usage;
  /** Replaces the calls that ended, and the throttle; those under way stay counted. */
  resume(usage: Usage): void;
}

interface Waiter {
  admit(): void;
  refuse(error: DefenderError): void;
}

/**
 * Lets calls through in order and within both quotas, and none before a throttled tenant may be called again.
 *
 * A call counts from its end, because Defender may count it at any time until then: however long calls take, no window of
 * Defender's has more of them than the quota. The clock is monotonic and never steps back.
 *
 * Each quota keeps `concurrency` calls in hand. A process that freezes right before it sends, and wakes after another one
 * has taken over from its `usage`, still sends up to that many calls that nobody else counts.
 */
export function createTurnstile(limits: Limits): Turnstile {
  const { concurrency, patience, now } = limits;
  const minute = keepInHand(limits.minute, concurrency);
  const hour = keepInHand(limits.hour, concurrency);
  const maxEnds = Math.max(minute.calls, hour.calls);
  let ends: number[] = [];
  const waiters = new Set<Waiter>();
  let underWay = 0;
  let timer: NodeJS.Timeout | undefined;
  const throttle = { until: 0, since: 0, inARow: 0 };

  /** Milliseconds until a quota allows one more call; infinite while that depends on calls under way. */
  function quotaWait({ calls, window }: Quota): number {
    if (underWay >= calls) return Number.POSITIVE_INFINITY;
    const end = ends[ends.length - (calls - underWay)];
    return end === undefined ? 0 : end + lasting(window) - performance.now();
  }

  function refusalNow(): DefenderError | null {
    const throttled = throttle.until - performance.now();
    if (throttled > patience) {
      return later(
        "Defender throttles this tenant. Reading continues on its own as soon as Defender allows it.",
        throttled,
      );
    }
    const full = quotaWait(hour);
    if (full <= patience || !Number.isFinite(full)) return null;
    return later(
      "This hour's calls to the tenant are used up (DEFENDER_CALLS_PER_HOUR). Reading continues on its own.",
      full,
    );
  }

  function letThrough(): void {
    clearTimeout(timer);
    for (const waiter of waiters) {
      const refusal = refusalNow();
      if (refusal) {
        waiters.delete(waiter);
        waiter.refuse(refusal);
        continue;
      }
      if (underWay >= concurrency) return;
      const ms = Math.max(throttle.until - performance.now(), quotaWait(minute), quotaWait(hour));
      if (ms > 0) {
        if (Number.isFinite(ms)) timer = setTimeout(letThrough, Math.ceil(ms));
        return;
      }
      underWay += 1;
      waiters.delete(waiter);
      waiter.admit();
    }
  }

  function leave(sent: boolean): void {
    underWay -= 1;
    if (sent) ends.push(performance.now());
    if (ends.length > maxEnds) ends.shift();
    letThrough();
  }

  return {
    async enter(signal) {
      signal?.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<typeof leave>();
      const waiter = { admit: () => resolve(leave), refuse: reject };
      const abandon = () => {
        waiters.delete(waiter);
        reject(signal?.reason);
        letThrough();
      };
      signal?.addEventListener("abort", abandon);
      waiters.add(waiter);
      letThrough();
      try {
        return await promise;
      } finally {
        signal?.removeEventListener("abort", abandon);
      }
    },
    hold(sentAt, asked) {
      // Calls throttled together count once, not as several in a row.
      if (sentAt >= throttle.since) throttle.inARow += 1;
      throttle.since = performance.now();
      const grown = limits.throttle * 2 ** Math.min(throttle.inARow - 1, 20);
      const ms = Math.min(asked === null ? grown : Math.max(asked, grown / 10), limits.longestThrottle);
      throttle.until = Math.max(throttle.until, throttle.since + ms);
    },
    passed(sentAt) {
      if (sentAt >= throttle.since) throttle.inARow = 0;
    },
    usage() {
      const monotonic = performance.now();
      const since1970 = now() - monotonic;
      // Ten seconds where a minute is one.
      const bucket = minute.window / 6;
      const calls = new Map<number, [endedAt: number, count: number]>();
      for (const end of ends.filter((at) => at + lasting(hour.window) > monotonic)) {
        const endedAt = since1970 + end;
        const key = Math.floor(endedAt / bucket);
        // Dated at the last, so that none stops counting too early.
        calls.set(key, [endedAt, (calls.get(key)?.[1] ?? 0) + 1]);
      }
      const throttledUntil = throttle.until > monotonic ? since1970 + throttle.until : null;
      return { calls: [...calls.values()], throttledUntil };
    },
    resume({ calls, throttledUntil }) {
      const monotonic = performance.now();
      const since1970 = now() - monotonic;
      const counted = calls.flatMap(([endedAt, count]) => {
        // The other process's clock may be ahead of this one's.
        const end = Math.min(endedAt - since1970, monotonic);
        return Array<number>(Math.min(count, maxEnds)).fill(end);
      });
      ends = counted.sort((a, b) => a - b).slice(-maxEnds);
      throttle.until = Math.min((throttledUntil ?? 0) - since1970, monotonic + limits.longestThrottle);
      letThrough();
    },
  };
}

function keepInHand({ calls, window }: Quota, inHand: number): Quota {
  return { calls: Math.max(1, calls - inHand), window };
}

/** How long a call counts: a thousandth more than the window, because two clocks never run exactly alike. */
function lasting(window: number): number {
  return window * 1.001 + 1;
}

function later(message: string, ms: number): DefenderError {
  const retryAfterSeconds = Math.min(Math.max(Math.ceil(ms / 1_000), 1), 3_600);
  return new DefenderError(message, { permanent: false, retryAfterSeconds });
}
