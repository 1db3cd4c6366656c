import { addDays, daysBetween, type RunDate } from "./day.ts";
import type { TrendPoint } from "./report.ts";
import { dayOf, type RunId } from "./run-id.ts";
import { countWatched } from "./totals.ts";

/** What a forecast rests on, so that a reader can check it. */
export interface ForecastBasis {
  /** How many runs the line was drawn through. */
  runs: number;
  from: RunId;
  to: RunId;
  /** Machine-KB pairs in the first and in the last of them. */
  first: number;
  last: number;
  /** Slope of the least-squares line, in pairs a day; negative where they fall. */
  perDay: number;
  /** How much of the ups and downs the line explains (r²), 0 to 1. */
  steadiness: number;
}

/**
 * Where the missing updates are heading. `clear`: none are missing. `too-few`: not enough comparable runs.
 * `not-falling`: no steady fall. `distant`: falling, but a year would not do. `falling`: zero on `zeroOn`, if it goes on so.
 */
export type Forecast =
  | { outlook: "clear" }
  | { outlook: "too-few"; runs: number; needed: number }
  | ({ outlook: "not-falling" | "distant" } & ForecastBasis)
  | ({ outlook: "falling"; zeroOn: RunDate } & ForecastBasis);

/** `steadiness`: below it a line says nothing. `days`: further ahead a straight line is a guess. */
const limits = { runs: 14, needed: 5, steadiness: 0.5, days: 365 };

/** Draws a line through the last 14 comparable runs of a trend and follows it from the last one to zero. */
export function forecast(trend: readonly TrendPoint[]): Forecast {
  const points = comparable(trend).slice(-limits.runs);
  const [first, last] = [points[0], points.at(-1)];
  if (last?.totals.missingInstalls === 0) return { outlook: "clear" };
  if (!first || !last || points.length < limits.needed) {
    return { outlook: "too-few", runs: points.length, needed: limits.needed };
  }
  const line = fitLine(points.map(({ runId, totals }) => [daysOf(first, runId), totals.missingInstalls]));
  const basis = {
    runs: points.length,
    from: first.runId,
    to: last.runId,
    first: first.totals.missingInstalls,
    last: last.totals.missingInstalls,
    ...line,
  };
  if (line.perDay >= 0 || line.steadiness < limits.steadiness) return { outlook: "not-falling", ...basis };
  // From the last count, not from the line's own end, so that a reader can do the sum; the slack is for rounding errors.
  const days = Math.ceil(basis.last / -line.perDay - 1e-6);
  if (days > limits.days) return { outlook: "distant", ...basis };
  return { outlook: "falling", zeroOn: addDays(dayOf(last.runId), days), ...basis };
}

/**
 * The runs at the end of a trend that watched equally many software and measured some. A software that joins or leaves
 * the watchlist moves the sum with nothing patched or missed; a run that measured nothing repeats the sum before.
 */
function comparable(trend: readonly TrendPoint[]): TrendPoint[] {
  const last = trend.at(-1);
  const other = trend.findLastIndex((point) => !last || countWatched(point.totals) !== countWatched(last.totals));
  return trend.slice(other + 1).filter(({ totals }) => totals.read > 0);
}

function daysOf(first: TrendPoint, runId: RunId): number {
  return daysBetween(dayOf(first.runId), dayOf(runId));
}

/** The least-squares line through points of different x. */
function fitLine(points: readonly (readonly [x: number, y: number])[]): Pick<ForecastBasis, "perDay" | "steadiness"> {
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  return { perDay: xx === 0 ? 0 : xy / xx, steadiness: xx === 0 || yy === 0 ? 0 : Math.min(1, xy ** 2 / (xx * yy)) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
