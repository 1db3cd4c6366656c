import * as z from "zod/mini";
import { type FeedName, type KevEntry, type MsrcKb, restarts, severities } from "../../core/advisory.ts";
import { isMonthId } from "../../core/msrc-month.ts";
import { type FeedState, type StoredMonth, TooLargeError } from "../../ports.ts";
import {
  type Columns,
  count,
  cut,
  day,
  fits,
  gather,
  instant,
  type KeyedRow,
  type Row,
  schemaVersion,
  spread,
} from "./row.ts";
import { maxReason } from "./rows.ts";

/*
 * The rows of Advisories, version 1: a partition for each feed. In JSON:
 *
 * msrc, month      facts {cves: [CVE, …], kbs: [[id, released, severity, [index in cves, …], [those exploited, …], restart,
 *                         supersedes, hotpatch], …]}
 * msrc, state      the columns of a state, and notFound [[KB id, [month, …]], …]
 * kev,  catalogue  the columns of its state, and entries [[CVE, since, ransomware], …]
 */

/** Where a feed's state is. */
export const stateKeys: Readonly<Record<FeedName, string>> = { msrc: "state", kev: "catalogue" };

export function encodeMonth({ id, changedAt, kbs }: StoredMonth): KeyedRow {
  const indices = new Map<string, number>();
  const indexOf = (cve: string) => {
    const index = indices.get(cve) ?? indices.size;
    indices.set(cve, index);
    return index;
  };
  const packed = kbs.map((kb) => {
    const [cves, exploited] = [kb.cves.map(indexOf), kb.exploitedCves.map(indexOf)];
    return [kb.id, kb.released, kb.severity, cves, exploited, kb.restart, kb.supersedes, kb.hotpatch];
  });
  const facts = { cves: [...indices.keys()], kbs: packed };
  const row = { partitionKey: "msrc", rowKey: id, schemaVersion, changedAt, ...spread("facts", facts) };
  if (fits(row)) return row;
  throw new TooLargeError(`MSRC's document of ${id} has more facts than fit into a row: ${kbs.length} KBs.`);
}

const packedFacts = z.object({
  cves: z.array(z.string()),
  kbs: z.array(
    z.tuple([
      z.string(),
      day,
      z.nullable(z.enum(severities)),
      z.array(count),
      z.array(count),
      z.nullable(z.enum(restarts)),
      z.array(z.string()),
      z.boolean(),
    ]),
  ),
});
const monthColumns = z.object({ schemaVersion: z.literal(schemaVersion), changedAt: z.string() });

/** A month; `null` if the row cannot be read, or is none of a month. */
export function decodeMonth(row: Columns & { rowKey: string }): StoredMonth | null {
  if (!isMonthId(row.rowKey)) return null;
  try {
    const { changedAt } = monthColumns.parse(row);
    const { cves, kbs } = packedFacts.parse(gather("facts", row));
    const cveAt = (index: number) => {
      const cve = cves[index];
      if (cve === undefined) throw new RangeError(`No CVE ${index} in a list of ${cves.length}.`);
      return cve;
    };
    const unpacked = kbs.map(([id, released, severity, own, exploited, restart, supersedes, hotpatch]): MsrcKb => {
      const [ownCves, exploitedCves] = [own.map(cveAt), exploited.map(cveAt)];
      return { id, released, severity, cves: ownCves, exploitedCves, restart, supersedes, hotpatch };
    });
    return { id: row.rowKey, changedAt, kbs: unpacked };
  } catch {
    return null;
  }
}

/** The row of a feed's state. What is absent is written too, because a merge cannot remove a column. */
export function encodeState(name: FeedName, state: FeedState): KeyedRow {
  const { validators, readAt, fault, notFound = [] } = state;
  const row = {
    ...{ partitionKey: name, rowKey: stateKeys[name], schemaVersion },
    // A column of the name `etag` would be hidden by the version that the service gives the row.
    ...{ feedEtag: validators.etag ?? "", feedModified: validators.lastModified ?? "", readAt: readAt ?? "" },
    feedDigest: validators.digest ?? "",
    faultReason: fault ? cut(fault.reason, maxReason).toWellFormed() : "",
    faultSince: fault?.since ?? "",
  };
  if (name === "kev") return row;
  const packed = notFound.map(({ id, months }) => [id, months]);
  const complete = { ...row, ...spread("notFound", packed) };
  // Without them, they are only looked for again.
  return fits(complete) ? complete : { ...row, ...spread("notFound", []) };
}

const optionalInstant = z.union([z.literal(""), instant]);
const stateColumns = z.object({
  ...{
    schemaVersion: z.literal(schemaVersion),
    feedEtag: z.string(),
    feedModified: z.string(),
    feedDigest: z.string(),
  },
  ...{ readAt: optionalInstant, faultReason: z.string(), faultSince: optionalInstant },
});
const packedMissed = z.array(z.tuple([z.string(), z.array(z.string())]));

/** The columns of a state, without what the feed says. */
export const stateSelect = [...Object.keys(stateColumns.shape)];

/** Of a feed that was never read. */
export const noState: FeedState = { validators: {}, readAt: null };

/** A feed's state; as if it was never read where the row is missing or damaged. */
export function decodeState(row: Columns | undefined): FeedState {
  const parsed = stateColumns.safeParse(row);
  if (!parsed.success || !row) return noState;
  const {
    feedEtag: etag,
    feedModified: lastModified,
    feedDigest: digest,
    readAt,
    faultReason,
    faultSince,
  } = parsed.data;
  return {
    validators: { ...(etag && { etag }), ...(lastModified && { lastModified }), ...(digest && { digest }) },
    readAt: readAt || null,
    ...(faultSince && { fault: { reason: faultReason, since: faultSince } }),
    ...notFoundIn(row),
  };
}

function notFoundIn(row: Columns): Pick<FeedState, "notFound"> {
  if (typeof row.notFound0 !== "string") return {};
  try {
    const packed = packedMissed.parse(gather("notFound", row));
    const notFound = packed.map(([id, months]) => ({ id, months }));
    return notFound.length > 0 ? { notFound } : {};
  } catch {
    return {};
  }
}

export function encodeKev(exploited: readonly KevEntry[], state: FeedState): KeyedRow {
  const entries: Row = spread(
    "entries",
    exploited.map(({ cve, since, ransomware }) => [cve, since, ransomware]),
  );
  const row = { ...encodeState("kev", state), ...entries };
  if (fits(row)) return row;
  throw new TooLargeError(`CISA's catalogue has more entries than fit into a row: ${exploited.length}.`);
}

const packedEntries = z.array(z.tuple([z.string(), day, z.boolean()]));

/** KEV's entries with its state; as if it was never read where the entries are damaged, for they decide what is new. */
export function decodeKev(row: Columns | undefined): { kev: FeedState; exploited: KevEntry[] | null } {
  const kev = decodeState(row);
  try {
    const packed = packedEntries.parse(gather("entries", row ?? {}));
    return { kev, exploited: packed.map(([cve, since, ransomware]) => ({ cve, since, ransomware })) };
  } catch {
    // Validators would let the feed answer that nothing has changed.
    return { kev: { ...kev, validators: {} }, exploited: null };
  }
}
