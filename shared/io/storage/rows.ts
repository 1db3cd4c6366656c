import * as z from "zod/mini";
import type { CountsByKb } from "../../core/change.ts";
import type { Comparison } from "../../core/comparison.ts";
import type { RunDate } from "../../core/day.ts";
import { type Mail, mailStatuses } from "../../core/mail.ts";
import type { Chain } from "../../core/message.ts";
import type { Counts, KbLine, MissingKb } from "../../core/missing-kb.ts";
import type { LeftProduct, ReadFailure, Run, RunKey, RunRules, RunSummary } from "../../core/run.ts";
import { isRunId, type RunId } from "../../core/run-id.ts";
import type { GoneKb, Snapshot } from "../../core/snapshot.ts";
import { compareText } from "../../core/text.ts";
import { type TotalName, type Totals, totalNames } from "../../core/totals.ts";
import { dueFroms } from "../../core/watchlist.ts";
import { type ProductKey, type SnapshotKey, TooLargeError } from "../../ports.ts";
import {
  absent,
  type Columns,
  count,
  cut,
  day,
  encodeKey,
  fits,
  gather,
  instant,
  type KeyedRow,
  knownCount,
  type Row,
  type RowPlace,
  read,
  runId,
  schemaVersion,
  spread,
} from "./row.ts";

/*
 * The rows of Snapshots and Runs, version 1. Lists are JSON in as many columns as they need: `missingKbs0`, `missingKbs1`, …
 *
 * Snapshots: missingKbs [[id, name, productsNames, url, machineMissedOn, cveAddressed, firstSeen, peak, goneOn?, [since, listedOn, ids]?], …]
 *            gone       [[id, firstSeen, peak, goneOn, true for unexplained or the id of its replacement?, [since, listedOn, ids]?], …]
 * Runs: comparisons {ids: [softwareId, …], of: [index of its pair, …], pairs: [[previous, current], …],
 *                    lastReported, heldBack: [[index of its id, [[KB id, machineMissedOn, cveAddressed], …]], …]}; an absent count is -1,
 *                    firstEmpty: [[index of its id, day], …], lateBaseline: [index of its id, …]}
 *       left        the same, with on: [day, …]
 *       failures    {products: [index of its id in comparisons, or the id, …], of: [index of its group, …],
 *                    groups: [[reason, permanent, since, misses, unknownSince?, permanentSince?, isGone?], …]}
 *       productList as in `ListReport`
 */
export function snapshotPartition({ tenant, softwareId }: ProductKey): string {
  return `${encodeKey(tenant)}|${encodeKey(softwareId)}`;
}

/** Of all runs of a tenant's watchlist, however its name is capitalized: no two watchlists differ in capitals alone. */
export function runPartition({ tenant, watchlist }: Chain): string {
  return `${encodeKey(tenant)}|${encodeKey(watchlist.toLowerCase())}`;
}

/** A run id as it is: ids sort by time, and contain nothing that keys must not. */
export function runRowKey(runId: RunId): string {
  if (!isRunId(runId)) throw new TypeError(`"${runId}" is not a run id such as 2026-11-23 or 2026-11-23T10:17Z.`);
  return runId;
}

function checkRowKey({ rowKey }: RowPlace): void {
  if (!isRunId(rowKey)) throw new RangeError("Its row key is not a run id.");
}

export function encodeSnapshot(snapshot: Snapshot): KeyedRow {
  const { day, openedAt, missingKbs, gone, unusable, differed, emptiness } = snapshot;
  const row = {
    partitionKey: snapshotPartition(snapshot),
    rowKey: runRowKey(snapshot.runId),
    schemaVersion,
    day,
    openedAt,
    missingKbCount: missingKbs.length,
    unusable,
    ...(differed && { differed }),
    ...(emptiness && { emptinessVerdict: emptiness.verdict, emptinessCheckedOn: emptiness.checkedOn }),
    ...spread("missingKbs", missingKbs.map(packKb)),
    ...spread("gone", gone.map(packGone)),
  };
  if (fits(row)) return row;
  throw new TooLargeError(
    `The product's ${missingKbs.length} missing KBs do not fit into one snapshot, which has room for about 2,000. Watch its parts instead.`,
  );
}

function packKb(kb: MissingKb) {
  const { id, name, productsNames, url, machineMissedOn, cveAddressed, firstSeen, peak, goneOn, line } = kb;
  const packed = [id, name, productsNames, url, machineMissedOn, cveAddressed, firstSeen, peak] as const;
  if (line) return [...packed, goneOn ?? null, packLine(line)] as const;
  return goneOn ? ([...packed, goneOn] as const) : packed;
}

function packGone({ id, firstSeen, peak, goneOn, unexplained, replacedBy, line }: GoneKb) {
  const packed = [id, firstSeen, peak, goneOn] as const;
  const why = replacedBy ?? unexplained;
  if (line) return [...packed, why ?? null, packLine(line)] as const;
  return why ? ([...packed, why] as const) : packed;
}

function packLine({ since, listedOn, ids }: KbLine) {
  return [since, listedOn, ids] as const;
}

const packedLine = z.tuple([day, day, z.array(z.string())]);
const packedKb = z.tuple([
  z.string(),
  z.string(),
  z.array(z.string()),
  z.nullable(z.string()),
  knownCount,
  knownCount,
  day,
  knownCount,
  z.optional(z.nullable(day)),
  z.optional(packedLine),
]);
const packedGone = z.tuple([
  z.string(),
  day,
  knownCount,
  day,
  z.optional(z.nullable(z.union([z.literal(true), z.string()]))),
  z.optional(packedLine),
]);
const snapshotColumns = z.object({
  day,
  openedAt: instant,
  missingKbCount: count,
  unusable: count,
  differed: absent(z.literal(true)),
  emptinessVerdict: absent(z.enum(["clean", "not-kb-patched"])),
  emptinessCheckedOn: absent(day),
});

const lostSnapshot =
  "Delete it: reports that need it then answer 410, and a run that would compare with it counts the product as now watched.";

export function decodeSnapshot(key: SnapshotKey, row: Columns, place: RowPlace): Snapshot {
  return createSnapshotDecoder()(key, row, place);
}

/**
 * Decodes the snapshots of a product one after another. What is the same in several of them is checked once, and is one object:
 * most KBs of a day are those of the day before.
 */
export function createSnapshotDecoder(): (key: SnapshotKey, row: Columns, place: RowPlace) => Snapshot {
  const unpackKbs = unpackerOf(packedKb, unpackKb);
  const unpackAllGone = unpackerOf(packedGone, unpackGone);
  return (key, row, place) => unpackSnapshot(key, row, place, { unpackKbs, unpackAllGone });
}

interface Unpackers {
  unpackKbs(list: unknown): MissingKb[];
  unpackAllGone(list: unknown): GoneKb[];
}

/** Unpacks lists of tuples that begin with an id; a tuple that is as it was the last time is not unpacked again. */
function unpackerOf<Schema extends z.ZodMiniType, T>(schema: Schema, unpack: (packed: z.infer<Schema>) => T) {
  const known = new Map<unknown, { packed: unknown; unpacked: T }>();
  return (list: unknown): T[] => {
    if (!Array.isArray(list)) throw new TypeError("It has no list where one must be.");
    return list.map((packed: unknown) => {
      const id = Array.isArray(packed) && packed[0];
      const before = known.get(id);
      if (before && isSame(before.packed, packed)) return before.unpacked;
      const unpacked = unpack(schema.parse(packed));
      known.set(id, { packed, unpacked });
      return unpacked;
    });
  };
}

function isSame(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
}

function unpackSnapshot(
  { tenant, softwareId, runId }: SnapshotKey,
  row: Columns,
  place: RowPlace,
  { unpackKbs, unpackAllGone }: Unpackers,
): Snapshot {
  return read(row, place, lostSnapshot, (columns) => {
    checkRowKey(place);
    const parsed = snapshotColumns.parse(columns);
    const { missingKbCount, unusable, differed, emptinessVerdict, emptinessCheckedOn } = parsed;
    const missingKbs = unpackKbs(gather("missingKbs", columns));
    if (missingKbs.length !== missingKbCount)
      throw new RangeError(`It has ${missingKbs.length} KBs instead of ${missingKbCount}.`);
    const gone = unpackAllGone(gather("gone", columns));
    const emptiness =
      emptinessVerdict && emptinessCheckedOn ? { verdict: emptinessVerdict, checkedOn: emptinessCheckedOn } : undefined;
    const taken = { tenant, softwareId, runId, day: shared(parsed.day), openedAt: parsed.openedAt };
    return { ...taken, missingKbs, gone, unusable, ...(differed && { differed }), ...(emptiness && { emptiness }) };
  });
}

function unpackKb(kb: z.infer<typeof packedKb>): MissingKb {
  const [id, name, productsNames, url, machineMissedOn, cveAddressed, firstSeen, peak, goneOn, line] = kb;
  const read = { id, name, productsNames, url, machineMissedOn, cveAddressed, firstSeen: shared(firstSeen), peak };
  const back = goneOn ? { ...read, goneOn: shared(goneOn) } : read;
  return line ? { ...back, line: unpackLine(line) } : back;
}

function unpackLine([since, listedOn, ids]: z.infer<typeof packedLine>): KbLine {
  return { ids, since: shared(since), listedOn: shared(listedOn) };
}

const days = new Map<RunDate, RunDate>();

/** The same day as the same string: a large report keeps a million of them, of a few hundred days. */
function shared(day: RunDate): RunDate {
  const known = days.get(day) ?? day;
  days.set(day, known);
  return known;
}

function unpackGone([id, firstSeen, peak, goneOn, why, line]: z.infer<typeof packedGone>): GoneKb {
  const left = { id, firstSeen, peak, goneOn, ...(line && { line: unpackLine(line) }) };
  if (!why) return left;
  return why === true ? { ...left, unexplained: true } : { ...left, replacedBy: why };
}

/** Longer reasons are cut: they are for people to read. */
export const maxReason = 300;
/** Where there was no digest before a mail; an absent run id is empty. */
const noDigest = "none";

/** Reasons are cut to these lengths in turn until a run fits into its row: long texts must not fail a commit. */
const reasonLimits = [maxReason, 100, 30];

/**
 * Where a run is too large, its reasons are cut, then the products that left the list first are forgotten, half of them at a
 * time, and at last nothing is left of its reasons.
 */
export function encodeRun(run: Run): KeyedRow {
  const { watchlist, comparisons, left, failures } = run;
  const row = { ...encodeColumns(run), ...spread("comparisons", packComparisons(comparisons)) };
  const latestFirst = left.toSorted((a, b) => compareText(b.leftOn, a.leftOn));
  for (let kept = left; ; kept = latestFirst.slice(0, Math.floor(kept.length / 2))) {
    const isLast = kept.length === 0;
    for (const limit of isLast ? [...reasonLimits, 1] : reasonLimits) {
      const reasons = spread("failures", packFailures(failures, comparisons, limit));
      const complete = { ...row, ...(isLast ? {} : spread("left", packLeft(kept))), ...reasons };
      if (fits(complete)) return complete;
    }
    if (isLast) break;
  }
  throw new TooLargeError(
    `The ${comparisons.length} products of watchlist "${watchlist}" do not fit into one run. Split it into several watchlists.`,
  );
}

function encodeColumns({ runId, day, openedAt, committedAt, previousRunId, ...run }: Run): KeyedRow {
  return {
    partitionKey: runPartition(run),
    rowKey: runRowKey(runId),
    schemaVersion,
    day,
    openedAt,
    committedAt,
    ...(previousRunId !== null && { previousRunId }),
    ...encodeRules(run.rules),
    ...encodeMail(run.mail),
    ...encodeTotals(run.totals),
    ...(run.productList && { productList: JSON.stringify(run.productList) }),
  };
}

function packLeft(left: readonly LeftProduct[]) {
  return { ...packComparisons(left), on: left.map(({ leftOn }) => leftOn) };
}

/** The columns of a mail. What is absent is written too, because a merge cannot remove a column. */
export function encodeMail(mail: Mail): Row {
  const { status, at, attempts, unknownOutcomes, crashes = 0, reason = "", retryAt = "", since } = mail;
  return {
    mailStatus: status,
    mailAt: at,
    mailAttempts: attempts,
    mailUnknownOutcomes: unknownOutcomes,
    mailFailedSends: mail.failedSends ?? 0,
    mailCanAsk: mail.canAsk ?? false,
    mailCrashes: crashes,
    mailReason: cut(reason, maxReason).toWellFormed(),
    mailIsAccountTrouble: mail.isAccountTrouble ?? false,
    mailRetryAt: retryAt,
    mailSince: since === null ? noDigest : (since ?? ""),
    mailIsResent: mail.isResent ?? false,
  };
}

function encodeRules({ thresholds, dueDays, dueDaysExploited, dueFrom, timeZone }: RunRules): Row {
  const { minMachines, minPercent, minCves } = thresholds;
  return { minMachines, minPercent, minCves, dueDays, dueDaysExploited, dueFrom, timeZone };
}

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
    firstEmpty: comparisons.flatMap(({ firstEmptyOn }, index) => (firstEmptyOn ? [[index, firstEmptyOn]] : [])),
    lateBaseline: comparisons.flatMap(({ lateBaseline }, index) => (lateBaseline ? [index] : [])),
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

function packFailures(failures: readonly ReadFailure[], comparisons: readonly Comparison[], maxLength: number) {
  const places = new Map(comparisons.map(({ softwareId }, index) => [softwareId, index]));
  const groups = indexed<readonly unknown[]>();
  return {
    products: failures.map(({ softwareId }) => places.get(softwareId) ?? softwareId),
    of: failures.map(({ reason, permanent, since, misses, unknownSince, permanentSince, isGone }) => {
      const group = [cut(reason, maxLength), permanent, since, misses];
      const isLasting = unknownSince !== undefined || permanentSince !== undefined || isGone;
      const lasting = isLasting ? [unknownSince ?? null, permanentSince ?? null] : [];
      return groups.indexOf([...group, ...lasting, ...(isGone ? [true] : [])]);
    }),
    groups: groups.values,
  };
}

/** Distinct values, in the order in which they first appear. */
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

const column = z.pipe(
  z.union([z.int(), z.bigint()]),
  z.transform((value) => Number(value)),
);
/** The columns that `encodeMail` writes. */
export const mailColumns = z.object({
  mailStatus: z.enum(mailStatuses),
  mailAt: instant,
  mailAttempts: count,
  mailUnknownOutcomes: count,
  mailFailedSends: absent(count),
  mailCanAsk: absent(z.boolean()),
  mailCrashes: absent(count),
  mailReason: absent(z.string()),
  mailIsAccountTrouble: absent(z.boolean()),
  mailRetryAt: absent(z.union([z.literal(""), instant])),
  mailSince: absent(z.union([z.literal(""), z.literal(noDigest), runId])),
  mailIsResent: absent(z.boolean()),
});
const summarySchema = z.object({
  day,
  openedAt: instant,
  committedAt: instant,
  previousRunId: absent(runId),
  ...{ minMachines: count, minPercent: count, minCves: count, dueDays: count, dueDaysExploited: count },
  ...{ dueFrom: z.enum(dueFroms), timeZone: z.string() },
  productList: absent(z.string()),
  ...mailColumns.shape,
});
const exposed = z.object({ softwareId: z.string(), exposedMachines: count });
const listReport = z.object({
  readAt: z.nullable(instant),
  failure: z.nullable(z.object({ reason: z.string(), since: instant })),
  found: z.nullable(z.object({ configured: count, withoutWeaknesses: count, beyond: count })),
  unknown: z.object({
    ids: z.array(z.object({ softwareId: z.string(), nearest: z.array(z.string()) })),
    more: count,
  }),
  mistaken: z.array(z.object({ softwareId: z.string(), meant: z.string() })),
  unwatched: z.object({ products: z.array(exposed), more: count }),
});
/** The columns of the totals. */
export const totalsSchema = z.object(
  Object.fromEntries(totalNames.map((name) => [name, column])) as Record<TotalName, typeof column>,
);

/** The columns that a summary needs, so that a query can leave out the lists. */
export const summaryColumns: string[] = ["rowKey", "schemaVersion", ...Object.keys(summarySchema.shape), ...totalNames];

const lostRun =
  "Restore it from a backup, or delete it: its report and the mail it owes are then lost, and the next run compares with the run before it.";

export function decodeSummary(key: RunKey, row: Columns, place: RowPlace): RunSummary {
  return read(row, place, lostRun, (columns) => unpackSummary(key, columns, place));
}

function unpackSummary({ tenant, watchlist, runId }: RunKey, columns: Columns, place: RowPlace): RunSummary {
  checkRowKey(place);
  const { day, openedAt, committedAt, previousRunId, ...rest } = summarySchema.parse(columns);
  const { minMachines, minPercent, minCves, dueDays, dueDaysExploited, dueFrom, timeZone, productList } = rest;
  return {
    ...{ tenant, watchlist, runId, day, openedAt, committedAt },
    previousRunId: previousRunId ?? null,
    rules: { thresholds: { minMachines, minPercent, minCves }, dueDays, dueDaysExploited, dueFrom, timeZone },
    ...(productList && { productList: listReport.parse(JSON.parse(productList)) }),
    totals: totalsSchema.parse(columns),
    mail: unpackMail(rest),
  };
}

/** The mail whose columns these are. */
export function unpackMail(columns: z.infer<typeof mailColumns>): Mail {
  const { mailFailedSends, mailCrashes, mailReason, mailIsAccountTrouble, mailRetryAt, mailSince, mailIsResent } =
    columns;
  return {
    status: columns.mailStatus,
    at: columns.mailAt,
    attempts: columns.mailAttempts,
    unknownOutcomes: columns.mailUnknownOutcomes,
    ...(mailFailedSends && { failedSends: mailFailedSends }),
    ...(columns.mailCanAsk && { canAsk: true }),
    ...(mailCrashes && { crashes: mailCrashes }),
    ...(mailReason && { reason: mailReason }),
    ...(mailIsAccountTrouble && { isAccountTrouble: true }),
    ...(mailRetryAt && { retryAt: mailRetryAt }),
    ...(mailSince && { since: mailSince === noDigest ? null : mailSince }),
    ...(mailIsResent && { isResent: true }),
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
  firstEmpty: z.array(z.tuple([index, day])),
  lateBaseline: z.array(index),
});
const packedLeft = z.extend(packedComparisons, { on: z.array(day) });
const packedFailures = z.object({
  products: z.array(z.union([index, z.string()])),
  of: z.array(index),
  groups: z.array(
    z.tuple([
      z.string(),
      z.boolean(),
      runId,
      count,
      z.optional(z.nullable(day)),
      z.optional(z.nullable(runId)),
      z.optional(z.literal(true)),
    ]),
  ),
});

export function decodeRun(key: RunKey, row: Columns, place: RowPlace): Run {
  return read(row, place, lostRun, (columns) => {
    const comparisons = unpackComparisons(packedComparisons.parse(gather("comparisons", columns)));
    const failures = unpackFailures(packedFailures.parse(gather("failures", columns)), comparisons);
    return { ...unpackSummary(key, columns, place), comparisons, left: unpackLeft(columns), failures };
  });
}

function unpackLeft(columns: Columns): LeftProduct[] {
  if (typeof columns.left0 !== "string") return [];
  const { on, ...packed } = packedLeft.parse(gather("left", columns));
  return unpackComparisons(packed).map((comparison, i) => ({ ...comparison, leftOn: at(on, i) }));
}

function unpackComparisons(packed: z.infer<typeof packedComparisons>): Comparison[] {
  const [lastReported, heldBack] = [new Map(packed.lastReported), new Map(packed.heldBack)];
  const [firstEmpty, lateBaseline] = [new Map(packed.firstEmpty), new Set(packed.lateBaseline)];
  return packed.ids.map((softwareId, i) => {
    const [previous, current] = at(packed.pairs, at(packed.of, i));
    const [reported, held, firstEmptyOn] = [lastReported.get(i), heldBack.get(i), firstEmpty.get(i)];
    return {
      ...{ softwareId, previous, current },
      ...(reported && { lastReported: unpackCounts(reported) }),
      ...(held && { heldBack: unpackCounts(held) }),
      ...(firstEmptyOn && { firstEmptyOn }),
      ...(lateBaseline.has(i) && { lateBaseline: true }),
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
  { products, of, groups }: z.infer<typeof packedFailures>,
  comparisons: readonly Comparison[],
): ReadFailure[] {
  return products.map((place, i) => {
    const softwareId = typeof place === "string" ? place : at(comparisons, place).softwareId;
    const [reason, permanent, since, misses, unknownSince, permanentSince, isGone] = at(groups, at(of, i));
    const lasting = { ...(permanentSince && { permanentSince }), ...(unknownSince && { unknownSince }) };
    return { softwareId, reason, permanent, since, misses, ...lasting, ...(isGone && { isGone }) };
  });
}

function at<T>(list: readonly T[], position: number): T {
  const value = list[position];
  if (value === undefined) throw new RangeError(`No item ${position} in a list of ${list.length}.`);
  return value;
}
