import { type Answer, answering, type Question } from "../../shared/http/answer.ts";

/** A question as the HTTP functions hand it to their verbs. */
export function question(query: string | Record<string, string> = {}, headers: Record<string, string> = {}): Question {
  return { query: new URLSearchParams(query), header: (name) => headers[name.toLowerCase()] ?? null };
}

/** The answer to it, problems included, with its body read where that is JSON. */
export async function ask(work: () => Promise<Answer>): Promise<Answer & { json: Record<string, unknown> }> {
  const given = await answering(work);
  const isJson = given.headers["Content-Type"]?.includes("json");
  return { ...given, json: isJson && given.body ? JSON.parse(given.body) : {} };
}
