import { changeKinds, reachOf } from "../core/due.ts";
import { isAllKnown, notReadLongestFirst } from "../core/products.ts";
import type { Report } from "../core/report.ts";
import { isMissing } from "../core/row.ts";
import { isNarrowed, type SelectedReport, type Selection } from "../core/selection.ts";
import { countOfKind, countWatched, isPartial } from "../core/totals.ts";
import { isAboutReading, verdictOf } from "../core/verdict.ts";
import { notReadWords, onUpTo, sinceWhen } from "./headline.ts";
import { changeLabel, inSentence, kindLabels } from "./kind-words.ts";
import { agree, count, listed, many, productLabel, shown } from "./words.ts";

/** What was selected: `KBs: new, Windows 11`, or `KB5066136`. */
export function selectionTitle(selection: Selection): string {
  const { kb, softwareId, search, change, overdue, stalled, exploited } = selection;
  const parts = [
    change && inSentence(changeLabel(change)),
    overdue && "overdue",
    stalled && "stalled",
    exploited && "exploited",
    search && `“${shown(search, 60)}”`,
    softwareId && shown(productLabel(softwareId), 60),
  ].filter(Boolean);
  const what = kb === undefined ? "KBs" : `KB${shown(kb, 60)}`;
  return parts.length > 0 ? `${what}: ${parts.join(", ")}` : what;
}

/** What a selection holds, in a sentence or two that say nothing of what was left out. */
export function selectionHeadline({ report, full }: SelectedReport): string {
  const notRead = isPartial(report.totals) ? [notReadWords(report)] : [];
  return `${[...notRead, found(report, full)].join(". ")}.`;
}

function found(report: SelectedReport["report"], full: SelectedReport["full"]): string {
  const [some, all] = [report.rows.length, full.rows.length];
  if (all === 0) return noneInReport(full);
  if (some === 0) return agree(all, "The only KB does not match", `None of ${many(all, "KB")} match`);
  const kinds = changeKinds
    .map((kind) => ({ kind, kbs: countOfKind(report.totals, kind) }))
    .filter(({ kbs }) => kbs > 0)
    .map(({ kind, kbs }) => `${count(kbs)} ${inSentence(kindLabels[kind].label)}`);
  const most = onUpTo(reachOf(report.rows.filter(isMissing)), ", on up to ");
  return `${count(some)} of ${many(all, "KB")}${most}${kinds.length > 0 ? `: ${kinds.join(", ")}` : ""}`;
}

/** That a report without a missing KB has none, as far as that is known. */
export function noneMissing(report: Pick<Report, "products">): string {
  return isAllKnown(report) ? "No KB is missing" : "No missing KB is known, but not everything could be read";
}

/** The same of what was selected. */
export function noneSelected({ full, selection }: Pick<SelectedReport, "full" | "selection">): string {
  return isNarrowed(selection) ? "No selected KB is missing" : noneMissing(full);
}

/** The same of a report without any row. */
export function noneInReport(report: Pick<Report, "products">): string {
  return isAllKnown(report) ? "No KB is missing, and none was" : noneMissing(report);
}

/** What a selection's trend and forecast are of: `Windows 11`, or `all products`; empty where nothing is left out. */
export function trendLabel(selection: Selection): string {
  if (!isNarrowed(selection)) return "";
  return selection.softwareId === undefined ? "all products" : shown(productLabel(selection.softwareId), 60);
}

/** How many products of the watchlist could not be read, selected or not; `null` where all could. */
export function notReadOfAll({ totals }: SelectedReport["full"]): string | null {
  if (!isPartial(totals)) return null;
  return `${count(totals.notRead)} of ${many(countWatched(totals), "product")} on the watchlist could not be read.`;
}

const namedNotRead = 3;

/** What of the watchlist could not be read, and since when; `null` where all could. Names nothing that the headline names. */
export function notReadLine(report: Report): string | null {
  const words = notReadOfAll(report);
  if (words === null || isAboutReading(verdictOf(report))) return words;
  const rows = notReadLongestFirst(report);
  const named = rows.slice(0, namedNotRead).map((row) => {
    const label = shown(productLabel(row.softwareId), 40);
    return `${label}${sinceWhen(row, report)}`;
  });
  const more = rows.length - named.length;
  return `${words.slice(0, -1)}: ${listed([...named, ...(more > 0 ? [`${count(more)} more`] : [])])}.`;
}
