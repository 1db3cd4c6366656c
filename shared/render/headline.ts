import { daysBetween } from "../core/day.ts";
import { reachOf, worseKinds } from "../core/due.ts";
import type { Report } from "../core/report.ts";
import { dayOf, type RunId } from "../core/run-id.ts";
import { verdictOf } from "../core/verdict.ts";
import { count, formatRun, listed, many } from "./words.ts";

/** The report in one sentence, which claims nothing of what was not measured. */
export function headline(report: Report): string {
  const { totals, products } = report;
  const part = totals.notRead > 0;
  switch (verdictOf(report)) {
    case "worse":
      return `${sentenceOfWorse(report)}${onUpTo(reachOf(report.rows, worseKinds), ", on up to ")}.`;
    case "blind":
      return `Nothing could be measured: none of ${count(products.length)} software could be read.`;
    case "first":
      return `Now watching ${count(totals.read)} software: ${missing(report)}${onUpTo(reachOf(report.rows), ", on up to ")}.`;
    case "better":
      return `Nothing ${part ? "that could be measured " : ""}got worse: ${sentenceOfBetter(report)}.`;
    case "joined":
      return `${count(totals.baseline)} more software now watched; nothing else ${part ? "that could be measured " : ""}changed.`;
    case "quiet":
      return `Nothing ${part ? "that could be measured " : ""}changed: ${missing(report)}.`;
  }
}

function sentenceOfWorse({ totals }: Report): string {
  const parts: [number, string][] = [
    [totals.new, totals.new === 1 ? "is new" : "are new"],
    [totals.worsened, "got worse"],
    [totals.returned, "came back"],
  ];
  return listOfKbs(parts);
}

function sentenceOfBetter({ totals }: Report): string {
  const parts: [number, string][] = [
    [totals.improved, "improved"],
    [totals.resolved, totals.resolved === 1 ? "is resolved" : "are resolved"],
  ];
  return listOfKbs(parts);
}

// "3 KBs are new and 2 got worse": the noun once, at the first of them.
function listOfKbs(parts: readonly [number, string][]): string {
  const told = parts.filter(([value]) => value > 0);
  return listed(told.map(([value, what], index) => `${index === 0 ? many(value, "KB") : count(value)} ${what}`));
}

function missing({ totals }: Report): string {
  if (totals.missingKbs === 0) return "Defender lists no missing KB";
  return `${many(totals.missingKbs, "KB")} ${totals.missingKbs === 1 ? "is" : "are"} missing`;
}

/** `, on up to 512 machines` with that lead; empty where no count is known. */
export function onUpTo(machines: number | null, lead: string): string {
  return machines === null ? "" : `${lead}${many(machines, "machine")}`;
}

/** Which run the report compares with and how old that is. */
export function comparedWith(report: Report): string {
  const { runId, previousRunId } = report;
  if (previousRunId === null) {
    return "The first run: there is nothing to compare with. From the next one on, this tells what changed.";
  }
  const verb = verdictOf(report) === "blind" ? "The last report was of" : "Compared with";
  return `${verb} ${formatRun(previousRunId)}, ${howMuchEarlier(previousRunId, runId)}.`;
}

/** `1 day earlier`, or `the same day`. */
export function howMuchEarlier(earlier: RunId, later: RunId): string {
  const days = daysBetween(dayOf(earlier), dayOf(later));
  return days === 0 ? "the same day" : `${many(days, "day")} earlier`;
}
