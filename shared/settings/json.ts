import { plainText } from "../core/text.ts";

/** The value of a JSON text, or `undefined` after a fault that repeats nothing of the text. */
export function parseJson(text: string, fault?: (text: string) => void): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    fault?.(`is not valid JSON${hint(message)}`);
    return undefined;
  }
}

// The engine's own message quotes the text, which may hold anything.
function hint(message: string): string {
  const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(message) ?? [];
  if (/^Unexpected end|^Unterminated/.test(message)) return ": it ends too early";
  if (line !== undefined) return ` near line ${line}, column ${column}`;
  const token = /^Unexpected token '(.)'/u.exec(message)?.[1];
  return token === undefined ? "" : `: ${plainText(token)} is out of place`;
}
