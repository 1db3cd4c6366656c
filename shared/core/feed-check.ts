import { type ExploitedCve, type FeedName, feedNames, type KevEntry, type MsrcKb } from "./advisory.ts";

/** What a document may lose between two reads: more means that it is broken, and the one before is kept. */
const mostLost = { catalogue: 0.1, month: 0.5 };

/** Whether CISA's catalogue, or a month of MSRC's, has lost more entries than such a document ever does. */
export function hasShrunk(document: keyof typeof mostLost, before: number, after: number): boolean {
  return after < before * (1 - mostLost[document]);
}

interface Month {
  id: string;
  kbs: readonly MsrcKb[];
}

/** What the feeds said, or say now. */
interface Said {
  months: readonly Month[];
  /** `null`: CISA's catalogue was not read. */
  exploited: readonly KevEntry[] | null;
}

/**
 * The CVEs that became exploited since the feeds were read before: those that CISA added, and those that MSRC calls exploited
 * in a month that was read before and did not say so. What is read for the first time says nothing new, but for what CISA
 * added after the day `failingSince`, from when on MSRC could not be read: which KBs close that was not known.
 */
export function newlyExploited(before: Said, now: Said, failingSince: string | null = null): Map<string, ExploitedCve> {
  const listed = new Map((now.exploited ?? before.exploited ?? []).map((entry) => [entry.cve, entry]));
  const [flagged, wasFlagged] = [flagsOf([...before.months, ...now.months]), flagsOf(before.months)];
  const wasListed = new Set((before.exploited ?? []).map(({ cve }) => cve));
  const added = before.exploited === null ? [] : [...listed.keys()].filter((cve) => !wasListed.has(cve));
  const readBefore = new Set(before.months.map(({ id }) => id));
  const turned = [...flagsOf(now.months.filter(({ id }) => readBefore.has(id)))].filter(
    (cve) => !wasFlagged.has(cve) && !wasListed.has(cve),
  );
  const firstRead = now.months
    .filter(({ id }) => !readBefore.has(id))
    .flatMap(({ kbs }) => kbs.flatMap((kb) => kb.cves));
  const missed = firstRead.filter((cve) => {
    const since = listed.get(cve)?.since;
    return failingSince !== null && since !== undefined && since > failingSince.slice(0, 10);
  });
  const describe = (cve: string): ExploitedCve => {
    const entry = listed.get(cve);
    const says: Record<FeedName, boolean> = { msrc: flagged.has(cve), kev: entry !== undefined };
    const sources = feedNames.filter((feed) => says[feed]);
    return { cve, sources, since: entry?.since ?? null, ransomware: entry?.ransomware ?? false };
  };
  return new Map([...added, ...turned, ...missed].map((cve) => [cve, describe(cve)]));
}

function flagsOf(months: readonly Month[]): Set<string> {
  return new Set(months.flatMap(({ kbs }) => kbs.flatMap(({ exploitedCves }) => exploitedCves)));
}
