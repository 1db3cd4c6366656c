import { respond } from "../../shared/http/respond.ts";
import type { HttpRequest, HttpResponse } from "../../shared/http/response.ts";

interface Parts {
  method?: string;
  /** Names in small letters. */
  headers?: Readonly<Record<string, string | undefined>>;
  params?: Readonly<Record<string, string>>;
  body?: string;
}

/** A request as the HTTP functions hand it on. */
export function request(
  query: string | Record<string, string> | [string, string][] = {},
  { method = "GET", headers = {}, params = {}, body = "" }: Parts = {},
): HttpRequest {
  const get = (name: string) => headers[name.toLowerCase()] ?? null;
  return { method, query: new URLSearchParams(query), params, headers: { get }, text: async () => body };
}

/** What an endpoint responds, problems included, with the body parsed if it is JSON. */
export async function ask(
  asked: HttpRequest,
  serve: (request: HttpRequest) => Promise<HttpResponse>,
): Promise<HttpResponse & { json: Record<string, unknown> }> {
  const given = await respond(asked, () => serve(asked));
  const isJson = given.headers["Content-Type"]?.includes("json");
  return { ...given, json: isJson && given.body ? JSON.parse(given.body) : {} };
}
