import type { ExploitedAlert } from "./alert.ts";
import { addDays, type RunDate } from "./day.ts";
import { isOwed, isSentInTurn, type Mail } from "./mail.ts";
import type { Chain } from "./message.ts";
import type { Run, RunSummary } from "./run.ts";
import { isScheduled, type RunId } from "./run-id.ts";
import { inOrderOfOpening } from "./run-list.ts";
import { compareText } from "./text.ts";
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
  /** Alerts that are owed, or were refused since the last digest, oldest first; at most ten. Absent: none. */
  alerts?: readonly OpenAlert[];
  /** The day on which the watchlist was found to be no longer configured; `null`: it is configured. */
  removedOn: RunDate | null;
  /** When health found it new, or configured again: until its next run it waits since then. ISO 8601 in UTC. */
  awaitedSince?: string;
}

/** A product that could not be read, and how many others could not. */
export interface FailingProduct {
  softwareId: string;
  reason: string;
  /** How many scheduled runs in a row could not read it. */
  misses: number;
  /** Other products that missed at least `lastingMisses` runs. */
  others: number;
}

/** A mail that has not reached its readers. */
export interface OpenMail extends Pick<RunSummary, "runId" | "committedAt"> {
  mail: Mail;
}

/** An alert that has not reached its readers. */
export type OpenAlert = Pick<ExploitedAlert, "cve" | "openedAt" | "mail">;

/** A product that this many scheduled runs in a row could not read is trouble that does not pass by itself. */
export const lastingMisses = 3;

const lineDays = 30;
const mostOpen = 10;

/** A configured watchlist at a glance. `runs`, `alerts`: all that are kept; `last`: the last scheduled run. */
export function summarize(
  chain: Chain,
  runs: readonly RunSummary[],
  last: Run | null,
  alerts: readonly OpenAlert[] = [],
): WatchlistStatus {
  const ordered = inOrderOfOpening(runs);
  const scheduled = ordered.filter(({ runId }) => isScheduled(runId));
  const digest = scheduled.findLast(({ mail }) => isSentInTurn(mail)) ?? null;
  const since = last && addDays(last.day, -lineDays);
  const openAlerts = alerts.filter((alert) => isAlertOpen(alert, digest)).sort(byOpening);
  const recent = scheduled.filter(({ day }) => since !== null && day > since);
  return {
    ...{ tenant: chain.tenant, watchlist: chain.watchlist },
    latest: last && pickLatest(last),
    failing: last && failingProduct(last),
    line: recent.map(({ day, totals: { missingInstalls } }) => ({ day, missingInstalls })),
    lastDigest: digest && { runId: digest.runId, at: digest.mail.at },
    open: ordered
      .filter((run) => isOpen(run, digest))
      .slice(0, mostOpen)
      .map(({ runId, committedAt, mail }) => ({ runId, committedAt, mail })),
    ...(openAlerts.length > 0 && { alerts: openAlerts.slice(0, mostOpen).map(pickAlert) }),
    removedOn: null,
  };
}

function pickLatest({ runId, day, openedAt, committedAt, totals }: Run): WatchlistStatus["latest"] {
  return { runId, day, openedAt, committedAt, totals };
}

function failingProduct({ failures }: Run): FailingProduct | null {
  // One that left Defender's product list needs nobody.
  const failing = failures.filter(({ isGone }) => !isGone);
  const [worst, ...others] = failing.sort((a, b) => b.misses - a.misses);
  if (!worst) return null;
  const { softwareId, reason, misses } = worst;
  return { softwareId, reason, misses, others: others.filter((other) => other.misses >= lastingMisses).length };
}

/** Whether a run's mail is still owed, or was refused since the last digest, which would have named it. */
function isOpen({ mail, committedAt }: RunSummary, digest: RunSummary | null): boolean {
  if (mail.status === "refused") return digest === null || committedAt > digest.committedAt;
  return isOwed(mail);
}

/** Whether an alert is still owed, or was refused since the last digest, which shows what is exploited. */
function isAlertOpen({ mail }: OpenAlert, digest: RunSummary | null): boolean {
  if (mail.status === "refused") return digest === null || mail.at > digest.mail.at;
  return isOwed(mail);
}

function pickAlert({ cve, openedAt, mail }: OpenAlert): OpenAlert {
  return { cve, openedAt, mail };
}

function byOpening(a: OpenAlert, b: OpenAlert): number {
  return compareText(a.openedAt, b.openedAt) || compareText(a.cve, b.cve);
}
