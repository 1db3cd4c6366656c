import { isNotRead, notReadByReason, productsIn } from "../../core/products.ts";
import { hasLeftInventory, isUnknownId, type ProductRow, type Report } from "../../core/report.ts";
import { dayOf } from "../../core/run-id.ts";
import { incomparable } from "../../core/since.ts";
import { linesShown } from "../limits.ts";
import { agree, count, formatDay, formatRun, many, shortDay, shown } from "../words.ts";
import { coverageRemark, listRemark } from "./coverage.ts";
import { type Context, type OneLine, type Rest, restAt } from "./material.ts";

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

/** What was not delivered, what could not be read, what can be again, what is now watched, and what an answer alone does not say. */
export function remarksOf(context: Context): Remark[] {
  return [
    notDelivered(context),
    listRemark(context),
    allMissing(context),
    unknownIds(context),
    leftInventory(context),
    notRead(context),
    readable(context),
    joined(context),
    joinedSince(context),
    notKbPatched(context),
    differed(context),
    unusable(context),
    coverageRemark(context),
  ].filter((remark) => remark !== null);
}

function notDelivered({ undelivered: { digests, more } }: Context): Remark | null {
  if (digests.length === 0) return null;
  const points = digests.map(({ runId, reason, mayHaveArrived }) => {
    const digest = `The digest of ${shortDay(dayOf(runId))}`;
    const why = reason ? `: ${shown(reason, 300)}` : ".";
    return mayHaveArrived ? `${digest} may not have arrived.` : `${digest} was not delivered${why}`;
  });
  const texts = more > 0 ? [...points, `And ${count(more)} more.`] : points;
  return {
    type: "remark",
    title: `Not delivered: ${many(digests.length + more, "digest")}`,
    tone: "caution",
    points: texts.map((text) => ({ text, products: [], more: 0 })),
    rest: null,
  };
}

function allMissing(context: Context): Remark | null {
  const rows = incomparable(context.report, context.since, context.undelivered.isFirst);
  return remark(context, {
    title: "All that is missing",
    text: `There is no earlier digest to compare ${agree(rows.length, "this", "these")} with.`,
    rows,
    line: missingLine,
  });
}

function unknownIds(context: Context): Remark | null {
  const rows = context.report.products.filter(isUnknownId);
  const them = agree(rows.length, "it", "each");
  return remark(context, {
    title: "Unknown id",
    tone: "caution",
    text: `Defender does not know ${agree(rows.length, "this id", "these ids")}. Look ${them} up in Defender's software inventory and correct the watchlist.`,
    rows,
    line: ({ softwareId }) => named(softwareId),
  });
}

function leftInventory(context: Context): Remark | null {
  const { report } = context;
  return remark(context, {
    title: "Left the inventory",
    tone: "caution",
    text: "Not found for 14 days or longer, and not called resolved. Take off the watchlist what is no longer installed.",
    rows: report.products.filter((row) => hasLeftInventory(row, report.day)),
    line: (row) => `${named(row.softwareId)}: ${howLong(row, report)}`,
  });
}

function readable(context: Context): Remark | null {
  return sinceRemark(context, "Can be read again", context.since?.readable ?? []);
}

function joinedSince(context: Context): Remark | null {
  const { since } = context;
  return since && sinceRemark(context, `Now watched since the digest of ${shortDay(since.day)}`, since.watched);
}

function sinceRemark(context: Context, title: string, softwareIds: readonly string[]): Remark | null {
  const ids = new Set(softwareIds);
  const rows = context.report.products.filter(({ softwareId }) => ids.has(softwareId));
  return remark(context, { title, rows, line: missingLine });
}

/** What rose and fell within the thresholds, or was reported when it did: counted, so that the lists above add up. */
export function meanwhile({ since }: Context): OneLine | null {
  if (!since || since.rose + since.cameAndWent === 0) return null;
  const rose = since.rose > 0 && `${many(since.rose, "KB")} rose below the thresholds`;
  const passed = since.cameAndWent > 0 && `${count(since.cameAndWent)} came and went`;
  const words = [rose, passed].filter((part) => part !== false).join("; ");
  return { type: "line", title: `Since the digest of ${shortDay(since.day)}`, text: `${words}.`, rest: null };
}

function joined(context: Context): Remark | null {
  const { products, previousRunId } = context.report;
  // Of the first run the headline and the bars say the same.
  if (previousRunId === null) return null;
  const rows = products.filter(({ baseline }) => baseline);
  return remark(context, {
    title: "Now watched",
    rows,
    line: missingLine,
  });
}

function missingLine(row: ProductRow): string {
  const missing = `${many(row.missingKbs, "KB")} missing`;
  if (row.state === "not-kb-patched") return `${named(row.softwareId)}: not patched by KBs`;
  return `${named(row.softwareId)}: ${isNotRead(row) ? `${missing} when last read` : missing}`;
}

function notKbPatched(context: Context): Remark | null {
  return remark(context, {
    title: "Not patched by KBs",
    text: "Defender counts weaknesses but lists no KBs: that does not mean patched.",
    rows: productsIn(context.report, "not-kb-patched"),
    line: ({ softwareId, unlistedKbs }) =>
      unlistedKbs > 0
        ? `${named(softwareId)}: ${many(unlistedKbs, "KB")} no longer listed, and not known to be resolved`
        : named(softwareId),
  });
}

function differed(context: Context): Remark | null {
  return remark(context, {
    title: "Two answers differed",
    text: "What either answer listed counts as missing.",
    rows: context.report.products.filter((row) => row.differed),
    line: missingLine,
  });
}

function unusable(context: Context): Remark | null {
  return remark(context, {
    title: "Unusable items",
    text: "Items without a usable KB number are left out.",
    rows: context.report.products.filter((row) => row.unusable > 0),
    line: (row) => `${named(row.softwareId)}: ${many(row.unusable, "item")}`,
  });
}

interface OneRemark {
  title: string;
  tone?: Remark["tone"];
  /** Empty where the title says it all. */
  text?: string;
  rows: readonly ProductRow[];
  line: (row: ProductRow) => string;
}

function remark(context: Context, { title, tone = "plain", text = "", rows, line }: OneRemark): Remark | null {
  if (rows.length === 0) return null;
  return {
    type: "remark",
    title: titled(title, rows.length),
    tone,
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
  const products = report.products.filter(
    (row) => isNotRead(row) && !isUnknownId(row) && !hasLeftInventory(row, report.day),
  );
  const reasons = notReadByReason({ products });
  if (reasons.length === 0) return null;
  const lines = linesShown("reasons", reasons.length, room);
  const left = reasons.slice(lines).reduce((sum, { products }) => sum + products.length, 0);
  const line = (row: ProductRow) => `${named(row.softwareId)}: ${howLong(row, report)}`;
  return {
    type: "remark",
    title: titled("Could not be read", products.length),
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

function howLong({ failure, readOn, missingKbs, missingInstalls }: ProductRow, { timeZone }: Report): string {
  const misses = failure?.misses ?? 1;
  const since =
    misses > 1 && failure
      ? `since ${formatRun(failure.since, timeZone)}, ${many(misses, "run")} in a row`
      : "this run only";
  if (readOn === null) return `${since}; never read before`;
  return `${since}; last read ${formatDay(readOn)}: ${many(missingKbs, "KB")}, ${many(missingInstalls, "missing install")}`;
}
