import { type FeedName, feedNames, isStale } from "./advisory.ts";
import { isPast } from "./alert.ts";
import { daysBetween, type RunDate } from "./day.ts";
import { deliveryMinutes } from "./deadline.ts";
import type { Mail } from "./mail.ts";
import type { Chain } from "./message.ts";
import { graceDays } from "./retention.ts";
import type { RunId } from "./run-id.ts";
import {
  type FailingProduct,
  lastingMisses,
  type OpenAlert,
  type OpenMail,
  type WatchlistStatus,
} from "./watchlist-status.ts";

/** Why a person must act on a watchlist. */
export type Trouble = Chain &
  (
    | { kind: "late"; last: RunId | null; due: Date; latest: Date }
    | { kind: MailTrouble | "removed"; runId: RunId; reason: string | null }
    | { kind: `alert-${MailTrouble}`; cve: string; reason: string | null }
    | { kind: "failing"; runId: RunId; product: FailingProduct }
  );

/** What can keep a mail from its readers. */
export type MailTrouble = "refused" | "account" | "unsent";

/** By when a watchlist's runs and mails are expected. */
export interface Expected {
  now: Date;
  /** When the schedule fires next after an instant; `null`: never again. */
  nextRun: (after: Date) => Date | null;
  /** How long after that a run of this watchlist is late. */
  minutesUntilLate: number;
}

/** What is wrong with a configured watchlist. */
export function troublesOf(status: WatchlistStatus, expected: Expected): Trouble[] {
  const { tenant, watchlist, open, alerts = [] } = status;
  const found = [
    lateRun(status, expected),
    ...open.map((one) => openMail(one, expected)),
    ...alerts.map((one) => openAlert(one, expected)),
    failingProduct(status),
  ];
  return found.filter((trouble) => trouble !== null).map((trouble) => ({ tenant, watchlist, ...trouble }));
}

/** The mails that a watchlist owes although it is no longer configured, until they are cancelled with its removal. */
export function owedByRemoved({ tenant, watchlist, open, removedOn }: WatchlistStatus, today: RunDate): Trouble[] {
  if (removedOn !== null && daysBetween(removedOn, today) > graceDays) return [];
  return open.map(({ runId, mail }) => ({ tenant, watchlist, kind: "removed", runId, reason: mail.reason ?? null }));
}

/** A feed that has had a fault, or has not been asked, for two days. */
export interface FeedTrouble {
  feed: FeedName;
  /** ISO 8601 in UTC. */
  since: string;
  /** `null`: nothing has asked it since. */
  reason: string | null;
}

/** How a feed's last refreshes went. */
interface FeedHealth {
  readAt: string | null;
  fault?: { reason: string; since: string };
}

/** What is wrong with the feeds; nothing of one that was never asked, for the app may be new. */
export function feedTroubles(feeds: Readonly<Record<FeedName, FeedHealth>>, now: Date): FeedTrouble[] {
  const at = now.toISOString();
  return feedNames.flatMap((feed): FeedTrouble[] => {
    const { readAt, fault } = feeds[feed];
    if (fault) return isStale(fault.since, at) ? [{ feed, ...fault }] : [];
    return readAt !== null && isStale(readAt, at) ? [{ feed, since: readAt, reason: null }] : [];
  });
}

/** Since when a watchlist waits for its next run; `null`: nothing says so, for it is new or configured again. */
export function waitsSince({ latest, awaitedSince, removedOn }: WatchlistStatus): Date | null {
  const starts = [awaitedSince, removedOn === null ? latest?.openedAt : undefined].filter((at) => at !== undefined);
  return starts.length === 0 ? null : new Date(Math.max(...starts.map((at) => Date.parse(at))));
}

type Found = Trouble extends infer One ? (One extends Chain ? Omit<One, keyof Chain> : never) : never;

function lateRun(status: WatchlistStatus, { now, nextRun, minutesUntilLate }: Expected): Found | null {
  const since = waitsSince(status);
  const due = since && nextRun(since);
  if (!due) return null;
  const latest = new Date(due.getTime() + minutesUntilLate * 60_000);
  return now > latest ? { kind: "late", last: status.latest?.runId ?? null, due, latest } : null;
}

function openMail({ runId, committedAt, mail }: OpenMail, { now }: Expected): Found | null {
  const kind = mailTrouble(mail, committedAt, now);
  return kind && { kind, runId, reason: mail.reason ?? null };
}

/** Nobody can send a refused alert again: it is named for as long as it is news. */
function openAlert({ cve, openedAt, mail }: OpenAlert, { now }: Expected): Found | null {
  if (mail.status === "refused" && isPast({ openedAt }, now)) return null;
  const kind = mailTrouble(mail, openedAt, now);
  return kind && { kind: `alert-${kind}`, cve, reason: mail.reason ?? null };
}

/** `owedSince`: ISO 8601 in UTC. */
function mailTrouble({ status, isAccountTrouble }: Mail, owedSince: string, now: Date): MailTrouble | null {
  if (status === "refused") return "refused";
  if (isAccountTrouble) return "account";
  return now.getTime() - Date.parse(owedSince) > deliveryMinutes * 60_000 ? "unsent" : null;
}

function failingProduct({ failing, latest }: WatchlistStatus): Found | null {
  if (!failing || !latest || failing.misses < lastingMisses) return null;
  return { kind: "failing", runId: latest.runId, product: failing };
}
