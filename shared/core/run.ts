import type { OpenFacts } from "./advisory.ts";
import { type CountsByKb, holdBack } from "./change.ts";
import { type Comparison, isBaseline, isRead } from "./comparison.ts";
import { daysBetween, type RunDate } from "./day.ts";
import type { ListReport } from "./list-report.ts";
import type { Mail } from "./mail.ts";
import type { Chain } from "./message.ts";
import { addEntries, type Compared, type KbRows } from "./row.ts";
import { isScheduled, type RunId } from "./run-id.ts";
import type { Snapshot } from "./snapshot.ts";
import { compareText } from "./text.ts";
import { countBetter, countTotals, countWorse, isNothingRead, type ProductTotals, type Totals } from "./totals.ts";
import { type DueRules, dueRulesOf, type Thresholds, type Watchlist, weekdays } from "./watchlist.ts";

/** Why a product was not read in a run. */
export interface ReadFailure {
  softwareId: string;
  /** One sentence for a person, without secrets or ids of single requests. */
  reason: string;
  /** Whether it stays until a person acts. */
  permanent: boolean;
  /** The first of the consecutive runs that could not read it. */
  since: RunId;
  /** How many scheduled runs in a row could not. */
  misses: number;
  /** The first of these runs in which it failed for good. */
  permanentSince?: RunId;
  /** The first day of the 404s, where both of Defender's calls answer nothing else: it does not know the id, or no longer. */
  unknownSince?: RunDate;
  /** Found by its vendor, and no longer on Defender's product list: nobody needs to act. */
  isGone?: true;
}

/** The settings that a run's report depends on, kept with it so that a past report never changes. */
export interface RunRules extends DueRules {
  thresholds: Thresholds;
  /** IANA name. */
  timeZone: string;
}

/** A product that left the watchlist, with what it is compared with should it come back. */
export interface LeftProduct extends Comparison {
  /** The day of the last scheduled run that had it. */
  leftOn: RunDate;
}

/** One committed run: what was compared, and the mail that it owes. */
export interface Run extends Chain {
  runId: RunId;
  /** The day it belongs to, in the time zone of its rules. */
  day: RunDate;
  /** ISO 8601 in UTC. */
  openedAt: string;
  committedAt: string;
  /** The scheduled run that this one compared with; `null` for the first. */
  previousRunId: RunId | null;
  rules: RunRules;
  /** What Defender's product list says of the watchlist; absent where there is no list. */
  productList?: ListReport;
  comparisons: readonly Comparison[];
  /** Products that are no longer on the list, kept for as long as runs are. */
  left: readonly LeftProduct[];
  failures: readonly ReadFailure[];
  totals: Totals;
  mail: Mail;
}

/** Which run of which watchlist. */
export type RunKey = Pick<Run, "tenant" | "watchlist" | "runId">;

/** A run without its lists: what `Runs` keeps in plain columns. */
export type RunSummary = Omit<Run, "comparisons" | "left" | "failures">;

/** The order of runs: by when they were opened. Their ids do not sort by time, for a day begins at other times than in UTC. */
export function compareOpened(a: Pick<Run, "openedAt" | "runId">, b: Pick<Run, "openedAt" | "runId">): number {
  return Date.parse(a.openedAt) - Date.parse(b.openedAt) || compareText(a.runId, b.runId);
}

/** What is known of one product when its run closes. */
export interface Outcome {
  softwareId: string;
  /** The snapshot that the last scheduled run reported, if any. */
  previous: Snapshot | null;
  /** Today's snapshot; absent where it could not be read. */
  current: Snapshot | null;
  failure?: Pick<ReadFailure, "reason" | "permanent"> & {
    /** Both calls answered 404. */
    isUnknown?: boolean;
    /** It left Defender's product list, on which its vendor found it. */
    isGone?: boolean;
  };
}

/** KBs whose counts one run may hold back: its row has no room for more, and what does not fit is reported at once. */
export const maxHeldBack = 3_000;

/** Everything of a run but what its products brought. */
export type Opening = Pick<Run, "runId" | "day" | "openedAt" | "committedAt"> & {
  watchlist: Watchlist;
  /** IANA name. */
  timeZone: string;
  /** For how many days after the last run that had it a product that left the list is remembered. */
  retentionDays: number;
  /** The last committed scheduled run, which this one follows. */
  last: Run | null;
  /** What is known of KBs; closing the run adds its own to them. */
  facts?: OpenFacts | null;
  /** For a run on demand: whether it was asked to mail. */
  mail?: boolean;
  /** Whether a digest was refused since the last one that was sent. */
  isDigestOwed?: boolean;
  productList?: ListReport;
  /** Where given, closing the run fills it with its rows. */
  rows?: KbRows;
};

/** The comparison that a product's next one follows: of the last run, or of the last one before it left the list. */
export function lastComparison(last: Run | null, softwareId: string): Comparison | undefined {
  const isOf = (comparison: Comparison) => comparison.softwareId === softwareId;
  return last?.comparisons.find(isOf) ?? last?.left.find(isOf);
}

/** All of a run's last comparisons by product; `lastComparison` for many products. */
export function lastComparisons(last: Run | null): ReadonlyMap<string, Comparison> {
  const all = [...(last?.left ?? []), ...(last?.comparisons ?? [])];
  return new Map(all.map((comparison) => [comparison.softwareId, comparison]));
}

/** Closes a run over its products: what is compared with what, what failed, the totals, and whether it owes a mail. */
export async function closeRun(opening: Opening, outcomes: AsyncIterable<Outcome>): Promise<Run> {
  const { watchlist, runId, day, last, timeZone, facts = null, rows = new Map() } = opening;
  const { thresholds } = watchlist;
  const due = dueRulesOf(watchlist);
  const before = lastComparisons(last);
  const forgotten = forgottenProducts(opening);
  const lastFailures = new Map(last?.failures.map((failure) => [failure.softwareId, failure]));
  const comparisons: Comparison[] = [];
  const failures: ReadFailure[] = [];
  let room = maxHeldBack;
  for await (const outcome of outcomes) {
    const { softwareId, current } = outcome;
    const isForgotten = forgotten.has(softwareId);
    const previous = isForgotten ? null : outcome.previous;
    const earlier = isForgotten ? undefined : before.get(softwareId);
    const comparison = compare({ ...outcome, previous }, opening, earlier, room);
    comparisons.push(comparison);
    room = Math.max(0, room - Object.keys(comparison.heldBack ?? {}).length);
    if (!current) failures.push(fail(outcome, opening, lastFailures.get(softwareId)));
    const compared = { comparison, previous, current: current ?? previous };
    facts?.add(idsOf(compared));
    addEntries(rows, compared, { thresholds, due, facts: facts?.facts ?? null });
  }
  const totals = countTotals(rows.values(), countProducts(comparisons), day);
  const previousRunId = last?.runId ?? null;
  const closed = { ...pick(opening), previousRunId, comparisons, left: leftProducts(opening), failures, totals };
  const { mail = false, isDigestOwed = false, productList } = opening;
  const added = announcedIn(comparisons, opening).filter(isBaseline).length;
  const owesMail = isScheduled(runId) ? isDigestOwed || deservesMail({ ...closed, added }, watchlist) : mail;
  return {
    ...closed,
    rules: { thresholds, ...due, timeZone },
    ...(productList && { productList }),
    mail: { status: owesMail ? "pending" : "none", at: opening.committedAt, attempts: 0, unknownOutcomes: 0 },
  };
}

/** The products whose first sight is announced: those that the watchlist names, and all where the run before had read none. */
function announcedIn(
  comparisons: readonly Comparison[],
  { last, productList }: Pick<Opening, "last" | "productList">,
): readonly Comparison[] {
  const hasRead = last?.comparisons.some(({ current }) => current !== null);
  return hasRead ? comparisons.slice(0, productList?.found?.configured) : comparisons;
}

/** The KBs whose facts a report of two snapshots uses. */
function* idsOf({ previous, current }: Pick<Compared, "previous" | "current">): Iterable<string> {
  for (const { id } of previous?.missingKbs ?? []) yield id;
  for (const { id } of current?.missingKbs ?? []) yield id;
}

/** How many products a report's comparisons read, and how many it saw for the first time. */
export function countProducts(comparisons: readonly Comparison[]): ProductTotals {
  const read = comparisons.filter(isRead).length;
  return { baseline: comparisons.filter(isBaseline).length, read, notRead: comparisons.length - read };
}

function pick({ watchlist, runId, day, openedAt, committedAt }: Opening) {
  return { watchlist: watchlist.name, tenant: watchlist.tenant, runId, day, openedAt, committedAt };
}

function compare(
  { softwareId, previous, current }: Outcome,
  { runId, day, watchlist: { thresholds } }: Opening,
  before: Comparison | undefined,
  room: number,
): Comparison {
  const ids = { softwareId, previous: previous?.runId ?? null, current: current ? runId : (previous?.runId ?? null) };
  const first = firstAnswer(current, day, before);
  if (!previous || first.lateBaseline) return { ...ids, ...first };
  const lastReported = before?.heldBack;
  // What was not read today cannot be reported today: it is carried on untouched.
  const heldBack = current
    ? firstOf(holdBack(previous, current, { thresholds, lastReported }), room)
    : before?.heldBack;
  return { ...ids, ...first, ...(lastReported && { lastReported }), ...(heldBack && { heldBack }) };
}

function firstOf(counts: CountsByKb, room: number): CountsByKb | null {
  const kept = Object.entries(counts).slice(0, room);
  return kept.length > 0 ? Object.fromEntries(kept) : null;
}

/** How many days after a first answer without KBs over open weaknesses a list of KBs is still the baseline. */
export const firstAnswerDays = 7;

/** Whether the product's first answer was a list without KBs over open weaknesses, and what that makes of this one. */
function firstAnswer(
  current: Snapshot | null,
  day: RunDate,
  before: Comparison | undefined,
): Pick<Comparison, "firstEmptyOn" | "lateBaseline"> {
  const isFirst = !before || before.current === null;
  const isOpen = current?.emptiness?.verdict === "not-kb-patched";
  const firstEmptyOn = isFirst ? (isOpen ? day : undefined) : before.firstEmptyOn;
  if (!firstEmptyOn || daysBetween(firstEmptyOn, day) > firstAnswerDays) return {};
  return current && current.missingKbs.length > 0 ? { lateBaseline: true } : { firstEmptyOn };
}

/** What left the watchlist, now or earlier, and may yet come back to be compared. */
function leftProducts(opening: Opening): LeftProduct[] {
  const { watchlist, last } = opening;
  if (!last) return [];
  const listed = new Set(watchlist.softwareIds);
  const leaving = last.comparisons.map((comparison): LeftProduct => ({ ...comparison, leftOn: last.day }));
  return [...last.left, ...leaving].filter((product) => {
    return !listed.has(product.softwareId) && product.current !== null && isRemembered(product, opening);
  });
}

/** Products that left the watchlist so long ago that they begin anew. */
function forgottenProducts(opening: Opening): ReadonlySet<string> {
  const left = opening.last?.left ?? [];
  return new Set(left.filter((product) => !isRemembered(product, opening)).map(({ softwareId }) => softwareId));
}

function isRemembered({ leftOn }: LeftProduct, { day, retentionDays }: Opening): boolean {
  return daysBetween(leftOn, day) <= retentionDays;
}

function fail(outcome: Outcome, { runId, day }: Opening, earlier: ReadFailure | undefined): ReadFailure {
  const { softwareId, failure } = outcome;
  const { reason, permanent } = failure ?? { reason: "It was not read in time.", permanent: false };
  const permanentSince = earlier?.permanentSince ?? (permanent ? runId : undefined);
  // Only 404s one after another count; a product that was not tried got no other answer.
  const isUnknown = failure ? failure.isUnknown : earlier?.unknownSince !== undefined;
  const unknownSince = isUnknown ? (earlier?.unknownSince ?? day) : undefined;
  return {
    ...{ softwareId, reason, permanent, since: earlier?.since ?? runId, misses: (earlier?.misses ?? 0) + 1 },
    ...(permanentSince && { permanentSince }),
    ...(unknownSince && { unknownSince }),
    ...(failure?.isGone && { isGone: true }),
  };
}

/**
 * Whether a scheduled run is worth a digest to this watchlist's readers. `added`: how many of the products that it names were
 * read for the first time; all of them where it names every one, or where the run before had read none.
 */
export function deservesMail(
  run: Pick<Run, "runId" | "day" | "previousRunId" | "totals" | "failures"> & { added?: number },
  watchlist: Watchlist,
): boolean {
  const { totals, added = totals.baseline } = run;
  if (mailsAnyway(run.day, watchlist)) return true;
  // The first digest shows its readers that it works; a product that was added is announced when it is first read.
  if (run.previousRunId === null || cannotSee(run) || added > 0) return true;
  if (countWorse(totals) > 0) return true;
  return watchlist.mailWhen === "changed" && countBetter(totals) + totals.baseline > 0;
}

/** Whether the scheduled run of a day mails whatever it finds. */
export function mailsAnyway(day: RunDate, { mailWhen, heartbeatDay }: Watchlist): boolean {
  return mailWhen === "always" || heartbeatDay === weekdays[new Date(day).getUTCDay()];
}

// A quiet inbox must not mean that nothing could be read; a single read that failed once is not yet worth a mail. What failed
// for good was in a digest on its first day.
function cannotSee({ runId, totals, failures }: Pick<Run, "runId" | "totals" | "failures">): boolean {
  const lasting = failures.some(
    ({ permanentSince, misses, isGone }) =>
      !isGone && (permanentSince === undefined ? misses === 2 : permanentSince === runId),
  );
  return lasting || (isNothingRead(totals) && failures.every(({ misses }) => misses === 1));
}
