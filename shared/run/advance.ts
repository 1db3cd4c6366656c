import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { lastComparisons, type Run, type RunMessage } from "../core/run.ts";
import { isRunId, isScheduled, runDay } from "../core/run-id.ts";
import type { Watchlist } from "../core/watchlist.ts";
import { logTexts } from "../log.ts";
import type { Ports } from "../ports.ts";
import { chainEnd, isFresh } from "./chain.ts";
import { commit, logCommitted } from "./commit.ts";
import { deliver } from "./deliver.ts";
import type { HeldSnapshots } from "./snapshots.ts";
import { countUntried, failuresOf, isPermanent, type Walk, walk } from "./walk.ts";

// Well below host.json's functionTimeout: a step ends itself and continues with the next message; it is never cut off.
const stepMs = 20 * 60_000;
/** How long a run waits before it tries again to read what it could not. */
const retrySeconds = 5 * 60;
/** After this many consecutive misses, a product no longer delays the run. */
const missesWaitedFor = 2;

/** Seconds until a run needs another step (`null`: none), and the snapshots that this step has in memory. */
interface Step {
  wait: number | null;
  held?: HeldSnapshots;
}

/**
 * Advances the run named by a queue message by one step: read what is missing, commit, deliver. What is not finished is
 * queued again. A message of another shape fails, and so ends up in the poison queue. `signal`: out of time.
 */
export async function advance(
  message: unknown,
  ports: Ports,
  signal: AbortSignal = AbortSignal.timeout(stepMs),
): Promise<void> {
  const asked = parse(message);
  const watchlist = ports.watchlists.find(({ name }) => name === asked.watchlist);
  if (!watchlist) {
    ports.log("warn", "run of an unknown watchlist dropped", { watchlist: asked.watchlist, run: asked.runId });
    return;
  }
  const { wait, held } = await advanceRun(asked, watchlist, ports, signal);
  const waits = [wait, await deliver(asked, watchlist, ports, held)].filter((seconds) => seconds !== null);
  if (waits.length > 0) await ports.queue.send(asked, Math.min(...waits));
}

// Dates far from ours overflow the calendar when days are added, and would leave a row that no one can read.
const ourTimes = z.regex(/^2\d{3}-/);
const shape = z.object({
  watchlist: z.string().check(z.minLength(1), z.maxLength(100)),
  runId: z.string().check(ourTimes, z.refine(isRunId)),
  openedAt: z.string().check(
    ourTimes,
    z.refine((text) => !Number.isNaN(Date.parse(text))),
  ),
  mail: z.optional(z.boolean()),
});

function parse(message: unknown): RunMessage {
  const parsed = shape.safeParse(message);
  if (!parsed.success) {
    throw new Error("The queue message does not name a run: it needs watchlist, runId and openedAt.", {
      cause: parsed.error,
    });
  }
  const { mail, ...run } = parsed.data;
  return { ...run, ...(mail !== undefined && { mail }) };
}

async function advanceRun(message: RunMessage, watchlist: Watchlist, ports: Ports, signal: AbortSignal): Promise<Step> {
  const { store, log } = ports;
  const { runId, openedAt } = message;
  const fields = { watchlist: watchlist.name, run: runId };
  const committed = await store.readRun(watchlist.name, runId);
  if (committed) {
    // The process that committed this run may have crashed before logging it, and the alert depends on that line.
    logCommitted(committed.run, log);
    return { wait: null };
  }
  const end = await chainEnd(store, watchlist.name);
  const { last } = end;
  const reason = reasonToDrop(message, last?.run ?? null, ports.now());
  if (reason) {
    log("warn", "run dropped", { ...fields, reason });
    return { wait: null };
  }
  const products = productsToRead(watchlist, last?.run ?? null);
  const day = runDay(runId, ports.rules.timeZone);
  const walked = await walk({ tenant: watchlist.tenant, runId, day, openedAt, products }, ports, signal);
  const [failed, untried] = [failuresOf(walked).length, countUntried(walked)];
  log("info", logTexts.read, { ...fields, read: walked.added, failed, untried, throttledFor: walked.throttledFor });
  const wait = secondsToWait(walked, message, last?.run ?? null, ports);
  if (wait !== null) return { wait };
  const isCommitted = await commit({ ...end, message, watchlist, walked }, ports);
  // Another commit was first: come back and see.
  return { wait: isCommitted ? null : 1, held: walked.held };
}

/** Why a run is not worth another step; `null` if it is. */
function reasonToDrop(message: RunMessage, last: Run | null, now: Date): string | null {
  if (!isScheduled(message.runId)) return isFresh(message, now) ? null : "It was asked for more than a day ago.";
  return last && last.runId > message.runId ? `The later run ${last.runId} is already committed.` : null;
}

/**
 * A watchlist's products in an order of its own. The timer starts the runs of all watchlists at once: in the same order
 * each would read the same products; in different orders they find most of them read by another.
 */
function productsToRead({ name, softwareIds }: Watchlist, last: Run | null) {
  const before = lastComparisons(last);
  const place = (softwareId: string) => createHash("sha256").update(`${name}\n${softwareId}`).digest("hex");
  return softwareIds
    .map((softwareId) => ({ softwareId, compared: before.get(softwareId)?.current ?? null, place: place(softwareId) }))
    .sort((a, b) => (a.place < b.place ? -1 : 1));
}

/** Seconds until the products not read are worth another walk; `null` if the run should commit without them. */
function secondsToWait(walked: Walk, message: RunMessage, last: Run | null, { now, rules }: Ports): number | null {
  const { added, throttledFor } = walked;
  const [failures, untried] = [failuresOf(walked), countUntried(walked)];
  if (failures.length + untried === 0) return null;
  // A long walk that makes progress is never cut short.
  if (untried > 0 && added > 0) return throttledFor ?? 1;
  const waited = (now().getTime() - Date.parse(message.openedAt)) / 1000;
  const left = patience(message, throttledFor !== null, rules) - waited;
  const missed = new Map(last?.failures.map(({ softwareId, misses }) => [softwareId, misses]));
  const isLasting = (softwareId: string) => (missed.get(softwareId) ?? 0) >= missesWaitedFor;
  const isHopeless = failures.every(([softwareId, error]) => isPermanent(error) || isLasting(softwareId));
  if (left <= 0 || (untried === 0 && throttledFor === null && isHopeless)) return null;
  return Math.ceil(Math.min(left, throttledFor ?? retrySeconds));
}

/** How many seconds a run may wait for what it has not read. */
function patience({ runId }: RunMessage, isThrottled: boolean, { graceMinutes }: Ports["rules"]): number {
  // Throttled products can be read, only later: the run waits until the next one would overtake it.
  if (isThrottled) return isScheduled(runId) ? 24 * 3600 : 3600;
  // Someone is waiting for a run asked for: it takes what one walk brings.
  return isScheduled(runId) ? graceMinutes * 60 : 0;
}
