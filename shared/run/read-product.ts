import { compareOpened } from "../core/run.ts";
import { idsBetween, type RunId } from "../core/run-id.ts";
import { emptySnapshot, type Snapshot } from "../core/snapshot.ts";
import type { Lineage } from "../core/supersedence.ts";
import { plainText, withoutTokens } from "../core/text.ts";
import { logTexts } from "../log.ts";
import { DefenderError, type Ports, RowError, StorageError, TooLargeError } from "../ports.ts";
import { type HeldLease, LeaseLostError } from "./lease.ts";
import { type Measurement, measure } from "./measure.ts";

/** After a wait this long for the quota, another process may have read the product meanwhile. */
const longWaitMs = 5_000;

export type ReadError = DefenderError | TooLargeError | RowError;

/** A product to read for a run. */
export interface ProductToRead {
  key: Measurement["key"];
  /** The runs whose snapshots the product is compared with. */
  compared: readonly RunId[];
  /** What Defender's list of today says of one that it found: `clean` without weaknesses, `gone` no longer on the list. */
  listed?: "clean" | "gone" | undefined;
}

/** What a product's read needs besides its ports. */
export interface ReadUnder {
  lease: HeldLease;
  /** Out of time. */
  signal: AbortSignal;
  /** Which KBs replace which. */
  lineage: Lineage;
  /** Whether Defender asked to be left alone. */
  isThrottled: () => boolean;
}

/** A product's read: the snapshot, `untried` (out of time or throttled), `left` (gone, and missed nothing), or why it failed. */
export interface ProductRead {
  result: Snapshot | "untried" | "left" | ReadError;
  /** The snapshots that the product is compared with. */
  compared: readonly Snapshot[];
  /** Whether this read wrote the snapshot; an earlier step may have. */
  isAdded: boolean;
}

/** Defender's list no longer has a product, and its calls do not find it. */
export function notListed(cause?: unknown): DefenderError {
  return new DefenderError("Defender's product list no longer has this product.", {
    ...{ permanent: false, notFound: true, cause },
  });
}

/** Whether both of Defender's calls answered 404. */
export function isUnknown(error: ReadError): boolean {
  return error instanceof DefenderError && error.notFound;
}

/** Whether a failure lasts until a person acts. */
export function isPermanent(error: ReadError): boolean {
  return !(error instanceof DefenderError) || error.permanent;
}

/**
 * Reads a product, unless this run has read it already, and stores its snapshot. Whatever goes wrong is the product's own
 * failure, except trouble of the storage account and of the lease, which concern all products.
 */
export async function readProduct(product: ProductToRead, ports: Ports, under: ReadUnder): Promise<ProductRead> {
  const { key, listed } = product;
  let compared: readonly Snapshot[] = [];
  if (under.signal.aborted || under.isThrottled()) return { result: "untried", compared, isAdded: false };
  try {
    const found = await findBefore(product, ports.store);
    compared = found.compared;
    if (found.earlier) return { result: found.earlier, compared, isAdded: false };
    const { before } = found;
    const missesNothing = before?.missingKbs.length === 0;
    if (listed === "gone" && missesNothing) return { result: "left", compared, isAdded: false };
    if (listed === "clean" && missesNothing) {
      return { ...(await store(emptySnapshot(key, before), ports)), compared };
    }
    const { result, isAdded } = await readNow({ key, before, lineage: under.lineage }, listed === "gone", ports, under);
    return { result, compared, isAdded };
  } catch (error) {
    if (under.signal.aborted && error === under.signal.reason) return { result: "untried", compared, isAdded: false };
    if (error instanceof LeaseLostError || (error instanceof StorageError && isOfAccount(error))) throw error;
    return { result: readErrorOf(error, key, ports), compared, isAdded: false };
  }
}

/** Whether the account itself is in trouble, rather than this call. */
function isOfAccount({ status }: StorageError): boolean {
  return status === null || status >= 500 || [401, 403, 408, 429].includes(status);
}

function readErrorOf(error: unknown, key: Measurement["key"], { log }: Ports): ReadError {
  const failure = isReadError(error)
    ? error
    : new DefenderError("Reading this product failed unexpectedly. The app's log has the details.", {
        permanent: false,
        cause: error,
      });
  const said = failure.cause instanceof Error ? withoutTokens(plainText(failure.cause.message)) : undefined;
  log("warn", logTexts.notRead, { run: key.runId, product: key.softwareId, reason: failure.message, said });
  return failure;
}

function isReadError(error: unknown): error is ReadError {
  return error instanceof DefenderError || error instanceof TooLargeError || error instanceof RowError;
}

/** A product's snapshots from before a run, and the one that an earlier step of the run took, if any. */
async function findBefore({ key, compared }: ProductToRead, store: Ports["store"]) {
  // One query answers whether this run has read the product already, what to compare it with, and what is known of it.
  const oldest = compared.toSorted()[0] ?? key.runId;
  const found = await store.listSnapshots(key, ...idsBetween(oldest, key.runId));
  const earlier = found.find(({ runId }) => runId === key.runId) ?? null;
  const known = found.filter(({ runId }) => compared.includes(runId));
  // All that were taken since those compared with are among these. A product new to a watchlist may be known from another.
  const isKnown = known.length > 0;
  const before = isKnown ? newestBefore(found, key) : earlier ? null : await findNewest(key, store);
  return { compared: known, earlier, before };
}

/** The newest of all snapshots of a product from before a run. */
async function findNewest(key: Measurement["key"], store: Ports["store"]): Promise<Snapshot | null> {
  let [, below] = idsBetween(key.runId, key.runId);
  for (;;) {
    const last = await store.latestSnapshot({ ...key, runId: below });
    if (!last) return null;
    // A run that was opened later may have a smaller id, but not smaller by more than its day.
    if (isBefore(last, key))
      return newestBefore(await store.listSnapshots(key, ...idsBetween(last.runId, last.runId)), key);
    below = last.runId;
  }
}

function newestBefore(snapshots: readonly Snapshot[], run: Measurement["key"]): Snapshot | null {
  const before = snapshots.filter((snapshot) => isBefore(snapshot, run));
  return before.sort(compareOpened).at(-1) ?? null;
}

function isBefore(snapshot: Snapshot, run: Measurement["key"]): boolean {
  return snapshot.runId !== run.runId && compareOpened(snapshot, run) < 0;
}

/** Another process stored the snapshot while this one waited for its turn. */
class AlreadyReadError extends Error {
  readonly snapshot: Snapshot;

  constructor(snapshot: Snapshot) {
    super("Another process has read the product.");
    this.snapshot = snapshot;
  }
}

async function readNow(what: Measurement, isGone: boolean, ports: Ports, { lease, signal }: ReadUnder) {
  const { key } = what;
  const { defender, now } = ports;
  const asked = now().getTime();
  let calls = 0;
  const permit = async () => {
    calls += 1;
    if (calls === 1 && now().getTime() - asked > longWaitMs) {
      const stored = await ports.store.readSnapshot(key);
      if (stored) throw new AlreadyReadError(stored);
    }
    await lease.permit();
  };
  try {
    const snapshot = await measure(what, defender, { signal, permit });
    // That a product which left has no KBs does not mean that they were installed.
    if (isGone && snapshot.missingKbs.length === 0) throw notListed();
    return await store(snapshot, ports);
  } catch (error) {
    if (error instanceof AlreadyReadError) return { result: error.snapshot, isAdded: false };
    if (isGone && error instanceof DefenderError && error.notFound) throw notListed(error);
    throw error;
  }
}

/** The snapshot stored: another process may have been first, and the run reports what is stored. */
async function store(snapshot: Snapshot, ports: Ports): Promise<Pick<ProductRead, "isAdded"> & { result: Snapshot }> {
  if (await ports.store.addSnapshot(snapshot)) return { result: snapshot, isAdded: true };
  return { result: (await ports.store.readSnapshot(snapshot)) ?? snapshot, isAdded: false };
}
