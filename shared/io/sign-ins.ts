/** All in milliseconds. */
export interface SignInTiming {
  /** Between the starts of two sign-ins. */
  pause: number;
  /** The longest wait for a turn, and for a service that throttles. */
  patience: number;
  /** The wait after a 429 without a usable `Retry-After`. */
  throttle: number;
  longestThrottle: number;
  /** How long one tenant's 429 holds the other tenants back: it may be about all of them, or about this one alone. */
  othersThrottle: number;
  tries: number;
}

const defaultTiming: SignInTiming = {
  pause: 100,
  patience: 60_000,
  throttle: 10_000,
  longestThrottle: 3_600_000,
  othersThrottle: 10_000,
  tries: 3,
};

/** The sign-ins of all tenants but the app's own: ten a second at most, however many tenants there are. */
export interface SignIns {
  /**
   * Signs in when it is the tenant's turn, and again where the service throttled it. Where that takes too long, it throws
   * an error with `retryAfterSeconds`.
   */
  run<T>(tenant: string, signIn: () => Promise<T>): Promise<T>;
  /** Notes a 429 with what it asks for; `NaN`: nothing usable. */
  throttled(tenant: string, retryAfterSeconds: number): void;
}

export function createSignIns(options: Partial<SignInTiming> = {}): SignIns {
  const timing = { ...defaultTiming, ...options };
  const heldUntil = new Map<string, number>();
  let [nextTurn, allHeldUntil] = [0, 0];

  function untilHeld(tenant: string): number {
    return Math.max(allHeldUntil, heldUntil.get(tenant) ?? 0);
  }

  async function waitForTurn(tenant: string, deadline: number): Promise<void> {
    // A throttled tenant takes its turn once it may use it, and others go ahead.
    for (let until = untilHeld(tenant); until > performance.now(); until = untilHeld(tenant)) {
      await waitUntil(until, deadline);
    }
    const turn = Math.max(performance.now(), nextTurn);
    if (turn <= deadline) nextTurn = turn + timing.pause;
    await waitUntil(turn, deadline);
    if (untilHeld(tenant) > performance.now()) await waitForTurn(tenant, deadline);
  }

  return {
    async run(tenant, signIn) {
      const deadline = performance.now() + timing.patience;
      for (let tries = 1; ; tries++) {
        await waitForTurn(tenant, deadline);
        try {
          return await signIn();
        } catch (cause) {
          const until = heldUntil.get(tenant) ?? 0;
          if (until <= performance.now()) throw cause;
          if (tries === timing.tries) throw tooBusy(until, cause);
        }
      }
    },
    throttled(tenant, retryAfterSeconds) {
      const asked = retryAfterSeconds > 0 ? retryAfterSeconds * 1_000 : timing.throttle;
      const now = performance.now();
      heldUntil.set(tenant, now + Math.min(asked, timing.longestThrottle));
      allHeldUntil = Math.max(allHeldUntil, now + Math.min(asked, timing.othersThrottle));
    },
  };
}

async function waitUntil(time: number, deadline: number): Promise<void> {
  if (time > deadline) throw tooBusy(time);
  const ms = Math.ceil(time - performance.now());
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

function tooBusy(until: number, cause?: unknown): Error {
  const message = "Sign-ins to other tenants are throttled. They continue on their own.";
  const retryAfterSeconds = Math.max(1, Math.ceil((until - performance.now()) / 1_000));
  return Object.assign(new Error(message, { cause }), { retryAfterSeconds });
}
