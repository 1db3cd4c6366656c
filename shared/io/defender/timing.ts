/** All in milliseconds. */
export interface Timing {
  /** The windows of the two quotas. */
  minute: number;
  hour: number;
  /** The longest that one call may take, to its last byte. */
  call: number;
  /** The longest wait for a token, with the turns of other tenants' sign-ins. */
  token: number;
  /** The longest wait in place; for a longer one the read fails with `retryAfterSeconds`. */
  patience: number;
  /** The wait after a first 429 without a usable `Retry-After`; it doubles with each further one in a row. */
  throttle: number;
  longestThrottle: number;
  /** The pauses before each retry of a passing fault. */
  retries: readonly number[];
  /** The pauses before each retry of a 404. */
  notFoundPauses: readonly number[];
  /** How long after a failure the credential is not asked for a token again. */
  tokenFailure: number;
}

/** Right for the real service. */
export const defaultTiming: Timing = {
  minute: 60_000,
  hour: 3_600_000,
  call: 60_000,
  token: 120_000,
  // A little over a minute, so that waiting for the window of a minute is never refused.
  patience: 60_500,
  throttle: 10_000,
  longestThrottle: 3_600_000,
  retries: [2_000, 8_000],
  notFoundPauses: [1_000, 2_000, 4_000],
  tokenFailure: 10_000,
};
