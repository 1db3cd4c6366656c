import { betterKinds, reachOf, worseKinds } from "../../core/due.ts";
import type { Report } from "../../core/report.ts";
import { isPartial } from "../../core/totals.ts";
import { verdictOf } from "../../core/verdict.ts";
import { nothingRead, nowWatched, onUpTo } from "../headline.ts";
import { count, formatRun, many, shown } from "../words.ts";

const maxLength = 120;

/** The subject of a report's mail: what counts, the watchlist, the run; one line of at most 120 characters. */
export function renderSubject(report: Report): string {
  const what = summary(report);
  const run = formatRun(report.runId);
  const room = Math.max(12, maxLength - what.length - run.length - 2 * " · ".length);
  return shown(`${what} · ${shown(report.watchlist, room)} · ${run}`, maxLength);
}

function summary(report: Report): string {
  const { totals } = report;
  const verdict = verdictOf(report);
  if (verdict === "not-read") return nothingRead(report);
  const read = {
    worse: `${list(totals, worseKinds)}${onUpTo(reachOf(report.rows, worseKinds), " on up to ")}`,
    first: `Now watching ${many(totals.read, "product")}, ${many(totals.missingKbs, "KB")} missing`,
    better: `Nothing worse: ${list(totals, betterKinds)}`,
    joined: nowWatched(report),
    quiet: `Nothing changed, ${many(totals.missingKbs, "KB")} missing`,
  }[verdict];
  return isPartial(totals) ? `${read}, ${many(totals.notRead, "product")} could not be read` : read;
}

const words = { new: "new", worsened: "worse", returned: "back", improved: "better", resolved: "resolved" };

function list(totals: Report["totals"], kinds: readonly (keyof typeof words)[]): string {
  return kinds
    .filter((kind) => totals[kind] > 0)
    .map((kind) => `${count(totals[kind])} ${words[kind]}`)
    .join(", ");
}
