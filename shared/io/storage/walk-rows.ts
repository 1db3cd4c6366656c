import * as z from "zod/mini";
import type { RunKey } from "../../core/run.ts";
import { isRunId } from "../../core/run-id.ts";
import {
  type Bookmark,
  type Lease,
  RowError,
  type RunProgress,
  type RunRequest,
  type StoredLease,
  type Usage,
} from "../../ports.ts";
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
  type Row,
  type RowPlace,
  read,
  readOr,
  runId,
  schemaVersion,
  spread,
} from "./row.ts";
import { maxReason, runRowKey } from "./rows.ts";

/*
 * The rows of Walks, version 1: a partition for each tenant. In JSON:
 *
 * reader     usage    {calls: [[endedAt, count], …], throttledUntil}
 *            outside  [[endedAt, count], …]
 *            progress [[watchlist, run id, read, total], …]
 */

export function walkPartition(tenant: string): string {
  return encodeKey(tenant);
}

/** Of the lease. */
export const leaseRowKey = "reader";
/** Of retention's bookmark. */
export const bookmarkRowKey = "retention";
/** Where the keys of all requests begin, and the first beyond them. */
export const requestKeys = { from: "asked|", below: "asked}" };

/** One request for each run of a watchlist, however its name is capitalized. */
export function requestRowKey({ watchlist, runId }: Omit<RunKey, "tenant">): string {
  return `${requestKeys.from}${encodeKey(watchlist.toLowerCase())}|${runRowKey(runId)}`;
}

// An hour of calls is some 400 pairs of them.
const maxPairs = 1_000;

/** A lease; where there are more watchlists than fit, without how far the last ones are. */
export function encodeLease(tenant: string, lease: Lease): KeyedRow {
  const { owner, until, usage, reserved, outside } = lease;
  const row = {
    ...{ partitionKey: walkPartition(tenant), rowKey: leaseRowKey, schemaVersion },
    ...{ owner, until, reserved },
    ...spread("usage", { ...usage, calls: fewerPairs(usage.calls) }),
    ...spread("outside", fewerPairs(outside)),
  };
  for (let kept = lease.progress; ; kept = kept.slice(0, Math.floor(kept.length / 2))) {
    const complete = { ...row, ...spread("progress", kept.map(packProgress)) };
    if (kept.length === 0 || fits(complete)) return complete;
  }
}

/** The same calls, the oldest of them counted together as long as the last of these. */
function fewerPairs(calls: Usage["calls"]): Usage["calls"] {
  const excess = calls.slice(0, Math.max(0, calls.length - maxPairs + 1));
  const last = excess.length > 1 && excess.at(-1);
  if (!last) return calls;
  return [[last[0], excess.reduce((sum, [, count]) => sum + count, 0)], ...calls.slice(excess.length)];
}

function packProgress({ watchlist, runId, read, total }: RunProgress) {
  return [watchlist, runId, read, total] as const;
}

const leaseColumns = z.object({ owner: z.string(), until: instant, reserved: count });
const packedCalls = z.array(z.tuple([z.number(), count]));
const packedUsage = z.object({ calls: packedCalls, throttledUntil: z.nullable(z.number()) });
const packedProgress = z.array(z.tuple([z.string(), runId, count, count]));

/**
 * Of a row that is damaged. It has ended, or nobody could read the tenant until a person acts, and as nobody knows what was
 * called, more calls than any quota allows count as made just now.
 */
const lostLease: Lease = {
  ...{ owner: "", until: new Date(0).toISOString(), reserved: 0, outside: [], progress: [] },
  usage: { calls: [[8.64e15, 1_000_000]], throttledUntil: null },
};

/** A lease; `isDamaged`: it is made up, for the row cannot be read. */
export function decodeLease(row: Columns, place: RowPlace): Omit<StoredLease, "version"> {
  const decode = (columns: Columns): Omit<StoredLease, "version"> => ({
    lease: {
      ...leaseColumns.parse(columns),
      usage: packedUsage.parse(gather("usage", columns)),
      outside: packedCalls.parse(gather("outside", columns)),
      progress: packedProgress.parse(gather("progress", columns)).map(unpackProgress),
    },
  });
  return readOr(row, place, decode, { lease: lostLease, isDamaged: true });
}

function unpackProgress([watchlist, runId, read, total]: z.infer<typeof packedProgress>[number]): RunProgress {
  return { watchlist, runId, read, total };
}

export function encodeRequest({ tenant, watchlist, runId, openedAt, mail, dropped }: RunRequest): KeyedRow {
  return {
    partitionKey: walkPartition(tenant),
    rowKey: requestRowKey({ watchlist, runId }),
    ...{ schemaVersion, watchlist, openedAt, mail },
    ...(dropped !== undefined && encodeDropped(dropped)),
  };
}

/** The column that says why a request is not carried out. */
export function encodeDropped(reason: string): Row {
  return { dropped: cut(reason, maxReason).toWellFormed() };
}

const requestColumns = z.object({
  watchlist: z.string(),
  openedAt: instant,
  mail: z.boolean(),
  dropped: absent(z.string()),
});

const lostRequest = "Delete it, and ask for the run again.";

export function decodeRequest(tenant: string, row: Columns, place: RowPlace): RunRequest {
  return read(row, place, lostRequest, (columns) => {
    const { dropped, ...request } = requestColumns.parse(columns);
    const runId = place.rowKey.slice(place.rowKey.lastIndexOf("|") + 1);
    if (!isRunId(runId)) throw new RangeError("Its row key does not end in a run id.");
    return { tenant, runId, ...request, ...(typeof dropped === "string" && { dropped }) };
  });
}

/** `null` for a request that cannot be read: it must not keep the tenant's others from being read. */
export function readableRequest(tenant: string, row: Columns, place: RowPlace): RunRequest | null {
  try {
    return decodeRequest(tenant, row, place);
  } catch (error) {
    if (error instanceof RowError) return null;
    throw error;
  }
}

export function encodeBookmark(tenant: string, { day, isDone, after }: Bookmark): KeyedRow {
  return {
    ...{ partitionKey: walkPartition(tenant), rowKey: bookmarkRowKey, schemaVersion, day, isDone },
    ...(after !== undefined && { after }),
  };
}

const bookmarkColumns = z.object({
  schemaVersion: z.literal(schemaVersion),
  day,
  isDone: z.boolean(),
  after: absent(z.string()),
});

/** `null` for a bookmark that cannot be read: retention then begins the day again. */
export function decodeBookmark(row: Columns): Bookmark | null {
  const { data } = bookmarkColumns.safeParse(row);
  if (!data) return null;
  return { day: data.day, isDone: data.isDone, ...(typeof data.after === "string" && { after: data.after }) };
}
