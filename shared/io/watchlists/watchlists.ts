import {
  type ConfiguredWatchlists,
  configure,
  type GoodVersion,
  type WatchlistEntry,
} from "../../core/configuration.ts";
import { type LastGood, type Ports, StorageError, type Store, TooLargeError } from "../../ports.ts";
import type { ReadDocument } from "./document.ts";

const cacheMs = 60_000;

export interface WatchlistsOptions {
  read: ReadDocument;
  /** The entries of a document; a text instead, if none can be read. */
  parse: (text: string) => readonly WatchlistEntry[] | string;
  /** The same for the entries alone. */
  parseEntries: (sources: readonly unknown[]) => readonly WatchlistEntry[];
  store: Pick<Store, "readLastGood" | "saveLastGood">;
  now: () => Date;
}

/**
 * The watchlists of a document. It is read again after a minute, or where a caller needs a later state; callers at the same
 * time share one read.
 */
export function createWatchlists(options: WatchlistsOptions): Ports["watchlists"] {
  const refresh = createRefresh(options);
  let recent: { at: number; result: Promise<ConfiguredWatchlists> } | undefined;
  return (asOf) => {
    const at = options.now().getTime();
    // A caller's clock may be ahead of ours.
    const least = Math.max(at - cacheMs, Math.min(asOf?.getTime() ?? 0, at));
    if (recent && recent.at >= least && recent.at <= at) return recent.result;
    const before = recent?.result.catch(() => undefined);
    const result = Promise.resolve(before).then(refresh);
    const reading = { at, result };
    recent = reading;
    // A failed call to the store is tried again by the next caller.
    result.catch(() => {
      if (recent === reading) recent = undefined;
    });
    return result;
  };
}

interface Stored {
  good: readonly GoodVersion[];
  version: string | null;
}

/** Each call reads the document once; calls must not overlap. */
function createRefresh({
  read,
  parse,
  parseEntries,
  store,
  now,
}: WatchlistsOptions): () => Promise<ConfiguredWatchlists> {
  let document: { etag: string | null; entries: readonly WatchlistEntry[] | string } | undefined;
  let stored: Stored | undefined;

  async function readEntries(): Promise<readonly WatchlistEntry[] | string> {
    const received = await read(document?.etag ?? null);
    if (received === "unchanged") return document?.entries ?? [];
    if ("fault" in received) return received.fault;
    document = { etag: received.etag, entries: parse(received.text) };
    return document.entries;
  }

  async function load(): Promise<Stored> {
    const found = await store.readLastGood();
    const entries = parseEntries(found?.good.map(({ source }) => source) ?? []);
    const good = entries.map((entry, n) => ({ entry, since: found?.good[n]?.since ?? null }));
    return { good, version: found?.version ?? null };
  }

  return async () => {
    const entries = await readEntries();
    // Another process may be first, and its state is then the one to start from.
    for (let tries = 1; ; tries += 1) {
      stored ??= await load();
      const { configured, good } = configure(entries, stored.good, now());
      const sources = good.map(sourceOf);
      if (JSON.stringify(sources) === JSON.stringify(stored.good.map(sourceOf))) return configured;
      const fault = await save(store, sources, stored.version);
      // Read again at the next call, for its new version.
      stored = undefined;
      if (fault === null || tries === 3) return configured;
      if (fault !== "another was first") return { ...configured, faults: [...configured.faults, fault] };
    }
  };
}

function sourceOf({ entry, since }: GoodVersion): LastGood {
  return { source: entry.source, since };
}

async function save(store: WatchlistsOptions["store"], good: readonly LastGood[], version: string | null) {
  try {
    return (await store.saveLastGood(good, version)) ? null : "another was first";
  } catch (error) {
    if (error instanceof TooLargeError) return { watchlist: null, message: error.message, isKept: false };
    // The watchlists are known all the same; the next read saves them.
    if (error instanceof StorageError) return null;
    throw error;
  }
}
