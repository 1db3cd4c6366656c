import { plainText } from "../core/text.ts";
import { type Kind, textKind } from "./kinds.ts";

/** The value of a JSON text, or `undefined` after a fault that quotes nothing but the unexpected character. */
export function parseJson(text: string, fault?: (text: string) => void): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    fault?.(`is not valid JSON${hint(error instanceof Error ? error.message : "", text)}`);
    return undefined;
  }
}

// V8's own message quotes the text, which may contain a secret.
function hint(message: string, text: string): string {
  const position = /at position (\d+)/.exec(message)?.[1];
  const at = position === undefined ? noValueAt(text) : Number(position);
  if (/^Unterminated string/.test(message) || text.slice(at).trim() === "") return ": it ends too early";
  const [place] = placesOf(text, [at]);
  const character = String.fromCodePoint(text.codePointAt(at) ?? 32);
  return ` at line ${place?.line}, column ${place?.column}: ${advice(character, text.slice(0, at))}`;
}

function advice(character: string, before: string): string {
  if (/[“”„‟″]/.test(character)) return `use straight quotation marks (") instead of ${character}`;
  if (/['‘’]/.test(character)) return `use double quotation marks (") instead of ${character}`;
  if (character === "/") return "comments are not allowed";
  if (/[\]}]/.test(character) && /,\s*$/.test(before.slice(-1_000))) return `remove the comma before ${character}`;
  const shown = plainText(character);
  return shown === "" ? "unexpected character" : `unexpected ${shown}`;
}

interface Place {
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

/** Where offsets are in a text; `offsets` ascend. */
function placesOf(text: string, offsets: readonly number[]): Place[] {
  let [line, start] = [1, 0];
  return offsets.map((offset) => {
    for (let end = text.indexOf("\n", start); end !== -1 && end < offset; end = text.indexOf("\n", start)) {
      line += 1;
      start = end + 1;
    }
    return { line, column: offset - start + 1 };
  });
}

/** Where each entry of a JSON array begins. */
export function entryPlaces(text: string): Place[] {
  const starts: number[] = [];
  let [depth, before] = [0, ""];
  for (const { at, first } of tokensOf(text)) {
    if (depth === 1 && /[[,]/.test(before) && first !== "]") starts.push(at);
    if (/[[{]/.test(first)) depth += 1;
    if (/[\]}]/.test(first)) depth -= 1;
    before = first;
  }
  return placesOf(text, starts);
}

/** The first place that lacks a value: of such a place V8 does not say where it is. */
function noValueAt(text: string): number {
  const open: string[] = [];
  let [isValueDue, before] = [true, ""];
  for (const { at, first, end } of tokensOf(text)) {
    const isEmpty = before === "[" && first === "]";
    const isValue = /["[{\d-]/.test(first) || /^(true|false|null)$/.test(text.slice(at, Math.min(end, at + 6)));
    if (isValueDue && !isEmpty && !isValue) return at;
    if (/[[{]/.test(first)) open.push(first);
    if (/[\]}]/.test(first)) open.pop();
    isValueDue = /[[:]/.test(first) || (first === "," && open.at(-1) === "[");
    before = first;
  }
  return text.length;
}

interface Token {
  at: number;
  first: string;
  end: number;
}

function* tokensOf(text: string): Generator<Token> {
  for (let at = 0; at < text.length; ) {
    const first = text.charAt(at);
    const end = /\s/.test(first) ? at + 1 : endOf(text, at);
    if (!/\s/.test(first)) yield { at, first, end };
    at = end;
  }
}

function endOf(text: string, at: number): number {
  const first = text.charAt(at);
  if (/[[\]{},:]/.test(first)) return at + 1;
  let end = at + 1;
  if (first === '"') {
    while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
    return end + 1;
  }
  while (end < text.length && !/[\s[\]{},:"]/.test(text.charAt(end))) end += 1;
  return end;
}

const mostEntries = 2_000;

/** A JSON array, whose entries are checked elsewhere. */
export const jsonArrayKind: Kind<readonly unknown[]> = textKind(
  "a JSON array of objects, with double quotation marks and no comma after the last entry",
  (text, { fault }) => {
    const entries = parseJson(text, fault);
    if (entries === undefined) return null;
    if (!Array.isArray(entries)) fault("is not an array; put its objects between [ and ]");
    else if (entries.length === 0) fault("is empty");
    else if (entries.length > mostEntries) fault(`has ${entries.length} entries; at most ${mostEntries} are allowed`);
    else return entries;
    return null;
  },
  { type: "array", minItems: 1, maxItems: mostEntries },
);
