import type { EntryPosition } from "../core/entry-position.ts";
import { type OverviewSelection, overviewSorts, overviewStates } from "../core/overview.ts";
import { mostPreviewed } from "../core/preview.ts";
import { changeFilters, type Selection, sortKeys, sortOrders } from "../core/selection.ts";
import { dueFroms, mailWhens, ruleLimits, weekdays } from "../core/watchlist.ts";

// Every parameter of every call, once: http/query.ts reads requests by these tables, the OpenAPI document lists them, and
// the page's links and forms take their names and types from them.

/** The longest value that any parameter may have. */
export const maxLength = 300;

/** One parameter. Where it has a default, that is what an absent or empty one is read as. */
export type Parameter = { description: string; pageOnly?: true } & (
  | { kind: "text" }
  | { kind: "kb" }
  | { kind: "choice"; allowed: readonly string[]; default?: string }
  | { kind: "flag"; default: false }
  | { kind: "number"; minimum?: 0 | 1; maximum: number; default?: number }
  | { kind: "run"; latest: boolean; default?: "latest" }
  | { kind: "day" }
  | { kind: "position" }
);
export type Parameters = Readonly<Record<string, Parameter>>;

export type ValueOf<P extends Parameter> = P extends { kind: "choice"; allowed: readonly (infer Value)[] }
  ? Value
  : P extends { kind: "flag" }
    ? boolean
    : P extends { kind: "number" }
      ? number
      : P extends { kind: "position" }
        ? EntryPosition
        : string;
type WithDefault<P extends Parameters> = {
  [Name in keyof P]: P[Name] extends { default: unknown } ? Name : never;
}[keyof P];

/** Parameters of a call as they are read. */
export type Values<P extends Parameters> = { [Name in WithDefault<P>]: ValueOf<P[Name]> } & {
  [Name in Exclude<keyof P, WithDefault<P>>]?: ValueOf<P[Name]>;
};

const watchlist = {
  kind: "text",
  description: "Required if several watchlists are configured. Case-insensitive.",
} as const;

const selectionParameters = {
  kb: {
    kind: "kb",
    description: "Only this KB: KB5066136, kb 5066136 or 5066136. The page shows its history too.",
  },
  softwareId: { kind: "text", description: "Only this product of the watchlist." },
  search: {
    kind: "text",
    description: "Words that must all occur in an entry's KB number, name, product names or software id.",
  },
  change: {
    kind: "choice",
    allowed: changeFilters,
    description: "worse: new, worsened, returned or more-cves. missing: all but resolved and replaced.",
  },
  overdue: {
    kind: "flag",
    default: false,
    description: "Only entries that are overdue by DUE_DAYS or DUE_DAYS_EXPLOITED.",
  },
  stalled: { kind: "flag", default: false, description: "Only entries that have stayed near their peak for 14 days." },
  exploited: { kind: "flag", default: false, description: "Only KBs that close a CVE known to be exploited." },
  sort: { kind: "choice", allowed: sortKeys, default: "worst", description: "worst: the report's own order." },
  order: {
    kind: "choice",
    allowed: sortOrders,
    description: "If omitted: worst and KBs ascending, numbers descending.",
  },
} as const satisfies Readonly<Record<keyof Selection, Parameter>>;

/** `GET /api/report`. */
export const reportParameters = {
  watchlist,
  run: {
    kind: "run",
    latest: true,
    default: "latest",
    description: "latest, which is the last scheduled run, or a run id.",
  },
  from: { kind: "run", latest: true, description: "Compare with this earlier run instead of the previous report." },
  ...selectionParameters,
  format: {
    kind: "choice",
    allowed: ["html", "json", "csv", "text"],
    description: "If omitted, the Accept header decides.",
  },
  page: { kind: "number", maximum: 999_999, default: 1, pageOnly: true, description: "Which page of KBs." },
  productPage: { kind: "number", maximum: 999_999, default: 1, pageOnly: true, description: "Which page of products." },
  progress: { kind: "run", latest: false, pageOnly: true, description: "Show the progress of this run." },
} as const satisfies Parameters;

/** `GET /api/actions`. */
export const actionsParameters = {
  watchlist,
  run: reportParameters.run,
  format: { kind: "choice", allowed: ["json", "csv"], description: "If omitted, the Accept header decides." },
} as const satisfies Parameters;

/** A page of so many entries is about 3 MB of CSV or 6 MB of JSON. */
export const maxEntriesOfPage = 10_000;

/** `GET /api/history`. */
export const historyParameters = {
  watchlist,
  detail: {
    kind: "choice",
    allowed: ["runs", "entries"],
    default: "runs",
    description: "runs: the totals of each run. entries: every KB of every product of each run, page by page.",
  },
  days: {
    kind: "number",
    maximum: 3650,
    description:
      "How many days back from today, instead of from. If both are omitted, 90 for runs and all for entries.",
  },
  from: { kind: "day", description: "The first day of the runs." },
  to: { kind: "day", description: "The last day of the runs. If omitted, there is no last day." },
  limit: {
    kind: "number",
    maximum: maxEntriesOfPage,
    description: `For entries only: how many a page has at most. If omitted, ${maxEntriesOfPage}.`,
  },
  after: {
    kind: "position",
    description: "For entries only: where the page begins, from the next link of the one before.",
  },
  format: { kind: "choice", allowed: ["json", "csv"], description: "If omitted, the Accept header decides." },
} as const satisfies Parameters;

const overviewSelection = {
  search: { kind: "text", description: "Words that must all occur in a watchlist's name or tenant." },
  state: {
    kind: "choice",
    allowed: overviewStates,
    description:
      "Only watchlists that are faulty: have a fault in their configuration; no-run: have finished no run; late: wait for a run that is overdue; not-read: have products that could not be read; worse: have KBs that are new or worse; overdue: have overdue KBs; mail: have a digest that was refused or waits.",
  },
  sort: {
    kind: "choice",
    allowed: overviewSorts,
    default: "worst",
    description:
      "worst: faulty, no-run, late and not-read first, then the largest share of missing KBs that are overdue. day: the oldest run first. worse: KBs new or worse.",
  },
  order: {
    kind: "choice",
    allowed: sortOrders,
    description: "If omitted: worst, names and days ascending, numbers descending.",
  },
} as const satisfies Readonly<Record<keyof OverviewSelection, Parameter>>;

/** `GET /` and `GET /api/overview`. */
export const overviewParameters = {
  ...overviewSelection,
  format: { kind: "choice", allowed: ["html", "json", "csv"], description: "If omitted, the Accept header decides." },
  page: { kind: "number", maximum: 999_999, default: 1, pageOnly: true, description: "Which page of watchlists." },
} as const satisfies Parameters;

/** `GET /api/products`. */
export const productsParameters = {
  search: { kind: "text", description: "Words that must all occur in a product's id, name or vendor." },
  tenant: {
    kind: "text",
    description: "home or a tenant id. If omitted, all tenants whose watchlists the caller may read.",
  },
  format: { kind: "choice", allowed: ["html", "json", "csv"], description: "If omitted, the Accept header decides." },
} as const satisfies Parameters;

/** The body of `POST /api/runs`, as JSON or as a form. */
export const startParameters = {
  watchlist,
  mail: { kind: "flag", default: false, description: "Whether the run mails its digest." },
} as const satisfies Parameters;

const asConfigured = "If omitted, as configured.";
const tried = (maximum: number, description: string) =>
  ({ kind: "number", minimum: 0, maximum, description: `${description} ${asConfigured}` }) as const;

/** The body of `POST /api/preview`, as JSON or as a form. */
export const previewParameters = {
  watchlist,
  runs: { kind: "number", maximum: mostPreviewed, default: mostPreviewed, description: "How many scheduled runs." },
  minMachines: tried(ruleLimits.minMachines, "WORSE_MIN_MACHINES to try."),
  minPercent: tried(ruleLimits.minPercent, "WORSE_MIN_PERCENT to try."),
  minCves: tried(ruleLimits.minCves, "WORSE_MIN_CVES to try."),
  mailWhen: { kind: "choice", allowed: mailWhens, description: `MAIL_WHEN to try. ${asConfigured}` },
  heartbeatDay: {
    kind: "choice",
    allowed: [...weekdays, "none"],
    description: `HEARTBEAT_DAY to try. ${asConfigured}`,
  },
  dueDays: tried(ruleLimits.dueDays, "DUE_DAYS to try."),
  dueDaysExploited: tried(ruleLimits.dueDaysExploited, "DUE_DAYS_EXPLOITED to try."),
  dueFrom: { kind: "choice", allowed: dueFroms, description: `DUE_FROM to try. ${asConfigured}` },
  format: { kind: "choice", allowed: ["json", "html"], description: "If omitted, the Accept header decides." },
} as const satisfies Parameters;

/** `POST` and `DELETE /api/runs/{watchlist}/{runId}/mail`. */
export const mailParameters = {
  tenant: {
    kind: "text",
    description: "home or a tenant id. Required for a watchlist that is no longer configured for this tenant.",
  },
} as const satisfies Parameters;

/** Calls that take no parameter but the key. */
export const noParameters = {} as const satisfies Parameters;

/** Every call takes the function key, which links carry on. */
export const keyParameter = {
  code: { kind: "text", description: "The function key, for links." },
} as const satisfies Parameters;

export type ReportParameters = typeof reportParameters;
export type ActionsParameters = typeof actionsParameters;
export type HistoryParameters = typeof historyParameters;
export type PreviewParameters = typeof previewParameters;
export type OverviewParameters = typeof overviewParameters;
export type ProductsParameters = typeof productsParameters;
