import { gunzipSync, gzipSync } from "node:zlib";

/* Lists too long for one row: compressed JSON in base64, in parts of a row's size that one transaction writes. */

// 15 full columns, which is less than a row may hold.
const maxText = 480_000;
// A transaction may have 4 MiB.
export const maxParts = 8;
const maxJson = 64 * 1024 * 1024;

/** The parts of a value, one a row; `tooLong`: its characters, where a transaction has no room for them. */
export function compress(value: unknown): { parts: string[] } | { tooLong: number } {
  const text = gzipSync(JSON.stringify(value)).toString("base64");
  const count = Math.ceil(text.length / maxText);
  if (count > maxParts) return { tooLong: text.length };
  return { parts: Array.from({ length: count }, (_, n) => text.slice(n * maxText, (n + 1) * maxText)) };
}

/** The value whose parts these are; throws where they are not. */
export function expand(parts: readonly string[]): unknown {
  const json = gunzipSync(Buffer.from(parts.join(""), "base64"), { maxOutputLength: maxJson }).toString("utf8");
  return JSON.parse(json);
}

/** How many characters the parts of a value may have together. */
export const maxCompressed = maxParts * maxText;
