import * as z from "zod/mini";
import type { Chain } from "../../core/message.ts";
import type { FailingProduct, OpenAlert, OpenMail, WatchlistStatus } from "../../core/watchlist-status.ts";
import {
  absent,
  type Columns,
  count,
  cut,
  day,
  gather,
  instant,
  type KeyedRow,
  runId,
  schemaVersion,
  spread,
} from "./row.ts";
import { encodeMail, mailColumns, maxReason, runPartition, totalsSchema, unpackMail } from "./rows.ts";

/*
 * The rows of Watchlists, version 1: all in one partition, so that one query lists them. In JSON:
 *
 * totals   {new, worsened, …}
 * failing  {softwareId, reason, misses, others}
 * line     [[day, missingInstalls], …]
 * open     [[run id, committedAt, the columns of its mail], …]
 * alerts   [[CVE, openedAt, the columns of its mail], …], absent where there are none
 */

/** Of all statuses. */
export const statusPartition = "all";

export function statusRowKey(chain: Chain): string {
  return runPartition(chain);
}

export function encodeStatus(status: WatchlistStatus): KeyedRow {
  const { tenant, watchlist, latest, failing, line, lastDigest, open, alerts, removedOn, awaitedSince } = status;
  return {
    partitionKey: statusPartition,
    rowKey: statusRowKey(status),
    schemaVersion,
    // The key may hold no more than their hashes.
    tenant,
    watchlist,
    ...(latest && { runId: latest.runId, day: latest.day }),
    ...(latest && { openedAt: latest.openedAt, committedAt: latest.committedAt, ...spread("totals", latest.totals) }),
    ...(failing && spread("failing", { ...failing, reason: cut(failing.reason, maxReason) })),
    ...(lastDigest && { digestRunId: lastDigest.runId, digestAt: lastDigest.at }),
    ...(removedOn !== null && { removedOn }),
    ...(awaitedSince && { awaitedSince }),
    ...spread(
      "line",
      line.map(({ day, missingInstalls }) => [day, missingInstalls]),
    ),
    ...spread(
      "open",
      open.map(({ runId, committedAt, mail }) => [runId, committedAt, encodeMail(mail)]),
    ),
    ...(alerts &&
      spread(
        "alerts",
        alerts.map(({ cve, openedAt, mail }) => [cve, openedAt, encodeMail(mail)]),
      )),
  };
}

const names = z.object({ tenant: z.string(), watchlist: z.string() });
const latestColumns = z.object({ runId, day, openedAt: instant, committedAt: instant });
const digestColumns = z.object({ digestRunId: runId, digestAt: instant });
const removedColumn = z.object({ removedOn: absent(day) });
const awaitedColumn = z.object({ awaitedSince: absent(instant) });
const packedFailing = z.object({ softwareId: z.string(), reason: z.string(), misses: count, others: count });
const packedLine = z.array(z.tuple([day, count]));
const packedOpen = z.array(z.tuple([runId, instant, mailColumns]));
const packedAlerts = z.array(z.tuple([z.string(), instant, mailColumns]));

/**
 * A status; with its names alone where the rest is damaged or newer, for the next one to be saved replaces it. `null` if not
 * even they can be read.
 */
export function decodeStatus(row: Columns): WatchlistStatus | null {
  const named = names.safeParse(row);
  if (!named.success) return null;
  const bare = { ...named.data, latest: null, failing: null, line: [], lastDigest: null, open: [], removedOn: null };
  try {
    return row.schemaVersion === schemaVersion ? { ...bare, ...unpackStatus(row) } : bare;
  } catch {
    return bare;
  }
}

function unpackStatus(row: Columns): Omit<WatchlistStatus, keyof Chain> {
  return {
    latest: has(row, "runId")
      ? { ...latestColumns.parse(row), totals: totalsSchema.parse(gather("totals", row)) }
      : null,
    failing: has(row, "failing0") ? unpackFailing(row) : null,
    line: packedLine.parse(gather("line", row)).map(([day, missingInstalls]) => ({ day, missingInstalls })),
    lastDigest: has(row, "digestRunId") ? unpackDigest(row) : null,
    open: packedOpen.parse(gather("open", row)).map(unpackOpen),
    ...(has(row, "alerts0") && { alerts: packedAlerts.parse(gather("alerts", row)).map(unpackAlert) }),
    removedOn: removedColumn.parse(row).removedOn ?? null,
    ...unpackAwaited(row),
  };
}

function unpackAwaited(row: Columns): Pick<WatchlistStatus, "awaitedSince"> {
  const { awaitedSince } = awaitedColumn.parse(row);
  return awaitedSince ? { awaitedSince } : {};
}

function has(row: Columns, column: string): boolean {
  return typeof row[column] === "string";
}

function unpackFailing(row: Columns): FailingProduct {
  return packedFailing.parse(gather("failing", row));
}

function unpackDigest(row: Columns): NonNullable<WatchlistStatus["lastDigest"]> {
  const { digestRunId, digestAt } = digestColumns.parse(row);
  return { runId: digestRunId, at: digestAt };
}

function unpackOpen([runId, committedAt, mail]: z.infer<typeof packedOpen>[number]): OpenMail {
  return { runId, committedAt, mail: unpackMail(mail) };
}

function unpackAlert([cve, openedAt, mail]: z.infer<typeof packedAlerts>[number]): OpenAlert {
  return { cve, openedAt, mail: unpackMail(mail) };
}
