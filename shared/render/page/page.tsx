import type { ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { countLasting } from "../../core/due.ts";
import { forecast } from "../../core/forecast.ts";
import type { Report } from "../../core/report.ts";
import { isScheduled } from "../../core/run-id.ts";
import { verdictOf } from "../../core/verdict.ts";
import { comparedWith, headline } from "../headline.ts";
import { count, formatRun, formatTime, many } from "../words.ts";
import { AgeChart, ExposureChart, FlowChart } from "./charts.tsx";
import { Carried } from "./filter.tsx";
import { KbSections } from "./kb.tsx";
import { pageHref, progressHref, queryText } from "./link.ts";
import { NotReadSection, SoftwareSection } from "./products.tsx";
import { pageScript } from "./script.ts";
import { pageStyle } from "./style.ts";
import { KbSection } from "./table.tsx";
import type { EmptyPageView, PageFrame, PageQuery, PageView, ShownProgress } from "./view.ts";
import { forecastWords } from "./words.ts";

/** The report page as a whole HTML document. It works without its script; the nonce lets style and script pass the CSP. */
export function renderPage(view: PageView): string {
  const { report, query } = view;
  const about = query.kb === undefined ? "Missing KBs" : `KB${query.kb}`;
  return renderDocument(
    <Document frame={view} title={`${about} · ${report.watchlist} · ${formatRun(report.runId)}`}>
      <a className="skip" href={query.kb === undefined ? "#kbs" : "#main"}>
        Skip to the KBs
      </a>
      <Header view={view} />
      <main id="main" tabIndex={-1}>
        <Progress frame={view} watchlist={report.watchlist} />
        {query.kb === undefined ? <ReportSections view={view} /> : <KbSections view={view} kbId={query.kb} />}
      </main>
      <Footer view={view} />
    </Document>,
  );
}

/** The page where no run is committed yet: how to start one, and how far it is. */
export function renderEmptyPage(view: EmptyPageView): string {
  const { watchlist, options } = view;
  return renderDocument(
    <Document frame={view} title={`Missing KBs · ${watchlist}`}>
      <header className="top">
        <div className="who">
          <p className="eyebrow">Missing KBs</p>
          <h1>{watchlist}</h1>
        </div>
        <div className="actions">
          <ReadNowForm frame={view} watchlist={watchlist} />
        </div>
      </header>
      <main id="main">
        <Progress frame={view} watchlist={watchlist} />
        <section className="summary">
          <p className="headline">There is no report yet.</p>
          <p className="about">
            {options.nextRun
              ? `The first scheduled run starts ${formatTime(options.nextRun, options.timeZone)}. `
              : "The first report comes with the next scheduled run. "}
            “Read now” makes one at once.
          </p>
        </section>
      </main>
    </Document>,
  );
}

function renderDocument(document: ReactNode): string {
  return `<!doctype html>\n${renderToStaticMarkup(document)}\n`;
}

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%230b5cad'/%3E%3Cpath d='M4 11V8m4 3V5m4 6V7' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";

function Document(props: { frame: PageFrame; title: string; children: ReactNode }) {
  const { nonce } = props.frame;
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <title>{props.title}</title>
        <link rel="icon" href={icon} />
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: our own constant text */}
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: pageStyle }} />
      </head>
      <body>
        <div className="page">{props.children}</div>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: our own constant text */}
        <script nonce={nonce} dangerouslySetInnerHTML={{ __html: pageScript }} />
      </body>
    </html>
  );
}

function Header({ view }: { view: PageView }) {
  const { report, watchlists, query, code } = view;
  return (
    <header className="top">
      <div className="who">
        <p className="eyebrow">Missing KBs</p>
        <h1>
          {report.watchlist} <span className="day">{formatRun(report.runId)}</span>
        </h1>
      </div>
      <div className="actions">
        {watchlists.length > 1 && <WatchlistForm watchlists={watchlists} asked={query.watchlist} code={code} />}
        <RunForm view={view} />
        <ReadNowForm frame={view} watchlist={report.watchlist} />
      </div>
    </header>
  );
}

function WatchlistForm(props: { watchlists: readonly string[]; asked: string; code?: string | undefined }) {
  return (
    <form method="get" className="choose">
      <Carried fields={{}} code={props.code} />
      <div className="field">
        <label htmlFor="watchlist">Watchlist</label>
        <select id="watchlist" name="watchlist" defaultValue={props.asked}>
          {props.watchlists.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </div>
      <button type="submit">
        Open<span className="sr"> watchlist</span>
      </button>
    </form>
  );
}

function RunForm({ view: { report, runs, query, code } }: { view: PageView }) {
  const newestFirst = runs.map(({ runId }) => runId).toReversed();
  const { watchlist, search, change, softwareId, sort, order, kb } = query;
  const flags = { overdue: query.overdue ? "true" : undefined, stalled: query.stalled ? "true" : undefined };
  return (
    <form method="get" className="choose">
      <Carried fields={{ watchlist, search, change, softwareId, sort, order, kb, ...flags }} code={code} />
      <div className="field">
        <label htmlFor="run">Run</label>
        <select id="run" name="run" defaultValue={query.run === "latest" ? "latest" : report.runId}>
          <option value="latest">Latest</option>
          <RunOptions runs={newestFirst} asked={report.runId} />
        </select>
      </div>
      <div className="field">
        <label htmlFor="from">Compared with</label>
        <select id="from" name="from" defaultValue={query.from ?? ""}>
          <option value="">Previous report</option>
          <RunOptions runs={newestFirst.filter((runId) => runId !== report.runId)} asked={query.from} />
        </select>
      </div>
      <button type="submit">
        Show<span className="sr"> this run</span>
      </button>
    </form>
  );
}

function RunOptions({ runs, asked }: { runs: readonly string[]; asked?: string | undefined }) {
  const all = asked === undefined || runs.includes(asked) ? runs : [asked, ...runs];
  return all.map((runId) => (
    <option key={runId} value={runId}>
      {formatRun(runId)}
    </option>
  ));
}

function ReadNowForm({ frame: { code, progress }, watchlist }: { frame: PageFrame; watchlist: string }) {
  const busy = progress !== undefined && progress.state !== "committed";
  return (
    <form method="post" action={`runs${code ? queryText({}, code) : ""}`} className="measure">
      <Carried fields={{ watchlist }} code={code} />
      <button type="submit" className="primary" disabled={busy}>
        Read now
      </button>
    </form>
  );
}

/** How far a run is. With the script it follows by itself; without, a link looks again. */
function Progress({ frame, watchlist }: { frame: PageFrame; watchlist: string }) {
  const { progress, code } = frame;
  if (!progress) return null;
  const { runId } = progress;
  const done = queryText({ watchlist, run: runId }, code);
  return (
    <section
      className="progress"
      id="progress"
      aria-label="Run under way"
      data-state={progress.state}
      data-status={progressHref(watchlist, runId, code)}
      data-done={done}
    >
      <p id="progress-words" role="status">
        {progressWords(progress)}
      </p>
      {progress.state === "committed" ? (
        <a href={done}>Open the new report</a>
      ) : (
        <>
          <progress max={Math.max(1, progress.total)} value={progress.read} aria-labelledby="progress-words" />
          <a id="progress-again" href={queryText({ watchlist, progress: runId }, code)}>
            Look again
          </a>
        </>
      )}
    </section>
  );
}

function progressWords({ runId, state, read, total }: ShownProgress): string {
  if (state === "committed") return `The run of ${formatRun(runId)} is done.`;
  if (state === "queued") return `The run of ${formatRun(runId)} waits for its turn.`;
  return `The run of ${formatRun(runId)} is under way: ${count(read)} of ${count(total)} software measured.`;
}

function ReportSections({ view }: { view: PageView }) {
  const { report } = view;
  return (
    <>
      <Summary view={view} />
      <section className="charts" aria-label="Trends">
        <ExposureChart trend={report.trend} />
        <FlowChart trend={report.trend} />
        <AgeChart report={report} />
      </section>
      <KbSection view={view} />
      <NotReadSection view={view} />
      <SoftwareSection view={view} />
    </>
  );
}

function Summary({ view }: { view: PageView }) {
  const { report } = view;
  return (
    <section className={`summary v-${verdictOf(report)}`} aria-label="Summary">
      <p className="headline">{headline(report)}</p>
      <p className="about">
        {comparedWith(report)} <Unmeasured report={report} />
      </p>
      <p className="about">{forecastWords(forecast(report.trend))}</p>
      <ul className="tiles">
        {tilesOf(report).map((tile) => (
          <Tile key={tile.label} view={view} tile={tile} />
        ))}
      </ul>
    </section>
  );
}

function Unmeasured({ report: { totals, products } }: { report: Report }) {
  if (totals.notRead === 0) return <>All {count(totals.read)} software measured.</>;
  return (
    <a className="warning" href="#not-read">
      {count(totals.notRead)} of {count(products.length)} software not measured.
    </a>
  );
}

interface TileFacts {
  label: string;
  value: number;
  tone: "bad" | "good" | "plain";
  /** The KBs that it counts; absent where it counts no KBs. */
  filter?: Partial<PageQuery>;
}

function tilesOf(report: Report): TileFacts[] {
  const { totals } = report;
  const { overdue, stalled } = countLasting(report);
  return [
    { label: "New", value: totals.new, tone: "bad", filter: { change: "new" } },
    { label: "Worse", value: totals.worsened, tone: "bad", filter: { change: "worsened" } },
    { label: "Returned", value: totals.returned, tone: "bad", filter: { change: "returned" } },
    { label: "Better", value: totals.improved, tone: "good", filter: { change: "improved" } },
    { label: "Resolved", value: totals.resolved, tone: "good", filter: { change: "resolved" } },
    { label: "Missing KBs", value: totals.missingKbs, tone: "plain", filter: { change: "missing" } },
    { label: "Machine-KB pairs", value: totals.missingInstalls, tone: "plain" },
    { label: "Overdue", value: overdue, tone: "bad", filter: { overdue: true } },
    { label: "Stalled", value: stalled, tone: "bad", filter: { stalled: true } },
  ];
}

function Tile({ view: { query, code }, tile }: { view: PageView; tile: TileFacts }) {
  const { label, value, tone, filter } = tile;
  const { watchlist, run, from } = query;
  const content = (
    <>
      <span className="value">{count(value)}</span> <span className="label">{label}</span>
    </>
  );
  return (
    <li className={value > 0 ? `tile ${tone}` : "tile none"}>
      {filter && value > 0 ? (
        <a href={`${pageHref({ watchlist, run, ...(from && { from }), ...filter }, {}, code)}#kbs`}>{content}</a>
      ) : (
        <div>{content}</div>
      )}
    </li>
  );
}

function Footer({ view }: { view: PageView }) {
  const { report, options } = view;
  const time = (iso: string) => formatTime(iso, options.timeZone);
  return (
    <footer>
      <section aria-labelledby="exports-title">
        <h2 id="exports-title">Exports</h2>
        <Exports view={view} />
      </section>
      <section aria-labelledby="terms-title">
        <h2 id="terms-title">How the numbers are made</h2>
        <Terms report={report} />
      </section>
      <p className="audit">
        {isScheduled(report.runId) ? "Scheduled run" : "Run on demand"}, opened {time(report.openedAt)}, closed{" "}
        {time(report.committedAt)}, tenant {report.tenant}.
        {options.nextRun && ` The next scheduled run starts ${time(options.nextRun)}.`}{" "}
        <a href={options.portalUrl} rel="noopener noreferrer">
          Defender portal
        </a>
      </p>
    </footer>
  );
}

function Exports({ view: { report, query, code } }: { view: PageView }) {
  const { watchlist, from } = query;
  const run = { watchlist, run: report.runId, from };
  return (
    <ul className="exports">
      <li>
        This report: <a href={queryText({ ...run, format: "csv" }, code)}>CSV</a>{" "}
        <a href={queryText({ ...run, format: "json" }, code)}>JSON</a>{" "}
        <a href={queryText({ ...run, format: "text" }, code)}>text</a>
      </li>
      <li>
        Totals of every run:{" "}
        <a href={`history${queryText({ watchlist, days: 400, format: "csv" }, code)}`}>
          CSV<span className="sr"> of the totals</span>
        </a>{" "}
        <a href={`history${queryText({ watchlist, days: 400, format: "json" }, code)}`}>
          JSON<span className="sr"> of the totals</span>
        </a>
      </li>
      <li>
        For machines: <a href={`openapi.json${code ? queryText({}, code) : ""}`}>OpenAPI</a>
      </li>
    </ul>
  );
}

function Terms({ report: { dueDays } }: { report: Report }) {
  return (
    <dl className="terms">
      <div>
        <dt>Machines, CVEs</dt>
        <dd>
          Defender counts them for one software at a time. A KB that several software miss shows the largest count and
          is never added up, since one machine may stand in several. A question mark is a count that Defender does not
          give.
        </dd>
      </div>
      <div>
        <dt>Machine-KB pairs</dt>
        <dd>The sum over KBs of their machines: one machine that misses three KBs makes three pairs.</dd>
      </div>
      <div>
        <dt>Better, resolved</dt>
        <dd>
          A fall in the counts. Machines that leave, stay silent for 30 days or are excepted in the portal lower them as
          well. Resolved is said only where the software was measured in both runs.
        </dd>
      </div>
      <div>
        <dt>Overdue, stalled, returned</dt>
        <dd>
          Overdue: missing for more than {many(dueDays, "day")}. Stalled: 14 days after it was first seen, still on 80 %
          of its peak or more. Returned: it was resolved within the last 90 days and is back.
        </dd>
      </div>
      <div>
        <dt>Forecast</dt>
        <dd>
          A straight line through the last 14 scheduled runs over the same number of products, followed from the last
          count to zero. None is given where the line explains less than half of the ups and downs. New updates are not
          foreseen.
        </dd>
      </div>
    </dl>
  );
}
