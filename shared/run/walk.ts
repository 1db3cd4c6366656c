import pMap from "p-map";
import type { RunDate } from "../core/day.ts";
import { compareOpened } from "../core/run.ts";
import { idsBetween, type RunId } from "../core/run-id.ts";
import type { Snapshot } from "../core/snapshot.ts";
import { plainText, withoutTokens } from "../core/text.ts";
import { logTexts } from "../log.ts";
import { DefenderError, type Ports, TooLargeError } from "../ports.ts";
import { type Measurement, measure } from "./measure.ts";
import type { HeldSnapshots } from "./snapshots.ts";

const concurrency = 8;

/**
 * About 18 MB: both days of 600 products with 40 KBs each. A larger run holds none, and commit and digest read the rows
 * again, so that a run of any size fits in a small instance.
 */
const maxHeldKbs = 50_000;

/** What to read of one tenant. */
export interface WalkPlan {
  tenant: string;
  runId: RunId;
  /** The day that the run belongs to, and when it was opened. */
  day: RunDate;
  openedAt: string;
  /** In the order to read them; `compared` is the run whose snapshot a product is compared with. */
  products: readonly { softwareId: string; compared: RunId | null }[];
}

export type ReadError = DefenderError | TooLargeError;

/** `untried`: out of time, or Defender throttled. */
type WalkResult = "read" | "untried" | ReadError;

export interface Walk {
  /** By software id. */
  results: ReadonlyMap<string, WalkResult>;
  /** What was read, now or by an earlier step of this run, with what it is compared with. */
  held: HeldSnapshots;
  /** Snapshots written by this walk, not by an earlier step. */
  added: number;
  /** Seconds for which Defender asked to be left alone. */
  throttledFor: number | null;
}

/** The products that could not be read, and why. */
export function failuresOf({ results }: Walk): [softwareId: string, error: ReadError][] {
  return [...results].flatMap(([softwareId, result]) => (typeof result === "string" ? [] : [[softwareId, result]]));
}

export function countUntried({ results }: Walk): number {
  return [...results.values()].filter((result) => result === "untried").length;
}

/** Reads what this run has not read yet, each product once. `signal`: out of time. */
export async function walk(plan: WalkPlan, ports: Ports, signal: AbortSignal): Promise<Walk> {
  const { tenant, runId, day, openedAt, products } = plan;
  const results = new Map<string, WalkResult>();
  const held = new Map<string, readonly Snapshot[]>();
  let [added, room] = [0, maxHeldKbs];
  let throttledFor: number | null = null;

  function hold(softwareId: string, ...read: (Snapshot | null)[]): void {
    const snapshots = read.filter((snapshot) => snapshot !== null);
    const size = snapshots.reduce((sum, { missingKbs, gone }) => sum + 1 + missingKbs.length + gone.length, 0);
    room -= size;
    if (room >= 0) held.set(softwareId, snapshots);
    else held.clear();
  }

  async function visit({ softwareId, compared }: WalkPlan["products"][number]): Promise<WalkResult> {
    if (signal.aborted) return "untried";
    const key = { tenant, softwareId, runId, day, openedAt };
    const { previous, before, earlier } = await findBefore(key, compared, ports.store);
    const current = earlier ?? (throttledFor === null ? await read({ key, before }, ports, signal) : "untried");
    if (isSnapshot(current)) {
      if (!earlier) added += 1;
      hold(softwareId, previous, current);
      return "read";
    }
    if (current instanceof DefenderError) throttledFor ??= current.retryAfterSeconds;
    hold(softwareId, previous);
    return current;
  }

  await pMap(products, async (product) => results.set(product.softwareId, await visit(product)), { concurrency });
  return { results, held, added, throttledFor };
}

/** Whether both of Defender's calls answered 404. */
export function isUnknown(error: ReadError): boolean {
  return error instanceof DefenderError && error.notFound;
}

/** Whether a failure lasts until a person acts. */
export function isPermanent(error: ReadError): boolean {
  return error instanceof TooLargeError || error.permanent;
}

function isSnapshot(read: Snapshot | WalkResult): read is Snapshot {
  return typeof read === "object" && !(read instanceof Error);
}

/** A product's snapshots from before a run, and the one that an earlier step of the run took, if any. */
async function findBefore(key: Measurement["key"], compared: RunId | null, store: Ports["store"]) {
  // One query answers whether this run has read the product already, what to compare it with, and what is known of it.
  const found = await store.listSnapshots(key, ...idsBetween(compared ?? key.runId, key.runId));
  const previous = found.find(({ runId }) => runId === compared) ?? null;
  const earlier = found.find(({ runId }) => runId === key.runId) ?? null;
  const before = newestBefore(found, key);
  // A product new to this watchlist may be known from another one.
  return { previous, earlier, before: before ?? (earlier ? null : await findNewest(key, store)) };
}

/** The newest of all snapshots of a product from before a run. */
async function findNewest(key: Measurement["key"], store: Ports["store"]): Promise<Snapshot | null> {
  const [, runId] = idsBetween(key.runId, key.runId);
  const last = await store.latestSnapshot({ ...key, runId });
  if (!last) return null;
  return newestBefore(await store.listSnapshots(key, ...idsBetween(last.runId, last.runId)), key);
}

function newestBefore(snapshots: readonly Snapshot[], run: Measurement["key"]): Snapshot | null {
  const before = snapshots.filter((snapshot) => snapshot.runId !== run.runId && compareOpened(snapshot, run) < 0);
  return before.sort(compareOpened).at(-1) ?? null;
}

/** Reads one product and stores its snapshot. A failed read is a result; any other error fails the step. */
async function read(
  what: Measurement,
  { store, defender, log }: Ports,
  signal: AbortSignal,
): Promise<Snapshot | "untried" | ReadError> {
  const { key } = what;
  try {
    const snapshot = await measure(what, defender, signal);
    if (await store.addSnapshot(snapshot)) return snapshot;
    // Another process may have been first, and the run reports what is stored.
    return (await store.readSnapshot(key)) ?? snapshot;
  } catch (error) {
    if (signal.aborted && error === signal.reason) return "untried";
    if (!(error instanceof DefenderError || error instanceof TooLargeError)) throw error;
    const said = error.cause instanceof Error ? withoutTokens(plainText(error.cause.message)) : undefined;
    log("warn", logTexts.notRead, { run: key.runId, product: key.softwareId, reason: error.message, said });
    return error;
  }
}
