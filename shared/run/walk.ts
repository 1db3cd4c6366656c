import pMap from "p-map";
import type { RunId } from "../core/run-id.ts";
import type { Snapshot } from "../core/snapshot.ts";
import { plainText, withoutTokens } from "../core/text.ts";
import { logTexts } from "../log.ts";
import { DefenderError, type Ports, type SnapshotKey, TooLargeError } from "../ports.ts";
import { measure } from "./measure.ts";
import { findSnapshots, type HeldSnapshots } from "./snapshots.ts";

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
  const { tenant, runId, products } = plan;
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
    const key = { tenant, softwareId, runId };
    // One query answers both whether this run has read the product already and what to compare it with.
    const [previous = null, earlier = null] = await findSnapshots(key, [compared, runId], ports.store);
    const current = earlier ?? (throttledFor === null ? await read(key, previous, ports, signal) : "untried");
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

/** Whether a failure lasts until a person acts. */
export function isPermanent(error: ReadError): boolean {
  return error instanceof TooLargeError || error.permanent;
}

function isSnapshot(read: Snapshot | WalkResult): read is Snapshot {
  return typeof read === "object" && !(read instanceof Error);
}

/** Reads one product and stores its snapshot. A failed read is a result; any other error fails the step. */
async function read(
  key: SnapshotKey,
  previous: Snapshot | null,
  { store, defender, log }: Ports,
  signal: AbortSignal,
): Promise<Snapshot | "untried" | ReadError> {
  try {
    // A product new to this watchlist may be known from another one: that history says how long its KBs are missing.
    const before = previous ?? (await store.latestSnapshot(key));
    const snapshot = await measure(key, before, defender, signal);
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
