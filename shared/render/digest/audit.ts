import { deliveryMinutes } from "../../core/deadline.ts";
import { comparedProducts, comparedRun } from "../../core/products.ts";
import type { Report } from "../../core/report.ts";
import { countWatched } from "../../core/totals.ts";
import { verdictOf } from "../../core/verdict.ts";
import { count, formatRun, formatSpan, formatTime, longRun, many, type RenderOptions, shown } from "../words.ts";
import type { FullList } from "./material.ts";

/** Which report a digest is of, and what that is compared with. */
export function aboutOf(report: Report): string {
  const { watchlist, runId, timeZone } = report;
  // Where there is one watchlist alone, its name says nothing.
  const name = watchlist === "default" ? [] : [shown(watchlist, 60)];
  return [...name, longRun(runId, timeZone), comparedWith(report)].join(" · ");
}

function comparedWith(report: Report): string {
  const previous = comparedRun(report);
  if (previous === null) return "the first run; the next one shows what changed";
  const verb = verdictOf(report) === "not-read" ? "the last report was of" : "compared with";
  return `${verb} ${longRun(previous, report.timeZone)}`;
}

/** What a report says of itself: what was read and when, when to expect the next, and when to worry. */
export function auditOf(report: Report, options: RenderOptions, list: FullList): string[] {
  const { nextRun, timeZone } = options;
  const next = nextRun ? [`Next run ${formatTime(nextRun, timeZone)}.`, ifNothingComes(options)] : [];
  return [made(report, timeZone), ...olderCounts(report), ...next, ...fullLists[list]];
}

const fullLists: Readonly<Record<FullList, string[]>> = {
  attached: [],
  "too large": ["The full list is too large to attach."],
  none: [],
};

function made({ totals, openedAt, committedAt }: Report, timeZone: string): string {
  const read = `${count(totals.read)} of ${many(countWatched(totals), "product")} read`;
  return `${read}, ${formatSpan(openedAt, committedAt, timeZone)}.`;
}

/** That some products were compared with an older run than the others, as after missed runs. */
function olderCounts(report: Report): string[] {
  const { older, oldest } = comparedProducts(report);
  if (oldest === null || oldest === comparedRun(report)) return [];
  return [`${count(older)} compared with older counts, back to ${formatRun(oldest, report.timeZone)}.`];
}

function ifNothingComes({ nextMail, graceMinutes, timeZone }: RenderOptions): string {
  if (!nextMail) return "A quiet day brings no mail; where a run failed, the reporter's health says so.";
  const due = Date.parse(nextMail) + (graceMinutes + deliveryMinutes) * 60_000;
  const by = formatTime(new Date(due).toISOString(), timeZone);
  return `If you hear nothing by ${by}, check the reporter's health.`;
}
