import { type Action, actionList, type Gap } from "../../core/action-list.ts";
import { advisoryState } from "../../core/advisory.ts";
import { withoutKbs } from "../../core/coverage.ts";
import { ageInDays, cves, daysOverdue, isStalled, reach, reasonsOf, stalledEntry } from "../../core/due.ts";
import { forecast } from "../../core/forecast.ts";
import type { ListReport } from "../../core/list-report.ts";
import {
  countOverview,
  type Overview,
  type OverviewRow,
  type OverviewSelection,
  overdueShare,
  overviewFilter,
  selectOverview,
} from "../../core/overview.ts";
import type { FoundListed, TenantProducts } from "../../core/product-search.ts";
import { hasLeftInventory, isUnknownId, type ProductRow, type Report } from "../../core/report.ts";
import type { KbEntry, KbRow } from "../../core/row.ts";
import { filterOf, trendOf } from "../../core/selection.ts";
import { dueRulesOf } from "../../core/watchlist.ts";
import { type AskedReport, askedLink } from "../asked-report.ts";
import { reportLink, safeLink } from "../link.ts";
import type { RenderOptions } from "../words.ts";
import type { ActionsJson, OverviewJson, ProductsJson, ReportJson } from "./schemas.ts";
import { roundedShare } from "./share.ts";

type LinkOptions = Pick<RenderOptions, "reportUrl">;
type RowJson = ReportJson["rows"][number];

const rowsAtOnce = 500;

/** A report as a plain value that `reportSchema` describes. It depends on the runs and the settings, never on the time. */
export function reportJson(asked: AskedReport, options: LinkOptions): ReportJson {
  const { report } = asked;
  return { ...frame(asked, options), rows: report.rows.map((row) => rowJson(row, report)) };
}

/** The text of `reportJson` in pieces, for a response that need not be complete in memory. */
export function* reportJsonChunks(asked: AskedReport, options: LinkOptions): Generator<string> {
  const { report } = asked;
  yield `${JSON.stringify(frame(asked, options)).slice(0, -1)},"rows":[`;
  for (let start = 0; start < report.rows.length; start += rowsAtOnce) {
    const rows = report.rows.slice(start, start + rowsAtOnce).map((row) => rowJson(row, report));
    yield (start > 0 ? "," : "") + JSON.stringify(rows).slice(1, -1);
  }
  yield "]}\n";
}

function frame(asked: AskedReport, { reportUrl }: LinkOptions): Omit<ReportJson, "rows"> {
  const { report, selection, newerRuns } = asked;
  const { watchlist, tenant, runId, day, previousRunId, previousDay, openedAt, committedAt } = report;
  return {
    ...{ watchlist, tenant, runId, day, previousRunId, previousDay, openedAt, committedAt },
    ...{ timeZone: report.timeZone, ...dueRulesOf(report), facts: report.facts?.readAt ?? null },
    page: askedLink(asked, reportUrl),
    newerRuns: [...newerRuns],
    filter: filterOf(selection),
    totals: report.totals,
    trendOf: trendOf(selection),
    forecast: forecast(report.trend),
    trend: [...report.trend],
    products: report.products.map((product) => productJson(product, report)),
    productList: report.productList && listJson(report.productList, report),
  };
}

function listJson(list: ListReport, report: Report): ReportJson["productList"] {
  const { unknown, unwatched } = list;
  return {
    ...{ readAt: list.readAt, failure: list.failure, found: list.found, mistaken: [...list.mistaken] },
    unknown: {
      ids: unknown.ids.map(({ softwareId, nearest }) => ({ softwareId, nearest: [...nearest] })),
      more: unknown.more,
    },
    unwatched: { products: [...unwatched.products], more: unwatched.more },
    withoutKbs: withoutKbs(report).map(({ softwareId }) => softwareId),
  };
}

/** The listed products as a plain value that `productsSchema` describes. */
export function productsJson(
  tenants: readonly TenantProducts[],
  found: readonly FoundListed[],
  message: string | null,
): ProductsJson {
  return {
    message,
    lists: tenants.map(({ tenant, listing, list }) => ({
      ...{ tenant, readAt: list?.readAt ?? null, total: list?.products.length ?? 0 },
      failure: listing?.failure ? { reason: listing.failure.reason, since: listing.failure.since } : null,
    })),
    products: found.map(({ watchlists, ...product }) => ({ ...product, watchlists: [...watchlists] })),
  };
}

function productJson(product: ProductRow, { day }: Report): ReportJson["products"][number] {
  const { softwareId, state, baseline, previous, current, readOn, missingKbs, missingInstalls, unusable } = product;
  return {
    ...{ softwareId, state, baseline, previous, current, missingKbs, missingInstalls, unusable },
    ...{ failure: product.failure, lastReadOn: readOn, unlistedKbs: product.unlistedKbs, differed: product.differed },
    ...{ unknownId: isUnknownId(product), leftInventory: hasLeftInventory(product, day) },
  };
}

function rowJson(row: KbRow, report: Report): RowJson {
  return {
    id: row.id,
    name: row.name,
    productsNames: [...row.productsNames],
    url: row.url,
    link: safeLink(row.url),
    change: row.kind,
    why: reasonsOf(row),
    machineMissedOn: reach(row),
    cveAddressed: cves(row),
    ...{ firstSeen: row.firstSeen, since: row.since, dueOn: row.dueOn },
    ageDays: ageInDays(row, report.day),
    overdueDays: daysOverdue(row, report),
    stalled: stalledEntry(row, report.day) !== undefined,
    ...advisoryJson(row),
    entries: row.entries.map((entry) => entryJson(entry, report)),
  };
}

function entryJson(entry: KbEntry, report: Report): RowJson["entries"][number] {
  const { softwareId, kind, reasons, current, previous, firstSeen, since, dueOn, peak } = entry;
  return {
    ...{ softwareId, change: kind, why: [...reasons], current, previous, firstSeen, since, dueOn },
    ...{ replaces: [...(entry.replaces ?? [])], replacedBy: entry.replacedBy ?? null },
    ageDays: ageInDays(entry, report.day),
    overdueDays: daysOverdue(entry, report),
    peakMachineMissedOn: peak,
    stalled: isStalled(entry, report.day),
  };
}

function advisoryJson({ advisory }: Pick<KbRow, "advisory">): Pick<RowJson, "advisoryState" | "advisory"> {
  if (!advisory) return { advisoryState: advisoryState({ advisory }), advisory: null };
  const { released, severity, restart, hotpatch } = advisory;
  const exploited = advisory.exploited.map((one) => ({ ...one, sources: [...one.sources] }));
  const supersedes = [...advisory.supersedes];
  return { advisoryState: "known", advisory: { released, severity, exploited, restart, supersedes, hotpatch } };
}

/** What to install as a plain value that `actionsSchema` describes. */
export function actionsJson(report: Report): ActionsJson {
  const { watchlist, tenant, runId, day } = report;
  const { actions, gaps } = actionList(report);
  return { watchlist, tenant, runId, day, gaps, actions: actions.map(actionJson) };
}

function actionJson({ row, installs, covers, exploited, reach, since }: Action): ActionsJson["actions"][number] {
  return {
    ...{ id: row.id, name: row.name, link: safeLink(row.url), exploited, machines: reach, since },
    ...advisoryJson(row),
    installs: installs.map(gapJson),
    covers: covers.map(gapJson),
  };
}

function gapJson({ row, entry }: Gap): ActionsJson["actions"][number]["installs"][number] {
  const { softwareId, kind, current } = entry;
  return { softwareId, id: row.id, change: kind, machineMissedOn: current?.machineMissedOn ?? null };
}

/** What an overview's JSON is made of. */
interface OverviewFrame extends LinkOptions, Pick<RenderOptions, "timeZone"> {
  /** Of all watchlists that the caller may read. */
  overview: Overview;
  selection: OverviewSelection;
}

/** The selected watchlists as a plain value that `overviewSchema` describes. */
export function overviewJson(frame: OverviewFrame): OverviewJson {
  const { overview, selection, timeZone, reportUrl } = frame;
  return {
    ...{ timeZone, total: overview.rows.length, states: countOverview(overview), filter: overviewFilter(selection) },
    faults: [...overview.faults],
    watchlists: selectOverview(overview, selection).map((row) => watchlistJson(row, reportUrl)),
  };
}

function watchlistJson(row: OverviewRow, reportUrl: string | null): OverviewJson["watchlists"][number] {
  const { watchlist, tenant, states, faults, latest, due, failing, digest, line } = row;
  const { totals = null, ...run } = latest ?? { runId: null, day: null, openedAt: null, committedAt: null };
  return {
    ...{ watchlist, tenant, states: [...states], faults: [...faults], ...run, due, totals },
    ...{ overdueShare: roundedShare(overdueShare(row)), failing, digest, line: [...line] },
    page: tenant === null ? null : reportLink(reportUrl, watchlist, "latest"),
  };
}
