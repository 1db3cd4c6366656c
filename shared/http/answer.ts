import { RowError } from "../ports.ts";

/** What an HTTP function answers. */
export interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** The part of a request that the verbs look at. */
export interface Question {
  query: URLSearchParams;
  header: (name: string) => string | null;
}

const always = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** An answer with the headers that every answer carries. */
export function answer(status: number, type: string, body: string, headers: Record<string, string> = {}): Answer {
  return { status, headers: { ...always, "Content-Type": type, ...headers }, body };
}

/** An answer in JSON. */
export function jsonAnswer(status: number, value: unknown, headers?: Record<string, string>): Answer {
  return answer(status, "application/json; charset=utf-8", `${JSON.stringify(value)}\n`, headers);
}

/** What a caller did wrong or cannot have (RFC 9457). `detail` says what is allowed and what to do. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(status: number, title: string, detail: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.extra = extra;
  }
}

/** A query or body parameter that cannot be taken. */
export function badParameter(parameter: string, detail: string, allowed?: readonly string[]): Problem {
  return new Problem(400, "Bad parameter", detail, { parameter, ...(allowed && { allowed }) });
}

/** Turns a thrown `Problem`, or a row that cannot be read, into its answer; everything else stays thrown. */
export async function answering(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (thrown) {
    const error = thrown instanceof RowError ? new Problem(500, "Row not readable", thrown.message) : thrown;
    if (!(error instanceof Problem)) throw error;
    const { status, title, message, extra } = error;
    const body = JSON.stringify({ type: "about:blank", title, status, detail: message, ...extra });
    return answer(status, "application/problem+json; charset=utf-8", `${body}\n`);
  }
}
