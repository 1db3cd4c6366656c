import type { ExploitedCve, FeedName, KevEntry, MsrcKb } from "./advisory.ts";

/** What a document may lose between two reads: more means that it is broken, and the one before is kept. */
const mostLost = { kev: 0.1, month: 0.5 };

/** Whether CISA's catalogue, or a month of MSRC's, has lost more entries than such a document ever does. */
export function hasShrunk(document: keyof typeof mostLost, before: number, after: number): boolean {
  return after < before * (1 - mostLost[document]);
}

/** By CVE. */
export type Exploited = ReadonlyMap<string, ExploitedCve>;

interface Flags {
  /** Exploited by MSRC's word. */
  msrc: ReadonlySet<string>;
  kev: readonly KevEntry[] | null;
}

/** What CISA added since it was read before; nothing where that was never. */
export function addedByCisa(before: Flags, after: readonly KevEntry[]): Exploited {
  if (before.kev === null) return new Map();
  const known = new Set(before.kev.map(({ cve }) => cve));
  return new Map(
    after
      .filter(({ cve }) => !known.has(cve))
      .map(({ cve, since, ransomware }) => {
        const sources: FeedName[] = before.msrc.has(cve) ? ["msrc", "kev"] : ["kev"];
        return [cve, { cve, sources, since, ransomware }];
      }),
  );
}

/** What MSRC calls exploited in a month that it did not call so before, and that is not in CISA's catalogue. */
export function flaggedByMsrc(before: Flags, month: readonly MsrcKb[]): Exploited {
  const known = new Set([...before.msrc, ...(before.kev ?? []).map(({ cve }) => cve)]);
  const cves = [...flagsOf(month)].filter((cve) => !known.has(cve));
  return new Map(cves.map((cve) => [cve, { cve, sources: ["msrc"], since: null, ransomware: false }]));
}

/** The CVEs that MSRC calls exploited. */
export function flagsOf(kbs: readonly MsrcKb[]): Set<string> {
  return new Set(kbs.flatMap(({ exploitedCves }) => exploitedCves));
}
