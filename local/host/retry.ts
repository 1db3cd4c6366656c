/** How often and after what wait the host calls a failed function again. */
export interface RetryPolicy {
  maxRetryCount: number;
  /** Milliseconds before the retry of this number, from 1. */
  delayBefore(retry: number): number;
}

/** What a function is told when it runs again. */
export interface RetryContext {
  retryCount: number;
  maxRetryCount: number;
  exception: { message: string };
}

interface RetryOptions {
  retryStrategy?: string;
  maxRetryCount?: number;
  delayInterval?: { seconds: number };
  minimumInterval?: { seconds: number };
  maximumInterval?: { seconds: number };
}

/** Reads what the library made of an app's `retry`. */
export function readRetryPolicy(options: RetryOptions | undefined): RetryPolicy {
  const { retryStrategy, maxRetryCount = 0, delayInterval, minimumInterval, maximumInterval } = options ?? {};
  const first = (delayInterval ?? minimumInterval)?.seconds ?? 0;
  const longest = maximumInterval?.seconds ?? Number.POSITIVE_INFINITY;
  const growth = retryStrategy === "exponentialBackoff" ? 2 : 1;
  // The library writes -1 for "for ever".
  if (maxRetryCount < 0) throw new Error("The development host does not play endless retries; set maxRetryCount.");
  return {
    maxRetryCount,
    delayBefore: (retry) => Math.min(first * growth ** (retry - 1), longest) * 1000,
  };
}

/** Runs until it succeeds or the policy is used up; then throws what the last run threw. */
export async function runWithRetries(
  policy: RetryPolicy,
  wait: (ms: number) => Promise<unknown>,
  run: (context?: RetryContext) => Promise<unknown>,
): Promise<void> {
  let context: RetryContext | undefined;
  for (let retry = 1; ; retry += 1) {
    try {
      await run(context);
      return;
    } catch (error) {
      if (retry > policy.maxRetryCount) throw error;
      const message = error instanceof Error ? error.message : String(error);
      context = { retryCount: retry, maxRetryCount: policy.maxRetryCount, exception: { message } };
      await wait(policy.delayBefore(retry));
    }
  }
}
