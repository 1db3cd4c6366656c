import { daysBetween, type RunDate } from "../core/day.ts";
import { type Reading, readMissingKbs } from "../core/missing-kb.ts";
import { dayOf } from "../core/run-id.ts";
import { type Emptiness, isSuspicious, type Snapshot, takeSnapshot } from "../core/snapshot.ts";
import { type Defender, DefenderError, type SnapshotKey } from "../ports.ts";

const recheckEmptyDays = 7;
/** How long a list that was emptied over open weaknesses is taken for a passing fault of Defender's. */
const disbeliefDays = 7;

/**
 * Reads what one software misses. A list that suddenly lost much is read again before it is believed, and an empty one
 * only once Defender has said what stands behind it: empty is not the same as patched.
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
    throw new DefenderError("Defender answered with items, but none of them names a KB.", { permanent: false });
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
      `Defender lists no KBs any more and still counts open weaknesses, so its KBs are not taken as resolved; from ${disbeliefDays} days on it counts as not patched by KBs.`,
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
  const software = await defender.getSoftware(tenant, softwareId, signal);
  if (!software) {
    const message = "Defender knows no such software; look its id up in GET /api/Software and correct the watchlist.";
    throw new DefenderError(message, { permanent: true });
  }
  if (software.weaknesses === null) {
    throw new DefenderError("Defender lists no KBs and does not say whether weaknesses are open.", {
      permanent: false,
    });
  }
  return software.weaknesses === 0 ? "clean" : "not-kb-patched";
}
