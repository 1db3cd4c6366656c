import { gunzipSync, gzipSync } from "node:zlib";
import * as z from "zod/mini";
import { type Columns, count, gather, type KeyedRow, schemaVersion, spread } from "./row.ts";

/*
 * JSON that may need several rows, version 1: compressed, base64, in rows `<prefix>0`, `<prefix>1`, … The first row says how
 * many those are; any after them are left from before.
 */

// 15 full columns, which is less than a row may hold.
const maxText = 480_000;
const maxJson = 64 * 1024 * 1024;

/** Where packed JSON is kept. */
export interface PackedPlace {
  partitionKey: string;
  /** Where the keys of its rows begin; its number follows. */
  prefix: string;
}

/** A value in as many rows as it needs; where those are more than `maxRows`, how many characters it has and how many fit. */
export function pack(
  { partitionKey, prefix }: PackedPlace,
  value: unknown,
  maxRows: number,
): { rows: KeyedRow[] } | { characters: number; room: number } {
  const text = gzipSync(JSON.stringify(value)).toString("base64");
  const parts = Array.from({ length: Math.ceil(text.length / maxText) }, (_, n) =>
    text.slice(n * maxText, (n + 1) * maxText),
  );
  if (parts.length > maxRows) return { characters: text.length, room: maxRows * maxText };
  const rows = parts.map((part, n) => {
    const row = { partitionKey, rowKey: `${prefix}${n}`, schemaVersion, ...spread("text", part) };
    return n === 0 ? { ...row, parts: parts.length } : row;
  });
  return { rows };
}

const first = z.object({ schemaVersion: z.literal(schemaVersion), parts: count });
const part = z.string();

/** What was packed into these rows, the first one first; throws where they are damaged. */
export function unpack(rows: readonly Columns[]): unknown {
  const { parts } = first.parse(rows[0]);
  const texts = rows.slice(0, parts).map((row) => part.parse(gather("text", row)));
  if (texts.length < parts) throw new RangeError(`It has ${texts.length} rows instead of ${parts}.`);
  const bytes = gunzipSync(Buffer.from(texts.join(""), "base64"), { maxOutputLength: maxJson });
  return JSON.parse(bytes.toString("utf8"));
}
