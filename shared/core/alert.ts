import type { ExploitedCve } from "./advisory.ts";
import type { RunDate } from "./day.ts";
import type { Mail } from "./mail.ts";
import type { Chain } from "./message.ts";

/** Which alert of which watchlist: there is one for each CVE. */
export interface AlertKey extends Chain {
  cve: string;
}

/** One KB of one product that closes the CVE and was missing when it was last read. */
export interface AlertGap {
  /** The KB's id. */
  id: string;
  name: string;
  url: string | null;
  softwareId: string;
  machineMissedOn: number | null;
  firstSeen: RunDate;
  /** The day on which the product was last read. */
  readOn: RunDate;
}

/** A CVE that became exploited while KBs that close it were missing, and the mail that says so. Written once, but for its mail. */
export interface ExploitedAlert extends AlertKey, ExploitedCve {
  /** ISO 8601 in UTC. */
  openedAt: string;
  /** The gaps on most machines, at most `mostGaps`. */
  gaps: readonly AlertGap[];
  /** How many further gaps there are. */
  more: number;
  mail: Mail;
}

/** An alert's row has room for so many. */
export const mostGaps = 100;
