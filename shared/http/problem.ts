/** What a caller did wrong or cannot have (RFC 9457). `detail` says what is wrong, what is allowed and what to do. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly extra: {
    parameter?: string;
    allowed?: readonly string[];
    watchlist?: string;
    /** When to ask again, also in the header Retry-After. */
    retryAfterSeconds?: number;
  };

  constructor(status: number, title: string, detail: string, extra: Problem["extra"] = {}) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.extra = extra;
  }
}

/** A parameter, or a property of a body, that is not accepted. */
export function badParameter(parameter: string, detail: string, allowed?: readonly string[]): Problem {
  return new Problem(400, "Bad parameter", detail, { parameter, ...(allowed && { allowed }) });
}
