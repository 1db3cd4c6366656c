import { isNotRead, notReadLongestFirst, sortByMissing } from "../../core/products.ts";
import { hasLeftInventory, isUnknownId, type ProductRow, type Report } from "../../core/report.ts";
import { isNarrowed, slice } from "../../core/selection.ts";
import { howMuchEarlier } from "../headline.ts";
import { pageLimits } from "../limits.ts";
import { count, formatDay, formatRun, many, productLabel, shortDay } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { Fold } from "./fold.tsx";
import { pageHref } from "./link.ts";
import { Sparkline } from "./sparkline.tsx";
import { Pages, ProductLink } from "./table.tsx";
import type { PageView } from "./view.ts";
import { stateLabels } from "./words.ts";

/** The products that could not be read, why, and how old their counts are; nothing if all were read. */
export function NotReadSection({ view }: { view: PageView }) {
  const { full } = view;
  // A filter must not hide that something could not be read.
  const rows = notReadLongestFirst(full);
  if (rows.length === 0) return null;
  const more = rows.length - pageLimits.notRead;
  return (
    <Fold
      id="not-read"
      title={`${count(rows.length)} of ${many(full.products.length, "product")} on the watchlist could not be read`}
      note="Which, since when, and why"
    >
      <p className="note">
        This report claims nothing about them. If a product was read before, its last known counts are shown, marked
        “Not read”.
      </p>
      <Table
        className="list"
        caption="Products that this run could not read"
        head={
          <>
            <ColumnHead>Product</ColumnHead>
            <ColumnHead>Reason</ColumnHead>
            <ColumnHead>Since</ColumnHead>
            <ColumnHead>Last read</ColumnHead>
          </>
        }
      >
        {rows.slice(0, pageLimits.notRead).map((row) => (
          <Row key={row.softwareId}>
            <RowHead>
              <a href={`${pageHref({ ...pick(view), softwareId: row.softwareId }, {}, view.code)}#kbs`}>
                {row.softwareId}
              </a>
            </RowHead>
            <Cell label="Reason" className="full">
              {row.failure?.reason ?? "It was not read in this run."}
              {row.failure?.permanent && <strong className="act"> This needs action.</strong>}
            </Cell>
            <Cell label="Since">{sinceWords(row, full)}</Cell>
            <Cell label="Last read">{lastRead(row, full)}</Cell>
          </Row>
        ))}
      </Table>
      {more > 0 && <p className="note">{count(more)} more are in the JSON export.</p>}
    </Fold>
  );
}

function sinceWords({ failure }: ProductRow, { timeZone }: Report): string {
  if (!failure || failure.misses <= 1) return "this run";
  return `${formatRun(failure.since, timeZone)}, ${many(failure.misses, "run")}`;
}

function lastRead({ readOn }: ProductRow, { day }: Report): string {
  return readOn === null ? "never" : `${formatDay(readOn)}, ${howMuchEarlier(readOn, day)}`;
}

/** The products of the watchlist, or those of the selection with what is selected of them; those that miss most first. */
export function ProductSection({ view }: { view: PageView }) {
  const { report, full, selection, query, code } = view;
  const sorted = sortByMissing(report.products);
  const shown = slice(sorted, query.productPage ?? 1, pageLimits.products);
  const most = sorted[0]?.missingInstalls ?? 0;
  const isPaged = query.productPage !== undefined;
  const { lines } = view;
  const pageAt = (page: number) => `${pageHref(query, { productPage: page === 1 ? undefined : page }, code)}#products`;
  return (
    <Fold
      id="products"
      title={productsTitle(report, full)}
      note="What each misses, and its 30 days"
      open={isPaged}
      isLive
    >
      {isNarrowed(selection) && <p className="note">Counts are of the selected KBs alone.</p>}
      <Table
        className="list"
        caption="Watched products, those that miss most first"
        head={
          <>
            <ColumnHead>Product</ColumnHead>
            <ColumnHead>State</ColumnHead>
            <ColumnHead className="num">Missing KBs</ColumnHead>
            <ColumnHead className="num">Missing installs</ColumnHead>
            {lines ? (
              <ColumnHead className="c-line">30 days</ColumnHead>
            ) : (
              <ColumnHead className="wide">
                <span className="sr">Share of the largest</span>
              </ColumnHead>
            )}
            <ColumnHead>Last read</ColumnHead>
          </>
        }
      >
        {shown.items.map((row) => (
          <Row key={row.softwareId}>
            <RowHead>
              <a href={`${pageHref({ ...pick(view), softwareId: row.softwareId }, {}, code)}#kbs`}>
                {productLabel(row.softwareId)}
              </a>
              <ProductLink softwareId={row.softwareId} view={view} />
              {productLabel(row.softwareId) !== row.softwareId && <span className="id">{row.softwareId}</span>}
            </RowHead>
            <Cell label="State" className="c-state">
              <ProductStateWords row={row} report={full} />
            </Cell>
            <Cell className="num" label="Missing KBs">
              {row.current === null ? "?" : count(row.missingKbs)}
            </Cell>
            <Cell className="num" label="Missing installs">
              {row.current === null ? "?" : count(row.missingInstalls)}
            </Cell>
            {lines ? (
              <Cell className="c-line" label="30 days">
                <Sparkline row={{ line: lines.get(row.softwareId) ?? [] }} />
              </Cell>
            ) : (
              <Cell className="wide">
                <ShareBar row={row} most={most} />
              </Cell>
            )}
            <Cell className="when" label="Last read">
              {row.readOn === null ? "never" : formatDay(row.readOn)}
              <span className="since">{comparedWords(row, report)}</span>
            </Cell>
          </Row>
        ))}
      </Table>
      <Pages slice={shown} label="Pages of products" href={pageAt} />
    </Fold>
  );
}

function pick({ query: { watchlist, run, from } }: PageView) {
  return { watchlist, run, ...(from && { from }) };
}

function productsTitle({ products }: Report, full: Report): string {
  const all = full.products.length;
  if (products.length === all) return `${many(all, "product")} watched`;
  return `${count(products.length)} of ${many(all, "product")} watched`;
}

function comparedWords(row: ProductRow, { timeZone }: Report): string {
  if (isNotRead(row)) return "not compared";
  return row.previous === null ? "compared with nothing" : `compared with ${formatRun(row.previous, timeZone)}`;
}

function ProductStateWords({ row, report }: { row: ProductRow; report: Report }) {
  return (
    <>
      <span className={`state s-${row.state}`}>{stateLabels[row.state]}</span>
      {stateNotes(row, report).map((note) => (
        <span key={note} className="id">
          {note}
        </span>
      ))}
    </>
  );
}

function stateNotes(row: ProductRow, { day }: Report): string[] {
  const { state, baseline, unusable, unlistedKbs, differed, readOn } = row;
  const isUnlisted = unlistedKbs > 0;
  return [
    isUnknownId(row) && "Defender does not know this id",
    hasLeftInventory(row, day) && "left the inventory",
    isNotRead(row) && readOn !== null && `last read ${shortDay(readOn)}`,
    baseline && "read for the first time",
    isUnlisted && "Defender no longer lists its KBs but still counts weaknesses",
    state === "not-kb-patched" && !isUnlisted && "Defender reports weaknesses but lists no KBs for them",
    differed && "two answers differed in this run; what either listed is shown",
    unusable > 0 && `${many(unusable, "item")} of Defender’s answer could not be used`,
  ].filter((note) => note !== false);
}

function ShareBar({ row, most }: { row: ProductRow; most: number }) {
  const { missingInstalls } = row;
  if (missingInstalls === 0 || most === 0) return null;
  return (
    <svg
      className={isNotRead(row) ? "share older" : "share"}
      viewBox="0 0 100 8"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <rect width={Math.max(1, (100 * missingInstalls) / most)} height="8" />
    </svg>
  );
}
