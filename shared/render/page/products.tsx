import { notReadLongestFirst, sortByMissing } from "../../core/products.ts";
import type { ProductRow, ProductState, Report } from "../../core/report.ts";
import { slice } from "../../core/selection.ts";
import { howMuchEarlier } from "../headline.ts";
import { pageLimits } from "../limits.ts";
import { count, formatRun, many, softwareLabel } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { pageHref } from "./link.ts";
import { Pages } from "./table.tsx";
import type { PageView } from "./view.ts";
import { stateLabels } from "./words.ts";

/** The products that could not be read, why, and how old their counts are; nothing if all were read. */
export function NotReadSection({ view }: { view: PageView }) {
  const { report } = view;
  const rows = notReadLongestFirst(report);
  if (rows.length === 0) return null;
  const more = rows.length - pageLimits.notRead;
  return (
    <section id="not-read" aria-labelledby="not-read-title">
      <h2 id="not-read-title">
        {count(rows.length)} of {many(report.products.length, "product")} could not be read
      </h2>
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
            <Cell label="Since">{sinceWords(row)}</Cell>
            <Cell label="Last read">{lastRead(row, report)}</Cell>
          </Row>
        ))}
      </Table>
      {more > 0 && <p className="note">{count(more)} more are in the JSON export.</p>}
    </section>
  );
}

function sinceWords({ failure }: ProductRow): string {
  if (!failure || failure.misses <= 1) return "this run";
  return `${formatRun(failure.since)}, ${many(failure.misses, "run")}`;
}

function lastRead({ current }: ProductRow, { runId }: Report): string {
  if (current === null) return "never";
  return `${formatRun(current)}, ${howMuchEarlier(current, runId)}`;
}

/** All products of the watchlist, those that miss most first. */
export function ProductSection({ view }: { view: PageView }) {
  const { report, query, code } = view;
  const sorted = sortByMissing(report.products);
  const shown = slice(sorted, query.productPage ?? 1, pageLimits.products);
  const most = sorted[0]?.missingInstalls ?? 0;
  const pageAt = (page: number) => `${pageHref(query, { productPage: page === 1 ? undefined : page }, code)}#products`;
  return (
    <section id="products" aria-labelledby="products-title">
      <h2 id="products-title">{many(report.products.length, "product")} watched</h2>
      <Table
        className="list"
        caption="Watched products, those that miss most first"
        head={
          <>
            <ColumnHead>Product</ColumnHead>
            <ColumnHead>State</ColumnHead>
            <ColumnHead className="num">Missing KBs</ColumnHead>
            <ColumnHead className="num">Missing installs</ColumnHead>
            <ColumnHead className="wide">
              <span className="sr">Share of the largest</span>
            </ColumnHead>
            <ColumnHead>Last read</ColumnHead>
            <ColumnHead>Compared with</ColumnHead>
          </>
        }
      >
        {shown.items.map((row) => (
          <Row key={row.softwareId}>
            <RowHead>
              <a href={`${pageHref({ ...pick(view), softwareId: row.softwareId }, {}, code)}#kbs`}>
                {softwareLabel(row.softwareId)}
              </a>
              {softwareLabel(row.softwareId) !== row.softwareId && <span className="id">{row.softwareId}</span>}
            </RowHead>
            <Cell label="State">
              <ProductStateWords row={row} />
            </Cell>
            <Cell className="num" label="Missing KBs">
              {row.current === null ? "?" : count(row.missingKbs)}
            </Cell>
            <Cell className="num" label="Missing installs">
              {row.current === null ? "?" : count(row.missingInstalls)}
            </Cell>
            <Cell className="wide">
              <ShareBar value={row.missingInstalls} most={most} />
            </Cell>
            <Cell className="when" label="Last read">
              {row.current === null ? "never" : formatRun(row.current)}
            </Cell>
            <Cell className="when" label="Compared with">
              {row.previous === null ? "nothing" : formatRun(row.previous)}
            </Cell>
          </Row>
        ))}
      </Table>
      <Pages slice={shown} label="Pages of products" href={pageAt} />
    </section>
  );
}

function pick({ query: { watchlist, run, from } }: PageView) {
  return { watchlist, run, ...(from && { from }) };
}

const stateNotes: Partial<Record<ProductState, string>> = {
  "not-kb-patched": "Defender reports weaknesses but lists no KBs for them",
};

function ProductStateWords({ row }: { row: ProductRow }) {
  const { state, baseline, unusable } = row;
  return (
    <>
      <span className={`state s-${state}`}>{stateLabels[state]}</span>
      {baseline && <span className="id">read for the first time</span>}
      {stateNotes[state] && <span className="id">{stateNotes[state]}</span>}
      {unusable > 0 && <span className="id">{many(unusable, "item")} of Defender’s answer could not be used</span>}
    </>
  );
}

function ShareBar({ value, most }: { value: number; most: number }) {
  if (value === 0 || most === 0) return null;
  return (
    <svg className="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect width={Math.max(1, (100 * value) / most)} height="8" />
    </svg>
  );
}
