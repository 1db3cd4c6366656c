import { isWorse, reachOf } from "../../core/due.ts";
import type { Report } from "../../core/report.ts";
import type { KbRow, RowKind } from "../../core/row.ts";
import { type Verdict, verdictOf } from "../../core/verdict.ts";
import { comparedWith, headline, onUpTo } from "../headline.ts";
import { healthLink, reportLink } from "../link.ts";
import { count, formatRun, many, shown } from "../words.ts";
import { auditOf } from "./audit.ts";
import { type Context, type FullList, type Places, places, type Rest } from "./context.ts";
import { betterWords, type KbLine, kbLine, kbTitle } from "./kb-line.ts";
import type { Material } from "./material.ts";
import { type Remark, remarksOf, type SoftwareBars, softwareBars } from "./products.ts";
import { type Trend, trendOf } from "./trend.ts";

/** All that a digest says, in its order; html and text differ in their clothes alone. */
export interface Digest {
  verdict: Verdict;
  headline: string;
  /** Which report this is, and what it compares with. */
  about: string;
  /** What makes the headline less than the whole truth; `null` where nothing does. */
  caution: string | null;
  link: string | null;
  parts: Part[];
  audit: string[];
  health: string | null;
  /** The full list. */
  csv: string | null;
  portal: string;
}

export type Part = KbTable | Brief | Trend | SoftwareBars | Remark;

/** KBs with their counts. */
export interface KbTable {
  type: "table";
  title: string;
  note: string | null;
  kbs: KbLine[];
  rest: Rest | null;
}

/** KBs in one line each. */
export interface Brief {
  type: "brief";
  title: string;
  note: string;
  kbs: { number: string; link: string | null; words: string }[];
  rest: Rest | null;
}

/**
 * What a report's digest says. `room` is how much of each part is shown before the rest is only counted: 1 is a good
 * mail's worth, 0 leaves counts alone.
 */
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
  const pictures = [trendOf(report), softwareBars(context)].filter((part) => part !== null);
  const remarks = remarksOf(context);
  const changes = [...kbTables(context), ...briefs(context)];
  // Where nothing was measured, why is the news.
  return verdictOf(report) === "blind" ? [...remarks, ...changes, ...pictures] : [...changes, ...pictures, ...remarks];
}

function caution({ totals, products, previousRunId }: Report): string | null {
  const { read, notRead } = totals;
  if (notRead === 0 || read === 0) return null;
  const one = notRead === 1;
  const unknown =
    previousRunId === null ? (one ? "what it misses" : "what they miss") : `whether ${one ? "it" : "they"} got worse`;
  return `${count(notRead)} of ${count(products.length)} software could not be measured: ${unknown} is not known.`;
}

function kbTables(context: Context): KbTable[] {
  const isFirst = verdictOf(context.report) === "first";
  const tables = [
    kbTable(context, "new", "New"),
    kbTable(context, "worsened", "Worse"),
    kbTable(context, "returned", "Returned after it was resolved"),
    overdueTable(context),
    isFirst ? kbTable(context, "baseline", "Missing now") : null,
  ];
  return tables.filter((table) => table !== null);
}

function kbTable(context: Context, kind: Places & RowKind, title: string): KbTable | null {
  const rows = context.byKind.get(kind);
  if (!rows) return null;
  return {
    type: "table",
    title: `${title}: ${many(rows.length, "KB")}`,
    note: null,
    ...kbLines(context, kind, rows, { change: kind }),
  };
}

function kbLines(context: Context, of: Places, rows: readonly KbRow[], narrowed: Record<string, string>) {
  const room = places(context, of, rows.length);
  return {
    kbs: rows.slice(0, room).map((row) => kbLine(row, context, places(context, "software", row.entries.length))),
    rest: restOf(context, rows, room, narrowed),
  };
}

function restOf(
  { linkTo, list }: Context,
  rows: readonly KbRow[],
  room: number,
  narrowed: Record<string, string>,
): Rest | null {
  const left = rows.slice(room);
  if (left.length === 0) return null;
  const link = linkTo(narrowed);
  const where = [...(link ? ["in the report"] : []), ...(list === "attached" ? ["in the attached list"] : [])].join(
    " and ",
  );
  return { text: `${count(left.length)} more${onUpTo(reachOf(left), ", on up to ")}${where && `: ${where}`}.`, link };
}

// What has just become overdue is news, and what will be soon can still be helped; the rest is known.
function overdueTable(context: Context): KbTable | null {
  const { lately, soon, long, unknown } = context.overdue;
  const overdue = [...lately, ...long];
  const rows = [...lately, ...soon, ...long].filter(({ kind }) => !isWorse(kind));
  if (rows.length === 0) return null;
  const above = overdue.filter(({ kind }) => isWorse(kind)).length;
  const notes = [
    lately.length > 0 && `${count(lately.length)} since the last report`,
    soon.length > 0 && overdue.length > 0 && `${count(soon.length)} more before the next one`,
    above > 0 && `${count(above)} told above`,
    unknown > 0 && `${count(unknown)} more not measured now`,
  ].filter((note) => note !== false);
  return {
    type: "table",
    title:
      overdue.length > 0
        ? `Overdue: ${many(overdue.length, "KB")} missing for more than ${many(context.report.dueDays, "day")}`
        : `Overdue before the next report: ${many(soon.length, "KB")}`,
    note: notes.length > 0 ? `${notes.join("; ")}.` : null,
    ...kbLines(context, "overdue", rows, overdue.length > 0 ? { overdue: "true" } : {}),
  };
}

function briefs(context: Context): Brief[] {
  return [
    brief(context, "improved", "Better", "A count falls as well when machines leave or go silent for 30 days."),
    brief(context, "resolved", "Resolved", "No longer listed for any software that was measured in both runs."),
  ].filter((brief) => brief !== null);
}

function brief(context: Context, kind: "improved" | "resolved", title: string, note: string): Brief | null {
  const rows = context.byKind.get(kind);
  if (!rows) return null;
  const room = places(context, "brief", rows.length);
  return {
    type: "brief",
    title: `${title}: ${many(rows.length, "KB")}`,
    note,
    kbs: rows.slice(0, room).map((row) => {
      const { number, link } = kbTitle(row);
      return { number, link, words: betterWords(row, 2) };
    }),
    rest: restOf(context, rows, room, { change: kind }),
  };
}
