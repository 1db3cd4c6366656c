import { larger } from "../core/missing-kb.ts";
import type { Report } from "../core/report.ts";
import { type KbRow, type RowKind, reach, rowKinds } from "../core/row.ts";
import { dayOf, daysBetween, type RunId } from "../core/run-id.ts";
import { count, formatRun, listed, many } from "./words.ts";

/** What a report amounts to, the worst first: `joined` is new software in the list and nothing else. */
export type Verdict = "worse" | "blind" | "first" | "better" | "joined" | "quiet";

export function verdictOf({ totals, previousRunId }: Report): Verdict {
  if (totals.read === 0 && totals.notRead > 0) return "blind";
  if (totals.new + totals.worsened + totals.returned > 0) return "worse";
  if (previousRunId === null) return "first";
  if (totals.improved + totals.resolved > 0) return "better";
  return totals.baseline > 0 ? "joined" : "quiet";
}

/** The report in one sentence, which claims nothing of what was not measured. */
export function headline(report: Report): string {
  const { totals, software } = report;
  const part = totals.notRead > 0;
  switch (verdictOf(report)) {
    case "worse":
      return `${sentenceOfWorse(report)}${onUpTo(reachOfWorse(report), ", on up to ")}.`;
    case "blind":
      return `Nothing could be measured: none of ${count(software.length)} software could be read.`;
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

/** How far what got worse reaches. */
export function reachOfWorse({ rows }: Report): number | null {
  return reachOf(rows, ["new", "worsened", "returned"]);
}

/** The largest count of machines of any one row, of these kinds if any are given. */
export function reachOf(rows: readonly KbRow[], kinds: readonly RowKind[] = rowKinds): number | null {
  let most: number | null = null;
  for (const row of rows) if (kinds.includes(row.kind)) most = larger(most, reach(row));
  return most;
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
