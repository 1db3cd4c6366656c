import type { Report } from "../../core/report.ts";
import { compareText } from "../../core/text.ts";
import { howMuchEarlier } from "../headline.ts";
import { count, formatRun, formatTime, many, type RenderOptions } from "../words.ts";
import type { FullList } from "./context.ts";

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

function compared({ products, totals, previousRunId, runId }: Report): string {
  const all = count(products.length);
  const skipped = `${count(totals.notRead)} skipped`;
  if (previousRunId === null) return `${count(totals.read)} of ${all} software measured; ${skipped}.`;
  const measured = products.filter(({ state, previous }) => state !== "not-read" && previous !== null);
  const older = measured.map(({ previous }) => previous ?? runId).filter((previous) => previous !== previousRunId);
  const oldest = older.sort(compareText)[0];
  const parts = [
    `${count(measured.length)} of ${all} software compared with the run of ${formatRun(previousRunId)}, ${howMuchEarlier(previousRunId, runId)}`,
    ...(oldest ? [`${count(older.length)} of them with older counts, back to ${formatRun(oldest)}`] : []),
    ...(totals.baseline > 0 ? [`${count(totals.baseline)} seen for the first time`] : []),
    skipped,
  ];
  return `${parts.join("; ")}.`;
}

function made({ openedAt, committedAt }: Report, timeZone: string): string {
  const minutes = Math.max(0, Math.round((Date.parse(committedAt) - Date.parse(openedAt)) / 60_000));
  const took = minutes === 0 ? "less than a minute" : many(minutes, "minute");
  return `Measured from ${formatTime(openedAt, timeZone)}, for ${took}.`;
}

// A run closes when its grace is over at the latest; its mail may take a few tries more.
const deliveryMinutes = 30;

function ifNothingComes({ nextMail, graceMinutes, timeZone }: RenderOptions, nextRun: string): string {
  const due = Date.parse(nextMail ?? nextRun) + (graceMinutes + deliveryMinutes) * 60_000;
  const by = formatTime(new Date(due).toISOString(), timeZone);
  if (nextMail === nextRun) return `If no mail has come by ${by}, look at health.`;
  return nextMail
    ? `A quiet day brings no mail; but if none has come by ${by}, look at health.`
    : `If no mail has come by ${by}, there was nothing to tell or the run failed: health tells which.`;
}
