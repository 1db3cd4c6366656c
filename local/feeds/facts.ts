import type { KevEntry, MsrcKb } from "../../shared/core/advisory.ts";

/** A KB as MSRC's documents have it. What is left out is as with most KBs: important, with a restart and one CVE of its own. */
export type FeedKb = Pick<MsrcKb, "id" | "released"> & Partial<MsrcKb>;

/** A CVE as CISA's catalogue has it; no ransomware is known where that is left out. */
export type FeedCve = Pick<KevEntry, "cve" | "since"> & Partial<KevEntry>;

/** What both feeds will have said at the end of time. One KB may be in several months: once for each release. */
export interface FeedFacts {
  kbs: readonly FeedKb[];
  kev: readonly FeedCve[];
}

/** MSRC publishes at ten in Redmond, and CISA adds at about the same time: at this hour in UTC. */
const publishedAtHour = 18;

/** The instant from which a feed has what is dated this day: in the morning of that day it does not know it yet. */
export function publishedAt(day: string): Date {
  return new Date(`${day}T${publishedAtHour}:00:00Z`);
}
