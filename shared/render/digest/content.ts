import type { Report } from "../../core/report.ts";
import { countWatched, isPartial } from "../../core/totals.ts";
import { type Verdict, verdictOf } from "../../core/verdict.ts";
import { comparedWith, headline } from "../headline.ts";
import { healthLink, reportLink } from "../link.ts";
import { agree, count, formatRun, many, shown } from "../words.ts";
import { auditOf } from "./audit.ts";
import { type Bars, barsOf } from "./bars.ts";
import { type Brief, briefsOf, type KbTable, kbTablesOf } from "./kb-tables.ts";
import type { Context, FullList, Material } from "./material.ts";
import { type Remark, remarksOf } from "./remarks.ts";
import { type Trend, trendOf } from "./trend.ts";

/** All that a digest says, in its order; its html and its text say the same. */
export interface Digest {
  verdict: Verdict;
  headline: string;
  /** Which report this is, and what it compares with. */
  about: string;
  /** What the headline leaves open; `null` where nothing is. */
  caution: string | null;
  link: string | null;
  parts: Part[];
  audit: string[];
  health: string | null;
  /** The full list. */
  csv: string | null;
  portal: string;
}

export type Part = KbTable | Brief | Trend | Bars | Remark;

/** What a report's digest says; `room` is how much of each part it shows before the rest is only counted, see `linesShown`. */
export function digestOf(material: Material, room: number, list: FullList): Digest {
  const { report, options } = material;
  const { watchlist, runId } = report;
  const linkTo = (narrowed?: Record<string, string>) => reportLink(options.reportUrl, watchlist, runId, narrowed);
  return {
    verdict: verdictOf(report),
    headline: headline(report),
    about: `Watchlist ${shown(watchlist, 60)}, ${formatRun(runId)}. ${comparedWith(report)}`,
    caution: caution(report),
    link: linkTo(),
    parts: partsOf({ ...material, room, list, linkTo }),
    audit: auditOf(report, options, list),
    health: healthLink(options.reportUrl),
    csv: linkTo({ format: "csv" }),
    portal: options.portalUrl,
  };
}

function partsOf(context: Context): Part[] {
  const { report } = context;
  const pictures = [trendOf(report), barsOf(context)].filter((part) => part !== null);
  const remarks = remarksOf(context);
  const changes = [...kbTablesOf(context), ...briefsOf(context)];
  // Where nothing could be read, the reason is the news.
  return verdictOf(report) === "not-read"
    ? [...remarks, ...changes, ...pictures]
    : [...changes, ...pictures, ...remarks];
}

function caution(report: Report): string | null {
  const { totals, previousRunId } = report;
  if (!isPartial(totals) || verdictOf(report) === "not-read") return null;
  const { notRead } = totals;
  const unknown =
    previousRunId === null
      ? `what ${agree(notRead, "it misses", "they miss")}`
      : `whether ${agree(notRead, "it", "they")} got worse`;
  return `${count(notRead)} of ${many(countWatched(totals), "product")} could not be read: ${unknown} is unknown.`;
}
