import type { Forecast, ForecastBasis } from "../../core/forecast.ts";
import type { ProductState } from "../../core/report.ts";
import type { RowKind } from "../../core/row.ts";
import { dayOf } from "../../core/run-id.ts";
import type { ChangeFilter, SortKey } from "../../core/selection.ts";
import { count, formatDay, many, shortDay } from "../words.ts";

/** What a change is called, with a mark for those who cannot tell its colour. */
export const kindLabels: Readonly<Record<RowKind, { mark: string; label: string }>> = {
  new: { mark: "+", label: "New" },
  worsened: { mark: "▲", label: "Worse" },
  returned: { mark: "↩", label: "Returned" },
  improved: { mark: "▼", label: "Better" },
  resolved: { mark: "✓", label: "Resolved" },
  baseline: { mark: "○", label: "Now watched" },
  unchanged: { mark: "=", label: "Unchanged" },
  "not-read": { mark: "?", label: "Not read" },
};

/** What each filter by change is called. */
export function changeLabel(filter: ChangeFilter): string {
  if (filter === "worse") return "Got worse: new, worse or returned";
  return filter === "missing" ? "Missing now" : kindLabels[filter].label;
}

export const sortLabels: Readonly<Record<SortKey, string>> = {
  worst: "Worst first",
  kb: "KB number",
  machines: "Machines",
  cves: "CVEs",
  age: "Age",
};

export const stateLabels: Readonly<Record<ProductState, string>> = {
  read: "Read",
  empty: "None missing",
  "not-kb-patched": "Not patched by KBs",
  "not-read": "Not read",
};

/** A forecast in a sentence or two, with the numbers it rests on. */
export function forecastWords(forecast: Forecast): string {
  switch (forecast.outlook) {
    case "clear":
      return "Nothing is missing.";
    case "too-few":
      return `A forecast needs ${forecast.needed} runs over the same software; so far there ${forecast.runs === 1 ? "is 1" : `are ${forecast.runs}`}.`;
    case "falling":
      return `Forecast: none by ${formatDay(forecast.zeroOn)}, if it goes on as in the ${overRuns(forecast)}: ${perDay(forecast)}.`;
    case "distant":
      return `Forecast: falling, but it would take more than a year if it goes on as in the ${overRuns(forecast)}: ${perDay(forecast)}.`;
    case "not-falling":
      return forecast.perDay < 0
        ? `Forecast: no steady fall in the ${overRuns(forecast)}: ${perDay(forecast)}, but up and down.`
        : `Forecast: not falling in the ${overRuns(forecast)}: ${perDay(forecast)}.`;
  }
}

function overRuns({ runs, from, to, first, last }: ForecastBasis): string {
  const days = `${shortDay(dayOf(from))} to ${shortDay(dayOf(to))}`;
  return `last ${many(runs, "run")}, ${days}, ${count(first)} to ${count(last)} pairs`;
}

/** `−210 a day`; with one decimal below ten. */
function perDay({ perDay }: ForecastBasis): string {
  const size = Math.abs(perDay);
  const digits = size < 10 ? 1 : 0;
  const text = size.toLocaleString("en-US", { maximumFractionDigits: digits });
  return `${text === "0" ? "±" : perDay < 0 ? "−" : "+"}${text} a day`;
}
