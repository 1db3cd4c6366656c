import { daysOverdue, isStalled } from "../../core/due.ts";
import { compareEntries } from "../../core/order.ts";
import type { Report } from "../../core/report.ts";
import type { KbEntry, KbRow } from "../../core/row.ts";
import { dayOf } from "../../core/run-id.ts";
import { slice } from "../../core/selection.ts";
import { count, formatDay, formatRun, many, softwareLabel } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { KbHistoryChart, maxLines } from "./charts.tsx";
import { pageHref } from "./link.ts";
import { Age, Change, KindBadge, OutsideLink, Pages } from "./table.tsx";
import type { PageView } from "./view.ts";

const softwarePerPage = 100;

/** One KB: its counts in every software side by side, and how they came about. */
export function KbSections({ view, kbId }: { view: PageView; kbId: string }) {
  const { report, query, code, history } = view;
  const row = report.rows.find(({ id }) => id === kbId);
  const back = pageHref(query, { kb: undefined, softwarePage: undefined }, code);
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
            <KbHistoryChart history={history} softwareIds={softwareToDraw(view, row)} />
          </section>
        )}
        {row && <KbSoftware row={row} view={view} />}
      </div>
    </>
  );
}

function absentWords({ runId }: Report): string {
  return `In the run of ${formatRun(runId)} no measured software misses it, and none did in the run compared with.`;
}

/** The software asked for, else those that the KB is worst in, else any that ever missed it. */
function softwareToDraw({ query, history }: PageView, row: KbRow | undefined): string[] {
  if (query.softwareId !== undefined) return [query.softwareId];
  const sightings = history?.points.flatMap((point) => point.sightings) ?? [];
  const missed = new Set(sightings.flatMap(({ softwareId, state }) => (state === "missing" ? [softwareId] : [])));
  const worst = row?.entries.toSorted(byMachines).map(({ softwareId }) => softwareId) ?? [];
  return [...new Set([...worst, ...missed])].slice(0, maxLines);
}

function byMachines(a: KbEntry, b: KbEntry): number {
  const machines = ({ current, previous }: KbEntry) => (current ?? previous)?.machineMissedOn ?? -1;
  return machines(b) - machines(a);
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

function KbSoftware({ row, view }: { row: KbRow; view: PageView }) {
  const { report, query, code } = view;
  const shown = slice(row.entries.toSorted(compareEntries), query.softwarePage ?? 1, softwarePerPage);
  return (
    <section aria-labelledby="kb-software-title" id="software">
      <h2 id="kb-software-title">In {count(row.entries.length)} software</h2>
      <p className="note">
        Each count holds for that software alone: a machine may stand in several, so they are not added up.
      </p>
      <Table
        className="list"
        caption={<>KB{row.id} by product, worst first</>}
        head={
          <>
            <ColumnHead>Software</ColumnHead>
            <ColumnHead>Change</ColumnHead>
            <ColumnHead className="num">Machines</ColumnHead>
            <ColumnHead className="num">CVEs</ColumnHead>
            <ColumnHead>First seen</ColumnHead>
            <ColumnHead className="num">Peak</ColumnHead>
            <ColumnHead>Standing</ColumnHead>
          </>
        }
      >
        {shown.items.map((entry) => (
          <Row key={entry.softwareId}>
            <RowHead>
              <a href={pageHref(query, { softwareId: entry.softwareId, softwarePage: undefined }, code)}>
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
            <Cell label="Standing">{standing(entry, report)}</Cell>
          </Row>
        ))}
      </Table>
      <Pages
        slice={shown}
        label="Pages of software"
        href={(page) => `${pageHref(query, { softwarePage: page === 1 ? undefined : page }, code)}#software`}
      />
    </section>
  );
}

function EntryCount({ entry, of }: { entry: KbEntry; of: "machineMissedOn" | "cveAddressed" }) {
  if (!entry.current) return <s>{count(entry.previous?.[of] ?? null)}</s>;
  return (
    <>
      {count(entry.current[of])}
      <Change entry={entry} of={of} />
    </>
  );
}

function standing(entry: KbEntry, report: Report): string {
  const overdue = daysOverdue(entry, report);
  const words = [
    overdue > 0 && `${many(overdue, "day")} overdue`,
    isStalled(entry, dayOf(report.runId)) && "stalled",
  ].filter((word) => word !== false);
  return words.join(", ");
}
