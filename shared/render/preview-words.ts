import type { Preview, UnmentionedKb } from "../core/preview.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { PreviewJson } from "./export/schemas.ts";
import { agree, count, formatDay, many, shortDay } from "./words.ts";

/** A preview, and what it is of. */
export interface PreviewFacts {
  preview: Preview;
  /** With the settings tried. */
  watchlist: Watchlist;
  /** How many runs were asked for. */
  asked: number;
  /** Why there are fewer than there could be. */
  cut: "not-kept" | "too-large" | null;
}

/** `22 mails → 6; no overdue KB would have gone unmentioned.` */
export function previewHeadline({ mails, overdueKbs, unmentioned, waiting }: Preview): string {
  const parts = [`${many(mails.was, "mail")} → ${count(mails.would)}`];
  if (overdueKbs === 0) parts.push("no KB was overdue");
  else if (unmentioned.length === 0) parts.push("no overdue KB would have gone unmentioned");
  else parts.push(`${many(unmentioned.length, "overdue KB")} would have gone unmentioned`);
  if (waiting.length > 0) parts.push(waitingWords(waiting));
  return `${parts.join("; ")}.`;
}

/** `2 overdue KBs wait for the next mail, the oldest since 24 Nov`. */
function waitingWords(waiting: readonly UnmentionedKb[]): string {
  const [oldest] = waiting;
  const since = oldest ? `, ${agree(waiting.length, "", "the oldest ")}since ${shortDay(oldest.since)}` : "";
  return `${many(waiting.length, "overdue KB")} ${agree(waiting.length, "waits", "wait")} for the next mail${since}`;
}

/** Which runs were replayed, and why not more. */
export function previewSpan({ preview: { runs }, asked, cut }: PreviewFacts): string {
  const [first, last] = [runs[0], runs.at(-1)];
  if (!first || !last) return "";
  const days = `${formatDay(first.day)} to ${formatDay(last.day)}`;
  const replayed = `Replayed: ${many(runs.length, "scheduled run")}, ${days}.`;
  if (cut === "too-large") return `${replayed} More of this watchlist do not fit into memory at once.`;
  if (cut === "not-kept") return `${replayed} What older runs compared is no longer kept or is damaged.`;
  return runs.length < asked ? `${replayed} There are no older ones.` : replayed;
}

/** The longest time without a mail, as it was and as it would have been. */
export function silenceWords({ silentDays: { was, would } }: Preview): string {
  return was === would
    ? `Longest silence: ${many(would, "day")}, as before.`
    : `Longest silence: ${many(would, "day")} instead of ${count(was)}.`;
}

/** What a preview leaves out. */
export const previewLimits =
  "Every digest counts as delivered. Runs asked for, alerts, and digests sent only because an earlier one was refused are left out.";

/** The answer of `POST /api/preview`. */
export function previewJson(facts: PreviewFacts): PreviewJson {
  const { preview, watchlist, cut } = facts;
  const { name, tenant, thresholds, mailWhen, heartbeatDay, dueDays, dueDaysExploited, dueFrom } = watchlist;
  const { runs, mails, silentDays, unmentioned, waiting } = preview;
  return {
    ...{ watchlist: name, tenant, summary: previewHeadline(preview) },
    settings: { ...thresholds, mailWhen, heartbeatDay, dueDays, dueDaysExploited, dueFrom },
    ...{ cut, mails, silentDays },
    ...{ unmentioned: [...unmentioned], waiting: [...waiting], runs: [...runs] },
  };
}
