/** All in milliseconds. */
export interface Timing {
  /** How long the two quotas' windows are. */
  minute: number;
  hour: number;
  /** The longest one call may take, to the last byte; a token too. */
  call: number;
  /** The longest wait in place; a longer one is told by `retryAfterSeconds`. */
  patience: number;
  /** The wait after a first 429 without a usable `Retry-After`; it doubles with each one in a row. */
  throttle: number;
  longestThrottle: number;
  /** The pauses before each further try after a fault that may pass. */
  retries: readonly number[];
  /** The pauses before each further look after a 404. */
  notFoundPauses: readonly number[];
  /** How long a failure to get a token stands before the credential is asked again. */
  tokenFailure: number;
}

/** What suits the real service. */
export const defaultTiming: Timing = {
  minute: 60_000,
  hour: 3_600_000,
  call: 60_000,
  // A little above a minute: the wait for a full minute's window is never refused.
  patience: 60_500,
  throttle: 10_000,
  longestThrottle: 3_600_000,
  retries: [2_000, 8_000],
  notFoundPauses: [1_000, 2_000, 4_000],
  tokenFailure: 10_000,
};
