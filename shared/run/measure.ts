import { daysBetween } from "../core/day.ts";
import { type Reading, readMissingKbs } from "../core/missing-kb.ts";
import { type Emptiness, lacksKbs, mergeReadings, type Snapshot, takeSnapshot } from "../core/snapshot.ts";
import type { Lineage } from "../core/supersedence.ts";
import { type Calling, type Defender, DefenderError } from "../ports.ts";

const recheckEmptyDays = 7;
/** How long a list that went empty over open weaknesses is taken for a passing fault of Defender's. */
const disbeliefDays = 7;

type Reads = Pick<Defender, "getMissingKbs" | "getSoftware">;

/** What to read, and the last snapshot. */
export interface Measurement {
  key: Pick<Snapshot, "tenant" | "softwareId" | "runId" | "day" | "openedAt">;
  /** The tenant's newest of the product from before this run, whichever run took it; `null`: it was never read. */
  before: Snapshot | null;
  lineage?: Lineage | undefined;
}

/**
 * Reads which KBs one product is missing. Where a KB vanished the product is read again, and what either answer lists is
 * listed. An empty list is believed only once Defender has said why it is empty: empty is not the same as patched.
 */
export async function measure(what: Measurement, defender: Reads, calling?: Calling): Promise<Snapshot> {
  const { key, before, lineage } = what;
  const reading = await readTwice(what, defender, calling);
  if (reading.isListed) return takeSnapshot(key, reading, before, { lineage });
  const emptiness = await explainEmpty(what, defender, calling);
  if (before !== null || emptiness.verdict === "clean")
    return takeSnapshot(key, reading, before, { emptiness, lineage });
  // A first answer that is empty over open weaknesses may be an answer that came too early.
  const second = await read(what, defender, calling);
  const merged = mergeReadings(reading, second);
  return takeSnapshot(key, merged, before, { emptiness: second.isListed ? undefined : emptiness, lineage });
}

/** A reading, and whether Defender listed anything at all, even on 0 machines. */
type Answer = Reading & { isListed: boolean };

async function readTwice(what: Measurement, defender: Reads, calling?: Calling): Promise<Answer> {
  const first = await read(what, defender, calling);
  if (!lacksKbs(first, what.before)) return first;
  const second = await read(what, defender, calling);
  return { ...mergeReadings(first, second), isListed: first.isListed || second.isListed };
}

async function read(what: Measurement, defender: Reads, calling?: Calling): Promise<Answer> {
  const items = await getMissingKbs(what, defender, calling);
  const reading = readMissingKbs(items);
  if (reading.missingKbs.length === 0 && reading.unusable > 0) {
    throw new DefenderError("Defender returned a list in which no item names a KB.", { permanent: false });
  }
  return { ...reading, isListed: reading.missingKbs.length > 0 };
}

/** The items of `getmissingkbs`. A 404 is believed only if Defender does not find the product itself either. */
async function getMissingKbs(
  { key: { tenant, softwareId }, before }: Measurement,
  defender: Reads,
  calling?: Calling,
): Promise<readonly unknown[]> {
  try {
    return await defender.getMissingKbs(tenant, softwareId, calling);
  } catch (error) {
    if (!(error instanceof DefenderError && error.notFound)) throw error;
    if (await defender.getSoftware(tenant, softwareId, calling))
      throw new DefenderError(error.message, { permanent: false, cause: error.cause });
    throw new DefenderError(before ? notFoundNow : neverFound, { permanent: !before, notFound: true, cause: error });
  }
}

const neverFound =
  "Defender does not know this product. Look up its id in Defender's software inventory and correct the watchlist.";
const notFoundNow = "Defender does not find this product, although it did before.";

async function explainEmpty({ key, before }: Measurement, defender: Reads, calling?: Calling): Promise<Emptiness> {
  const { day } = key;
  const known = before?.emptiness;
  if (known && Math.abs(daysBetween(known.checkedOn, day)) <= recheckEmptyDays) return known;
  const verdict = await judgeEmpty(key, defender, calling);
  const hadKbs = before && before.missingKbs.length > 0;
  if (verdict === "not-kb-patched" && hadKbs && daysBetween(before.day, day) <= disbeliefDays) {
    throw new DefenderError(
      `Defender no longer lists any KBs but still counts open weaknesses, so the KBs are not taken as resolved. After ${disbeliefDays} days the product counts as not patched by KBs.`,
      { permanent: false },
    );
  }
  return { verdict, checkedOn: day };
}

async function judgeEmpty(
  { tenant, softwareId }: Measurement["key"],
  defender: Reads,
  calling?: Calling,
): Promise<Emptiness["verdict"]> {
  const product = await defender.getSoftware(tenant, softwareId, calling);
  if (!product) throw unexplained("does not find the product itself");
  if (product.weaknesses === null) throw unexplained("does not say whether there are open weaknesses");
  return product.weaknesses === 0 ? "clean" : "not-kb-patched";
}

function unexplained(what: string): DefenderError {
  return new DefenderError(`Defender lists no KBs and ${what}.`, { permanent: false });
}
