/** What the endpoints use of a request; the Functions library's own has it all. */
export interface HttpRequest {
  /** In capitals. */
  method: string;
  query: URLSearchParams;
  /** Of the route. */
  params: Readonly<Record<string, string>>;
  headers: { get(name: string): string | null };
  text(): Promise<string>;
}

export interface HttpResponse {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** The media types of what the app answers, by the names that `format` has for them. */
export const mediaTypes: Readonly<Record<"html" | "json" | "csv" | "text", string>> = {
  html: "text/html; charset=utf-8",
  json: "application/json; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  text: "text/plain; charset=utf-8",
};

const always = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  // Otherwise a page of another site could load a search as an image, and learn from the failure what it found.
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** A response with the headers that every response has. */
export function response(
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers: { ...always, "Content-Type": type, ...headers }, body };
}

/** A response in JSON. */
export function jsonResponse(status: number, value: unknown, headers?: Readonly<Record<string, string>>): HttpResponse {
  return response(status, mediaTypes.json, `${JSON.stringify(value)}\n`, headers);
}

/** A response without a body that leads elsewhere. */
export function redirect(status: 303 | 307, location: string): HttpResponse {
  return response(status, mediaTypes.text, "", { Location: location });
}
