import { isWorse, reachOf } from "../../core/due.ts";
import { rowsOfKind } from "../../core/leads.ts";
import { fellMostFirst } from "../../core/outline.ts";
import { type KbRow, narrow, type RowKind } from "../../core/row.ts";
import type { SinceDigest } from "../../core/since.ts";
import { onUpTo } from "../headline.ts";
import { type DigestLines, linesShown } from "../limits.ts";
import { count, many, shortDay } from "../words.ts";
import { betterWords, type KbLine, kbLine, kbTitle, sinceLine } from "./kb-line.ts";
import { type Context, type OneLine, type Rest, restAt } from "./material.ts";

/** KBs with their counts. */
export interface KbTable {
  type: "table";
  title: string;
  note: string | null;
  kbs: KbLine[];
  rest: Rest | null;
}

/** KBs in one line: the first by name. */
export interface Brief {
  type: "brief";
  title: string;
  kbs: { number: string; link: string | null; words: string }[];
  rest: Rest | null;
}

/** What got worse, and what an earlier digest should have said. */
export function worseTablesOf(context: Context): KbTable[] {
  const { since } = context;
  const tables = [
    ...worseTitles.map((each) => kbTable(context, each)),
    ...worseTitles.map((each) => since && sinceTable(context, since, each)),
  ];
  return tables.filter((table) => table !== null);
}

/** What is overdue, and in a first digest how much is missing. */
export function knownTablesOf(context: Context): (KbTable | OneLine)[] {
  return [overdueTable(context), missingLine(context)].filter((table) => table !== null);
}

// What to install names each, or what closes it.
function missingLine({ report, list, linkTo }: Context): OneLine | null {
  const rows = rowsOfKind(report.rows, "baseline");
  if (report.previousRunId !== null || rows.length === 0) return null;
  const reach = onUpTo(reachOf(rows), "On up to ");
  const rest = restAt(reach || "All", linkTo(), list === "attached" ? ["the attached list"] : []);
  return { type: "line", title: `Missing now: ${many(rows.length, "KB")}`, text: "", rest };
}

interface TableOf {
  kind: DigestLines & RowKind;
  title: string;
}

const worseTitles: readonly TableOf[] = [
  { kind: "new", title: "New" },
  { kind: "worsened", title: "Worse" },
  { kind: "returned", title: "Back after being resolved" },
  { kind: "more-cves", title: "More CVEs, on fewer machines" },
];

function kbTable(context: Context, { kind, title }: TableOf): KbTable | null {
  const rows = rowsOfKind(context.report.rows, kind);
  return rows.length > 0 ? table(title, rows, kbLines(context, kind, rows, { change: kind })) : null;
}

function sinceTable(context: Context, since: SinceDigest, { kind, title }: TableOf): KbTable | null {
  const rows = rowsOfKind(since.rows, kind);
  const lines = linesShown(kind, rows.length, context.room);
  const kbs = rows.slice(0, lines).map((row) => sinceLine(row, context));
  const titled = `${title} since the digest of ${shortDay(since.day)}`;
  return rows.length > 0 ? table(titled, rows, { kbs, rest: restOfSince(rows.slice(lines)) }) : null;
}

function table(title: string, rows: readonly KbRow[], lines: Pick<KbTable, "kbs" | "rest">): KbTable {
  return { type: "table", title: `${title}: ${many(rows.length, "KB")}`, note: null, ...lines };
}

function kbLines(context: Context, of: DigestLines, rows: readonly KbRow[], narrowed: Record<string, string>) {
  const lines = linesShown(of, rows.length, context.room);
  return {
    kbs: rows.slice(0, lines).map((row) => kbLine(row, context)),
    rest: restOf(context, rows.slice(lines), narrowed),
  };
}

function restOf({ linkTo, list }: Context, left: readonly KbRow[], narrowed: Record<string, string>): Rest | null {
  if (left.length === 0) return null;
  const text = `${count(left.length)} more${onUpTo(reachOf(left), ", on up to ")}`;
  return restAt(text, linkTo(narrowed), list === "attached" ? ["the attached list"] : []);
}

// What has just become overdue is news, and what soon will be can still be helped; the rest is known.
function overdueTable(context: Context): KbTable | OneLine | null {
  const { lately, soon, long, unknown } = context.overdue;
  const extent = context.outline.overdue;
  const overdue = [...lately, ...long];
  const titles = [
    overdue.length > 0 && `Overdue: ${many(overdue.length, "KB")}`,
    soon.length > 0 && `Overdue before the next report: ${many(soon.length, "KB")}`,
    unknown > 0 && `Overdue when last read: ${many(unknown, "KB")}`,
  ];
  const title = titles.find((one) => one !== false);
  if (!title) return null;
  const rows = notAbove([...lately, ...soon, ...long]);
  const moving = notAbove([...lately, ...soon]);
  const listed = { all: rows, moving, counted: [] }[extent];
  const above = overdue.length - notAbove(overdue).length;
  const notes = [
    extent !== "counted" &&
      overdue.length > 0 &&
      `${lately.length > 0 ? count(lately.length) : "None"} since the last report`,
    soon.length > 0 && overdue.length > 0 && `${count(soon.length)} more before the next one`,
    above > 0 && `${count(above)} listed above`,
    unknown > 0 && overdue.length + soon.length > 0 && `${count(unknown)} more could not be read`,
  ].filter((note) => note !== false);
  const note = notes.length > 0 ? `${notes.join("; ")}.` : "";
  const narrowed = overdue.length > 0 ? { overdue: "true" } : {};
  const lines = Math.min(listed.length, linesShown("overdue", listed.length, context.room));
  if (lines > 0) {
    const kbs = listed.slice(0, lines).map((row) => kbLine(row, context));
    return { type: "table", title, note: note || null, kbs, rest: restOf(context, rows.slice(lines), narrowed) };
  }
  const where = onUpTo(reachOf(rows), "On up to ");
  return { type: "line", title, text: note, rest: where ? restAt(where, context.linkTo(narrowed)) : null };
}

/** What no section above lists. */
function notAbove(rows: readonly KbRow[]): KbRow[] {
  return narrow(rows, ({ kind }) => !isWorse(kind));
}

/** What got better and what is resolved, in this run and since the last digest. */
export function briefsOf(context: Context): (Brief | OneLine)[] {
  const { report, since } = context;
  const sinceWhen = since && `since the digest of ${shortDay(since.day)}`;
  const briefs = [
    brief(context, { kind: "improved", title: "Better", rows: report.rows }),
    brief(context, { kind: "resolved", title: "Resolved", rows: report.rows }),
    since && brief(context, { kind: "improved", title: `Better ${sinceWhen}`, rows: since.rows, isReported: false }),
    since && brief(context, { kind: "resolved", title: `Resolved ${sinceWhen}`, rows: since.rows, isReported: false }),
    replacedLine(context),
  ];
  return briefs.filter((brief) => brief !== null);
}

// Its successor's line says which: only how many it is needs saying.
function replacedLine({ report: { totals } }: Context): OneLine | null {
  if (totals.replaced === 0) return null;
  return { type: "line", title: `Replaced by newer updates: ${many(totals.replaced, "KB")}`, text: "", rest: null };
}

interface BriefOf {
  kind: "improved" | "resolved";
  title: string;
  rows: readonly KbRow[];
  /** Whether the report page shows the same. */
  isReported?: boolean;
}

function brief(context: Context, { kind, title, rows: all, isReported = true }: BriefOf): Brief | null {
  const rows = fellMostFirst(rowsOfKind(all, kind));
  if (rows.length === 0) return null;
  const lines = linesShown("brief", rows.length, context.room);
  return {
    type: "brief",
    title: `${title}: ${many(rows.length, "KB")}`,
    kbs: rows.slice(0, lines).map((row) => {
      const { number, link } = kbTitle(row);
      return { number, link, words: betterWords(row) };
    }),
    rest: isReported ? restOf(context, rows.slice(lines), { change: kind }) : restOfSince(rows.slice(lines)),
  };
}

function restOfSince(left: readonly KbRow[]): Rest | null {
  return left.length > 0 ? restAt(`${count(left.length)} more${onUpTo(reachOf(left), ", on up to ")}`, null) : null;
}
