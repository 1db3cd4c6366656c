import {
  type ActionsParameters,
  actionsParameters,
  type HistoryParameters,
  historyParameters,
  type OverviewParameters,
  overviewParameters,
  type Parameters,
  type ProductsParameters,
  productsParameters,
  type ReportParameters,
  reportParameters,
  type ValueOf,
} from "../parameters.ts";
import type { PageQuery } from "./view.ts";

// Every address is relative to the page's own, /api/report or that of the overview, so that it works behind any host and prefix.

/** Parameters of a link; `undefined`, `false` and defaults are left out. */
export type Linked<P extends Parameters> = { readonly [Name in keyof P]?: ValueOf<P[Name]> | undefined };

/** The report page, or its export, with these parameters; the function key comes last. */
export function reportHref(parameters: Linked<ReportParameters>, code?: string): string {
  return `?${queryText(reportParameters, parameters, code)}`;
}

/** The page with some parameters changed; `undefined` removes one. */
export function pageHref(query: PageQuery, changes: Linked<ReportParameters>, code?: string): string {
  return reportHref({ ...query, ...changes }, code);
}

/** The overview, or its export, with these parameters, from its own page. */
export function overviewHref(parameters: Linked<OverviewParameters>, code?: string): string {
  return `?${queryText(overviewParameters, parameters, code)}`;
}

/** The listed products, or their export, with these parameters, from their own page. */
export function productsHref(parameters: Linked<ProductsParameters>, code?: string): string {
  return `?${queryText(productsParameters, parameters, code)}`;
}

/** The totals of every run. */
export function historyHref(parameters: Linked<HistoryParameters>, code?: string): string {
  return `history?${queryText(historyParameters, parameters, code)}`;
}

/** What to install. */
export function actionsHref(parameters: Linked<ActionsParameters>, code?: string): string {
  return `actions?${queryText(actionsParameters, parameters, code)}`;
}

/** A call without parameters of its own. */
export function callHref(
  path: "overview" | "products" | "runs" | "preview" | "openapi.json" | `runs/${string}`,
  code?: string,
): string {
  return code ? `${path}?${new URLSearchParams({ code })}` : path;
}

/** Where a run's progress is. */
export function progressHref(watchlist: string, runId: string, code?: string): string {
  return callHref(`runs/${encodeURIComponent(watchlist)}/${encodeURIComponent(runId)}`, code);
}

/** What a form must carry on besides its own fields, as names and values; the function key comes last. */
export function carriedFields(parameters: Linked<ReportParameters>, code?: string): [name: string, value: string][] {
  return [...queryText(reportParameters, parameters, code)];
}

function queryText<P extends Parameters>(table: P, parameters: Linked<P>, code?: string): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== false && !isDefault(table[name], value)) query.set(name, String(value));
  }
  if (code !== undefined) query.set("code", code);
  return query;
}

// A link to the latest run says so, because a copied link might otherwise seem to be to the run shown.
function isDefault(parameter: Parameters[string] | undefined, value: unknown): boolean {
  if (!parameter || !("default" in parameter)) return false;
  return parameter.kind !== "run" && parameter.default === value;
}
