import type { PageQuery } from "./view.ts";

// All addresses are relative to the page's own, /api/report, so that they hold behind any host and prefix.

/** Parameters of the page's address; what is absent or false is left out. */
type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** A query with what is absent or false left out; the function key comes last. */
export function queryText(parameters: Parameters, code?: string): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries<Parameters[string]>({ ...parameters, code })) {
    if (value !== undefined && value !== false) query.set(name, String(value));
  }
  return `?${query}`;
}

/** The page with other parameters than the present ones; `undefined` takes one away. */
export function pageHref(
  query: PageQuery,
  changes: { [Name in keyof PageQuery]?: PageQuery[Name] | undefined },
  code?: string,
): string {
  return queryText({ ...query, ...changes }, code);
}

/** Where the progress of a run is told. */
export function progressHref(watchlist: string, runId: string, code?: string): string {
  return `runs/${encodeURIComponent(watchlist)}/${encodeURIComponent(runId)}${code ? queryText({}, code) : ""}`;
}
