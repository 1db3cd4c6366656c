import type { ExploitedCve, MsrcKb } from "./advisory.ts";
import type { RunDate } from "./day.ts";
import { isOwed, type Mail, secondsUntilDue } from "./mail.ts";
import type { Chain } from "./message.ts";
import type { Snapshot } from "./snapshot.ts";
import { compareText } from "./text.ts";
import type { Watchlist } from "./watchlist.ts";

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

/** Whether a watchlist wants alerts, and has readers to send them to. */
export function takesAlerts({ alertExploited, mailTo }: Watchlist): boolean {
  return alertExploited && mailTo.length > 0;
}

/** The CVEs among `exploited` that each KB closes, by KB id; KBs that close none are left out. */
export function closingKbs(
  exploited: ReadonlySet<string>,
  kbs: Iterable<MsrcKb>,
): ReadonlyMap<string, readonly string[]> {
  const closing = new Map<string, Set<string>>();
  for (const { id, cves, exploitedCves } of kbs) {
    for (const cve of [...cves, ...exploitedCves]) {
      if (exploited.has(cve)) closing.set(id, (closing.get(id) ?? new Set()).add(cve));
    }
  }
  return new Map([...closing].map(([id, cves]) => [id, [...cves]]));
}

/**
 * The gaps of a product as it was last read, each with the CVEs that its KB closes, itself or as the successor of what it replaced;
 * those of other KBs are left out.
 */
export function gapsIn(
  { softwareId, day, missingKbs }: Snapshot,
  closing: ReadonlyMap<string, readonly string[]>,
): { gap: AlertGap; cves: readonly string[] }[] {
  return missingKbs.flatMap(({ id, name, url, machineMissedOn, firstSeen, line }) => {
    const cves = [...new Set([id, ...(line?.ids ?? [])].flatMap((one) => closing.get(one) ?? []))];
    // The age of what it replaced is not how long this KB has been missing.
    const since = line?.listedOn ?? firstSeen;
    return cves.length > 0
      ? [{ gap: { id, name, url, softwareId, machineMissedOn, firstSeen: since, readOn: day }, cves }]
      : [];
  });
}

/** The alert of a CVE, with its mail pending. There is at least one gap. */
export function openAlert(chain: Chain, exploited: ExploitedCve, gaps: readonly AlertGap[], now: Date): ExploitedAlert {
  const { tenant, watchlist } = chain;
  const { cve, sources, since, ransomware } = exploited;
  const sorted = gaps.toSorted(compareGaps);
  const openedAt = now.toISOString();
  return {
    ...{ tenant, watchlist, cve, sources, since, ransomware, openedAt },
    gaps: sorted.slice(0, mostGaps),
    more: Math.max(0, sorted.length - mostGaps),
    mail: { status: "pending", at: openedAt, attempts: 0, unknownOutcomes: 0 },
  };
}

/** On most machines first; an unknown number comes last. */
function compareGaps(a: AlertGap, b: AlertGap): number {
  return (
    (b.machineMissedOn ?? -1) - (a.machineMissedOn ?? -1) ||
    compareText(a.id, b.id) ||
    compareText(a.softwareId, b.softwareId)
  );
}

/** An alert's gaps by KB, in their order: the KB on most machines of one product comes first. */
export function gapsByKb({ gaps }: Pick<ExploitedAlert, "gaps">): AlertGap[][] {
  return [...Map.groupBy(gaps, ({ id }) => id).values()];
}

/** After so many days an alert is no news, and is not sent any more. */
const alertDays = 3;

/** Whether an alert is too old to be sent, or to be named where it was refused. */
export function isPast({ openedAt }: Pick<ExploitedAlert, "openedAt">, now: Date): boolean {
  return now.getTime() - Date.parse(openedAt) >= alertDays * 86_400_000;
}

/** Why an alert that is owed is not sent any more; `null`: it is sent. */
function whyNotSent(alert: ExploitedAlert, watchlist: Watchlist, now: Date): string | null {
  if (!watchlist.alertExploited) return "The watchlist's alerts were turned off (ALERT_EXPLOITED).";
  if (watchlist.mailTo.length === 0) return "The watchlist has no readers any more.";
  return isPast(alert, now) ? `It could not be sent within ${alertDays} days, and reports have shown it since.` : null;
}

/** What is to be done next about a watchlist's alerts. */
export type AlertStep =
  | { type: "cancel-alert"; alert: ExploitedAlert; reason: string }
  | { type: "send-alert"; alert: ExploitedAlert }
  | { type: "wait"; seconds: number };

/** The next step of a watchlist's alerts, `null` where none is owed. None of them waits for another, or for a digest. */
export function nextAlertStep(alerts: readonly ExploitedAlert[], watchlist: Watchlist, now: Date): AlertStep | null {
  const owed = alerts.filter(({ mail }) => isOwed(mail));
  const waits = owed.map(({ mail }) => secondsUntilDue(mail, now) ?? 0);
  const due = owed.filter((alert, index) => waits[index] === 0 || isIdle(alert));
  for (const alert of due) {
    const reason = whyNotSent(alert, watchlist, now);
    if (reason !== null) return { type: "cancel-alert", alert, reason };
  }
  const alert = owed[waits.indexOf(0)];
  if (alert) return { type: "send-alert", alert };
  return waits.length > 0 ? { type: "wait", seconds: Math.ceil(Math.min(...waits)) } : null;
}

/** Whether no process holds it. */
function isIdle({ mail }: ExploitedAlert): boolean {
  return mail.status === "pending";
}
