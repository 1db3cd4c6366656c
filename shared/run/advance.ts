import { createHash } from "node:crypto";
import pMap, { pMapIterable } from "p-map";
import { closeRun, type Outcome, type Run, type RunMessage } from "../core/run.ts";
import { isScheduled } from "../core/run-id.ts";
import type { Snapshot } from "../core/snapshot.ts";
import { plainText, withoutTokens } from "../core/text.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { logTexts } from "../log.ts";
import { DefenderError, type Ports, type SnapshotKey, type StoredRun, TooLargeError } from "../ports.ts";
import { isFresh, lastScheduledRun } from "./chain.ts";
import { deliver } from "./deliver.ts";
import { expire } from "./expire.ts";
import { measure } from "./measure.ts";

const concurrency = 8;
/** How long a run waits before it asks again for software that could not be read. */
const retrySeconds = 5 * 60;

/** What one walk over the software left unread, and why. */
interface Walk {
  failures: ReadonlyMap<string, ReadError>;
  /** Not even tried: the time was up, or Defender throttled. */
  untried: number;
  /** Snapshots that this walk added. */
  added: number;
  /** Seconds that Defender asked to be left alone for. */
  throttledFor: number | null;
}

/**
 * Advances a run by one step: read what is still unread, commit, deliver. What is not finished is queued again.
 * `signal` tells that the time is up.
 */
export async function advance(message: RunMessage, ports: Ports, signal?: AbortSignal): Promise<void> {
  const watchlist = ports.watchlists.find(({ name }) => name === message.watchlist);
  if (!watchlist) {
    ports.log("warn", "run of an unknown watchlist dropped", { watchlist: message.watchlist, run: message.runId });
    return;
  }
  const unfinished = await advanceRun(message, watchlist, ports, signal);
  const undelivered = await deliver(message, watchlist, ports);
  const waits = [unfinished, undelivered].filter((wait) => wait !== null);
  if (waits.length > 0) await ports.queue.send(message, Math.min(...waits));
}

/** Seconds until the run wants another step, or `null` once it is committed or overtaken. */
async function advanceRun(
  message: RunMessage,
  watchlist: Watchlist,
  ports: Ports,
  signal?: AbortSignal,
): Promise<number | null> {
  const { store, log } = ports;
  const fields = { watchlist: watchlist.name, run: message.runId };
  const standing = await store.readRun(watchlist.name, message.runId);
  if (standing) {
    // Whoever committed it may have died before the line that alerts wait for.
    logCommitted(standing.run, log);
    return null;
  }
  const last = await lastScheduledRun(store, watchlist.name);
  const lastRun = last?.run ?? null;
  const reason = reasonToDrop(message, lastRun, ports.now());
  if (reason) {
    log("warn", "run dropped", { ...fields, reason });
    return null;
  }
  const walk = await walkSoftware(message, watchlist, lastRun, ports, signal);
  const wait = secondsToWait(walk, message, lastRun, ports);
  const { added: read, failures, untried, throttledFor } = walk;
  log("info", logTexts.read, { ...fields, read, failed: failures.size, untried, throttledFor });
  if (wait !== null) return wait;
  return commit(message, watchlist, last, walk, ports);
}

/** Why a run is not worth a step any more; `null` where it is. */
function reasonToDrop(message: RunMessage, last: Run | null, now: Date): string | null {
  if (!isScheduled(message.runId)) return isFresh(message, now) ? null : "It was asked for more than a day ago.";
  return last && last.runId > message.runId ? `The later run ${last.runId} is committed.` : null;
}

async function walkSoftware(
  { runId }: RunMessage,
  watchlist: Watchlist,
  last: Run | null,
  ports: Ports,
  signal?: AbortSignal,
): Promise<Walk> {
  const { store } = ports;
  const { tenant } = watchlist;
  const compared = new Map(last?.comparisons.map(({ softwareId, current }) => [softwareId, current]));
  const failures = new Map<string, ReadError>();
  let throttledFor: number | null = null;

  const reads = await pMap(
    inOwnOrder(watchlist),
    async (softwareId) => {
      const key = { tenant, softwareId, runId };
      if (signal?.aborted) return "untried";
      if (await store.readSnapshot(key)) return "kept";
      if (throttledFor !== null) return "untried";
      const read = await tryRead(key, compared.get(softwareId) ?? null, ports, signal);
      if (typeof read !== "string") {
        failures.set(softwareId, read);
        if (read instanceof DefenderError) throttledFor ??= read.retryAfterSeconds;
      }
      return read;
    },
    { concurrency },
  );
  const count = (kind: Read) => reads.filter((read) => read === kind).length;
  return { failures, untried: count("untried"), added: count("added"), throttledFor };
}

// One timer opens the runs of all watchlists. Walking the same software in the same order, each would read all of it;
// from different ends, most of it is found read by another.
function inOwnOrder({ name, softwareIds }: Watchlist): string[] {
  const place = (softwareId: string) => createHash("sha256").update(`${name}\n${softwareId}`).digest("hex");
  const placed = softwareIds.map((softwareId) => ({ softwareId, at: place(softwareId) }));
  return placed.sort((a, b) => (a.at < b.at ? -1 : 1)).map(({ softwareId }) => softwareId);
}

type ReadError = DefenderError | TooLargeError;
type Read = "kept" | "added" | "untried" | ReadError;

/** Reads one software and keeps its snapshot. A read that fails is an answer; everything else fails the invocation. */
async function tryRead(
  key: SnapshotKey,
  compared: string | null,
  { store, defender, log }: Ports,
  signal?: AbortSignal,
): Promise<Read> {
  try {
    const before = await snapshotBefore(key, compared, store);
    await store.addSnapshot(await measure(key, before, defender, signal));
    return "added";
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return "untried";
    if (!(error instanceof DefenderError || error instanceof TooLargeError)) throw error;
    const said = error.cause instanceof Error ? withoutTokens(plainText(error.cause.message)) : undefined;
    log("warn", logTexts.unread, { run: key.runId, software: key.softwareId, reason: error.message, said });
    return error;
  }
}

// Where this watchlist has none, another's history still tells since when a KB is missing.
function snapshotBefore(key: SnapshotKey, compared: string | null, store: Ports["store"]): Promise<Snapshot | null> {
  return compared ? store.readSnapshot({ ...key, runId: compared }) : store.latestSnapshot(key);
}

/** Software that so many scheduled runs in a row could not measure holds the next one back no longer. */
const missesWaitedFor = 2;

/** Seconds until the unread software is worth another walk, or `null` where the run is to close as it is. */
function secondsToWait(walk: Walk, message: RunMessage, last: Run | null, { now, rules }: Ports): number | null {
  const { failures, untried, added, throttledFor } = walk;
  if (failures.size + untried === 0) return null;
  const waited = now().getTime() / 1000 - Date.parse(message.openedAt) / 1000;
  const left = patience(message, throttledFor !== null, rules) - waited;
  // A long walk that gets on is never cut short.
  if (untried > 0 && added > 0) return throttledFor ?? 1;
  const missed = new Map(last?.failures.map(({ softwareId, misses }) => [softwareId, misses]));
  const lasts = (softwareId: string) => (missed.get(softwareId) ?? 0) >= missesWaitedFor;
  const hopeless = [...failures].every(([softwareId, error]) => isPermanent(error) || lasts(softwareId));
  if (left <= 0 || (untried === 0 && throttledFor === null && hopeless)) return null;
  return Math.ceil(Math.min(left, throttledFor ?? retrySeconds));
}

/** How many seconds a run may wait for what it has not read. */
function patience({ runId }: RunMessage, throttled: boolean, { graceMinutes }: Ports["rules"]): number {
  // Throttled software can be read, only later: the run waits until the next one would overtake it.
  if (throttled) return isScheduled(runId) ? 24 * 3600 : 3600;
  // A person who asked for a run waits in front of it: it takes what one walk brings.
  return isScheduled(runId) ? graceMinutes * 60 : 0;
}

function isPermanent(error: ReadError): boolean {
  return error instanceof TooLargeError || error.permanent;
}

/** Commits the run; where another commit was first, the message is to come again and see. */
async function commit(
  message: RunMessage,
  watchlist: Watchlist,
  last: StoredRun | null,
  walk: Walk,
  ports: Ports,
): Promise<number | null> {
  const { runId, openedAt } = message;
  const opening = {
    ...{ watchlist, runId, openedAt, last: last?.run ?? null, committedAt: ports.now().toISOString() },
    ...(message.mail !== undefined && { mail: message.mail }),
  };
  const run = await closeRun(opening, outcomes(message, watchlist, last?.run ?? null, walk, ports));
  const follows = isScheduled(runId) ? last : null;
  if (!(await ports.store.commitRun(run, follows))) return 1;
  logCommitted(run, ports.log);
  if (isScheduled(runId)) await expire(watchlist, ports);
  return null;
}

/** Told at least once of each run; the time of the commit is in it, so that a repeated line is not taken for a new run. */
function logCommitted({ watchlist, runId, openedAt, committedAt, totals, mail }: Run, log: Ports["log"]): void {
  const seconds = Math.round((Date.parse(committedAt) - Date.parse(openedAt)) / 1000);
  log("info", logTexts.committed, { watchlist, run: runId, committedAt, seconds, mail: mail.status, ...totals });
}

function outcomes(
  { runId }: RunMessage,
  { tenant, softwareIds }: Watchlist,
  last: Run | null,
  { failures }: Walk,
  { store }: Ports,
): AsyncIterable<Outcome> {
  const compared = new Map(last?.comparisons.map(({ softwareId, current }) => [softwareId, current]));
  const load = async (softwareId: string): Promise<Outcome> => {
    const before = compared.get(softwareId);
    const previous = before ? await store.readSnapshot({ tenant, softwareId, runId: before }) : null;
    const current = await store.readSnapshot({ tenant, softwareId, runId });
    const error = failures.get(softwareId);
    const failure = error && { reason: error.message, permanent: isPermanent(error) };
    return { softwareId, previous, current, ...(failure && { failure }) };
  };
  return pMapIterable(softwareIds, load, { concurrency });
}
