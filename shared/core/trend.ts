import { addDays, type RunDate } from "./day.ts";
import type { Report } from "./report.ts";
import { countWatched, isPartial, type Totals } from "./totals.ts";

/** One day of a trend; `totals` is `null` where no run was committed. */
export interface TrendDay<Known extends Totals | null = Totals | null> {
  day: RunDate;
  totals: Known;
}

/** The consecutive days up to a report's, and what happened to missing installs in them. */
export interface DailyTrend {
  days: readonly TrendDay[];
  first: TrendDay<Totals>;
  last: TrendDay<Totals>;
  highest: TrendDay<Totals>;
  /** The rise of missing installs since the first day; negative if they fell. */
  rise: number;
  /** Days on which products joined or left the watchlist, so that later counts are not comparable with earlier ones. */
  listChanged: readonly RunDate[];
  /** How many days include last known counts, because some products could not be read. */
  partialDays: number;
}

/** The trend of a report's last `length` days; `null` where fewer than two of them had a run. */
export function dailyTrend(report: Pick<Report, "day" | "totals" | "trend">, length: number): DailyTrend | null {
  const today = report.day;
  const byDay = new Map(report.trend.map(({ day, totals }) => [day, totals]));
  byDay.set(today, report.totals);
  const days = Array.from({ length }, (_, index): TrendDay => {
    const day = addDays(today, index + 1 - length);
    return { day, totals: byDay.get(day) ?? null };
  });
  const known = days.filter(isKnown);
  const [first, last] = [known[0], known.at(-1)];
  if (!first || !last || first === last) return null;
  return {
    ...{ days, first, last },
    highest: highest(known) ?? last,
    rise: installs(last) - installs(first),
    listChanged: daysOfListChange(known),
    partialDays: known.filter(({ totals }) => isPartial(totals)).length,
  };
}

/** The first of those with the most missing installs; `undefined` of none. */
export function highest<Point extends { totals: Totals }>(points: readonly Point[]): Point | undefined {
  const [first, ...others] = points;
  return others.reduce((most, point) => (most && installs(point) > installs(most) ? point : most), first);
}

function isKnown(day: TrendDay): day is TrendDay<Totals> {
  return day.totals !== null;
}

function installs({ totals }: { totals: Totals }): number {
  return totals.missingInstalls;
}

function daysOfListChange(known: readonly TrendDay<Totals>[]): RunDate[] {
  return known.slice(1).flatMap(({ day, totals }, index) => {
    const before = known[index]?.totals ?? totals;
    return totals.baseline > 0 || countWatched(before) !== countWatched(totals) ? [day] : [];
  });
}
