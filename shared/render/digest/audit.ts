import { deliveryMinutes } from "../../core/deadline.ts";
import { comparedProducts } from "../../core/products.ts";
import type { Report } from "../../core/report.ts";
import { runDay } from "../../core/run-id.ts";
import { countWatched, isPartial } from "../../core/totals.ts";
import { howMuchEarlier } from "../headline.ts";
import { count, formatRun, formatTime, many, type RenderOptions } from "../words.ts";
import type { FullList } from "./material.ts";

/** What a report says of itself: what it compared, when it was made, when to expect the next, and when to worry. */
export function auditOf(report: Report, options: RenderOptions, list: FullList): string[] {
  const { nextRun, timeZone } = options;
  const next = nextRun
    ? [`The next run starts ${formatTime(nextRun, timeZone)}.`, ifNothingComes(options, nextRun)]
    : [];
  return [compared(report), made(report, timeZone), ...next, ...fullLists[list]];
}

const fullLists: Readonly<Record<FullList, string[]>> = {
  attached: ["The full list is attached as CSV."],
  "too large": ["The full list is too large to attach."],
  none: [],
};

function compared(report: Report): string {
  const { totals, previousRunId, day, timeZone } = report;
  const all = many(countWatched(totals), "product");
  const notRead = isPartial(totals) ? `${count(totals.notRead)} could not be read` : "all could be read";
  if (previousRunId === null) return `${count(totals.read)} of ${all} read.`;
  const { compared, older, oldest } = comparedProducts(report);
  const parts = [
    `${count(compared)} of ${all} compared with the run of ${formatRun(previousRunId, timeZone)}, ${howMuchEarlier(runDay(previousRunId, timeZone), day)}`,
    ...(oldest ? [`${count(older)} of them with older counts, back to ${formatRun(oldest, timeZone)}`] : []),
    ...(totals.baseline > 0 ? [`${count(totals.baseline)} seen for the first time`] : []),
    notRead,
  ];
  return `${parts.join("; ")}.`;
}

/** A run of at least this many minutes names both ends: its counts are not of one moment. */
const longMinutes = 15;

function made({ openedAt, committedAt }: Report, timeZone: string): string {
  const minutes = Math.max(0, Math.round((Date.parse(committedAt) - Date.parse(openedAt)) / 60_000));
  if (minutes >= longMinutes) {
    const [from, to] = [formatTime(openedAt, timeZone), formatTime(committedAt, timeZone)];
    return `The run read its products from ${from} to ${to}.`;
  }
  const took = minutes === 0 ? "less than a minute" : many(minutes, "minute");
  return `The run started ${formatTime(openedAt, timeZone)} and took ${took}.`;
}

function ifNothingComes({ nextMail, graceMinutes, timeZone }: RenderOptions, nextRun: string): string {
  const due = Date.parse(nextMail ?? nextRun) + (graceMinutes + deliveryMinutes) * 60_000;
  const by = formatTime(new Date(due).toISOString(), timeZone);
  if (nextMail === nextRun) return `If no mail has come by ${by}, check the reporter's health.`;
  return nextMail
    ? `A quiet day brings no mail, but if none has come by ${by}, check the reporter's health.`
    : `If no mail has come by ${by}, either nothing changed or the run failed; the health page says which.`;
}
