import { productsIn } from "../../core/products.ts";
import { hasLeftInventory, isUnknownId, type Report } from "../../core/report.ts";
import { isPartial } from "../../core/totals.ts";
import { digestVerdict, isAboutReading, type Verdict, verdictOf } from "../../core/verdict.ts";
import { comparedWith, headline, notReadWords } from "../headline.ts";
import { healthLink, reportLink } from "../link.ts";
import { agree, formatRun, shown } from "../words.ts";
import { type Actions, actionsOf } from "./actions.ts";
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

export type Part = Actions | KbTable | Brief | Trend | Bars | Remark;

/** What a report's digest says; `room` is how much of each part it shows before the rest is only counted, see `linesShown`. */
export function digestOf(material: Material, room: number, list: FullList): Digest {
  const { report, options } = material;
  const { watchlist, runId, timeZone } = report;
  const linkTo = (narrowed?: Record<string, string>) => reportLink(options.reportUrl, watchlist, runId, narrowed);
  return {
    verdict: digestVerdict(report, material.since),
    headline: headline(report, material.since),
    about: `Watchlist ${shown(watchlist, 60)}, ${formatRun(runId, timeZone)}. ${comparedWith(report)}`,
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
  const actions = [actionsOf(context)].filter((part) => part !== null);
  const changes = [...actions, ...kbTablesOf(context), ...briefsOf(context)];
  if (!isAboutReading(verdictOf(report))) return [...changes, ...pictures, ...remarks];
  // Where it is why the digest comes, what could not be read is the news.
  const [news = [], others = []] = [true, false].map((is) => remarks.filter(({ tone }) => (tone === "caution") === is));
  return [...news, ...changes, ...pictures, ...others];
}

function caution(report: Report): string | null {
  const { totals, previousRunId } = report;
  if (!isPartial(totals) || isAboutReading(verdictOf(report))) return null;
  const { notRead } = totals;
  const unknown =
    previousRunId === null
      ? `what ${agree(notRead, "it misses", "they miss")}`
      : `whether ${agree(notRead, "it", "they")} got worse`;
  const isAnswered = productsIn(report, "not-read").every(
    (row) => isUnknownId(row) || hasLeftInventory(row, report.day),
  );
  return isAnswered ? `${notReadWords(report)}.` : `${notReadWords(report)}: ${unknown} is unknown.`;
}
