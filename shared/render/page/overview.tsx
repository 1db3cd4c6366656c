import {
  countOverview,
  knownTotal,
  newOrWorse,
  type Overview,
  type OverviewRow,
  type OverviewSort,
  overdueShare,
  overviewFilter,
  overviewOrder,
  overviewSorts,
  overviewStates,
  urgentStates,
} from "../../core/overview.ts";
import { type Slice, slice } from "../../core/selection.ts";
import { countWatched, isNothingRead, isPartial } from "../../core/totals.ts";
import { pageLimits } from "../limits.ts";
import {
  digestWords,
  lineChange,
  overviewHeadline,
  overviewSortLabels,
  overviewStateLabels,
  percent,
} from "../overview-words.ts";
import { maxLength, type OverviewParameters, type Values } from "../parameters.ts";
import { agree, count, formatDay, formatTime, many, shown } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, SortHead, Table } from "./cells.tsx";
import { Document, renderDocument } from "./document.tsx";
import { Carried, Field, named } from "./filter.tsx";
import { callHref, overviewHref, reportHref } from "./link.ts";
import { Sparkline } from "./sparkline.tsx";
import { Pages } from "./table.tsx";
import { Tile, type TileFacts } from "./tile.tsx";

/** What the overview's page needs. */
export interface OverviewView {
  /** Of all watchlists that the reader may see. */
  overview: Overview;
  /** Those selected, in the order asked for. */
  rows: readonly OverviewRow[];
  query: Omit<Partial<Values<OverviewParameters>>, "format">;
  timeZone: string;
  /** When the next scheduled run starts, ISO 8601; `null`: never. */
  nextRun: string | null;
  /** Where the calls are, seen from the page's own address. */
  callsAt: "" | "api/";
  /** For the inline style and script; new for every response. */
  nonce: string;
  /** The function key in the address, if any: links and forms carry it on. */
  code?: string;
}

/** The overview of all watchlists, a complete HTML document. It works without its script. */
export function renderOverview(view: OverviewView): string {
  return renderDocument(
    <Document nonce={view.nonce} title="Missing KBs · All watchlists">
      <a className="skip" href="#watchlists">
        Skip to the watchlists
      </a>
      <header className="top">
        <div className="who">
          <p className="eyebrow">Missing KBs</p>
          <h1>All watchlists</h1>
        </div>
      </header>
      <main id="main" className="overview">
        <Summary view={view} />
        <WatchlistSection view={view} />
      </main>
      <Footer view={view} />
    </Document>,
  );
}

const tones: Readonly<Record<(typeof overviewStates)[number], TileFacts["tone"]>> = {
  ...{ faulty: "bad", "no-run": "warn", late: "bad", "not-read": "warn" },
  ...{ worse: "bad", overdue: "bad", mail: "warn" },
};

function Summary({ view: { overview, query, code } }: { view: OverviewView }) {
  const { rows, faults } = overview;
  const counts = countOverview(overview);
  const isUrgent = urgentStates.some((state) => counts[state] > 0);
  const { search, sort, order } = query;
  const tileHref = (state?: (typeof overviewStates)[number]) =>
    `${overviewHref({ search, state, sort, order }, code)}#watchlists`;
  return (
    <section
      className={isUrgent || faults.length > 0 ? "summary v-not-read" : "summary"}
      aria-label="Summary"
      id="summary"
      data-live
    >
      <p className="headline">{overviewHeadline(rows.length, counts)}</p>
      {faults.map((fault) => (
        <p key={fault} className="fault">
          {fault}
        </p>
      ))}
      <ul className="tiles">
        <Tile label="Watchlists" value={rows.length} tone="plain" href={tileHref()} />
        {overviewStates.map((state) => (
          <Tile
            key={state}
            label={overviewStateLabels[state]}
            value={counts[state]}
            tone={tones[state]}
            href={tileHref(state)}
          />
        ))}
      </ul>
    </section>
  );
}

function WatchlistSection({ view }: { view: OverviewView }) {
  const { overview, rows, query, code } = view;
  const shown = slice(rows, query.page ?? 1, pageLimits.watchlists);
  const pageAt = (page: number) => overviewHref({ ...query, page: page === 1 ? undefined : page }, code);
  return (
    <section id="watchlists" aria-labelledby="watchlists-title">
      <h2 id="watchlists-title" data-live>
        {query.state ? `Watchlists: ${overviewStateLabels[query.state]}` : "Watchlists"}
      </h2>
      <FilterForm view={view} />
      <div className="bar">
        <p className="status" id="watchlists-status" role="status" data-live="text">
          {statusWords(shown, overview)}
        </p>
        <p className="links" id="watchlists-links" data-live>
          This selection as <ExportLink view={view} format="csv" name="CSV" />
          <ExportLink view={view} format="json" name="JSON" />
        </p>
      </div>
      <div id="watchlists-found" data-live>
        {shown.total > 0 && <WatchlistTable view={view} rows={shown.items} />}
        <Pages slice={shown} label="Pages of watchlists" href={(page) => `${pageAt(page)}#watchlists`} />
      </div>
    </section>
  );
}

function statusWords({ from, to, total }: Slice<OverviewRow>, { rows }: Overview): string {
  if (rows.length === 0) return "There is no watchlist.";
  if (total === 0) {
    return agree(rows.length, "The only watchlist does not match.", `None of ${many(rows.length, "watchlist")} match.`);
  }
  const all = total === rows.length ? many(total, "watchlist") : `${count(total)} of ${many(rows.length, "watchlist")}`;
  return from === 1 && to === total ? all : `${count(from)}–${count(to)} of ${all}`;
}

function ExportLink(props: { view: OverviewView; format: "csv" | "json"; name: string }) {
  const { page: _page, ...selection } = props.view.query;
  return (
    <>
      {" "}
      <a href={overviewHref({ ...selection, format: props.format }, props.view.code)}>{props.name}</a>
    </>
  );
}

/** Which watchlists to show, and in what order. The form works without the script. */
function FilterForm({ view: { query, code } }: { view: OverviewView }) {
  return (
    <search>
      <form className="filter" id="filter" method="get" action="#watchlists">
        <Carried fields={{}} code={code} />
        <Field id="search" label="Search">
          <input
            {...named("search")}
            type="search"
            defaultValue={query.search ?? ""}
            placeholder="Watchlist, tenant"
            maxLength={maxLength}
            autoComplete="off"
          />
        </Field>
        <Field id="state" label="State">
          <select {...named("state")} defaultValue={query.state ?? ""}>
            <option value="">All</option>
            {overviewStates.map((state) => (
              <option key={state} value={state}>
                {overviewStateLabels[state]}
              </option>
            ))}
          </select>
        </Field>
        <Field id="sort" label="Sort by">
          <select {...named("sort")} defaultValue={query.sort ?? "worst"}>
            {overviewSorts.map((key) => (
              <option key={key} value={key}>
                {overviewSortLabels[key]}
              </option>
            ))}
          </select>
        </Field>
        <div className="buttons">
          <button type="submit">Apply</button>
          {overviewFilter(query) && <a href={`${overviewHref({}, code)}#watchlists`}>Show all</a>}
        </div>
      </form>
    </search>
  );
}

function WatchlistTable({ view, rows }: { view: OverviewView; rows: readonly OverviewRow[] }) {
  return (
    <Table
      className="list watchlists"
      caption="Watchlists, with the figures of their last scheduled run"
      head={
        <>
          <SortedHead view={view} sort="watchlist" />
          <SortedHead view={view} sort="day" />
          <SortedHead view={view} sort="not-read" label="Products read" />
          <SortedHead view={view} sort="kbs" isNumber />
          <SortedHead view={view} sort="installs" isNumber />
          <SortedHead view={view} sort="worse" isNumber />
          <SortedHead view={view} sort="overdue-share" label="Overdue" isNumber />
          <ColumnHead className="c-line">Installs, 30 days</ColumnHead>
          <ColumnHead>Last digest</ColumnHead>
        </>
      }
    >
      {rows.map((row) => (
        <WatchlistRow key={`${row.tenant} ${row.watchlist}`} row={row} view={view} />
      ))}
    </Table>
  );
}

function SortedHead(props: { view: OverviewView; sort: OverviewSort; label?: string; isNumber?: boolean }) {
  const { view, sort, label = overviewSortLabels[sort], isNumber } = props;
  const { query, code } = view;
  const active = (query.sort ?? "worst") === sort;
  const order = query.order ?? overviewOrder[sort];
  const next = active && order === overviewOrder[sort] ? (order === "asc" ? "desc" : "asc") : undefined;
  const href = overviewHref({ ...query, sort, order: next, page: undefined }, code);
  return (
    <SortHead className={isNumber ? "num" : undefined} href={`${href}#watchlists`} sorted={active ? order : undefined}>
      {label}
    </SortHead>
  );
}

/** How a row's watchlist is shown by its report; `changes` narrow that. */
type ReportHref = (changes?: Parameters<typeof reportHref>[0]) => string;

function WatchlistRow({ row, view }: { row: OverviewRow; view: OverviewView }) {
  const { watchlist, tenant, faults, digest } = row;
  const { callsAt, code, timeZone } = view;
  const href: ReportHref = (changes = {}) => `${callsAt}report${reportHref({ watchlist, ...changes }, code)}`;
  return (
    <Row>
      <RowHead className="c-watchlist">
        {tenant === null ? watchlist : <a href={href()}>{watchlist}</a>}
        {tenant !== null && <span className="id">tenant {tenant}</span>}
        {faults.map((fault) => (
          <span key={fault} className="id fault">
            Faulty entry: {fault}
          </span>
        ))}
      </RowHead>
      <Cell label="Last run">
        <LastRun row={row} timeZone={timeZone} />
      </Cell>
      <Cell className="c-read" label="Products read">
        <ProductsRead row={row} href={href} />
      </Cell>
      <Cell className="num" label="KBs">
        {count(knownTotal(row, "missingKbs"))}
        <LastKnown row={row} />
      </Cell>
      <Cell className="num" label="Installs">
        {count(knownTotal(row, "missingInstalls"))}
        <LastKnown row={row} />
      </Cell>
      <Cell className="num" label="Worse">
        <Linked value={newOrWorse(row)} href={href({ change: "worse" })} />
      </Cell>
      <Cell className="num" label="Overdue">
        <Linked value={knownTotal(row, "overdue")} href={href({ overdue: true })} />
        <OverdueShare row={row} />
      </Cell>
      <Cell className="c-line" label="Installs, 30 days">
        <Sparkline row={row} />
        {lineChange(row) && <span className="id">{lineChange(row)}</span>}
      </Cell>
      <Cell label="Last digest">
        <span className={`digest d-${digest.status}`}>{digestWords(digest, timeZone)}</span>
        {digest.reason !== null && <span className="id">{shown(digest.reason, 100)}</span>}
      </Cell>
    </Row>
  );
}

function OverdueShare({ row }: { row: OverviewRow }) {
  const share = overdueShare(row);
  if (!share) return null;
  return (
    <span className="id">
      {percent(share)}
      <span className="sr"> of its missing KBs</span>
    </span>
  );
}

function LastRun({ row: { latest, due }, timeZone }: { row: OverviewRow; timeZone: string }) {
  return (
    <>
      {latest ? <span className="when">{formatDay(latest.day)}</span> : <span className="s-not-read">No run yet</span>}
      {due !== null && <span className="id fault">Late: was due {formatTime(due, timeZone)}</span>}
    </>
  );
}

function ProductsRead({ row: { latest, failing }, href }: { row: OverviewRow; href: ReportHref }) {
  if (!latest) return "?";
  const { totals } = latest;
  return (
    <>
      {count(totals.read)} of {count(countWatched(totals))}
      {isPartial(totals) && (
        <a className="warning" href={`${href()}#not-read`}>
          {count(totals.notRead)} not read
        </a>
      )}
      {failing && <span className="id">{shown(failing.reason, 100)}</span>}
    </>
  );
}

/** That counts are older than the run, where it read nothing. */
function LastKnown({ row: { latest } }: { row: OverviewRow }) {
  const isOld = latest !== null && isNothingRead(latest.totals) && latest.totals.missingKbs > 0;
  return isOld ? <span className="id">last known</span> : null;
}

/** A count that is worth a look, with a link to what it counts. */
function Linked({ value, href }: { value: number | null; href: string }) {
  return value ? (
    <a className="up" href={href}>
      {count(value)}
    </a>
  ) : (
    count(value)
  );
}

function Footer({ view }: { view: OverviewView }) {
  const { callsAt, code, nextRun, timeZone } = view;
  return (
    <footer>
      <section aria-labelledby="exports-title">
        <h2 id="exports-title">Exports</h2>
        <ul className="exports">
          <li>
            All watchlists: <a href={overviewHref({ format: "csv" }, code)}>CSV</a>{" "}
            <a href={overviewHref({ format: "json" }, code)}>JSON</a>
          </li>
          <li>
            For scripts: <a href={`${callsAt}${callHref("openapi.json", code)}`}>OpenAPI</a>
          </li>
        </ul>
      </section>
      <section aria-labelledby="terms-title">
        <h2 id="terms-title">What the numbers mean</h2>
        <Terms />
      </section>
      <p className="audit">
        {nextRun
          ? `The next scheduled run starts ${formatTime(nextRun, timeZone)}.`
          : "No further scheduled run is planned."}
      </p>
    </footer>
  );
}

function Terms() {
  return (
    <dl className="terms">
      <div>
        <dt>Worst first</dt>
        <dd>
          First the watchlists of which too little is known: a faulty entry, no run yet, a late run, products that could
          not be read. Then by the share of missing KBs that are overdue, which compares small watchlists with large
          ones.
        </dd>
      </div>
      <div>
        <dt>Figures</dt>
        <dd>
          All are of the last scheduled run. A question mark means that nobody knows, because there was no run or none
          of the products could be read.
        </dd>
      </div>
      <div>
        <dt>New or worse</dt>
        <dd>KBs that are new, worse or back, or for which Defender lists more CVEs.</dd>
      </div>
      <div>
        <dt>Missing installs</dt>
        <dd>The machines of all KBs added up: a machine that misses three KBs counts three times.</dd>
      </div>
      <div>
        <dt>Late</dt>
        <dd>
          A scheduled run that should have finished by now, with the time that reading the tenant and waiting for failed
          products may take.
        </dd>
      </div>
      <div>
        <dt>Last digest</dt>
        <dd>The day of the last digest that was sent. A later one that was refused or still waits is shown instead.</dd>
      </div>
    </dl>
  );
}
