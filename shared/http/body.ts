import { Problem } from "./problem.ts";
import type { HttpRequest } from "./response.ts";

const maxBody = 10_000;

/** The properties of a JSON body; an empty body has none. `example`: what one looks like. */
export function readObject(body: string, example: string): Readonly<Record<string, unknown>> {
  const asked = body.trim() === "" ? {} : parse(body, example);
  if (typeof asked !== "object" || asked === null || Array.isArray(asked)) throw badBody(example);
  return asked as Readonly<Record<string, unknown>>;
}

function parse(body: string, example: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw Object.assign(badBody(example), { cause });
  }
}

function badBody(example: string): Problem {
  return new Problem(400, "Bad body", `The body must be JSON such as ${example}.`);
}

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
