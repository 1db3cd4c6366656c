import type { Forecast, ForecastBasis } from "../../core/forecast.ts";
import type { ProductState } from "../../core/report.ts";
import type { RowKind } from "../../core/row.ts";
import { dayOf } from "../../core/run-id.ts";
import type { ChangeFilter, SortKey } from "../../core/selection.ts";
import { agree, count, formatDay, many, shortDay } from "../words.ts";

/** The name of each change, with a mark for readers who cannot see its colour. */
export const kindLabels: Readonly<Record<RowKind, { mark: string; label: string }>> = {
  new: { mark: "+", label: "New" },
  worsened: { mark: "▲", label: "Worse" },
  returned: { mark: "↩", label: "Back" },
  improved: { mark: "▼", label: "Better" },
  resolved: { mark: "✓", label: "Resolved" },
  baseline: { mark: "○", label: "Now watched" },
  unchanged: { mark: "=", label: "Unchanged" },
  "not-read": { mark: "?", label: "Not read" },
};

/** The name of each filter by change. */
export function changeLabel(filter: ChangeFilter): string {
  if (filter === "worse") return "New, worse or back";
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

/** How far a run has come. */
export function readSoFar(read: number, total: number): string {
  return `${count(read)} of ${many(total, "product")} read`;
}

/** A forecast in one sentence, with the numbers that it is based on. */
export function forecastWords(forecast: Forecast): string {
  switch (forecast.outlook) {
    case "clear":
      return "Nothing is missing.";
    case "too-few":
      return `No forecast yet: it takes ${forecast.needed} runs over the same number of products; so far there ${agree(forecast.runs, "is", "are")} ${forecast.runs}.`;
    case "falling":
      return `Forecast: none missing by ${formatDay(forecast.zeroOn)} at the pace of ${basis(forecast)}.`;
    case "distant":
      return `Forecast: falling, but more than a year from zero at the pace of ${basis(forecast)}.`;
    case "not-falling":
      return forecast.perDay < 0
        ? `Forecast: no steady fall over ${basis(forecast)}, with ups and downs.`
        : `Forecast: not falling over ${basis(forecast)}.`;
  }
}

function basis({ runs, from, to, first, last, perDay }: ForecastBasis): string {
  const [start, end] = [shortDay(dayOf(from)), shortDay(dayOf(to))];
  const installs = `from ${many(first, "missing install")} on ${start} to ${count(last)} on ${end}`;
  return `the last ${many(runs, "run")}: ${installs}, ${formatPace(perDay)}`;
}

/** `−210 a day`; with one decimal below ten. */
function formatPace(perDay: number): string {
  const size = Math.abs(perDay);
  const digits = size < 10 ? 1 : 0;
  const text = size.toLocaleString("en-US", { maximumFractionDigits: digits });
  return `${text === "0" ? "±" : perDay < 0 ? "−" : "+"}${text} a day`;
}
