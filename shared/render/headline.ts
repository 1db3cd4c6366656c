import { daysBetween } from "../core/day.ts";
import { betterKinds, reachOf, worseKinds } from "../core/due.ts";
import type { Report } from "../core/report.ts";
import { dayOf, type RunId } from "../core/run-id.ts";
import { countWatched, isPartial } from "../core/totals.ts";
import { verdictOf } from "../core/verdict.ts";
import { agree, count, formatRun, listed, many } from "./words.ts";

/** The report in one sentence, which claims nothing of what could not be read. */
export function headline(report: Report): string {
  const { totals } = report;
  const ofRead = isPartial(totals) ? "that could be read " : "";
  switch (verdictOf(report)) {
    case "worse":
      return `${kbsBy(totals, worseKinds)}${onUpTo(reachOf(report.rows, worseKinds), ", on up to ")}.`;
    case "not-read":
      return `${nothingRead(report)}.`;
    case "first":
      return `Now watching ${many(totals.read, "product")}: ${missing(report)}${onUpTo(reachOf(report.rows), ", on up to ")}.`;
    case "better":
      return `Nothing ${ofRead}got worse: ${kbsBy(totals, betterKinds)}.`;
    case "joined":
      return `${nowWatched(report)}; nothing else ${ofRead}changed.`;
    case "quiet":
      return `Nothing ${ofRead}changed: ${missing(report)}.`;
  }
}

type ChangedKind = (typeof worseKinds | typeof betterKinds)[number];

const verbs: Readonly<Record<ChangedKind, readonly [one: string, other: string]>> = {
  new: ["is new", "are new"],
  worsened: ["got worse", "got worse"],
  returned: ["came back", "came back"],
  improved: ["got better", "got better"],
  resolved: ["is resolved", "are resolved"],
};

// "3 KBs are new and 2 got worse": the noun once, at the first of them.
function kbsBy(totals: Report["totals"], kinds: readonly ChangedKind[]): string {
  const some = kinds.filter((kind) => totals[kind] > 0);
  const parts = some.map((kind, index) => {
    const subject = index === 0 ? many(totals[kind], "KB") : count(totals[kind]);
    return `${subject} ${agree(totals[kind], ...verbs[kind])}`;
  });
  return listed(parts);
}

function missing({ totals: { missingKbs } }: Report): string {
  if (missingKbs === 0) return "Defender lists no missing KBs";
  return `${many(missingKbs, "KB")} ${agree(missingKbs, "is", "are")} missing`;
}

/** That none of a report's products could be read. */
export function nothingRead({ totals }: Report): string {
  const watched = countWatched(totals);
  return agree(watched, "The product could not be read", `None of the ${many(watched, "product")} could be read`);
}

/** How many products joined the watchlist. */
export function nowWatched({ totals: { baseline } }: Report): string {
  return `${many(baseline, "more product")} ${agree(baseline, "is", "are")} now watched`;
}

/** `, on up to 512 machines` with that lead; empty where no count is known. */
export function onUpTo(machines: number | null, lead: string): string {
  return machines === null ? "" : `${lead}${many(machines, "machine")}`;
}

/** Which run the report compares with and how old that is. */
export function comparedWith(report: Report): string {
  const { runId, previousRunId } = report;
  if (previousRunId === null) {
    return "This is the first run, so there is nothing to compare with yet; the next one will show what changed.";
  }
  const verb = verdictOf(report) === "not-read" ? "The last report was of" : "Compared with";
  return `${verb} ${formatRun(previousRunId)}, ${howMuchEarlier(previousRunId, runId)}.`;
}

/** `1 day earlier`, or `the same day`. */
export function howMuchEarlier(earlier: RunId, later: RunId): string {
  const days = daysBetween(dayOf(earlier), dayOf(later));
  return days === 0 ? "the same day" : `${many(days, "day")} earlier`;
}
