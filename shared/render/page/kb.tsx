import type { ReactNode } from "react";
import { actionsFor } from "../../core/action-list.ts";
import { daysOverdue, isStalled, shownCounts } from "../../core/due.ts";
import { productsThatMissed } from "../../core/kb-history.ts";
import { lastReadOn } from "../../core/last-known.ts";
import type { Counts } from "../../core/missing-kb.ts";
import { compareEntries, productsByMachines } from "../../core/order.ts";
import type { Report } from "../../core/report.ts";
import { isMissing, type KbEntry, type KbRow } from "../../core/row.ts";
import { isNarrowed, slice } from "../../core/selection.ts";
import { whereWords } from "../action-words.ts";
import { exploitationWords, replacementWords, restartOf, severityOf } from "../advisory-words.ts";
import { comparedWith } from "../headline.ts";
import { whyWords, whyWordsOf } from "../kind-words.ts";
import { pageLimits } from "../limits.ts";
import { selectionTitle } from "../selection-words.ts";
import { count, formatDay, formatRun, many, productLabel } from "../words.ts";
import { listOf } from "./actions.tsx";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { KbHistoryChart } from "./charts.tsx";
import { pageHref } from "./link.ts";
import { CveLine, ExploitedMark } from "./marks.tsx";
import { Age, Change, KindBadge, OutsideLinks, Pages, ProductLink, ReplacedBy, SelectionLink } from "./table.tsx";
import type { PageView } from "./view.ts";
import { lastReadWords } from "./words.ts";

/** One KB: its counts in each product side by side, and their history. */
export function KbSections({ view, kbId }: { view: PageView; kbId: string }) {
  const { report, full, selection, query, code, history } = view;
  const [row] = report.rows;
  const { watchlist, run, from } = query;
  return (
    <>
      <p className="back">
        <a href={`${pageHref({ watchlist, run }, { from }, code)}#kbs`}>Back to all KBs</a>
      </p>
      <section aria-labelledby="kb-title" className="kb-page">
        <h2 id="kb-title">
          {selectionTitle(selection)} {row && <OutsideLinks row={row} />}
        </h2>
        <p className="note">
          {formatRun(report.runId, report.timeZone)}. {comparedWith(full)}
        </p>
        {row ? <KbFacts row={row} view={view} /> : <p>{absentWords(kbId)}</p>}
        <KbLinks view={view} kbId={kbId} />
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

function absentWords(kbId: string): string {
  return `The report lists KB${kbId}, but none of its products match.`;
}

function KbLinks({ view, kbId }: { view: PageView; kbId: string }) {
  const { selection, query, code } = view;
  const { watchlist, run, from } = query;
  const { kb: _kb, ...others } = selection;
  return (
    <p className="links">
      This KB as <SelectionLink view={view} format="csv" name="CSV" />
      <SelectionLink view={view} format="json" name="JSON" />
      <SelectionLink view={view} format="text" name="text" />
      {isNarrowed(others) && <a href={pageHref({ watchlist, run }, { from, kb: kbId }, code)}>All its products</a>}
    </p>
  );
}

/** The product asked for; otherwise those that miss the KB on most machines, then any that ever missed it. */
function productsToDraw({ query, history }: PageView, row: KbRow | undefined): string[] {
  if (query.softwareId !== undefined) return [query.softwareId];
  const now = row ? productsByMachines(row) : [];
  const ever = history ? productsThatMissed(history) : [];
  return [...new Set([...now, ...ever])].slice(0, pageLimits.chartedProducts);
}

function KbFacts({ row, view }: { row: KbRow; view: PageView }) {
  const { report } = view;
  const msrc = [severityOf(row), restartOf(row), isMissing(row) ? replacementWords(row) : ""].filter(Boolean);
  return (
    <dl className="facts">
      <Fact name="Install">
        <InstallWords kbId={row.id} view={view} />
      </Fact>
      {report.facts !== null && (
        <Fact name="Exploited">
          <ExploitedCves row={row} />
        </Fact>
      )}
      <Fact name="Change">
        <KindBadge kind={row.kind} why={whyWordsOf(row)} />
        <ReplacedBy row={row} view={view} />
      </Fact>
      <Fact name="Age" className="c-age">
        <Age row={row} report={report} />
      </Fact>
      {msrc.length > 0 && <Fact name="MSRC says">{msrc.join(" · ")}</Fact>}
      {row.name && <Fact name="Name">{row.name}</Fact>}
      {row.productsNames.length > 0 && (
        <Fact name="Products">{row.productsNames.map((name) => name.replaceAll("_", " ")).join(", ")}</Fact>
      )}
    </dl>
  );
}

function Fact({ name, className, children }: { name: string; className?: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={className}>{children}</dd>
    </div>
  );
}

/** What to install to close the KB, in each product that misses it. */
function InstallWords({ kbId, view }: { kbId: string; view: PageView }) {
  const { full, query, code } = view;
  const actions = actionsFor(listOf(full), kbId);
  if (actions.length === 0) return "nothing: it is no longer missing";
  const { watchlist, run, from } = query;
  return (
    <ul>
      {actions.map(({ row, installs, covers }) => {
        const gaps = [...installs, ...covers].filter((gap) => gap.row.id === kbId);
        return (
          <li key={row.id}>
            {row.id === kbId ? (
              "this KB"
            ) : (
              <a href={pageHref({ watchlist, run }, { from, kb: row.id }, code)}>KB{row.id}</a>
            )}{" "}
            in {whereWords({ installs: gaps })}
          </li>
        );
      })}
    </ul>
  );
}

function ExploitedCves({ row }: { row: KbRow }) {
  const exploited = row.advisory?.exploited ?? [];
  if (exploited.length === 0) return exploitationWords(row) || "not known";
  return (
    <>
      <ExploitedMark />
      <ul>
        {exploited.slice(0, pageLimits.exploitedCves).map((one) => (
          <li key={one.cve}>
            <CveLine exploited={one} />
          </li>
        ))}
      </ul>
    </>
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
                {productLabel(entry.softwareId)}
              </a>
              <ProductLink softwareId={entry.softwareId} view={view} />
              {productLabel(entry.softwareId) !== entry.softwareId && <span className="id">{entry.softwareId}</span>}
            </RowHead>
            <Cell label="Change">
              <KindBadge kind={entry.kind} why={whyWords(entry)} />
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
  const shown = count(shownCounts(entry)?.[of] ?? null);
  return isMissing(entry) ? (
    <>
      {shown}
      <Change entry={entry} of={of} />
    </>
  ) : (
    <s>{shown}</s>
  );
}

function statusWords(entry: KbEntry, report: Report): string {
  const overdue = daysOverdue(entry, report);
  const older = lastReadOn([entry], report);
  const words = [
    overdue > 0 && `${many(overdue, "day")} overdue`,
    isStalled(entry, report.day) && "stalled",
    older && `last read ${lastReadWords(older)}`,
  ].filter(Boolean);
  return words.join(", ");
}
