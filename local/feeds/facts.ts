import type { KevEntry, MsrcKb } from "../../shared/core/advisory.ts";

/**
 * A KB as MSRC's documents have it from the day of its release on. What is left out is as with most KBs: important, with a
 * restart and a CVE of its own. `exploitedCves` also holds for other KBs of the month that close such a CVE, and `severity` for
 * those for the same product.
 */
export interface FeedKb extends Partial<Omit<MsrcKb, "id" | "released">> {
  id: string;
  released: string;
  /** The day on which this version of the KB takes the place of an earlier one with the same release. */
  revised?: string;
  /** MSRC's names of the products that it is for. */
  products?: readonly string[];
}

/** A CVE as CISA's catalogue has it from the day `since` on; no ransomware is known where that is left out. */
export interface FeedCve extends Partial<Omit<KevEntry, "cve" | "since">> {
  cve: string;
  since: string;
}

/** All that the feeds ever say. A KB that is in several months is here once for each. */
export interface FeedFacts {
  kbs: readonly FeedKb[];
  kev: readonly FeedCve[];
}

/** MSRC publishes at ten in Redmond, CISA at about the same time: at this hour in UTC. */
const publishedAtHour = 18;

/** The instant from which a feed says what is dated this day: in the morning of that day it does not know it yet. */
export function publishedAt(day: string): Date {
  return new Date(`${day}T${publishedAtHour}:00:00Z`);
}

/** What a feed answers, and when it last changed. */
export interface FeedDocument {
  content: unknown;
  changedAt: Date;
}

/** The last of some days; there must be one. */
export function lastOf(days: readonly string[]): string {
  return [...days].sort().at(-1) ?? "";
}
