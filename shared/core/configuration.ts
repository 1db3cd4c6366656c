import type { Watchlist } from "./watchlist.ts";

/** The configured watchlists, and what is wrong with those that are not among them or not up to date. */
export interface ConfiguredWatchlists {
  list: readonly Watchlist[];
  faults: readonly WatchlistFault[];
}

/** A faulty entry. */
export interface WatchlistFault {
  /** The entry's name; `null` where it has none or where nothing could be read at all. */
  watchlist: string | null;
  /** What is wrong, what is allowed and what to do. */
  message: string;
  /** Whether its last good version is among the configured ones for now. */
  isKept: boolean;
}

/** One entry of a watchlists document. */
export interface WatchlistEntry {
  /** `null`: it has none that is valid. */
  name: string | null;
  /** `null`: the entry is faulty. */
  watchlist: Watchlist | null;
  /** What is wrong, what is allowed and what to do; `null`: nothing is. */
  fault: string | null;
  /** The entry as written. */
  source: unknown;
}

/** The last good version of a watchlist. */
export interface GoodVersion {
  entry: WatchlistEntry;
  /** Since when it replaces a faulty one, ISO 8601 in UTC; `null`: it is the current one. */
  since: string | null;
}

const keptMs = 24 * 3600_000;

/**
 * The watchlists of a document, or of one that cannot be read for a reason, with the last good version of each faulty one
 * for a day; and the last good versions from now on. A watchlist that the document lacks was removed, unless a faulty
 * entry without a name may be it.
 */
export function configure(
  read: readonly WatchlistEntry[] | string,
  last: readonly GoodVersion[],
  now: Date,
): { configured: ConfiguredWatchlists; good: GoodVersion[] } {
  const entries = typeof read === "string" ? [] : read;
  const current = entries.filter(({ watchlist }) => watchlist !== null);
  const faulty = entries.filter(({ watchlist }) => watchlist === null);
  const replaced = new Set(current.map(keyOf));
  const names = new Set(faulty.map(keyOf));
  const isUnclear = typeof read === "string" || names.has(null);
  const held = last
    .filter(({ entry }) => !replaced.has(keyOf(entry)) && (isUnclear || names.has(keyOf(entry))))
    .map(({ entry, since }) => ({ entry, since: since ?? now.toISOString() }))
    .filter(({ since }) => now.getTime() - Date.parse(since) < keptMs);
  // What an older version of the app called good may be faulty now.
  const kept = held.map(({ entry }) => entry).filter(({ watchlist }) => watchlist !== null);
  const keptNames = new Set(kept.map(keyOf));
  const isKept = (entry: WatchlistEntry) =>
    entry.name === null ? kept.some((one) => !names.has(keyOf(one))) : keptNames.has(keyOf(entry));
  const faults: WatchlistFault[] =
    typeof read === "string"
      ? [{ watchlist: null, message: read, isKept: kept.length > 0 }]
      : faulty.map((entry) => ({ watchlist: entry.name, message: entry.fault ?? "", isKept: isKept(entry) }));
  const list = [...current, ...kept].map(({ watchlist }) => watchlist).filter((watchlist) => watchlist !== null);
  return { configured: { list, faults }, good: [...current.map((entry) => ({ entry, since: null })), ...held] };
}

/** No two watchlists differ in capitals alone. */
function keyOf({ name }: WatchlistEntry): string | null {
  return name?.toLowerCase() ?? null;
}
