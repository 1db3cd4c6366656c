import { notReadByReason, productsIn } from "../../core/products.ts";
import type { ProductRow } from "../../core/report.ts";
import type { RunId } from "../../core/run-id.ts";
import { howMuchEarlier } from "../headline.ts";
import { linesShown } from "../limits.ts";
import { agree, count, formatRun, many, shown } from "../words.ts";
import { type Context, type Rest, restAt } from "./material.ts";

/** What a reader must know of some products. */
export interface Remark {
  type: "remark";
  title: string;
  tone: "caution" | "plain";
  points: Point[];
  rest: Rest | null;
}

/** One thing that holds for some products. */
export interface Point {
  text: string;
  products: string[];
  /** How many more found no room. */
  more: number;
}

/** What is now watched, what could not be read, and what an answer alone does not say. */
export function remarksOf(context: Context): Remark[] {
  return [joined(context), notRead(context), notKbPatched(context), unusable(context)].filter(
    (remark) => remark !== null,
  );
}

function joined(context: Context): Remark | null {
  const { products, previousRunId } = context.report;
  // Of the first run the headline and the bars say the same.
  if (previousRunId === null) return null;
  const rows = products.filter(({ baseline }) => baseline);
  return remark(context, {
    title: "Now watched",
    text: `Seen for the first time, so ${agree(rows.length, "its", "their")} KBs do not count as new.`,
    rows,
    line: ({ softwareId, missingKbs }) => `${named(softwareId)}: ${many(missingKbs, "KB")} missing`,
  });
}

function notKbPatched(context: Context): Remark | null {
  return remark(context, {
    title: "Not patched by KBs",
    text: "Defender counts weaknesses here but lists no KBs for them: an empty list does not mean patched. See the Defender portal.",
    rows: productsIn(context.report, "not-kb-patched"),
    line: ({ softwareId }) => named(softwareId),
  });
}

function unusable(context: Context): Remark | null {
  return remark(context, {
    title: "Unusable items",
    text: "Defender's answer contained items without a usable KB number; they are left out.",
    rows: context.report.products.filter((row) => row.unusable > 0),
    line: (row) => `${named(row.softwareId)}: ${many(row.unusable, "item")}`,
  });
}

interface OneRemark {
  title: string;
  text: string;
  rows: readonly ProductRow[];
  line: (row: ProductRow) => string;
}

function remark(context: Context, { title, text, rows, line }: OneRemark): Remark | null {
  if (rows.length === 0) return null;
  return {
    type: "remark",
    title: titled(title, rows.length),
    tone: "plain",
    points: [point(context, text, rows, line)],
    rest: null,
  };
}

function titled(title: string, products: number): string {
  return `${title}: ${many(products, "product")}`;
}

function point({ room }: Context, text: string, rows: readonly ProductRow[], line: OneRemark["line"]): Point {
  const lines = linesShown("names", rows.length, room);
  return { text, products: rows.slice(0, lines).map(line), more: Math.max(0, rows.length - lines) };
}

// The exact id, since here a person may have to act.
function named(softwareId: string): string {
  return shown(softwareId, 80);
}

// Each reason once, however many products it holds for.
function notRead(context: Context): Remark | null {
  const { report, room, linkTo } = context;
  const reasons = notReadByReason(report);
  if (reasons.length === 0) return null;
  const lines = linesShown("reasons", reasons.length, room);
  const left = reasons.slice(lines).reduce((sum, { products }) => sum + products.length, 0);
  const line = (row: ProductRow) => `${named(row.softwareId)}: ${howLong(row, report.runId)}`;
  return {
    type: "remark",
    title: titled("Not read", report.totals.notRead),
    tone: "caution",
    points: reasons
      .slice(0, lines)
      .map(({ reason, products }) => point(context, reasonWords(reason, products), products, line)),
    rest: left > 0 ? restAt(`${count(left)} more for other reasons`, linkTo()) : null,
  };
}

function reasonWords(reason: string | null, products: readonly ProductRow[]): string {
  const words = shown(reason ?? "The run did not read it.", 400);
  return products[0]?.failure?.permanent ? `${words} This stays until someone fixes it.` : words;
}

function howLong({ failure, current }: ProductRow, runId: RunId): string {
  const misses = failure?.misses ?? 1;
  const since =
    misses > 1 && failure ? `${many(misses, "run")} in a row, since ${formatRun(failure.since)}` : "this run only";
  if (current === null) return `${since}; never read before`;
  return `${since}; last read ${formatRun(current)}, ${howMuchEarlier(current, runId)}`;
}
