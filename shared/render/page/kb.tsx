import { daysOverdue, isStalled } from "../../core/due.ts";
import { productsThatMissed } from "../../core/kb-history.ts";
import type { Counts } from "../../core/missing-kb.ts";
import { compareEntries, productsByMachines } from "../../core/order.ts";
import type { Report } from "../../core/report.ts";
import type { KbEntry, KbRow } from "../../core/row.ts";
import { dayOf } from "../../core/run-id.ts";
import { slice } from "../../core/selection.ts";
import { pageLimits } from "../limits.ts";
import { count, formatDay, formatRun, many, softwareLabel } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { KbHistoryChart } from "./charts.tsx";
import { pageHref } from "./link.ts";
import { Age, Change, KindBadge, OutsideLink, Pages } from "./table.tsx";
import type { PageView } from "./view.ts";

/** One KB: its counts in each product side by side, and their history. */
export function KbSections({ view, kbId }: { view: PageView; kbId: string }) {
  const { report, query, code, history } = view;
  const row = report.rows.find(({ id }) => id === kbId);
  const back = pageHref(query, { kb: undefined, productPage: undefined }, code);
  return (
    <>
      <p className="back">
        <a href={`${back}#kbs`}>Back to all KBs</a>
      </p>
      <section aria-labelledby="kb-title" className="kb-page">
        <h2 id="kb-title">
          KB{kbId} {row && <OutsideLink row={row} />}
        </h2>
        {row ? <KbFacts row={row} report={report} /> : <p>{absentWords(report)}</p>}
      </section>
      <div className="kb-grid">
        {history && history.points.length > 0 && (
          <section aria-labelledby="kb-history-title">
            <KbHistoryChart history={history} softwareIds={productsToDraw(view, row)} />
          </section>
        )}
        {row && <KbProducts row={row} view={view} />}
      </div>
    </>
  );
}

function absentWords({ runId }: Report): string {
  return `No product that was read in the run of ${formatRun(runId)} misses it, and none did in the run compared with.`;
}

/** The product asked for; otherwise those that miss the KB on most machines, then any that ever missed it. */
function productsToDraw({ query, history }: PageView, row: KbRow | undefined): string[] {
  if (query.softwareId !== undefined) return [query.softwareId];
  const now = row ? productsByMachines(row) : [];
  const ever = history ? productsThatMissed(history) : [];
  return [...new Set([...now, ...ever])].slice(0, pageLimits.chartedProducts);
}

function KbFacts({ row, report }: { row: KbRow; report: Report }) {
  return (
    <dl className="facts">
      <div>
        <dt>Change</dt>
        <dd>
          <KindBadge kind={row.kind} />
        </dd>
      </div>
      {row.name && (
        <div>
          <dt>Name</dt>
          <dd>{row.name}</dd>
        </div>
      )}
      <div>
        <dt>Age</dt>
        <dd className="c-age">
          <Age row={row} report={report} />
        </dd>
      </div>
      {row.productsNames.length > 0 && (
        <div>
          <dt>Products</dt>
          <dd>{row.productsNames.map((name) => name.replaceAll("_", " ")).join(", ")}</dd>
        </div>
      )}
    </dl>
  );
}

function KbProducts({ row, view }: { row: KbRow; view: PageView }) {
  const { report, query, code } = view;
  const shown = slice(row.entries.toSorted(compareEntries), query.productPage ?? 1, pageLimits.productsOfKb);
  return (
    <section aria-labelledby="kb-products-title" id="products">
      <h2 id="kb-products-title">In {many(row.entries.length, "product")}</h2>
      <p className="note">
        Each count is for that product alone. One machine can have several, so the counts are not added up.
      </p>
      <Table
        className="list"
        caption={<>KB{row.id} by product, worst first</>}
        head={
          <>
            <ColumnHead>Product</ColumnHead>
            <ColumnHead>Change</ColumnHead>
            <ColumnHead className="num">Machines</ColumnHead>
            <ColumnHead className="num">CVEs</ColumnHead>
            <ColumnHead>First seen</ColumnHead>
            <ColumnHead className="num">Peak</ColumnHead>
            <ColumnHead>Status</ColumnHead>
          </>
        }
      >
        {shown.items.map((entry) => (
          <Row key={entry.softwareId}>
            <RowHead>
              <a href={pageHref(query, { softwareId: entry.softwareId, productPage: undefined }, code)}>
                {softwareLabel(entry.softwareId)}
              </a>
              {softwareLabel(entry.softwareId) !== entry.softwareId && <span className="id">{entry.softwareId}</span>}
            </RowHead>
            <Cell label="Change">
              <KindBadge kind={entry.kind} />
            </Cell>
            <Cell className="num" label="Machines">
              <EntryCount entry={entry} of="machineMissedOn" />
            </Cell>
            <Cell className="num" label="CVEs">
              <EntryCount entry={entry} of="cveAddressed" />
            </Cell>
            <Cell className="when" label="First seen">
              {formatDay(entry.firstSeen)}
            </Cell>
            <Cell className="num" label="Peak">
              {count(entry.peak)}
            </Cell>
            <Cell label="Status">{statusWords(entry, report)}</Cell>
          </Row>
        ))}
      </Table>
      <Pages
        slice={shown}
        label="Pages of products"
        href={(page) => `${pageHref(query, { productPage: page === 1 ? undefined : page }, code)}#products`}
      />
    </section>
  );
}

function EntryCount({ entry, of }: { entry: KbEntry; of: keyof Counts }) {
  if (!entry.current) return <s>{count(entry.previous?.[of] ?? null)}</s>;
  return (
    <>
      {count(entry.current[of])}
      <Change entry={entry} of={of} />
    </>
  );
}

function statusWords(entry: KbEntry, report: Report): string {
  const overdue = daysOverdue(entry, report);
  const words = [
    overdue > 0 && `${many(overdue, "day")} overdue`,
    isStalled(entry, dayOf(report.runId)) && "stalled",
  ].filter((word) => word !== false);
  return words.join(", ");
}
