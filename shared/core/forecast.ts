import { addDays, daysBetween, type RunDate } from "./day.ts";
import type { TrendPoint } from "./report.ts";
import { countWatched } from "./totals.ts";

/** What a forecast is based on, so that a reader can check it. */
export interface ForecastBasis {
  /** How many runs the line was fitted to. */
  runs: number;
  from: RunDate;
  to: RunDate;
  /** Missing installs in the first and the last of them. */
  first: number;
  last: number;
  /** Slope of the least-squares line, in missing installs a day; negative if they fall. */
  perDay: number;
  /** The share of the variation that the line explains (r²), 0 to 1. */
  steadiness: number;
}

/**
 * Where missing installs are heading. `clear`: none are missing. `too-few`: not enough comparable runs. `not-falling`: no
 * steady fall. `distant`: falling, but zero is more than a year away. `falling`: zero on `zeroOn` if the fall continues.
 */
export type Forecast =
  | { outlook: "clear" }
  | { outlook: "too-few"; runs: number; needed: number }
  | ({ outlook: "not-falling" | "distant" } & ForecastBasis)
  | ({ outlook: "falling"; zeroOn: RunDate } & ForecastBasis);

/** Below this `steadiness` a line means nothing; more `days` ahead than this it is a guess. */
export const forecastLimits = { runs: 14, needed: 5, steadiness: 0.5, days: 365 };

/** Fits a line to the last 14 comparable runs of a trend and follows it from the last one to zero. */
export function forecast(trend: readonly TrendPoint[]): Forecast {
  const points = comparable(trend).slice(-forecastLimits.runs);
  const [first, last] = [points[0], points.at(-1)];
  if (last?.totals.missingInstalls === 0) return { outlook: "clear" };
  if (!first || !last || points.length < forecastLimits.needed) {
    return { outlook: "too-few", runs: points.length, needed: forecastLimits.needed };
  }
  const line = fitLine(points.map(({ day, totals }) => [daysBetween(first.day, day), totals.missingInstalls]));
  const basis = {
    runs: points.length,
    from: first.day,
    to: last.day,
    first: first.totals.missingInstalls,
    last: last.totals.missingInstalls,
    ...line,
  };
  if (line.perDay >= 0 || line.steadiness < forecastLimits.steadiness) return { outlook: "not-falling", ...basis };
  // From the last count, not the end of the line, so that a reader can check the sum; the slack is for rounding errors.
  const days = Math.ceil(basis.last / -line.perDay - 1e-6);
  if (days > forecastLimits.days) return { outlook: "distant", ...basis };
  return { outlook: "falling", zeroOn: addDays(last.day, days), ...basis };
}

/**
 * The latest runs of a trend that watched the same number of products and read at least one. A product that joins or
 * leaves the watchlist changes the sum although nothing was patched; a run that read nothing repeats the sum before it.
 */
function comparable(trend: readonly TrendPoint[]): TrendPoint[] {
  const last = trend.at(-1);
  const other = trend.findLastIndex((point) => !last || countWatched(point.totals) !== countWatched(last.totals));
  return trend.slice(other + 1).filter(({ totals }) => totals.read > 0);
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
