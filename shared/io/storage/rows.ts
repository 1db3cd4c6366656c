import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { CountsByKb } from "../../core/change.ts";
import type { Comparison } from "../../core/comparison.ts";
import type { Counts, MissingKb } from "../../core/missing-kb.ts";
import { type Mail, mailStatuses, type ReadFailure, type Run, type RunSummary } from "../../core/run.ts";
import { isRunId, type RunId } from "../../core/run-id.ts";
import type { GoneKb, Snapshot } from "../../core/snapshot.ts";
import type { Totals } from "../../core/totals.ts";
import { RowError, type SnapshotKey, TooLargeError } from "../../ports.ts";

/*
 * What stands in the rows, version 1. Lists are JSON over as many string columns as they need: `missingKbs0`, `missingKbs1`, …
 *
 * Snapshots: missingKbs [[id, name, productsNames, url, machineMissedOn, cveAddressed, firstSeen, peak], …]
 *            gone       [[id, firstSeen, peak, goneOn], …]
 * Runs: comparisons {ids: [softwareId, …], of: [index of its pair, …], pairs: [[previous, current], …],
 *                    lastReported, heldBack: [[index of its id, [[KB id, machineMissedOn, cveAddressed], …]], …]}; a count not meant is -1
 *       failures    {software: [index of its id in comparisons, or the id, …], of: [index of its group, …],
 *                    groups: [[reason, permanent, since, misses], …]}
 */
const schemaVersion = 1;

/** The columns of a row. Whole numbers that may outgrow 32 bits are bigints. */
export type Row = Record<string, string | number | bigint>;
export type KeyedRow = Row & { partitionKey: string; rowKey: string };

/** Where a row stands, for errors. */
interface RowPlace {
  table: string;
  partitionKey: string;
  rowKey: string;
}

/** Something else wrote to the row, or a part of it is lost. */
function damagedRow(place: RowPlace, cause: unknown): RowError {
  const whatToDo = "Restore it, or delete it if what it tells may be lost.";
  return new RowError(`Row ${nameOf(place)} is damaged and is not read. ${whatToDo}`, { cause });
}

/** Nothing older may guess what the row means. */
function newerRow(place: RowPlace): RowError {
  return new RowError(`Row ${nameOf(place)} was written by a newer version of this app. Upgrade this one to read it.`);
}

function nameOf({ table, partitionKey, rowKey }: RowPlace): string {
  return `(${partitionKey}, ${rowKey}) of table ${table}`;
}

// Keys hold 512 characters; a snapshot's holds two parts.
const maxKeyPart = 240;

/** A text as a part of a table key, free of what keys may not hold. Different texts have different keys. */
export function encodeKey(text: string): string {
  // Percent signs in keys confuse clients and proxies, so `=` stands for them; a bare `=` is escaped itself.
  const key = encodeURIComponent(text.toWellFormed()).replaceAll("'", "%27").replaceAll("%", "=");
  if (key.length <= maxKeyPart && text.isWellFormed()) return key;
  const hash = createHash("sha256").update(text, "utf16le").digest("hex");
  return `${key.slice(0, maxKeyPart - 80)}=sha256=${hash}`;
}

export function snapshotPartition({ tenant, softwareId }: Pick<SnapshotKey, "tenant" | "softwareId">): string {
  return `${encodeKey(tenant)}|${encodeKey(softwareId)}`;
}

/** A run id as it is: ids sort as they happened, and hold nothing that keys may not. */
export function runRowKey(runId: RunId): string {
  if (!isRunId(runId)) throw new TypeError(`"${runId}" is no run id, such as 2026-11-23 or 2026-11-23T10:17Z.`);
  return runId;
}

export function encodeSnapshot(snapshot: Snapshot): KeyedRow {
  const { missingKbs, gone, unusable, emptiness } = snapshot;
  const row = {
    partitionKey: snapshotPartition(snapshot),
    rowKey: runRowKey(snapshot.runId),
    schemaVersion,
    missingKbCount: missingKbs.length,
    unusable,
    ...(emptiness && { emptinessVerdict: emptiness.verdict, emptinessCheckedOn: emptiness.checkedOn }),
    ...spread("missingKbs", missingKbs.map(packKb)),
    ...spread("gone", gone.map(packGone)),
  };
  if (fits(row)) return row;
  throw new TooLargeError(
    `Its ${missingKbs.length} missing KBs do not fit one snapshot, which holds about 2,000, so this software is not measured.`,
  );
}

function packKb(kb: MissingKb) {
  const { id, name, productsNames, url, machineMissedOn, cveAddressed, firstSeen, peak } = kb;
  return [id, name, productsNames, url, machineMissedOn, cveAddressed, firstSeen, peak] as const;
}

function packGone({ id, firstSeen, peak, goneOn }: GoneKb) {
  return [id, firstSeen, peak, goneOn] as const;
}

const count = z.int().check(z.nonnegative());
const knownCount = z.nullable(count);
const day = z.string().check(z.regex(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/));
const runId = z.string().check(z.refine(isRunId));
const instant = z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text))));
// A column that a query names and a row lacks comes as null.
const absent = z.nullish;

const packedKbs = z.array(
  z.tuple([
    z.string(),
    z.string(),
    z.array(z.string()),
    z.nullable(z.string()),
    knownCount,
    knownCount,
    day,
    knownCount,
  ]),
);
const packedGone = z.array(z.tuple([z.string(), day, knownCount, day]));
const snapshotColumns = z.object({
  missingKbCount: count,
  unusable: count,
  emptinessVerdict: absent(z.enum(["clean", "not-kb-patched"])),
  emptinessCheckedOn: absent(day),
});

export function decodeSnapshot({ tenant, softwareId, runId }: SnapshotKey, row: Columns, place: RowPlace): Snapshot {
  return read(row, place, (columns) => {
    const { missingKbCount, unusable, emptinessVerdict, emptinessCheckedOn } = snapshotColumns.parse(columns);
    const missingKbs = packedKbs.parse(gather("missingKbs", columns)).map(unpackKb);
    if (missingKbs.length !== missingKbCount)
      throw new RangeError(`Not ${missingKbCount} but ${missingKbs.length} KBs.`);
    const gone = packedGone.parse(gather("gone", columns)).map(unpackGone);
    const emptiness =
      emptinessVerdict && emptinessCheckedOn ? { verdict: emptinessVerdict, checkedOn: emptinessCheckedOn } : undefined;
    return { tenant, softwareId, runId, missingKbs, gone, unusable, ...(emptiness && { emptiness }) };
  });
}

function unpackKb(kb: z.infer<typeof packedKbs>[number]): MissingKb {
  const [id, name, productsNames, url, machineMissedOn, cveAddressed, firstSeen, peak] = kb;
  return { id, name, productsNames, url, machineMissedOn, cveAddressed, firstSeen, peak };
}

function unpackGone([id, firstSeen, peak, goneOn]: z.infer<typeof packedGone>[number]): GoneKb {
  return { id, firstSeen, peak, goneOn };
}

/** How far reasons are cut, one length after the other, until a run fits its row: long texts must not fail a commit. */
const reasonLimits = [300, 100, 30, 1];

export function encodeRun(run: Run): KeyedRow {
  const { watchlist, tenant, openedAt, committedAt, previousRunId, comparisons, failures, mail } = run;
  const row = {
    partitionKey: encodeKey(watchlist),
    rowKey: runRowKey(run.runId),
    schemaVersion,
    tenant,
    openedAt,
    committedAt,
    ...(previousRunId !== null && { previousRunId }),
    ...encodeMail(mail),
    ...encodeTotals(run.totals),
    ...spread("comparisons", packComparisons(comparisons)),
  };
  for (const limit of reasonLimits) {
    const whole = { ...row, ...spread("failures", packFailures(failures, comparisons, limit)) };
    if (fits(whole)) return whole;
  }
  throw new TooLargeError(
    `The ${comparisons.length} software of watchlist "${watchlist}" do not fit one run. Split it into several watchlists.`,
  );
}

/** The columns of a mail. An absent reason is written as empty, for a merge cannot take a column away. */
export function encodeMail({ status, at, attempts, unknownOutcomes, reason = "" }: Mail): Row {
  return {
    mailStatus: status,
    mailAt: at,
    mailAttempts: attempts,
    mailUnknownOutcomes: unknownOutcomes,
    mailReason: cut(reason, 300).toWellFormed(),
  };
}

const totalNames = [
  "new",
  "worsened",
  "improved",
  "resolved",
  "returned",
  "baseline",
  "read",
  "notRead",
  "missingKbs",
  "missingInstalls",
] as const satisfies readonly (keyof Totals)[];

function encodeTotals(totals: Totals): Row {
  return Object.fromEntries(totalNames.map((name) => [name, BigInt(totals[name])]));
}

function packComparisons(comparisons: readonly Comparison[]) {
  const pairs = indexed<readonly [RunId | null, RunId | null]>();
  return {
    ids: comparisons.map(({ softwareId }) => softwareId),
    of: comparisons.map(({ previous, current }) => pairs.indexOf([previous, current])),
    pairs: pairs.values,
    lastReported: packCounts(comparisons.map(({ lastReported }) => lastReported)),
    heldBack: packCounts(comparisons.map(({ heldBack }) => heldBack)),
  };
}

function packCounts(byIndex: readonly (CountsByKb | undefined)[]) {
  return byIndex.flatMap((counts, index) =>
    counts ? [[index, Object.entries(counts).map(([id, kb]) => packPartial(id, kb))] as const] : [],
  );
}

function packPartial(id: string, { machineMissedOn = -1, cveAddressed = -1 }: Partial<Counts>) {
  return [id, machineMissedOn, cveAddressed] as const;
}

function packFailures(failures: readonly ReadFailure[], comparisons: readonly Comparison[], maxReason: number) {
  const places = new Map(comparisons.map(({ softwareId }, index) => [softwareId, index]));
  const groups = indexed<readonly [string, boolean, RunId, number]>();
  return {
    software: failures.map(({ softwareId }) => places.get(softwareId) ?? softwareId),
    of: failures.map(({ reason, permanent, since, misses }) =>
      groups.indexOf([cut(reason, maxReason), permanent, since, misses]),
    ),
    groups: groups.values,
  };
}

/** Values in the order of their first sight, each once. */
function indexed<T>() {
  const values: T[] = [];
  const indices = new Map<string, number>();
  const indexOf = (value: T): number => {
    const key = JSON.stringify(value);
    const index = indices.get(key) ?? values.push(value) - 1;
    indices.set(key, index);
    return index;
  };
  return { values, indexOf };
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

const column = z.pipe(
  z.union([z.int(), z.bigint()]),
  z.transform((value) => Number(value)),
);
const summarySchema = z.object({
  tenant: z.string(),
  openedAt: instant,
  committedAt: instant,
  previousRunId: absent(runId),
  mailStatus: z.enum(mailStatuses),
  mailAt: instant,
  mailAttempts: count,
  mailUnknownOutcomes: count,
  mailReason: absent(z.string()),
  new: column,
  worsened: column,
  improved: column,
  resolved: column,
  returned: column,
  baseline: column,
  read: column,
  notRead: column,
  missingKbs: column,
  missingInstalls: column,
});

/** The columns that a summary needs, so that a query need not bring the lists. */
export const summaryColumns: string[] = ["rowKey", "schemaVersion", ...Object.keys(summarySchema.shape)];

export function decodeSummary(key: Pick<Run, "watchlist" | "runId">, row: Columns, place: RowPlace): RunSummary {
  return read(row, place, (columns) => unpackSummary(key, columns));
}

function unpackSummary(key: Pick<Run, "watchlist" | "runId">, columns: Columns): RunSummary {
  const { tenant, openedAt, committedAt, previousRunId, mailStatus, mailAt, mailAttempts, ...rest } =
    summarySchema.parse(columns);
  const { mailUnknownOutcomes, mailReason, ...totals } = rest;
  return {
    watchlist: key.watchlist,
    runId: key.runId,
    tenant,
    openedAt,
    committedAt,
    previousRunId: previousRunId ?? null,
    totals,
    mail: {
      status: mailStatus,
      at: mailAt,
      attempts: mailAttempts,
      unknownOutcomes: mailUnknownOutcomes,
      ...(mailReason && { reason: mailReason }),
    },
  };
}

const index = count;
const packedCount = z.nullable(z.int().check(z.gte(-1)));
const packedCounts = z.array(z.tuple([index, z.array(z.tuple([z.string(), packedCount, packedCount]))]));
const packedComparisons = z.object({
  ids: z.array(z.string()),
  of: z.array(index),
  pairs: z.array(z.tuple([z.nullable(runId), z.nullable(runId)])),
  lastReported: packedCounts,
  heldBack: packedCounts,
});
const packedFailures = z.object({
  software: z.array(z.union([index, z.string()])),
  of: z.array(index),
  groups: z.array(z.tuple([z.string(), z.boolean(), runId, count])),
});

export function decodeRun(key: Pick<Run, "watchlist" | "runId">, row: Columns, place: RowPlace): Run {
  return read(row, place, (columns) => {
    const comparisons = unpackComparisons(packedComparisons.parse(gather("comparisons", columns)));
    const failures = unpackFailures(packedFailures.parse(gather("failures", columns)), comparisons);
    return { ...unpackSummary(key, columns), comparisons, failures };
  });
}

function unpackComparisons({
  ids,
  of,
  pairs,
  lastReported,
  heldBack,
}: z.infer<typeof packedComparisons>): Comparison[] {
  const toldOf = new Map(lastReported);
  const withheldOf = new Map(heldBack);
  return ids.map((softwareId, i) => {
    const [previous, current] = at(pairs, at(of, i));
    const [tells, holdsBack] = [toldOf.get(i), withheldOf.get(i)];
    return {
      ...{ softwareId, previous, current },
      ...(tells && { lastReported: unpackCounts(tells) }),
      ...(holdsBack && { heldBack: unpackCounts(holdsBack) }),
    };
  });
}

function unpackCounts(kbs: readonly (readonly [string, number | null, number | null])[]): CountsByKb {
  const counts = kbs.map(([id, machineMissedOn, cveAddressed]): [string, Partial<Counts>] => [
    id,
    { ...(machineMissedOn !== -1 && { machineMissedOn }), ...(cveAddressed !== -1 && { cveAddressed }) },
  ]);
  return Object.fromEntries(counts);
}

function unpackFailures(
  { software, of, groups }: z.infer<typeof packedFailures>,
  comparisons: readonly Comparison[],
): ReadFailure[] {
  return software.map((place, i) => {
    const softwareId = typeof place === "string" ? place : at(comparisons, place).softwareId;
    const [reason, permanent, since, misses] = at(groups, at(of, i));
    return { softwareId, reason, permanent, since, misses };
  });
}

function at<T>(list: readonly T[], position: number): T {
  const value = list[position];
  if (value === undefined) throw new RangeError(`No item ${position} in a list of ${list.length}.`);
  return value;
}

type Columns = Readonly<Record<string, unknown>>;

/** Reads a row of this version; whatever `decode` throws is the row's damage. */
function read<T>(row: Columns, place: RowPlace, decode: (columns: Columns) => T): T {
  const version = row.schemaVersion;
  if (typeof version === "number" && version > schemaVersion) throw newerRow(place);
  try {
    if (version !== schemaVersion) throw new RangeError("Its schema version is none that ever was.");
    if (!isRunId(place.rowKey)) throw new RangeError("Its row key is no run id.");
    return decode(row);
  } catch (cause) {
    throw damagedRow(place, cause);
  }
}

// The service's 64 KiB of UTF-16 hold "about 32 K characters or less".
const maxString = 32_000;

function spread(name: string, list: unknown): Row {
  const text = JSON.stringify(list);
  const columns: Row = {};
  for (let start = 0, n = 0; start < text.length; n++) {
    const end = wholeEnd(text, start + maxString);
    columns[`${name}${n}`] = text.slice(start, end);
    start = end;
  }
  return columns;
}

// Half a surrogate pair is no text, and would not survive its way through UTF-8.
function wholeEnd(text: string, end: number): number {
  const isPair = end < text.length && (text.codePointAt(end - 1) ?? 0) > 0xffff;
  return isPair ? end - 1 : end;
}

function gather(name: string, columns: Columns): unknown {
  let text = "";
  for (let n = 0; ; n++) {
    const part = columns[`${name}${n}`];
    if (typeof part !== "string") return JSON.parse(text);
    text += part;
  }
}

// The service counts an entity's bytes so; 4 KiB are left for the columns that a row gets later.
const maxEntity = 1024 * 1024 - 4 * 1024;

// Full string columns reach this bound long before there are 252 of them.
function fits(row: KeyedRow): boolean {
  const { partitionKey, rowKey, ...columns } = row;
  const keys = 2 * (partitionKey.length + rowKey.length);
  const timestamp = 8 + 2 * "Timestamp".length + 8;
  const sizes = Object.entries(columns).map(([name, value]) => 8 + 2 * name.length + sizeOf(value));
  return sizes.reduce((sum, size) => sum + size, 4 + keys + timestamp) <= maxEntity;
}

function sizeOf(value: Row[string]): number {
  return typeof value === "string" ? 4 + 2 * value.length : 8;
}
