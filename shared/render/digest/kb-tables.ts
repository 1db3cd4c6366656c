import { isWorse, reachOf } from "../../core/due.ts";
import { rowsOfKind } from "../../core/leads.ts";
import { type KbRow, narrow, type RowKind } from "../../core/row.ts";
import type { SinceDigest } from "../../core/since.ts";
import { onUpTo } from "../headline.ts";
import { type DigestLines, linesShown } from "../limits.ts";
import { count, many, shortDay } from "../words.ts";
import { betterWords, type KbLine, kbLine, kbTitle, sinceLine } from "./kb-line.ts";
import { type Context, type Rest, restAt } from "./material.ts";

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

/** What got worse, what an earlier digest should have said, what is overdue, and in a first digest what is missing. */
export function kbTablesOf(context: Context): KbTable[] {
  const { report, since } = context;
  const isFirst = report.previousRunId === null;
  const tables = [
    ...worseTitles.map((each) => kbTable(context, each)),
    ...worseTitles.map((each) => since && sinceTable(context, since, each)),
    overdueTable(context),
    isFirst ? kbTable(context, { kind: "baseline", title: "Missing now" }) : null,
  ];
  return tables.filter((table) => table !== null);
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
function overdueTable(context: Context): KbTable | null {
  const { lately, soon, long, unknown } = context.overdue;
  const overdue = [...lately, ...long];
  const rows = narrow([...lately, ...soon, ...long], ({ kind }) => !isWorse(kind));
  if (rows.length === 0) return null;
  const above = narrow(overdue, ({ kind }) => isWorse(kind)).length;
  const notes = [
    lately.length > 0 && `${count(lately.length)} since the last report`,
    soon.length > 0 && overdue.length > 0 && `${count(soon.length)} more before the next one`,
    above > 0 && `${count(above)} listed above`,
    unknown > 0 && `${count(unknown)} more could not be read`,
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

/** What got better and what is resolved, in this run and since the last digest. */
export function briefsOf(context: Context): Brief[] {
  const { report, since } = context;
  const sinceWhen = since && `since the digest of ${shortDay(since.day)}`;
  return [
    brief(context, { kind: "improved", title: "Better", rows: report.rows }),
    brief(context, { kind: "resolved", title: "Resolved", rows: report.rows }),
    since && brief(context, { kind: "improved", title: `Better ${sinceWhen}`, rows: since.rows, isReported: false }),
    since && brief(context, { kind: "resolved", title: `Resolved ${sinceWhen}`, rows: since.rows, isReported: false }),
  ].filter((brief) => brief !== null);
}

interface BriefOf {
  kind: "improved" | "resolved";
  title: string;
  rows: readonly KbRow[];
  /** Whether the report page shows the same. */
  isReported?: boolean;
}

const briefNotes = {
  improved: "Counts also fall when machines leave or go silent for 30 days.",
  resolved: "No longer listed for the products named, in two reads.",
} as const;

function brief(context: Context, { kind, title, rows: all, isReported = true }: BriefOf): Brief | null {
  const rows = rowsOfKind(all, kind);
  if (rows.length === 0) return null;
  const lines = linesShown("brief", rows.length, context.room);
  return {
    type: "brief",
    title: `${title}: ${many(rows.length, "KB")}`,
    note: briefNotes[kind],
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
