import { DefenderError } from "../../ports.ts";

/** So many calls in any window of so many milliseconds. */
export interface Quota {
  calls: number;
  window: number;
}

/** What a tenant takes; times in milliseconds. */
export interface Limits {
  minute: Quota;
  hour: Quota;
  /** Calls under way at once. */
  concurrency: number;
  /** The longest wait for a throttled tenant or a full hour; a longer one is refused at once. */
  patience: number;
  /** The wait after a first throttled call that was told none; it doubles with each one in a row. */
  throttle: number;
  longestThrottle: number;
}

/** What every call to a tenant goes through. */
export interface Turnstile {
  /** Waits for the tenant's turn; what it gives must be called when the call is over, saying whether one was sent. */
  enter(signal: AbortSignal | undefined): Promise<(sent: boolean) => void>;
  /** Makes every call of the tenant wait, because the one that was sent at `sentAt` was throttled. */
  hold(sentAt: number, asked: number | null): void;
  /** Notes that the call that was sent at `sentAt` was not throttled. */
  passed(sentAt: number): void;
}

interface Waiter {
  admit(): void;
  refuse(error: DefenderError): void;
}

/**
 * Lets calls through in their order, within both quotas, and none before a throttled tenant may be called again.
 *
 * A call counts from its end on, since Defender may count it at any time until then: however long each one is under
 * way, no window of Defender's holds more calls than the quota. The clock is the monotonic one, which never steps back.
 */
export function createTurnstile(limits: Limits): Turnstile {
  const { minute, hour, concurrency, patience } = limits;
  const ends: number[] = [];
  const waiters = new Set<Waiter>();
  let underWay = 0;
  let timer: NodeJS.Timeout | undefined;
  const throttle = { until: 0, since: 0, inARow: 0 };

  /** Milliseconds until a quota allows one more call; infinite while that hangs on calls under way. */
  function quotaWait({ calls, window }: Quota): number {
    if (underWay >= calls) return Number.POSITIVE_INFINITY;
    const end = ends[ends.length - (calls - underWay)];
    // A thousandth more, for two clocks that do not run alike.
    return end === undefined ? 0 : end + window * 1.001 + 1 - performance.now();
  }

  function refusalNow(): DefenderError | null {
    const throttled = throttle.until - performance.now();
    if (throttled > patience) {
      return later("Defender throttles this tenant's calls; they go on by themselves when it allows them.", throttled);
    }
    const full = quotaWait(hour);
    if (full <= patience || !Number.isFinite(full)) return null;
    return later("This tenant's calls of this hour are used up (DEFENDER_CALLS_PER_HOUR); they go on later.", full);
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
    if (ends.length > Math.max(minute.calls, hour.calls)) ends.shift();
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
      // Calls that were under way together are throttled once, not several times in a row.
      if (sentAt >= throttle.since) throttle.inARow += 1;
      throttle.since = performance.now();
      const grown = limits.throttle * 2 ** Math.min(throttle.inARow - 1, 20);
      const ms = Math.min(asked === null ? grown : Math.max(asked, grown / 10), limits.longestThrottle);
      throttle.until = Math.max(throttle.until, throttle.since + ms);
    },
    passed(sentAt) {
      if (sentAt >= throttle.since) throttle.inARow = 0;
    },
  };
}

function later(message: string, ms: number): DefenderError {
  const retryAfterSeconds = Math.min(Math.max(Math.ceil(ms / 1_000), 1), 3_600);
  return new DefenderError(message, { permanent: false, retryAfterSeconds });
}
