import type { RunDate } from "./day.ts";
import type { Mail } from "./mail.ts";
import type { Chain } from "./message.ts";
import type { Run, RunSummary } from "./run.ts";
import type { RunId } from "./run-id.ts";
import type { Totals } from "./totals.ts";

/**
 * A watchlist at a glance: a copy of what its runs say, for overview and health. Written before the first commit, after each
 * commit and each delivery; never the truth.
 */
export interface WatchlistStatus extends Chain {
  /** The last scheduled run; `null`: none is committed yet. */
  latest: (Pick<Run, "runId" | "day" | "openedAt" | "committedAt"> & { totals: Totals }) | null;
  /** Of the last scheduled run, the product that could not be read for the most runs; `null`: everything was read. */
  failing: FailingProduct | null;
  /** The scheduled runs of the last 30 days, oldest first. */
  line: readonly { day: RunDate; missingInstalls: number }[];
  /** The run of the last digest that was sent and when it was sent; `null`: none was. */
  lastDigest: { runId: RunId; at: string } | null;
  /** Mails that are owed or were refused since the last digest, oldest first; at most ten. */
  open: readonly OpenMail[];
  /** The day on which the watchlist was found to be no longer configured; `null`: it is configured. */
  removedOn: RunDate | null;
}

/** A product that could not be read, and how many others could not. */
export interface FailingProduct {
  softwareId: string;
  reason: string;
  /** How many scheduled runs in a row could not read it. */
  misses: number;
  /** Other products that missed at least three runs. */
  others: number;
}

/** A mail that has not reached its readers. */
export interface OpenMail extends Pick<RunSummary, "runId" | "committedAt"> {
  mail: Mail;
}
