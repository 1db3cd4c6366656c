import { direction } from "../../core/change.ts";
import type { RunDate } from "../../core/day.ts";
import { newlyKnown } from "../../core/due.ts";
import type { Report } from "../../core/report.ts";
import { isPartial } from "../../core/totals.ts";
import { type DailyTrend, dailyTrend } from "../../core/trend.ts";
import { verdictOf } from "../../core/verdict.ts";
import { trendDays } from "../limits.ts";
import { agree, count, formatDay, listed, many } from "../words.ts";

/** A row of days with what it says in words. */
export interface Trend {
  type: "trend";
  title: string;
  days: TrendBar[];
  from: string;
  to: string;
  words: string;
}

export interface TrendBar {
  day: RunDate;
  /** Of the highest day, 0 to 1; `null` where no run was committed. */
  share: number | null;
  /** Whether some of its counts are those last known. */
  isPartial: boolean;
}

/** The missing installs of the days up to a report's; `null` before a second run, when there is nothing to see. */
export function trendOf(report: Report): Trend | null {
  const trend = dailyTrend(report, trendDays);
  if (!trend) return null;
  const most = Math.max(1, trend.highest.totals.missingInstalls);
  return {
    type: "trend",
    title: `Missing installs, last ${many(trendDays, "day")}`,
    days: trend.days.map(({ day, totals }) => ({
      day,
      share: totals && totals.missingInstalls / most,
      isPartial: totals !== null && isPartial(totals),
    })),
    from: formatDay(trend.days[0]?.day ?? trend.first.day),
    to: formatDay(trend.last.day),
    words: [...trendWords(trend, verdictOf(report) === "not-read"), ...nowKnown(report)].join(" "),
  };
}

function trendWords(
  { first, last, highest, rise, listChanged, partialDays }: DailyTrend,
  isNotRead: boolean,
): string[] {
  const [then, now, most] = [first, last, highest].map(({ totals }) => count(totals.missingInstalls));
  const way = {
    up: `up ${count(rise)} from ${then} on`,
    down: `down ${count(-rise)} from ${then} on`,
    level: "the same as on",
  };
  const change = way[direction(first.totals.missingInstalls, last.totals.missingInstalls)];
  const sentences = [
    `${now} ${isNotRead ? "when last read" : "now"}, ${change} ${formatDay(first.day)}; the highest was ${most} on ${formatDay(highest.day)}.`,
  ];
  if (listChanged.length > 0) {
    sentences.push(
      `The list of products changed on ${listed(listChanged.slice(-2).map(formatDay))}, so earlier counts are not comparable.`,
    );
  }
  if (partialDays > 0) {
    sentences.push(`On ${many(partialDays, "day")} some products could not be read; their last known counts are used.`);
  }
  return sentences;
}

// A count that was never known before lifts the line, and nothing got worse by it.
function nowKnown({ rows }: Report): string[] {
  const { kbs, machines } = newlyKnown(rows);
  if (kbs === 0) return [];
  return [
    `${many(machines, "missing install")} of ${many(kbs, "KB")} ${agree(machines, "is", "are")} counted for the first time.`,
  ];
}
