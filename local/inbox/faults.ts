import type { InboxFault } from "../inbox.ts";
import { complain } from "./rules.ts";

/** What SendGrid answers when it takes no mail, or not this one; each strikes one send. */
export const sendGridFaults = {
  noCredits: { status: 401, errors: [complain("Maximum credits exceeded")] },
  forbidden: { status: 403, errors: [complain("access forbidden")] },
  tooLarge: { status: 413, errors: [complain("content too large")] },
  busy: { status: 503, errors: [complain("internal server error")] },
} as const satisfies Record<string, InboxFault>;

/** SendGrid's rate limit, with the time of its end. */
export function throttledUntil(reset: Date): InboxFault {
  const headers = { "X-RateLimit-Reset": String(Math.ceil(reset.getTime() / 1_000)) };
  return { status: 429, errors: [complain("too many requests")], headers };
}

/** What Azure Communication Services answers when it takes no mail, or not this one; each strikes one send. */
export const acsFaults = {
  denied: { status: 401, errors: [complain("Denied by the resource provider.", "Denied")] },
  blocked: {
    status: 400,
    errors: [complain("All requests from this subscription are blocked.", "SubscriptionBlocked")],
  },
  tooLarge: { status: 413, errors: [complain("The email is too large.", "TooLarge")] },
  busy: { status: 503, errors: [complain("The service is unavailable.", "ServiceUnavailable")] },
  broken: { status: 500, errors: [complain("An internal error occurred.", "InternalServerError")] },
} as const satisfies Record<string, InboxFault>;

/** Azure's rate limit. */
export function throttledFor(seconds: number): InboxFault {
  const errors = [complain("Too many requests.", "TooManyRequests")];
  return { status: 429, errors, headers: { "Retry-After": String(seconds) } };
}
