import { rise } from "../../core/change.ts";
import { ageInDays, daysOverdue, isLargest, largest, leadEntry, stalledEntry } from "../../core/due.ts";
import type { Counts } from "../../core/missing-kb.ts";
import { compareEntries, compareRows } from "../../core/order.ts";
import type { Report } from "../../core/report.ts";
import { isMissing, type KbEntry, type KbRow, otherProducts } from "../../core/row.ts";
import { dayOf } from "../../core/run-id.ts";
import { naturalOrder, type Slice, type SortKey, selectRows, slice, sortValue } from "../../core/selection.ts";
import { pageLimits } from "../limits.ts";
import { safeLink } from "../link.ts";
import { agree, count, formatDay, many, softwareLabel } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { FilterForm } from "./filter.tsx";
import { pageHref, reportHref } from "./link.ts";
import type { PageView } from "./view.ts";
import { kindLabels, sortLabels } from "./words.ts";

/** The KBs: filters, the page asked for, and links to the others. */
export function KbSection({ view }: { view: PageView }) {
  const { report, query, code } = view;
  const selected = selectRows(report, query);
  const shown = slice(selected, query.page ?? 1, pageLimits.kbs);
  const where = query.softwareId === undefined ? "" : ` of ${softwareLabel(query.softwareId)}`;
  return (
    <section id="kbs" aria-labelledby="kbs-title">
      <h2 id="kbs-title">KBs{where}</h2>
      <FilterForm view={view} />
      <div className="bar">
        <p className="status" id="kbs-status" role="status">
          {statusWords(shown, report)}
        </p>
        <p className="links">
          This selection as <SelectionLink view={view} format="csv" name="CSV" />
          <SelectionLink view={view} format="json" name="JSON" />
        </p>
      </div>
      {shown.total > 0 && <KbTable view={view} shown={shown} />}
      <Pages
        slice={shown}
        label="Pages of KBs"
        href={(page) => `${pageHref(query, { page: page === 1 ? undefined : page }, code)}#kbs`}
      />
    </section>
  );
}

function statusWords({ from, to, total }: Slice<KbRow>, { rows }: Report): string {
  if (rows.length === 0) return "No KB is missing, and none was.";
  if (total === 0)
    return agree(rows.length, "The only KB does not match.", `None of ${many(rows.length, "KB")} match.`);
  const all = total === rows.length ? many(total, "KB") : `${count(total)} of ${many(rows.length, "KB")}`;
  return from === 1 && to === total ? all : `${count(from)}–${count(to)} of ${all}`;
}

function SelectionLink({ view, format, name }: { view: PageView; format: "csv" | "json"; name: string }) {
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
  const { report } = view;
  const complete = shown.total === report.rows.length && shown.pages === 1;
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
        </>
      }
    >
      {shown.items.map((row) => (
        <KbTableRow key={row.id} row={row} rank={ranks.get(row.id) ?? 0} view={view} />
      ))}
    </Table>
  );
}

const ariaSorts = { asc: "ascending", desc: "descending" } as const;
const headings: Readonly<Record<SortKey, string>> = { ...sortLabels, kb: "KB", worst: "Change" };

function SortHeader(props: { view: PageView; sort: SortKey; kind: "text" | "number" }) {
  const { sort, kind, view } = props;
  const { query, code } = view;
  const active = (query.sort ?? "worst") === sort;
  const order = query.order ?? naturalOrder[sort];
  const next = active ? (order === "asc" ? "desc" : "asc") : naturalOrder[sort];
  const href = pageHref(query, { sort, order: next === naturalOrder[sort] ? undefined : next, page: undefined }, code);
  return (
    <ColumnHead
      className={`c-${sort}`}
      aria-sort={active ? ariaSorts[order] : undefined}
      data-sort={sort}
      data-kind={kind}
      data-natural={naturalOrder[sort]}
    >
      <a href={`${href}#kbs`}>{headings[sort]}</a>
    </ColumnHead>
  );
}

function KbTableRow({ row, rank, view }: { row: KbRow; rank: number; view: PageView }) {
  const { report, query, code } = view;
  const lead = leadEntry(row);
  return (
    <Row data-rank={rank}>
      <RowHead className="c-kb" data-v={row.id}>
        <a className="number" href={pageHref(query, { kb: row.id }, code)}>
          KB{row.id}
        </a>
        <OutsideLink row={row} />
        <span className="name">{row.name}</span>
        <OtherProducts row={row} />
      </RowHead>
      <Cell className="c-worst">
        <KindBadge kind={row.kind} />
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
        <EntryList row={row} view={view} />
      </Cell>
    </Row>
  );
}

function OtherProducts({ row }: { row: KbRow }) {
  const others = otherProducts(row).map((name) => name.replaceAll("_", " "));
  if (others.length === 0) return null;
  const more = others.length - pageLimits.otherProducts;
  return (
    <span className="products">
      {others.slice(0, pageLimits.otherProducts).join(", ")}
      {more > 0 && ` and ${count(more)} more`}
    </span>
  );
}

/** A link to Microsoft's page about the KB, if its address can be trusted. */
export function OutsideLink({ row }: { row: KbRow }) {
  const link = safeLink(row.url);
  if (!link) return null;
  const site = new URL(link).hostname.includes("catalog") ? "catalog" : "support";
  return (
    <a className="outside" href={link} rel="noopener noreferrer">
      {site}
      <span className="sr"> page of KB{row.id} at Microsoft</span>
    </a>
  );
}

export function KindBadge({ kind }: { kind: KbRow["kind"] }) {
  const { mark, label } = kindLabels[kind];
  return (
    <span className={`badge k-${kind}`}>
      <span aria-hidden="true">{mark}</span> {label}
    </span>
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

/** By how much a count of an entry changed, if both counts are known. */
export function Change({ entry: { current, previous }, of }: { entry: KbEntry; of: keyof Counts }) {
  const by = rise(previous?.[of] ?? null, current?.[of] ?? null);
  if (by === 0) return null;
  return <span className={by > 0 ? "up" : "down"}>{` ${by > 0 ? "+" : "−"}${count(Math.abs(by))}`}</span>;
}

/** How long a KB has been missing, and whether it is overdue or stalled. */
export function Age({ row, report }: { row: KbRow; report: Report }) {
  const day = dayOf(report.runId);
  const overdue = daysOverdue(row, report);
  const stalled = stalledEntry(row, day);
  return (
    <>
      <span className="days">{isMissing(row) ? many(ageInDays(row, day), "day") : "gone"}</span>
      {overdue > 0 && <span className="overdue"> {many(overdue, "day")} overdue</span>}
      <span className="since">first seen {formatDay(row.firstSeen)}</span>
      {stalled && <span className="stalled">{stalledWords(stalled)}</span>}
    </>
  );
}

function stalledWords({ current, peak }: KbEntry): string {
  return `stalled at ${count(current?.machineMissedOn ?? null)}, peak ${count(peak)}`;
}

function EntryList({ row, view: { query, code } }: { row: KbRow; view: PageView }) {
  const entries = row.entries.toSorted(compareEntries);
  const more = entries.length - pageLimits.namedProducts;
  return (
    <ul className="entries">
      {entries.slice(0, pageLimits.namedProducts).map((entry) => (
        <li key={entry.softwareId}>
          <span className="label">{softwareLabel(entry.softwareId)}</span>
          {entries.length > 1 && <EntryCounts entry={entry} row={row} />}
        </li>
      ))}
      {more > 0 && (
        <li>
          <a href={pageHref(query, { kb: row.id }, code)}>
            {count(more)} more<span className="sr"> products of KB{row.id}</span>
          </a>
        </li>
      )}
    </ul>
  );
}

function EntryCounts({ entry, row }: { entry: KbEntry; row: KbRow }) {
  const { current, kind } = entry;
  return (
    <span className="counts">
      {kind !== row.kind && <span className={`kind k-${kind}`}>{kindLabels[kind].label.toLowerCase()}</span>}
      {current && (
        <>
          {" "}
          {count(current.machineMissedOn)}
          <Change entry={entry} of="machineMissedOn" />
        </>
      )}
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
