import type { Forecast, ForecastBasis } from "../../core/forecast.ts";
import type { Days } from "../../core/last-known.ts";
import type { ProductState } from "../../core/report.ts";
import type { SortKey } from "../../core/selection.ts";
import { agree, count, formatDay, many, shortDay } from "../words.ts";

export const sortLabels: Readonly<Record<SortKey, string>> = {
  worst: "Worst first",
  kb: "KB number",
  machines: "Machines",
  cves: "CVEs",
  age: "Age",
  exploited: "Exploited",
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

/** What became of a run that is not carried out. */
export function droppedWords(run: string, reason = ""): string {
  return `${run} was not carried out. ${reason}`.trimEnd();
}

/** `24 Nov`, or `22 Nov to 24 Nov`: when what is only last known was read. */
export function lastReadWords({ from, to }: Days): string {
  return from === to ? shortDay(to) : `${shortDay(from)} to ${shortDay(to)}`;
}

/** A forecast in one sentence, with the numbers that it is based on; `label` says what it is of, where that is not what is shown. */
export function forecastWords(forecast: Forecast, label = ""): string {
  const ofWhat = label === "" ? "" : ` for ${label}`;
  switch (forecast.outlook) {
    case "clear":
      return `Forecast${ofWhat}: no missing installs are known.`;
    case "too-few":
      return `No forecast yet${ofWhat}: it takes ${forecast.needed} runs over the same number of products; so far there ${agree(forecast.runs, "is", "are")} ${forecast.runs}.`;
    case "falling":
      return `Forecast${ofWhat}: none missing by ${formatDay(forecast.zeroOn)} at the pace of ${basis(forecast)}.`;
    case "distant":
      return `Forecast${ofWhat}: falling, but more than a year from zero at the pace of ${basis(forecast)}.`;
    case "not-falling":
      return forecast.perDay < 0
        ? `Forecast${ofWhat}: no steady fall over ${basis(forecast)}, with ups and downs.`
        : `Forecast${ofWhat}: not falling over ${basis(forecast)}.`;
  }
}

function basis({ runs, from, to, first, last, perDay }: ForecastBasis): string {
  const installs = `from ${many(first, "missing install")} on ${shortDay(from)} to ${count(last)} on ${shortDay(to)}`;
  return `the last ${many(runs, "run")}: ${installs}, ${formatPace(perDay)}`;
}

/** `−210 a day`; with one decimal below ten. */
function formatPace(perDay: number): string {
  const size = Math.abs(perDay);
  const digits = size < 10 ? 1 : 0;
  const text = size.toLocaleString("en-US", { maximumFractionDigits: digits });
  return `${text === "0" ? "±" : perDay < 0 ? "−" : "+"}${text} a day`;
}
