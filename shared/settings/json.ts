import { plainText } from "../core/text.ts";
import { type Kind, textKind } from "./kinds.ts";

/** The value of a JSON text, or `undefined` after a fault that quotes nothing but the unexpected character. */
export function parseJson(text: string, fault?: (text: string) => void): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    fault?.(`is not valid JSON${hint(message)}`);
    return undefined;
  }
}

// V8's own message quotes the text, which may contain a secret.
function hint(message: string): string {
  const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(message) ?? [];
  if (/^Unexpected end|^Unterminated/.test(message)) return ": it ends too early";
  if (line !== undefined) return ` near line ${line}, column ${column}`;
  const token = /^Unexpected token '(.)'/u.exec(message)?.[1];
  return token === undefined ? "" : `: unexpected ${plainText(token)}`;
}

const mostObjects = 1_000;

/** A JSON array of objects, which are checked elsewhere. */
export const jsonObjectsKind: Kind<readonly object[]> = textKind(
  "a JSON array of objects, with double quotation marks and no comma after the last entry",
  (text, { fault }) => {
    const entries = parseJson(text, fault);
    if (entries === undefined) return null;
    if (!Array.isArray(entries)) fault("is not an array; put its objects between [ and ]");
    else if (entries.length === 0) fault("is empty");
    else if (entries.length > mostObjects) fault(`has ${entries.length} entries; at most ${mostObjects} are allowed`);
    else if (entries.every(isObject)) return entries;
    else fault("must contain only objects");
    return null;
  },
);

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
