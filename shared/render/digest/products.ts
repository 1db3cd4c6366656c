import { daysBetween } from "../../core/day.ts";
import type { ProductRow } from "../../core/report.ts";
import { dayOf, type RunId } from "../../core/run-id.ts";
import { count, formatDay, formatRun, many, shown, softwareLabel } from "../words.ts";
import { type Context, places, type Rest } from "./context.ts";

/** How much each software misses, as bars. */
export interface SoftwareBars {
  type: "bars";
  bars: { label: string; words: string; percent: number; read: boolean }[];
  rest: Rest | null;
  /** Of software that misses nothing. */
  note: string | null;
}

/** What a reader must know of some software. */
export interface Remark {
  type: "remark";
  title: string;
  tone: "caution" | "plain";
  points: Point[];
  rest: Rest | null;
}

/** One thing that holds for some software. */
export interface Point {
  text: string;
  products: string[];
  /** How many more found no room. */
  more: number;
}

/** A bar for each software that has KBs, the longest first; of one not measured its last known, with the day. */
export function softwareBars(context: Context): SoftwareBars | null {
  const { products } = context.report;
  const rows = products
    .filter(({ missingKbs }) => missingKbs > 0)
    .sort((a, b) => b.missingInstalls - a.missingInstalls || b.missingKbs - a.missingKbs);
  if (rows.length === 0) return null;
  const room = places(context, "bars", rows.length);
  const most = Math.max(1, rows[0]?.missingInstalls ?? 0);
  const empty = products.filter(({ state }) => state === "empty").length;
  return {
    type: "bars",
    bars: rows.slice(0, room).map((row) => ({
      label: shown(softwareLabel(row.softwareId), 60),
      words: barWords(row),
      percent: Math.max(1, Math.round((100 * row.missingInstalls) / most)),
      read: row.state !== "not-read",
    })),
    rest: restOf(context, rows.length - room, "more software with missing KBs"),
    note: empty > 0 ? `Defender lists no missing KB for ${count(empty)} more.` : null,
  };
}

function barWords({ missingKbs, missingInstalls, state, current }: ProductRow): string {
  const words = `${many(missingKbs, "KB")}, ${many(missingInstalls, "pair")}`;
  return state === "not-read" && current !== null ? `${words} on ${formatDay(dayOf(current))}` : words;
}

function restOf({ linkTo }: Context, left: number, what: string): Rest | null {
  if (left <= 0) return null;
  const link = linkTo();
  return { text: `${count(left)} ${what}${link ? ": in the report" : ""}.`, link };
}

/** What is now watched, what could not be measured, and what an answer alone does not say. */
export function remarksOf(context: Context): Remark[] {
  return [joined(context), unmeasured(context), notKbPatched(context), unusable(context)].filter(
    (remark) => remark !== null,
  );
}

function joined(context: Context): Remark | null {
  const { products, previousRunId } = context.report;
  // Of the first run the headline and the bars say the same.
  if (previousRunId === null) return null;
  const told = ({ softwareId, missingKbs }: ProductRow) => `${named(softwareId)}: ${many(missingKbs, "KB")} missing`;
  return remark(context, {
    title: "Now watched",
    text: "Seen for the first time, so nothing of it is called new.",
    rows: products.filter(({ baseline }) => baseline),
    told,
  });
}

function notKbPatched(context: Context): Remark | null {
  return remark(context, {
    title: "Not patched by KBs",
    text: "Defender counts weaknesses here and lists no KB for them: an empty list, but not a patched one. Look in the Defender portal.",
    rows: context.report.products.filter(({ state }) => state === "not-kb-patched"),
    told: ({ softwareId }) => named(softwareId),
  });
}

function unusable(context: Context): Remark | null {
  return remark(context, {
    title: "Unusable items",
    text: "Defender's answer held items without a usable KB number; they are left out.",
    rows: context.report.products.filter((row) => row.unusable > 0),
    told: (row) => `${named(row.softwareId)}: ${many(row.unusable, "item")}`,
  });
}

interface OneReason {
  title: string;
  text: string;
  rows: readonly ProductRow[];
  told: (row: ProductRow) => string;
}

function remark(context: Context, { title, text, rows, told }: OneReason): Remark | null {
  if (rows.length === 0) return null;
  return {
    type: "remark",
    title: titled(title, rows),
    tone: "plain",
    points: [point(context, text, rows, told)],
    rest: null,
  };
}

function titled(title: string, rows: readonly ProductRow[]): string {
  return `${title}: ${count(rows.length)} software`;
}

function point(context: Context, text: string, rows: readonly ProductRow[], told: OneReason["told"]): Point {
  const room = places(context, "names", rows.length);
  return { text, products: rows.slice(0, room).map(told), more: Math.max(0, rows.length - room) };
}

// The exact id, for this is where a person may have to act.
function named(softwareId: string): string {
  return shown(softwareId, 80);
}

const noReason = "It was not measured in this run.";

// A reason is told once, however many software it holds for.
function unmeasured(context: Context): Remark | null {
  const { products, runId } = context.report;
  const rows = products.filter(({ state }) => state === "not-read");
  if (rows.length === 0) return null;
  const reasons = [...Map.groupBy(rows, ({ failure }) => failure?.reason ?? noReason).values()];
  reasons.sort((a, b) => b.length - a.length);
  const room = places(context, "reasons", reasons.length);
  return {
    type: "remark",
    title: titled("Not read", rows),
    tone: "caution",
    points: reasons
      .slice(0, room)
      .map((group) =>
        point(
          context,
          reasonOf(group),
          longestFirst(group),
          (row) => `${named(row.softwareId)}: ${howLong(row, runId)}`,
        ),
      ),
    rest: restOf(context, reasons.slice(room).flat().length, "more for other reasons"),
  };
}

function reasonOf(group: readonly ProductRow[]): string {
  const failure = group[0]?.failure;
  const reason = shown(failure?.reason ?? noReason, 400);
  return failure?.permanent ? `${reason} This stays until someone acts.` : reason;
}

function longestFirst(group: readonly ProductRow[]): ProductRow[] {
  return [...group].sort((a, b) => (b.failure?.misses ?? 0) - (a.failure?.misses ?? 0));
}

function howLong({ failure, current }: ProductRow, runId: RunId): string {
  const misses = failure?.misses ?? 1;
  const since =
    misses > 1 && failure ? `${many(misses, "run")} in a row, since ${formatRun(failure.since)}` : "this run";
  if (current === null) return `${since}; never measured before`;
  const days = daysBetween(dayOf(current), dayOf(runId));
  return `${since}; last measured ${formatRun(current)}, ${days === 0 ? "the same day" : `${many(days, "day")} ago`}`;
}
