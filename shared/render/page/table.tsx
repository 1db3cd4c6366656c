import { advisoryState, isExploited } from "../../core/advisory.ts";
import {
  ageInDays,
  changeOf,
  daysOverdue,
  isKnownMissing,
  isLargest,
  largest,
  leadEntry,
  shownCounts,
  stalledEntry,
} from "../../core/due.ts";
import { lastReadOn } from "../../core/last-known.ts";
import type { Counts } from "../../core/missing-kb.ts";
import { compareEntries, compareRows } from "../../core/order.ts";
import type { Report } from "../../core/report.ts";
import { isMissing, type KbEntry, type KbRow, otherProducts, ownEntries, type RowKind } from "../../core/row.ts";
import { searchedText } from "../../core/search.ts";
import { isNarrowed, naturalOrder, type Slice, type SortKey, slice, sortValue } from "../../core/selection.ts";
import {
  causeWords,
  exploitationWords,
  releasedWords,
  replacedBy,
  replacementWords,
  restartOf,
  severityOf,
} from "../advisory-words.ts";
import { inSentence, kindLabels, whyWordsOf } from "../kind-words.ts";
import { pageLimits } from "../limits.ts";
import { productLink, safeLink } from "../link.ts";
import { noneInReport, selectionTitle } from "../selection-words.ts";
import { agree, count, formatDay, listed, many, productLabel, shortDay } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, SortHead, Table } from "./cells.tsx";
import { FilterForm } from "./filter.tsx";
import { pageHref, reportHref } from "./link.ts";
import { CatalogLink, ExploitedMark, Outside } from "./marks.tsx";
import type { PageView } from "./view.ts";
import { lastReadWords, sortLabels } from "./words.ts";

/** The KBs: filters, the page asked for, and links to the others. */
export function KbSection({ view }: { view: PageView }) {
  const { report, full, selection, query, code } = view;
  const shown = slice(report.rows, query.page ?? 1, pageLimits.kbs);
  return (
    <section id="kbs" aria-labelledby="kbs-title">
      <h2 id="kbs-title" data-live>
        {selectionTitle(selection)}
      </h2>
      <details className="fold" open={isAsked(query)}>
        <summary>{statusWords(shown, full)}</summary>
        <FilterForm view={view} />
        <div className="bar">
          <p className="status" id="kbs-status" role="status" data-live="text">
            {statusWords(shown, full)}
          </p>
          <p className="links" id="kbs-links" data-live>
            This selection as <SelectionLink view={view} format="csv" name="CSV" />
            <SelectionLink view={view} format="json" name="JSON" />
            <SelectionLink view={view} format="text" name="text" />
          </p>
        </div>
        <div id="kbs-found" data-live>
          {shown.total > 0 && <KbTable view={view} shown={shown} />}
          <Pages
            slice={shown}
            label="Pages of KBs"
            href={(page) => `${pageHref(query, { page: page === 1 ? undefined : page }, code)}#kbs`}
          />
        </div>
      </details>
    </section>
  );
}

/** Whether the page was asked for its KBs: a phone then shows them. */
function isAsked(query: PageView["query"]): boolean {
  const { page, sort } = query;
  return isNarrowed(query) || page !== undefined || sort !== undefined;
}

function statusWords({ from, to, total }: Slice<KbRow>, full: Report): string {
  const { rows } = full;
  if (rows.length === 0) return `${noneInReport(full)}.`;
  if (total === 0)
    return agree(rows.length, "The only KB does not match.", `None of ${many(rows.length, "KB")} match.`);
  const all = total === rows.length ? many(total, "KB") : `${count(total)} of ${many(rows.length, "KB")}`;
  return from === 1 && to === total ? all : `${count(from)}–${count(to)} of ${all}`;
}

/** A link to an export of what the page shows. */
export function SelectionLink(props: { view: PageView; format: "csv" | "json" | "text"; name: string }) {
  const { view, format, name } = props;
  const { report, query, code } = view;
  const { page: _page, productPage: _productPage, ...selection } = query;
  const href = reportHref({ ...selection, run: report.runId, format }, code);
  return (
    <>
      {" "}
      <a href={href}>{name}</a>
    </>
  );
}

function KbTable({ view, shown }: { view: PageView; shown: Slice<KbRow> }) {
  const { full } = view;
  const complete = shown.total === full.rows.length && shown.pages === 1;
  const ranks = new Map(shown.items.toSorted(compareRows).map(({ id }, rank) => [id, rank]));
  return (
    <Table
      className="kbs"
      id="kbs-table"
      data-pages={shown.pages}
      data-complete={complete}
      caption="KBs. Machines and CVEs are those of the product with the most, with their change."
      head={
        <>
          <SortHeader view={view} sort="kb" kind="text" />
          <SortHeader view={view} sort="worst" kind="number" />
          <SortHeader view={view} sort="machines" kind="number" />
          <SortHeader view={view} sort="cves" kind="number" />
          <SortHeader view={view} sort="age" kind="number" />
          <ColumnHead>Product</ColumnHead>
          {full.facts !== null && <SortHeader view={view} sort="exploited" kind="number" />}
        </>
      }
    >
      {shown.items.map((row) => (
        <KbTableRow key={row.id} row={row} rank={ranks.get(row.id) ?? 0} view={view} />
      ))}
    </Table>
  );
}

const headings: Readonly<Record<SortKey, string>> = { ...sortLabels, kb: "KB", worst: "Change" };

function SortHeader(props: { view: PageView; sort: SortKey; kind: "text" | "number" }) {
  const { sort, kind, view } = props;
  const { query, code } = view;
  const active = (query.sort ?? "worst") === sort;
  const order = query.order ?? naturalOrder[sort];
  const next = active ? (order === "asc" ? "desc" : "asc") : naturalOrder[sort];
  const href = pageHref(query, { sort, order: next === naturalOrder[sort] ? undefined : next, page: undefined }, code);
  return (
    <SortHead
      className={`c-${sort}`}
      href={`${href}#kbs`}
      sorted={active ? order : undefined}
      data-sort={sort}
      data-kind={kind}
      data-natural={naturalOrder[sort]}
    >
      {headings[sort]}
    </SortHead>
  );
}

function KbTableRow({ row, rank, view }: { row: KbRow; rank: number; view: PageView }) {
  const { report, query, code } = view;
  const { watchlist, run, from } = query;
  const lead = leadEntry(row);
  return (
    <Row data-rank={rank} data-text={searchedText(row)} data-ids={searchedIds(row)}>
      <RowHead className="c-kb" data-v={row.id}>
        <a className="number" href={pageHref({ watchlist, run }, { from, kb: row.id }, code)}>
          KB{row.id}
        </a>
        <OutsideLinks row={row} />
        <span className="name">{row.name}</span>
      </RowHead>
      <Cell className="c-worst">
        <KindBadge kind={row.kind} why={whyWordsOf(row)} />
        <ReplacedBy row={row} view={view} />
      </Cell>
      <Cell className="c-machines num" label="Machines" data-v={sortValue(row, "machines")}>
        <CountCell row={row} entry={lead} of="machineMissedOn" />
      </Cell>
      <Cell className="c-cves num" label="CVEs" data-v={sortValue(row, "cves")}>
        <CountCell row={row} entry={lead} of="cveAddressed" />
      </Cell>
      <Cell className="c-age" label="Age" data-v={sortValue(row, "age")}>
        <Age row={row} report={report} />
      </Cell>
      <Cell className="c-product" label="Product">
        <Entries row={row} view={view} />
      </Cell>
      {view.full.facts !== null && (
        <Cell className="c-exploited" label="Exploited" data-v={sortValue(row, "exploited")}>
          <Exploited row={row} />
        </Cell>
      )}
    </Row>
  );
}

/** The software ids that the search while typing looks through, one a line; none where a row has too many to name. */
function searchedIds({ entries }: KbRow): string | undefined {
  if (entries.length > pageLimits.searchedProducts) return undefined;
  return entries.map(({ softwareId }) => softwareId).join("\n");
}

/** Links to Microsoft's pages about the KB, as far as their addresses can be trusted. */
export function OutsideLinks({ row }: { row: KbRow }) {
  const link = safeLink(row.url);
  const isCatalog = link !== null && new URL(link).hostname.includes("catalog");
  return (
    <>
      {link && !isCatalog && (
        <Outside href={link} to={`page of KB${row.id} at Microsoft`}>
          support
        </Outside>
      )}
      <CatalogLink id={row.id} />
    </>
  );
}

/** What is listed in place of a KB that was replaced. */
export function ReplacedBy({ row, view: { query, code } }: { row: KbRow; view: PageView }) {
  const by = replacedBy(row);
  if (by.length === 0) return null;
  const { watchlist, run, from } = query;
  return (
    <span className="why">
      by{" "}
      {by.map((id) => (
        <a key={id} href={pageHref({ watchlist, run }, { from, kb: id }, code)}>
          KB{id}
        </a>
      ))}
    </span>
  );
}

/** Whether a KB closes an exploited CVE, and by whose word. */
function Exploited({ row }: { row: KbRow }) {
  if (!isExploited(row)) {
    return <span className="none">{advisoryState(row) === "known" ? "none known" : exploitationWords(row)}</span>;
  }
  return (
    <>
      <ExploitedMark />
      <span className="why">{causeWords(row)}</span>
    </>
  );
}

/** A kind, and below it why an entry is worse. */
export function KindBadge({ kind, why }: { kind: RowKind; why: string }) {
  const { mark, label } = kindLabels[kind];
  return (
    <>
      <span className={`badge k-${kind}`}>
        <span aria-hidden="true">{mark}</span> {label}
      </span>
      {why && <span className="why">{why}</span>}
    </>
  );
}

function CountCell({ row, entry, of }: { row: KbRow; entry: KbEntry | undefined; of: keyof Counts }) {
  const most = count(largest(row, of));
  return (
    <>
      {isMissing(row) ? most : <s>{most}</s>}
      {entry && isLargest(entry, row, of) && <Change entry={entry} of={of} />}
    </>
  );
}

/** By how much a count of an entry changed; nothing where its kind says nothing of that. */
export function Change({ entry, of }: { entry: KbEntry; of: keyof Counts }) {
  const by = changeOf(entry, of) ?? 0;
  if (by === 0) return null;
  return <span className={by > 0 ? "up" : "down"}>{` ${by > 0 ? "+" : "−"}${count(Math.abs(by))}`}</span>;
}

/** How long a KB has been missing, whether it is overdue or stalled, and when it was read if not now: of the row's own entries. */
export function Age({ row, report }: { row: KbRow; report: Report }) {
  const overdue = daysOverdue(row, report);
  const stalled = stalledEntry(row, report.day);
  const older = lastReadOn(ownEntries(row), report);
  return (
    <>
      <span className="days">{isMissing(row) ? many(ageInDays(row, report.day), "day") : "gone"}</span>
      {overdue > 0 && <span className="overdue"> {many(overdue, "day")} overdue</span>}
      {overdue === 0 && isKnownMissing(row) && <span className="due"> due {shortDay(row.dueOn)}</span>}
      <span className="since">{seenWords(row)}</span>
      {stalled && <span className="stalled">{stalledWords(stalled)}</span>}
      {older && <span className="stalled">last read {lastReadWords(older)}</span>}
    </>
  );
}

/** `released and first seen 10 Nov 2026`, or both days where they differ. */
function seenWords(row: KbRow): string {
  const [released, seen] = [releasedWords(row), `first seen ${formatDay(row.firstSeen)}`];
  if (released === "") return seen;
  return row.advisory?.released === row.firstSeen ? `released and ${seen}` : `${released}, ${seen}`;
}

function stalledWords({ current, peak }: KbEntry): string {
  return `stalled at ${count(current?.machineMissedOn ?? null)}, peak ${count(peak)}`;
}

/** The products of a row, in a line that opens to what holds for each, and to what is known of the KB. */
function Entries({ row, view }: { row: KbRow; view: PageView }) {
  const { query, code } = view;
  const entries = row.entries.toSorted(compareEntries);
  const more = entries.length - pageLimits.namedProducts;
  const { watchlist, run, from } = query;
  return (
    <details className="row">
      <summary>{productsWords(entries)}</summary>
      <ul className="entries">
        {entries.slice(0, pageLimits.namedProducts).map((entry) => (
          <li key={entry.softwareId} data-id={entry.softwareId}>
            <span className="label">{productLabel(entry.softwareId)}</span>
            {entries.length > 1 && <EntryCounts entry={entry} row={row} />}
            <ProductLink softwareId={entry.softwareId} view={view} />
          </li>
        ))}
        {more > 0 && (
          <li>
            <a href={pageHref({ watchlist, run }, { from, kb: row.id }, code)}>
              {count(more)} more<span className="sr"> products of KB{row.id}</span>
            </a>
          </li>
        )}
      </ul>
      <Facts row={row} />
    </details>
  );
}

/** `Windows 11`, or `Windows 11 and 2 more`. */
function productsWords(entries: readonly KbEntry[]): string {
  const [first] = entries;
  const more = entries.length - 1;
  return `${first ? productLabel(first.softwareId) : ""}${more > 0 ? ` and ${count(more)} more` : ""}`;
}

/** The way to a product's machines in Defender. */
export function ProductLink({ softwareId, view }: { softwareId: string; view: PageView }) {
  const { options, report } = view;
  return (
    <Outside
      href={productLink(options.portalUrl, softwareId, report.tenant)}
      to={`with ${productLabel(softwareId)} in Defender`}
    >
      machines
    </Outside>
  );
}

function Facts({ row }: { row: KbRow }) {
  const facts = factsOf(row);
  return facts.length > 0 ? <p className="note">{facts.join(" · ")}</p> : null;
}

function factsOf(row: KbRow): string[] {
  const others = otherProducts(row).map((name) => name.replaceAll("_", " "));
  const more = others.length - pageLimits.otherProducts;
  const also = listed([...others.slice(0, pageLimits.otherProducts), ...(more > 0 ? [`${count(more)} more`] : [])]);
  return [
    severityOf(row),
    restartOf(row),
    isMissing(row) ? replacementWords(row) : "",
    others.length > 0 ? `also for ${also}` : "",
  ].filter(Boolean);
}

function EntryCounts({ entry, row }: { entry: KbEntry; row: KbRow }) {
  const { kind } = entry;
  const machines = count(shownCounts(entry)?.machineMissedOn ?? null);
  return (
    <span className="counts">
      {kind !== row.kind && <span className={`kind k-${kind}`}>{inSentence(kindLabels[kind].label)}</span>}{" "}
      {isMissing(entry) ? machines : <s>{machines}</s>}
      <Change entry={entry} of="machineMissedOn" />
    </span>
  );
}

/** Links to the other pages of a list; nothing if there is only one page. */
export function Pages<Item>(props: { slice: Slice<Item>; label: string; href: (page: number) => string }) {
  const { page, pages } = props.slice;
  if (pages === 1) return null;
  const wanted = [1, page - 2, page - 1, page, page + 1, page + 2, pages];
  const near = [...new Set(wanted)].filter((one) => one >= 1 && one <= pages);
  return (
    <nav className="pages" aria-label={props.label}>
      <ul>
        {page > 1 && (
          <li>
            <a href={props.href(page - 1)} rel="prev">
              Previous
            </a>
          </li>
        )}
        {near.map((one, index) => (
          <li key={one} className={one - (near[index - 1] ?? one) > 1 ? "gap" : undefined}>
            <a href={props.href(one)} aria-current={one === page ? "page" : undefined}>
              <span className="sr">Page </span>
              {count(one)}
            </a>
          </li>
        ))}
        {page < pages && (
          <li>
            <a href={props.href(page + 1)} rel="next">
              Next
            </a>
          </li>
        )}
      </ul>
    </nav>
  );
}
