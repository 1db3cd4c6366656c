import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { isRunId } from "../../core/run-id.ts";
import { RowError } from "../../ports.ts";

/* What the rows of all tables have in common: version, keys, columns, limits and errors. */

/** The version that rows of all tables say they are. */
export const schemaVersion = 1;

/** The columns of a row. Integers that may exceed 32 bits are bigints. */
export type Row = Record<string, string | number | bigint | boolean>;
export type KeyedRow = Row & { partitionKey: string; rowKey: string };

/** Where a row is, for errors. */
export interface RowPlace {
  table: string;
  partitionKey: string;
  rowKey: string;
}

function nameOf({ table, partitionKey, rowKey }: RowPlace): string {
  return `(${partitionKey}, ${rowKey}) of table ${table}`;
}

// A key has room for 512 characters, and most have two such parts.
const maxKeyPart = 240;

/** Text as part of a table key, without characters that keys must not contain. Different texts give different keys. */
export function encodeKey(text: string): string {
  // Percent signs in keys confuse clients and proxies, so they become `=`; a real `=` is escaped itself.
  const key = encodeURIComponent(text.toWellFormed()).replaceAll("'", "%27").replaceAll("%", "=");
  if (key.length <= maxKeyPart && text.isWellFormed()) return key;
  const hash = createHash("sha256").update(text, "utf16le").digest("hex");
  return `${key.slice(0, maxKeyPart - 80)}=sha256=${hash}`;
}

/** The start of a text that is longer than this. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

/** What columns hold. */
export const count = z.int().check(z.nonnegative());
export const knownCount = z.nullable(count);
export const day = z.string().check(z.regex(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/));
export const runId = z.string().check(z.refine(isRunId));
export const instant = z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text))));
/** A column that a query names but a row does not have arrives as null. */
export const absent = z.nullish;

/** A row as the service returns it, with columns of its own. */
export type Columns = Readonly<Record<string, unknown>>;

/** Reads a row of this version. Anything that `decode` throws means that the row is damaged; `advice` says what to do then. */
export function read<T>(row: Columns, place: RowPlace, advice: string, decode: (columns: Columns) => T): T {
  refuseNewer(row, place);
  try {
    return decodeOwn(row, decode);
  } catch (cause) {
    throw new RowError(`Row ${nameOf(place)} is damaged and cannot be read. ${advice}`, { cause });
  }
}

/** Reads a row that can be made anew: `fallback` where it is damaged. */
export function readOr<T>(row: Columns, place: RowPlace, decode: (columns: Columns) => T, fallback: T): T {
  refuseNewer(row, place);
  try {
    return decodeOwn(row, decode);
  } catch {
    return fallback;
  }
}

function refuseNewer({ schemaVersion: version }: Columns, place: RowPlace): void {
  if (typeof version === "number" && version > schemaVersion) {
    throw new RowError(`Row ${nameOf(place)} was written by a newer version of this app. Upgrade the app to read it.`);
  }
}

function decodeOwn<T>(row: Columns, decode: (columns: Columns) => T): T {
  if (row.schemaVersion !== schemaVersion) throw new RangeError("There never was such a schema version.");
  return decode(row);
}

// The service says of its 64 KiB of UTF-16: "about 32 K characters or less".
const maxString = 32_000;

/** A list as JSON in as many columns as it needs: `name0`, `name1`, … */
export function spread(name: string, list: unknown): Row {
  const text = JSON.stringify(list);
  const columns: Row = {};
  for (let start = 0, n = 0; start < text.length; n++) {
    const end = unsplit(text, start + maxString);
    columns[`${name}${n}`] = text.slice(start, end);
    start = end;
  }
  return columns;
}

// Half a surrogate pair would not survive UTF-8.
function unsplit(text: string, end: number): number {
  const isPair = end < text.length && (text.codePointAt(end - 1) ?? 0) > 0xffff;
  return isPair ? end - 1 : end;
}

/** What `spread` made columns of. */
export function gather(name: string, columns: Columns): unknown {
  let text = "";
  for (let n = 0; ; n++) {
    const part = columns[`${name}${n}`];
    if (typeof part !== "string") return JSON.parse(text);
    text += part;
  }
}

// The service's limit, less 4 KiB for the columns that a row gets later.
const maxEntity = 1024 * 1024 - 4 * 1024;

/** Counts bytes as the service does. Full string columns reach its limit long before there are 252 of them. */
export function fits(row: KeyedRow): boolean {
  const { partitionKey, rowKey, ...columns } = row;
  const keys = 2 * (partitionKey.length + rowKey.length);
  const timestamp = 8 + 2 * "Timestamp".length + 8;
  const sizes = Object.entries(columns).map(([name, value]) => 8 + 2 * name.length + sizeOf(value));
  return sizes.reduce((sum, size) => sum + size, 4 + keys + timestamp) <= maxEntity;
}

function sizeOf(value: Row[string]): number {
  return typeof value === "string" ? 4 + 2 * value.length : 8;
}
