import { Problem } from "./problem.ts";
import type { HttpRequest } from "./response.ts";

const maxBody = 10_000;

/** A request's body. One that the Functions host dropped is refused, or its caller would get another run than asked for. */
export async function readBody(request: HttpRequest): Promise<string> {
  const body = await request.text();
  if (body.length > maxBody) {
    throw new Problem(413, "Body too large", `The body must not be longer than ${maxBody} characters.`);
  }
  if (body === "" && request.headers.get("transfer-encoding") !== null) {
    const detail = "The body was sent in chunks and did not arrive. Send it with a Content-Length.";
    throw new Problem(411, "Length required", detail);
  }
  return body;
}
