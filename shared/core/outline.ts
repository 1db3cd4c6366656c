import { isWorse } from "./due.ts";
import { movedBy } from "./leads.ts";
import type { Report } from "./report.ts";
import { type KbRow, narrow } from "./row.ts";
import type { SinceDigest } from "./since.ts";
import { digestVerdict, type Verdict } from "./verdict.ts";

/** What a digest shows besides its news; what it leaves out it counts. A digest is as long as its news. */
export interface Outline {
  /** The KB that alone got worse, so that its own lines say what to do; `null` where none or several did. */
  only: KbRow | null;
  /** Of what to install: all that there is room for, the most urgent, or only how much it is. */
  actions: "all" | "first" | "counted";
  /** Of what is overdue: all that there is room for, what became so since the last report or will before the next, or its number. */
  overdue: "all" | "moving" | "counted";
  trend: boolean;
  bars: boolean;
}

type Extent = Omit<Outline, "only">;

const news: Extent = { actions: "first", overdue: "moving", trend: false, bars: false };
const calm: Extent = { actions: "all", overdue: "all", trend: true, bars: false };

const extents: Readonly<Record<Verdict, Extent>> = {
  worse: news,
  "not-read": { ...news, actions: "counted" },
  "partly-read": { ...news, actions: "counted" },
  // What to install names all that is missing, also what is overdue.
  first: { ...calm, overdue: "counted", bars: true },
  better: calm,
  joined: news,
  quiet: calm,
};

/** The outline of a report's digest. */
export function outlineOf(report: Report, since: SinceDigest | null): Outline {
  const only = onlyWorse(report, since);
  // A first digest shows all that there is, also where some products could not be read.
  const extent = extents[report.previousRunId === null ? "first" : digestVerdict(report, since)];
  return { ...extent, ...(only && { actions: "counted" }), only };
}

function onlyWorse({ rows }: Report, since: SinceDigest | null): KbRow | null {
  const [worse, late] = [rows, since?.rows ?? []].map((all) => narrow(all, ({ kind }) => isWorse(kind)));
  const [only, ...others] = worse ?? [];
  return only && others.length === 0 && late?.length === 0 ? only : null;
}

/** Rows of entries that got better, or are resolved: the largest fall first. */
export function fellMostFirst(rows: readonly KbRow[]): KbRow[] {
  return rows.toSorted((a, b) => movedBy(b) - movedBy(a));
}
