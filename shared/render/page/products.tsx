import { daysBetween } from "../../core/day.ts";
import type { ProductRow, Report } from "../../core/report.ts";
import { dayOf } from "../../core/run-id.ts";
import { slice } from "../../core/selection.ts";
import { count, formatRun, many, softwareLabel } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { pageHref } from "./link.ts";
import { Pages } from "./table.tsx";
import type { PageView } from "./view.ts";
import { stateLabels } from "./words.ts";

const softwarePerPage = 50;
const maxNotRead = 100;

/** What could not be measured, why, and how old is what stands for it; nothing where all was. */
export function NotReadSection({ view }: { view: PageView }) {
  const { report } = view;
  const rows = report.products.filter(({ state }) => state === "not-read");
  if (rows.length === 0) return null;
  const longest = rows.toSorted((a, b) => (b.failure?.misses ?? 0) - (a.failure?.misses ?? 0));
  const more = rows.length - maxNotRead;
  return (
    <section id="not-read" aria-labelledby="not-read-title">
      <h2 id="not-read-title">
        Not read: {count(rows.length)} of {count(report.products.length)} products
      </h2>
      <p className="note">
        Nothing is claimed of these. Where one was measured before, its last known counts stand in, marked as not
        measured.
      </p>
      <Table
        className="list"
        caption="Software that this run could not measure"
        head={
          <>
            <ColumnHead>Software</ColumnHead>
            <ColumnHead>Reason</ColumnHead>
            <ColumnHead>Since</ColumnHead>
            <ColumnHead>Last measured</ColumnHead>
          </>
        }
      >
        {longest.slice(0, maxNotRead).map((row) => (
          <Row key={row.softwareId}>
            <RowHead>
              <a href={`${pageHref({ ...pick(view), softwareId: row.softwareId }, {}, view.code)}#kbs`}>
                {row.softwareId}
              </a>
            </RowHead>
            <Cell label="Reason" className="full">
              {row.failure?.reason ?? "It was not measured in this run."}
              {row.failure?.permanent && <strong className="act"> Someone must act.</strong>}
            </Cell>
            <Cell label="Since">{sinceWords(row)}</Cell>
            <Cell label="Last measured">{lastRead(row, report)}</Cell>
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
  const days = daysBetween(dayOf(current), dayOf(runId));
  return `${formatRun(current)}, ${days === 0 ? "the same day" : `${many(days, "day")} earlier`}`;
}

/** All watched software, what misses most first. */
export function SoftwareSection({ view }: { view: PageView }) {
  const { report, query, code } = view;
  const sorted = report.products.toSorted(
    (a, b) => b.missingInstalls - a.missingInstalls || b.missingKbs - a.missingKbs,
  );
  const shown = slice(sorted, query.softwarePage ?? 1, softwarePerPage);
  const most = sorted[0]?.missingInstalls ?? 0;
  const pageAt = (page: number) => `${pageHref(query, { softwarePage: page === 1 ? undefined : page }, code)}#software`;
  return (
    <section id="software" aria-labelledby="software-title">
      <h2 id="software-title">Software: {count(report.products.length)} watched</h2>
      <Table
        className="list"
        caption="Watched software, what misses most first"
        head={
          <>
            <ColumnHead>Software</ColumnHead>
            <ColumnHead>State</ColumnHead>
            <ColumnHead className="num">Missing KBs</ColumnHead>
            <ColumnHead className="num">Machine-KB pairs</ColumnHead>
            <ColumnHead className="wide">
              <span className="sr">Share of the largest</span>
            </ColumnHead>
            <ColumnHead>Measured</ColumnHead>
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
            <Cell className="num" label="Machine-KB pairs">
              {row.current === null ? "?" : count(row.missingInstalls)}
            </Cell>
            <Cell className="wide">
              <ShareBar value={row.missingInstalls} most={most} />
            </Cell>
            <Cell className="when" label="Measured">
              {row.current === null ? "never" : formatRun(row.current)}
            </Cell>
            <Cell className="when" label="Compared with">
              {row.previous === null ? "nothing" : formatRun(row.previous)}
            </Cell>
          </Row>
        ))}
      </Table>
      <Pages slice={shown} label="Pages of software" href={pageAt} />
    </section>
  );
}

function pick({ query: { watchlist, run, from } }: PageView) {
  return { watchlist, run, ...(from && { from }) };
}

function ProductStateWords({ row }: { row: ProductRow }) {
  const { state, baseline, unusable } = row;
  return (
    <>
      <span className={`state s-${state}`}>{stateLabels[state]}</span>
      {baseline && <span className="id">seen for the first time</span>}
      {state === "not-kb-patched" && <span className="id">Defender counts weaknesses, but lists no KBs for them</span>}
      {unusable > 0 && <span className="id">{many(unusable, "item")} of the answer could not be used</span>}
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
