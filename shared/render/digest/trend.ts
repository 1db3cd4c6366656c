import { addDays, daysBetween, type RunDate } from "../../core/day.ts";
import type { Report } from "../../core/report.ts";
import { dayOf } from "../../core/run-id.ts";
import type { Totals } from "../../core/totals.ts";
import { count, formatDay, listed, many } from "../words.ts";

/** One day of a trend. */
export interface TrendDay {
  day: RunDate;
  /** Missing machine-KB pairs; `null` where no run was committed. */
  pairs: number | null;
  /** Whether some software was not measured, so that its last known counts stand in. */
  partial: boolean;
}

/** A row of days with what it says in words. */
export interface Trend {
  type: "trend";
  days: TrendDay[];
  words: string;
}

const length = 30;

/** The 30 days up to a report's, one after another; `null` before a second run there is nothing to see. */
export function trendOf(report: Report): Trend | null {
  const totals = totalsByDay(report);
  const last = dayOf(report.runId);
  const days = Array.from({ length }, (_, index): TrendDay => {
    const day = addDays(last, index + 1 - length);
    const of = totals.get(day);
    return { day, pairs: of?.missingInstalls ?? null, partial: (of?.notRead ?? 0) > 0 };
  });
  const known = days.filter(hasPairs);
  return known.length < 2 ? null : { type: "trend", days, words: trendWords(known, totals, report.totals.read === 0) };
}

function totalsByDay({ trend, runId, totals }: Report): Map<RunDate, Totals> {
  const last = dayOf(runId);
  const byDay = new Map<RunDate, Totals>();
  for (const point of trend) {
    const day = dayOf(point.runId);
    const age = daysBetween(day, last);
    if (age >= 0 && age < length) byDay.set(day, point.totals);
  }
  return byDay.set(last, totals);
}

type KnownDay = TrendDay & { pairs: number };

function hasPairs(day: TrendDay): day is KnownDay {
  return day.pairs !== null;
}

function trendWords(known: readonly KnownDay[], totals: ReadonlyMap<RunDate, Totals>, isBlind: boolean): string {
  const [first, last] = [known[0], known.at(-1)];
  if (!first || !last) return "";
  const highest = known.reduce((most, day) => (day.pairs > most.pairs ? day : most));
  const change = last.pairs - first.pairs;
  const changed = change === 0 ? "no change" : `${change > 0 ? "+" : "−"}${count(Math.abs(change))}`;
  const sentences = [
    `${count(last.pairs)} ${isBlind ? "when last measured" : "now"}, ${changed} from ${count(first.pairs)} on ${formatDay(first.day)}; the most was ${count(highest.pairs)} on ${formatDay(highest.day)}.`,
  ];
  const moved = daysOfOtherSoftware(known, totals);
  if (moved.length > 0) {
    sentences.push(`Not the same software throughout: the list changed on ${listed(moved.slice(-2).map(formatDay))}.`);
  }
  const partial = known.filter((day) => day.partial).length;
  if (partial > 0) {
    sentences.push(`On ${many(partial, "day")} some software was not measured and its last known counts stand in.`);
  }
  sentences.push("A pair is one machine that misses one KB.");
  return sentences.join(" ");
}

// More software means more pairs, which is no news of any machine.
function daysOfOtherSoftware(known: readonly KnownDay[], totals: ReadonlyMap<RunDate, Totals>): RunDate[] {
  const size = (day: RunDate) => {
    const of = totals.get(day);
    return of ? of.read + of.notRead : 0;
  };
  return known.slice(1).flatMap(({ day }, index) => {
    const before = known[index];
    const joined = (totals.get(day)?.baseline ?? 0) > 0;
    return joined || (before && size(before.day) !== size(day)) ? [day] : [];
  });
}
