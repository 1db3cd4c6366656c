import { calendarDay } from "../core/day.ts";
import {
  type DigestFate,
  lineEnds,
  type OverviewRow,
  type OverviewSort,
  type OverviewState,
  urgentStates,
} from "../core/overview.ts";
import { agree, count, formatDay, formatRun, listed, many, shortDay } from "./words.ts";

/** The name of each state. */
export const overviewStateLabels: Readonly<Record<OverviewState, string>> = {
  faulty: "Faulty entry",
  "no-run": "No run yet",
  late: "Late",
  "not-read": "Not read",
  worse: "New or worse",
  overdue: "Overdue",
  mail: "Digest not sent",
};

export const overviewSortLabels: Readonly<Record<OverviewSort, string>> = {
  worst: "Worst first",
  watchlist: "Watchlist",
  tenant: "Tenant",
  day: "Last run",
  "not-read": "Products not read",
  kbs: "Missing KBs",
  installs: "Missing installs",
  worse: "New or worse",
  overdue: "Overdue KBs",
  "overdue-share": "Share overdue",
};

type Counts = Readonly<Record<OverviewState, number>>;

const urgentWords: Readonly<Record<(typeof urgentStates)[number], (watchlists: number) => string>> = {
  faulty: (watchlists) => agree(watchlists, "has a faulty entry", "have faulty entries"),
  "no-run": (watchlists) => agree(watchlists, "has no run yet", "have no run yet"),
  late: (watchlists) => agree(watchlists, "is late", "are late"),
  "not-read": () => "could not be read completely",
};

/** What is urgent among all watchlists, in a sentence. */
export function overviewHeadline(watchlists: number, counts: Counts): string {
  if (watchlists === 0) return "There is no watchlist to show.";
  const urgent = urgentStates.filter((state) => counts[state] > 0);
  if (urgent.length === 0)
    return agree(watchlists, "The watchlist was read.", `All ${many(watchlists, "watchlist")} were read.`);
  const parts = urgent.map((state) => `${count(counts[state])} ${urgentWords[state](counts[state])}`);
  return `Of ${many(watchlists, "watchlist")}, ${listed(parts)}.`;
}

/** What became of the last digest: `Sent 23 Nov 2026`, `Refused, of 23 Nov 2026`. */
export function digestWords({ status, runId, at }: DigestFate, timeZone: string): string {
  if (runId === null || at === null) return "None yet";
  if (status === "sent") return `Sent ${formatDay(calendarDay(new Date(at), timeZone))}`;
  return `${status === "refused" ? "Refused" : "Waiting"}, of ${formatRun(runId, timeZone)}`;
}

/** A watchlist's line in a sentence. */
export function lineWords(row: Pick<OverviewRow, "line">): string {
  const ends = lineEnds(row);
  const [only] = row.line;
  if (!ends) return only ? `${many(only.missingInstalls, "missing install")} on ${shortDay(only.day)}.` : "No run yet.";
  const { first, last, most } = ends;
  const from = `${many(first.missingInstalls, "missing install")} on ${shortDay(first.day)}`;
  const to = `${count(last.missingInstalls)} on ${shortDay(last.day)}`;
  return `${many(row.line.length, "run")}: ${from}, ${to}; at most ${count(most.missingInstalls)} on ${shortDay(most.day)}.`;
}

/** By how much a watchlist's line rose or fell: `−300 since 25 Oct`; `null` where there is nothing to compare. */
export function lineChange(row: Pick<OverviewRow, "line">): string | null {
  const ends = lineEnds(row);
  if (!ends) return null;
  const { first, change } = ends;
  const by = change === 0 ? "±0" : `${change > 0 ? "+" : "−"}${count(Math.abs(change))}`;
  return `${by} since ${shortDay(first.day)}`;
}

/** A share in percent; `?` where it is unknown. */
export function percent(share: number | null): string {
  return share === null ? "?" : `${Math.round(100 * share)} %`;
}
