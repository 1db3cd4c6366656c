import { reachOf, worseKinds } from "../../core/due.ts";
import type { Report } from "../../core/report.ts";
import { verdictOf } from "../../core/verdict.ts";
import { onUpTo } from "../headline.ts";
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
  const { totals, products } = report;
  const verdict = verdictOf(report);
  if (verdict === "blind") return `Nothing could be measured: ${count(products.length)} software unread`;
  const told = {
    worse: `${list(totals, "new", "worsened", "returned")}${onUpTo(reachOf(report.rows, worseKinds), " on up to ")}`,
    first: `Now watching ${count(totals.read)} software, ${many(totals.missingKbs, "KB")} missing`,
    better: `Only better: ${list(totals, "improved", "resolved")}`,
    joined: `${count(totals.baseline)} more software watched`,
    quiet: `Nothing changed, ${many(totals.missingKbs, "KB")} missing`,
  }[verdict];
  return totals.notRead > 0 ? `${told}, ${count(totals.notRead)} software not measured` : told;
}

const words = { new: "new", worsened: "worse", returned: "returned", improved: "improved", resolved: "resolved" };

function list(totals: Report["totals"], ...kinds: (keyof typeof words)[]): string {
  return kinds
    .filter((kind) => totals[kind] > 0)
    .map((kind) => `${count(totals[kind])} ${words[kind]}`)
    .join(", ");
}
