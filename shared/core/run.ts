import { type CountsByKb, holdBack } from "./change.ts";
import type { Comparison } from "./comparison.ts";
import { addComparison, type KbRows } from "./row.ts";
import { dayOf, isScheduled, type RunId } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";
import { countBetter, countTotals, countWorse, isNothingRead, type Totals } from "./totals.ts";
import { type Watchlist, weekdays } from "./watchlist.ts";

/** Why a product could not be read in a run. */
export interface ReadFailure {
  softwareId: string;
  /** For people, without secrets or ids of single requests. */
  reason: string;
  /** Whether it lasts until a person acts. */
  permanent: boolean;
  /** The first of the consecutive runs that could not read it. */
  since: RunId;
  /** How many consecutive scheduled runs could not read it. */
  misses: number;
}

export const mailStatuses = ["none", "pending", "sending", "sent", "refused"] as const;

/** The outbox of a run: `none`, or `pending → sending → sent | refused`. */
export interface Mail {
  status: (typeof mailStatuses)[number];
  /** When it got this status, ISO 8601 in UTC. */
  at: string;
  /** How often a send was started. */
  attempts: number;
  /** How many of these sends may or may not have arrived. */
  unknownOutcomes: number;
  /** Why it was refused, or why the last try failed. */
  reason?: string;
}

/** One committed run: what was compared, and the state of its mail. */
export interface Run {
  watchlist: string;
  runId: RunId;
  tenant: string;
  /** ISO 8601 in UTC. */
  openedAt: string;
  committedAt: string;
  /** The scheduled run compared with; `null` for the first run. */
  previousRunId: RunId | null;
  comparisons: readonly Comparison[];
  failures: readonly ReadFailure[];
  totals: Totals;
  mail: Mail;
}

/** A run without its lists: what the table `Runs` has in plain columns. */
export type RunSummary = Omit<Run, "comparisons" | "failures">;

/** A queue message: the run to advance. */
export interface RunMessage {
  watchlist: string;
  runId: RunId;
  /** ISO 8601 in UTC. */
  openedAt: string;
  /** For a run on demand: whether it mails its digest. A scheduled run decides this itself. */
  mail?: boolean;
}

/** What is known of one product when its run closes. */
export interface Outcome {
  softwareId: string;
  /** The snapshot in the last scheduled report, if any. */
  previous: Snapshot | null;
  /** Today's snapshot; `null` if the product could not be read. */
  current: Snapshot | null;
  failure?: Pick<ReadFailure, "reason" | "permanent">;
}

/** How many KBs a run may hold counts back for: a stored row has no room for more, and the rest is reported at once. */
export const maxHeldBack = 3_000;

/** What a run has before its products are compared. */
export type Opening = Pick<Run, "runId" | "openedAt" | "committedAt"> & {
  watchlist: Watchlist;
  /** The last committed scheduled run, which this one follows. */
  last: Run | null;
  /** For a run on demand: whether it was asked to mail. */
  mail?: boolean;
};

/** Closes a run: what is compared with what, what failed, the totals, and whether a mail is due. */
export async function closeRun(opening: Opening, outcomes: AsyncIterable<Outcome>): Promise<Run> {
  const { watchlist, runId, last } = opening;
  const lastComparisons = new Map(last?.comparisons.map((comparison) => [comparison.softwareId, comparison]));
  const lastFailures = new Map(last?.failures.map((failure) => [failure.softwareId, failure]));
  const comparisons: Comparison[] = [];
  const failures: ReadFailure[] = [];
  const rows: KbRows = new Map();
  let room = maxHeldBack;
  for await (const outcome of outcomes) {
    const lastReported = lastComparisons.get(outcome.softwareId)?.heldBack;
    const comparison = compare(outcome, runId, lastReported, watchlist, room);
    comparisons.push(comparison);
    room -= Object.keys(comparison.heldBack ?? {}).length;
    if (!outcome.current) failures.push(fail(outcome, runId, lastFailures.get(outcome.softwareId)));
    addComparison(rows, comparison, outcome.previous, outcome.current ?? outcome.previous);
  }
  const totals = countTotals(rows, comparisons);
  const closed = { ...pick(opening), previousRunId: last?.runId ?? null, comparisons, failures, totals };
  const owesMail = isScheduled(runId) ? deservesMail(closed, watchlist) : (opening.mail ?? false);
  return {
    ...closed,
    mail: { status: owesMail ? "pending" : "none", at: opening.committedAt, attempts: 0, unknownOutcomes: 0 },
  };
}

function pick({ watchlist, runId, openedAt, committedAt }: Opening) {
  return { watchlist: watchlist.name, tenant: watchlist.tenant, runId, openedAt, committedAt };
}

function compare(
  { softwareId, previous, current }: Outcome,
  runId: RunId,
  lastReported: CountsByKb | undefined,
  { thresholds }: Watchlist,
  room: number,
): Comparison {
  const ids = { softwareId, previous: previous?.runId ?? null, current: current ? runId : (previous?.runId ?? null) };
  if (!previous) return ids;
  // Counts of a product that could not be read are carried on unchanged.
  const kept = current ? holdBack(previous, current, lastReported ?? {}, thresholds) : (lastReported ?? {});
  const heldBack = Object.fromEntries(Object.entries(kept).slice(0, room));
  return { ...ids, ...(lastReported && { lastReported }), ...(Object.keys(heldBack).length > 0 && { heldBack }) };
}

function fail(outcome: Outcome, runId: RunId, earlier: ReadFailure | undefined): ReadFailure {
  const { softwareId, failure } = outcome;
  const { reason, permanent } = failure ?? { reason: "It was not read in time.", permanent: false };
  return { softwareId, reason, permanent, since: earlier?.since ?? runId, misses: (earlier?.misses ?? 0) + 1 };
}

/** Whether a scheduled run is worth a mail to this watchlist's recipients. */
export function deservesMail(
  run: Pick<Run, "runId" | "previousRunId" | "totals" | "failures">,
  who: Watchlist,
): boolean {
  const { totals } = run;
  if (mailsAnyway(run.runId, who)) return true;
  // The first mail shows its recipients that the reporter works.
  if (run.previousRunId === null || isBlind(run)) return true;
  return countWorse(totals) > 0 || (who.mailWhen === "changed" && countBetter(totals) + totals.baseline > 0);
}

/** Whether a scheduled run mails no matter what it finds. */
export function mailsAnyway(runId: RunId, { mailWhen, heartbeatDay }: Watchlist): boolean {
  return mailWhen === "always" || heartbeatDay === weekdays[new Date(dayOf(runId)).getUTCDay()];
}

// Silence must not mean that nothing can be read; one read that failed once is not yet worth a mail.
function isBlind({ totals, failures }: Pick<Run, "totals" | "failures">): boolean {
  const lasting = failures.some(({ permanent, misses }) => misses === (permanent ? 1 : 2));
  return lasting || (isNothingRead(totals) && failures.every(({ misses }) => misses === 1));
}
