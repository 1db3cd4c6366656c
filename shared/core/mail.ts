import { isScheduled, type RunId } from "./run-id.ts";

export const mailStatuses = ["none", "pending", "claimed", "sending", "sent", "refused", "cancelled"] as const;

/**
 * The outbox half of a run or an alert: `none`, or `pending → claimed → sending → sent`. `claimed`: a process composes it; nothing was
 * sent. `sending`: it may have left. `refused`: it is not tried again by itself. `cancelled`: a person or a newer digest
 * took its place.
 */
export interface Mail {
  status: (typeof mailStatuses)[number];
  /** When it took this status, ISO 8601 in UTC. */
  at: string;
  /** Sends begun so far. */
  attempts: number;
  /** Sends of which nobody knows whether they arrived. */
  unknownOutcomes: number;
  /** Sends that certainly were not accepted: the number of the next send is one higher. Absent: none. */
  failedSends?: number;
  /** Whether the service can be asked what became of the send, so that trying it again makes no second copy. */
  canAsk?: boolean;
  /** Processes that died while they composed it. */
  crashes?: number;
  /** Why it was refused or cancelled, or why the last try failed. */
  reason?: string;
  /** Whether the last try failed because of the mail account, not because of this mail. */
  isAccountTrouble?: boolean;
  /** When a pending mail may be tried again, ISO 8601 in UTC; absent: now. */
  retryAt?: string;
  /** The run of the last digest before this one, fixed at the first claim; `null` where there was none. */
  since?: RunId | null;
  /** Sent again because a person asked for it: it is not the last digest of any later one. */
  isResent?: boolean;
}

/** Whether it was sent in its turn; one that was sent again later is not what its readers saw last. */
export function isSentInTurn({ status, isResent }: Mail): boolean {
  return status === "sent" && !isResent;
}

/** A run as the outbox sees it. */
export interface Owing {
  runId: RunId;
  mail: Mail;
}

/**
 * `refused`: it will never be accepted as it is. `failed`: it was not accepted, try again; where `isAccount`, no mail of
 * the account is, until a person acts. `unknown`: it may have been accepted (the answer was lost).
 */
export type SendOutcome =
  | { status: "sent"; messageId: string | null }
  | { status: "refused"; reason: string }
  | ({ status: "failed" | "unknown" } & Failure);

interface Failure {
  reason: string;
  isAccount?: boolean;
  /** At least this long before the next try. */
  retryAfterSeconds?: number;
}

/** A process that has held a mail for longer than this has died. */
const claimMinutes = 10;
/** How long after `sending` was noted the mail may still leave: well before another process takes it over. */
const sendMinutes = 5;
/** After this many sends of unknown outcome it gives up: each of them may have reached its readers. */
const maxUnknownOutcomes = 3;
/** The same where the service can be asked: no further copy can arrive, but something keeps it from finding out. */
const maxUnansweredTries = 12;
const maxCrashes = 3;
/** A mail that keeps failing is given up after this many tries, and not before it is this old. */
const leastTries = 12;
const leastDays = 2;
const maxPauseSeconds = 6 * 3600;
const daySeconds = 86_400;

/** Seconds until something is to be done about a mail: 0 for now, `null` for one that is not owed. */
export function secondsUntilDue({ status, at, retryAt }: Mail, now: Date): number | null {
  // Times from the future were written before the clock was set back; no pause is longer than its limit.
  if (status === "pending") return retryAt ? clamp((Date.parse(retryAt) - now.getTime()) / 1000, daySeconds) : 0;
  if (!isHeld(status)) return null;
  return clamp(claimMinutes * 60 - secondsSince(at, now), claimMinutes * 60);
}

/** Whether a mail has still to be sent. */
export function isOwed({ status }: Mail): boolean {
  return status === "pending" || isHeld(status);
}

function isHeld(status: Mail["status"]): boolean {
  return status === "claimed" || status === "sending";
}

function secondsSince(at: string, now: Date): number {
  return (now.getTime() - Date.parse(at)) / 1000;
}

function clamp(seconds: number, most: number): number {
  return Math.min(most, Math.max(0, seconds));
}

/**
 * A mail without the claim of a process that has died: where that process composed it, a failed try; where it was sending it,
 * a send of unknown outcome. Any other mail as it is.
 */
export function withoutDeadClaim(mail: Mail, now: Date): Mail {
  if (!isHeld(mail.status) || secondsUntilDue(mail, now) !== 0) return mail;
  if (mail.status === "sending") return afterUnknown(mail, { reason: "The app stopped while sending it." }, now);
  const crashes = (mail.crashes ?? 0) + 1;
  if (crashes < maxCrashes)
    return next(mail, "pending", now, { crashes, reason: "The app stopped while composing it." });
  return next(mail, "refused", now, { crashes, reason: "The app stopped three times while composing it." });
}

/** A pending mail as the process that composes it takes it; `since` is kept from the first claim on. */
export function claimed(mail: Mail, since: RunId | null, now: Date): Mail {
  const { retryAt: _, ...rest } = mail;
  const at = now.toISOString();
  return {
    ...rest,
    status: "claimed",
    at,
    attempts: mail.attempts + 1,
    since: mail.since === undefined ? since : mail.since,
  };
}

/** A claimed mail that is about to leave; `canAsk`: through a service that can be asked what became of it. */
export function sending({ canAsk: _, ...mail }: Mail, now: Date, canAsk = false): Mail {
  return { ...mail, status: "sending", at: now.toISOString(), ...(canAsk && { canAsk }) };
}

/** The number of the next send. One of unknown outcome keeps its number until its outcome is known. */
export function sendNumber({ failedSends = 0 }: Mail): number {
  return failedSends + 1;
}

/** Whether a mail noted as `sending` may leave now: nobody else has taken it over, or will before it is sent. */
export function maySend({ at }: Mail, now: Date): boolean {
  return secondsSince(at, now) <= sendMinutes * 60;
}

/** A mail that its process gives back without having sent it: a try that counts as none. */
export function givenBack(mail: Mail, now: Date): Mail {
  return { ...mail, status: "pending", at: now.toISOString(), attempts: mail.attempts - 1 };
}

/** A mail after a send; `owedSince`: when its row was written, ISO 8601 in UTC. */
export function settled(mail: Mail, outcome: SendOutcome, owedSince: string, now: Date): Mail {
  switch (outcome.status) {
    case "sent":
      return next(mail, "sent", now);
    case "refused":
      return refused(mail.canAsk ? { ...mail, unknownOutcomes: 0 } : mail, outcome.reason, now);
    case "unknown":
      return afterUnknown(mail, outcome, now);
    case "failed":
      return afterFailure(mail, outcome, owedSince, now);
  }
}

/** Whether a mail is not tried again unless a person asks for it. */
export function isGivenUp({ status }: Mail): boolean {
  return status === "refused" || status === "cancelled";
}

/** A mail that is not tried again by itself. */
export function refused(mail: Mail, reason: string, now: Date): Mail {
  return next(mail, "refused", now, { reason });
}

function afterUnknown(mail: Mail, { reason: why, isAccount, retryAfterSeconds = 0 }: Failure, now: Date): Mail {
  const unknownOutcomes = mail.unknownOutcomes + 1;
  const reason = `${why} It may have arrived.`;
  const most = mail.canAsk ? maxUnansweredTries : maxUnknownOutcomes;
  if (!isAccount && unknownOutcomes >= most) return next(mail, "refused", now, { unknownOutcomes, reason });
  // It may still be on its way: a second copy right after it helps nobody.
  const pause = Math.max(claimMinutes * 60, pauseAfter(mail), clamp(retryAfterSeconds, daySeconds));
  const retryAt = later(now, pause);
  return next(mail, "pending", now, { unknownOutcomes, reason, retryAt, ...(isAccount && { isAccountTrouble: true }) });
}

function afterFailure(
  mail: Mail,
  { reason, isAccount = false, retryAfterSeconds = 0 }: Failure,
  owedSince: string,
  now: Date,
): Mail {
  // A service that was asked says so of all tries under this number.
  const known = { failedSends: sendNumber(mail), ...(mail.canAsk && { unknownOutcomes: 0 }) };
  const isOld = secondsSince(owedSince, now) >= leastDays * daySeconds;
  if (!isAccount && isOld && mail.attempts >= leastTries) {
    return refused({ ...mail, ...known }, `Given up after ${mail.attempts} tries: ${reason}`, now);
  }
  const retryAt = later(now, Math.max(pauseAfter(mail), clamp(retryAfterSeconds, daySeconds)));
  return next(mail, "pending", now, { ...known, reason, retryAt, ...(isAccount && { isAccountTrouble: true }) });
}

/** 1, 2, 4 … minutes, up to six hours. */
function pauseAfter({ attempts }: Mail): number {
  return Math.min(maxPauseSeconds, 60 * 2 ** Math.max(0, attempts - 1));
}

function later(now: Date, seconds: number): string {
  return new Date(now.getTime() + seconds * 1000).toISOString();
}

/** A mail whose news a later digest brings as well. */
export function covered(mail: Mail, by: RunId, now: Date): Mail {
  return next(mail, "cancelled", now, { reason: `The digest of ${by} says it too.` });
}

/** A mail that is not to be sent any more: a person asked for that, unless there is another reason. */
export function cancelled(mail: Mail, now: Date, reason = "It was cancelled on request."): Mail {
  return next(mail, "cancelled", now, { reason });
}

/** A refused or cancelled mail that a person wants sent again: it begins anew, with the same `since` and a send of its own. */
export function resent(mail: Mail, now: Date): Mail {
  const { since } = mail;
  const anew = { status: "pending", at: now.toISOString(), attempts: 0, unknownOutcomes: 0, isResent: true } as const;
  return { ...anew, failedSends: sendNumber(mail), ...(since !== undefined && { since }) };
}

/** In another status, without what was said of the last try. */
function next(mail: Mail, status: Mail["status"], now: Date, more: Partial<Mail> = {}): Mail {
  const { reason: _reason, retryAt: _retryAt, isAccountTrouble: _isAccountTrouble, ...rest } = mail;
  return { ...rest, status, at: now.toISOString(), ...more };
}

/** What is to be done next about a watchlist's mails. */
export type OutboxStep<R extends Owing> =
  | { type: "cover"; run: R; by: RunId }
  | { type: "send"; run: R }
  | { type: "wait"; seconds: number };

/**
 * The next step of a watchlist's outbox, `null` where nothing is owed. Digests of scheduled runs go out in the order of their
 * runs; the newest covers the earlier ones that certainly were not sent. Mails of runs asked for, and those sent again,
 * neither cover nor wait for others.
 */
export function nextStep<R extends Owing>(runs: readonly R[], now: Date): OutboxStep<R> | null {
  const owed = runs.filter(({ mail }) => isOwed(mail));
  const inTurn = owed.filter(isInTurn);
  const newest = inTurn.at(-1);
  const unsent = inTurn.find((run) => run !== newest && isCertainlyUnsent(withoutDeadClaim(run.mail, now)));
  if (newest && unsent) return { type: "cover", run: unsent, by: newest.runId };
  const open = owed.filter((run) => !isInTurn(run) || run === inTurn[0]);
  const waits = open.map(({ mail }) => secondsUntilDue(mail, now) ?? 0);
  const run = open[waits.indexOf(0)];
  if (run) return { type: "send", run };
  return waits.length > 0 ? { type: "wait", seconds: Math.ceil(Math.min(...waits)) } : null;
}

function isInTurn({ runId, mail }: Owing): boolean {
  return isScheduled(runId) && !mail.isResent;
}

function isCertainlyUnsent({ status, unknownOutcomes }: Mail): boolean {
  return status === "pending" && unknownOutcomes === 0;
}

/** The last scheduled run before `runId` whose digest was sent in its turn; `null` if there is none. */
export function lastDigest<R extends Owing>(runs: readonly R[], runId: RunId): R | null {
  return runs.findLast((run) => isScheduled(run.runId) && run.runId < runId && isSentInTurn(run.mail)) ?? null;
}

/** Digests that did not reach their readers since the last one that did. */
export interface Undelivered {
  /** The first few, oldest first. */
  digests: readonly { runId: RunId; reason: string; mayHaveArrived: boolean }[];
  /** How many others there are. */
  more: number;
  /** Whether no digest is known to have reached them at all. */
  isFirst: boolean;
}

const mostNamed = 3;

/** The digests of scheduled runs before `runId` that were refused since that of the run `since`. */
export function undelivered(runs: readonly Owing[], since: RunId | null, runId: RunId): Undelivered {
  const missed = runs.filter((run) => {
    return isScheduled(run.runId) && run.runId > (since ?? "") && run.runId < runId && run.mail.status === "refused";
  });
  const digests = missed.slice(0, mostNamed).map(({ runId, mail }) => {
    return { runId, reason: mail.reason ?? "", mayHaveArrived: mail.unknownOutcomes > 0 };
  });
  return { digests, more: missed.length - digests.length, isFirst: since === null };
}
