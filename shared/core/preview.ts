import { daysBetween, type RunDate } from "./day.ts";
import { isOverdue } from "./due.ts";
import type { KbRow } from "./row.ts";
import type { RunId } from "./run-id.ts";
import { compareText } from "./text.ts";

/** Scheduled runs that a preview replays at most. */
export const mostPreviewed = 90;

/** Whether a run mails, and with which subject; `null` where it does not. */
export interface PreviewMail {
  mails: boolean;
  subject: string | null;
}

/** One run of a preview: the mail that it owed, and the one that it would owe under the settings tried. */
export interface PreviewRun {
  runId: RunId;
  day: RunDate;
  was: PreviewMail;
  would: PreviewMail;
  /** The ids of the KBs that are overdue by the settings tried. */
  overdue: readonly string[];
}

/** A KB that was overdue in some runs, all of them without a mail under the settings tried. */
export interface UnmentionedKb {
  id: string;
  /** The days of the first and the last of these runs. */
  since: RunDate;
  until: RunDate;
}

/** Past runs under other settings, as if every digest had been delivered. */
export interface Preview {
  /** Oldest first. */
  runs: readonly Omit<PreviewRun, "overdue">[];
  /** How many runs mail. */
  mails: { was: number; would: number };
  /** The most days between two mails; before the first and after the last one, to the first and the last run. */
  silentDays: { was: number; would: number };
  /** How many KBs were ever overdue. */
  overdueKbs: number;
  /** Those that were not overdue any more by the time of the next mail; the oldest first, as in `waiting`. */
  unmentioned: readonly UnmentionedKb[];
  /** Those overdue in the last run, with no mail yet. */
  waiting: readonly UnmentionedKb[];
}

/** The ids of the KBs with an overdue entry. */
export function overdueIds(rows: Iterable<Pick<KbRow, "id" | "entries">>, day: RunDate): string[] {
  return [...rows].filter(({ entries }) => entries.some((entry) => isOverdue(entry, day))).map(({ id }) => id);
}

/** Counts the mails of replayed runs, and the overdue KBs that no mail would have had. */
export function countPreview(runs: readonly PreviewRun[]): Preview {
  const overdue = new Map<string, UnmentionedKb>();
  const mentioned = new Set<string>();
  for (const { day, would, overdue: ids } of runs) {
    for (const id of ids) {
      overdue.set(id, { id, since: overdue.get(id)?.since ?? day, until: day });
      if (would.mails) mentioned.add(id);
    }
  }
  const silent = [...overdue.values()].filter(({ id }) => !mentioned.has(id));
  silent.sort((a, b) => compareText(a.since, b.since) || compareText(a.id, b.id));
  const now = new Set(runs.at(-1)?.overdue);
  return {
    runs: runs.map(({ overdue: _, ...run }) => run),
    mails: { was: mailDays(runs, "was").length, would: mailDays(runs, "would").length },
    silentDays: { was: longestSilence(runs, "was"), would: longestSilence(runs, "would") },
    overdueKbs: overdue.size,
    unmentioned: silent.filter(({ id }) => !now.has(id)),
    waiting: silent.filter(({ id }) => now.has(id)),
  };
}

function mailDays(runs: readonly PreviewRun[], side: "was" | "would"): RunDate[] {
  return runs.filter((run) => run[side].mails).map(({ day }) => day);
}

function longestSilence(runs: readonly PreviewRun[], side: "was" | "would"): number {
  const [first, last] = [runs[0], runs.at(-1)];
  if (!first || !last) return 0;
  const days = [first.day, ...mailDays(runs, side), last.day];
  const gaps = days.slice(1).map((day, index) => daysBetween(days[index] ?? day, day));
  return Math.max(...gaps);
}
