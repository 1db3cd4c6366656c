import { movedMost } from "../../core/leads.ts";
import { productsIn } from "../../core/products.ts";
import { hasLeftInventory, isUnknownId, type Report } from "../../core/report.ts";
import { isPartial } from "../../core/totals.ts";
import { digestVerdict, isAboutReading, type Verdict, verdictOf } from "../../core/verdict.ts";
import { headline, notReadWords } from "../headline.ts";
import { catalogLink, healthLink, productLink, reportLink } from "../link.ts";
import { agree } from "../words.ts";
import { type Actions, actionsOf } from "./actions.ts";
import { aboutOf, auditOf } from "./audit.ts";
import { type Bars, barsOf } from "./bars.ts";
import { type Brief, briefsOf, type KbTable, knownTablesOf, worseTablesOf } from "./kb-tables.ts";
import type { Context, FullList, Material, OneLine } from "./material.ts";
import { meanwhile, type Remark, remarksOf } from "./remarks.ts";
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
  /** Further places, where the news is one KB. */
  places: Place[];
  parts: Part[];
  audit: string[];
  health: string | null;
  /** The full list. */
  csv: string | null;
  portal: string;
}

/** A link by its words. */
export interface Place {
  words: string;
  href: string;
}

export type Part = Actions | KbTable | Brief | OneLine | Trend | Bars | Remark;

/** What a report's digest says; `room` is how much of each part it shows before the rest is only counted, see `linesShown`. */
export function digestOf(material: Material, room: number, list: FullList): Digest {
  const { report, options } = material;
  const { watchlist, runId } = report;
  const linkTo = (narrowed?: Record<string, string>) => reportLink(options.reportUrl, watchlist, runId, narrowed);
  return {
    verdict: digestVerdict(report, material.since),
    headline: headline(report, material.since),
    about: aboutOf(report),
    caution: caution(report),
    link: linkTo(),
    places: placesOf(material),
    parts: partsOf({ ...material, room, list, linkTo }),
    audit: auditOf(report, options, list),
    health: healthLink(options.reportUrl),
    csv: linkTo({ format: "csv" }),
    portal: options.portalUrl,
  };
}

/** Where to look next, where one KB alone got worse. */
function placesOf({ report, options, outline: { only } }: Material): Place[] {
  const entry = only && movedMost(only);
  if (!entry) return [];
  const catalog = catalogLink(only.id);
  return [
    { words: "Machines in Defender", href: productLink(options.portalUrl, entry.softwareId, report.tenant) },
    ...(catalog ? [{ words: "Update Catalog", href: catalog }] : []),
  ];
}

// What happened, what to do first, what changed, what happened since the last digest, what could not be read.
function partsOf(context: Context): Part[] {
  const { report, outline } = context;
  const actions = [actionsOf(context)];
  const isFirst = outline.actions !== "counted";
  const changes = [
    ...(isFirst ? actions : []),
    ...worseTablesOf(context),
    ...(isFirst ? [] : actions),
    ...knownTablesOf(context),
    ...briefsOf(context),
    meanwhile(context),
  ];
  const pictures = [outline.trend ? trendOf(report) : null, outline.bars ? barsOf(context) : null];
  const remarks = remarksOf(context);
  // Where it is why the digest comes, what could not be read is the news.
  const isNews = ({ tone }: Remark) => tone === "caution" && isAboutReading(verdictOf(report));
  const parts = [...remarks.filter(isNews), ...changes, ...pictures, ...remarks.filter((one) => !isNews(one))];
  return parts.filter((part) => part !== null);
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
