import { daysBetween, type RunDate } from "../core/day.ts";
import { type Reading, readMissingKbs } from "../core/missing-kb.ts";
import { dayOf } from "../core/run-id.ts";
import { type Emptiness, isSuspicious, type Snapshot, takeSnapshot } from "../core/snapshot.ts";
import { type Defender, DefenderError, type SnapshotKey } from "../ports.ts";

const recheckEmptyDays = 7;
/** How long a list that went empty over open weaknesses is taken for a passing fault of Defender's. */
const disbeliefDays = 7;

/**
 * Reads which KBs one product is missing. A list that suddenly shrank is read again, and an empty one is believed only
 * once Defender has said why it is empty: empty is not the same as patched.
 */
export async function measure(
  key: SnapshotKey,
  before: Snapshot | null,
  defender: Defender,
  signal?: AbortSignal,
): Promise<Snapshot> {
  let reading = await read(key, defender, signal);
  if (isSuspicious(reading, before)) reading = await read(key, defender, signal);
  if (reading.missingKbs.length > 0) return takeSnapshot(key, reading, before);
  return takeSnapshot(key, reading, before, await explainEmpty(key, before, defender, signal));
}

async function read(key: SnapshotKey, defender: Defender, signal?: AbortSignal): Promise<Reading> {
  const reading = readMissingKbs(await defender.getMissingKbs(key.tenant, key.softwareId, signal));
  if (reading.missingKbs.length === 0 && reading.unusable > 0) {
    throw new DefenderError("Defender returned a list in which no item names a KB.", { permanent: false });
  }
  return reading;
}

async function explainEmpty(
  key: SnapshotKey,
  before: Snapshot | null,
  defender: Defender,
  signal?: AbortSignal,
): Promise<Emptiness> {
  const today = dayOf(key.runId);
  const known = before?.emptiness;
  if (known && Math.abs(daysBetween(known.checkedOn, today)) < recheckEmptyDays) return known;
  const verdict = await judgeEmpty(key, defender, signal);
  if (verdict === "not-kb-patched" && hadKbsLately(before, today)) {
    throw new DefenderError(
      `Defender no longer lists any KBs but still counts open weaknesses, so the KBs are not taken as resolved. After ${disbeliefDays} days the product counts as not patched by KBs.`,
      { permanent: false },
    );
  }
  return { verdict, checkedOn: today };
}

function hadKbsLately(before: Snapshot | null, today: RunDate): boolean {
  return before !== null && before.missingKbs.length > 0 && daysBetween(dayOf(before.runId), today) < disbeliefDays;
}

async function judgeEmpty(
  { tenant, softwareId }: SnapshotKey,
  defender: Defender,
  signal?: AbortSignal,
): Promise<Emptiness["verdict"]> {
  const product = await defender.getSoftware(tenant, softwareId, signal);
  if (!product) {
    const message =
      "Defender does not know this product. Look up its id in Defender's software inventory and correct the watchlist.";
    throw new DefenderError(message, { permanent: true });
  }
  if (product.weaknesses === null) {
    throw new DefenderError("Defender lists no KBs and does not say whether there are open weaknesses.", {
      permanent: false,
    });
  }
  return product.weaknesses === 0 ? "clean" : "not-kb-patched";
}
