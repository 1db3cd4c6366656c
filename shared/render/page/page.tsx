import { stall } from "../../core/due.ts";
import { forecast, forecastLimits } from "../../core/forecast.ts";
import { comparedProducts } from "../../core/products.ts";
import type { Report } from "../../core/report.ts";
import { isScheduled } from "../../core/run-id.ts";
import { isOpenedBefore } from "../../core/run-list.ts";
import { countedReport, isNarrowed } from "../../core/selection.ts";
import { goneMemory } from "../../core/snapshot.ts";
import { isPartial } from "../../core/totals.ts";
import { verdictOf } from "../../core/verdict.ts";
import { factsWords, staleWords } from "../advisory-words.ts";
import { newerRunWords } from "../asked-report.ts";
import { comparedWith, headline } from "../headline.ts";
import { pageLimits } from "../limits.ts";
import { noneSelected, notReadLine, selectionHeadline, selectionTitle, trendLabel } from "../selection-words.ts";
import { agree, count, formatRun, formatTime, many } from "../words.ts";
import { ActionSection, actionsOf, InstallFirst } from "./actions.tsx";
import { Charts } from "./charts.tsx";
import { CoverageSection } from "./coverage.tsx";
import { Document, renderDocument } from "./document.tsx";
import { Eyebrow } from "./eyebrow.tsx";
import { Carried, named } from "./filter.tsx";
import { Fold } from "./fold.tsx";
import { KbSections } from "./kb.tsx";
import { callHref, historyHref, pageHref, progressHref, reportHref } from "./link.ts";
import { PreviewForm } from "./preview-form.tsx";
import { NotReadSection, ProductSection } from "./products.tsx";
import { KbSection } from "./table.tsx";
import { Today } from "./today.tsx";
import type { EmptyPageView, PageFrame, PageView, ShownProgress } from "./view.ts";
import { droppedWords, forecastWords, readSoFar } from "./words.ts";

/** The report page, a complete HTML document. It works without its script; the nonce lets style and script pass the CSP. */
export function renderPage(view: PageView): string {
  const { report, selection, query } = view;
  const about = isNarrowed(selection) ? selectionTitle(selection) : "Missing KBs";
  return renderDocument(
    <Document nonce={view.nonce} title={`${about} · ${report.watchlist} · ${formatRun(report.runId, report.timeZone)}`}>
      <a className="skip" href={query.kb === undefined ? "#kbs" : "#main"}>
        Skip to the KBs
      </a>
      <Header view={view} />
      <main id="main" tabIndex={-1}>
        <Progress frame={view} watchlist={report.watchlist} timeZone={report.timeZone} />
        <NewerRuns view={view} />
        {query.kb === undefined ? <ReportSections view={view} /> : <KbSections view={view} kbId={query.kb} />}
      </main>
      <Footer view={view} />
    </Document>,
  );
}

/** The page before the first run is committed: how to start one, and how far it is. */
export function renderEmptyPage(view: EmptyPageView): string {
  const { watchlist, options, mayStart = true } = view;
  return renderDocument(
    <Document nonce={view.nonce} title={`Missing KBs · ${watchlist}`}>
      <header className="top">
        <div className="who">
          <Eyebrow isOneOfMany={view.watchlists.length > 1} code={view.code} />
          <h1>{watchlist}</h1>
        </div>
        <div className="actions">
          <ReadNowForm frame={view} watchlist={watchlist} />
        </div>
      </header>
      <main id="main">
        <Progress frame={view} watchlist={watchlist} timeZone={options.timeZone} />
        <section className="summary">
          <p className="headline">There is no report yet.</p>
          <p className="about">
            {options.nextRun
              ? `The first scheduled run starts ${formatTime(options.nextRun, options.timeZone)}. `
              : "The next scheduled run makes the first report. "}
            {mayStart && "“Read now” makes one right away."}
          </p>
        </section>
      </main>
    </Document>,
  );
}

function Header({ view }: { view: PageView }) {
  const { report, watchlists, query, code } = view;
  return (
    <header className="top">
      <div className="who">
        <Eyebrow isOneOfMany={view.watchlists.length > 1} code={view.code} />
        <h1>
          {report.watchlist} <span className="day">{formatRun(report.runId, report.timeZone)}</span>
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
        <select {...named("watchlist")} defaultValue={props.asked}>
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
  const newestFirst = runs.toReversed();
  const { run: _run, from: _from, page: _page, productPage: _productPage, ...carried } = query;
  const all = newestFirst.map(({ runId }) => runId);
  const earlier = newestFirst.filter((run) => isOpenedBefore(run, report)).map(({ runId }) => runId);
  return (
    <form method="get" className="choose" id="choose-run" data-live>
      <Carried fields={carried} code={code} />
      <div className="field">
        <label htmlFor="run">Run</label>
        <select {...named("run")} defaultValue={query.run === "latest" ? "latest" : report.runId}>
          <option value="latest">Latest</option>
          <RunOptions runs={all} asked={report.runId} timeZone={report.timeZone} />
        </select>
      </div>
      <div className="field">
        <label htmlFor="from">Compared with</label>
        <select {...named("from")} defaultValue={query.from ?? ""}>
          <option value="">Previous report</option>
          <RunOptions runs={earlier} asked={query.from} timeZone={report.timeZone} />
        </select>
      </div>
      <button type="submit">
        Show<span className="sr"> this run</span>
      </button>
    </form>
  );
}

function RunOptions(props: { runs: readonly string[]; asked: string | undefined; timeZone: string }) {
  const { runs, asked, timeZone } = props;
  const all = asked === undefined || runs.includes(asked) ? runs : [asked, ...runs];
  return all.map((runId) => (
    <option key={runId} value={runId}>
      {formatRun(runId, timeZone)}
    </option>
  ));
}

function ReadNowForm({ frame, watchlist }: { frame: PageFrame; watchlist: string }) {
  const { code, progress, mayStart = true } = frame;
  if (!mayStart) return null;
  const busy = progress !== undefined && isUnderWay(progress);
  return (
    <form method="post" action={callHref("runs", code)} className="measure">
      <Carried fields={{ watchlist }} code={code} />
      <button type="submit" className="primary" disabled={busy}>
        Read now
      </button>
    </form>
  );
}

/** How far a run is. The script keeps it up to date; without the script, a link reloads it. */
function Progress(props: { frame: PageFrame; watchlist: string; timeZone: string }) {
  const { frame, watchlist, timeZone } = props;
  const { progress, code } = frame;
  if (!progress) return null;
  const { runId } = progress;
  const done = reportHref({ watchlist, run: runId }, code);
  return (
    <section
      className="progress"
      id="progress"
      aria-label="Run in progress"
      data-state={progress.state}
      data-status={progressHref(watchlist, runId, code)}
      data-done={done}
    >
      <p id="progress-words" role="status">
        {progressWords(progress, timeZone)}
      </p>
      {progress.state === "committed" && <a href={done}>Open the new report</a>}
      {isUnderWay(progress) && (
        <>
          <progress max={Math.max(1, progress.total)} value={progress.read} aria-labelledby="progress-words" />
          <a id="progress-again" href={reportHref({ watchlist, progress: runId }, code)}>
            Refresh
          </a>
        </>
      )}
    </section>
  );
}

function isUnderWay({ state }: ShownProgress): boolean {
  return state === "queued" || state === "running";
}

function progressWords({ runId, state, reason, read, total }: ShownProgress, timeZone: string): string {
  const run = `The run of ${formatRun(runId, timeZone)}`;
  if (state === "dropped") return droppedWords(run, reason);
  if (state === "committed") return `${run} is finished.`;
  if (state === "queued") return `${run} is waiting to start.`;
  return `${run} is in progress: ${readSoFar(read, total)}.`;
}

/** Links to the runs asked for since the scheduled one that is shown, the newest first. */
function NewerRuns({ view: { report, newerRuns, query, code } }: { view: PageView }) {
  if (newerRuns.length === 0) return null;
  return (
    <ul className="newer">
      {newerRuns
        .slice(-pageLimits.newerRuns)
        .toReversed()
        .map((runId) => (
          <li key={runId}>
            <a href={pageHref(query, { run: runId, from: undefined, page: undefined, productPage: undefined }, code)}>
              {newerRunWords(runId, report.timeZone)}
            </a>
          </li>
        ))}
    </ul>
  );
}

function ReportSections({ view }: { view: PageView }) {
  const list = actionsOf(view);
  return (
    <>
      <Summary view={view} />
      <div className="cards">
        <InstallFirst view={view} list={list} />
        <Today view={view} />
      </div>
      <Trends view={view} />
      <KbSection view={view} />
      <ActionSection view={view} list={list} />
      <NotReadSection view={view} />
      <ProductSection view={view} />
      <CoverageSection view={view} />
    </>
  );
}

/** The sentence, what could not be read, and what it all rests on. */
function Summary({ view }: { view: PageView }) {
  const { report, full, selection } = view;
  const isSelection = isNarrowed(selection);
  return (
    <section className={`summary v-${verdictOf(report)}`} aria-label="Summary" id="summary" data-live>
      {isSelection && <SelectionTitle view={view} />}
      <p className="headline">{isSelection ? selectionHeadline(view) : headline(report)}</p>
      <NotReadLine report={full} />
      <p className="about">
        {comparedWith(full)} {olderWords(full)} {readWords(full)} <FactsLine report={full} />
      </p>
    </section>
  );
}

function NotReadLine({ report }: { report: Report }) {
  const words = notReadLine(report);
  return words === null ? null : (
    <p>
      <a className="warning" href="#not-read">
        {words}
      </a>
    </p>
  );
}

function readWords({ totals: { read, notRead } }: Report): string {
  if (isPartial({ notRead })) return "";
  return agree(read, "The product was read.", `All ${many(read, "product")} were read.`);
}

/** When the feeds were read whose facts the report uses. */
function FactsLine({ report: { facts, committedAt, timeZone } }: { report: Report }) {
  if (facts === null) return null;
  const stale = staleWords(facts, committedAt);
  return stale === "" ? (
    <span className="facts-age">{factsWords(facts, timeZone)}</span>
  ) : (
    <span className="facts-age warning">
      {factsWords(facts, timeZone)} {stale}
    </span>
  );
}

/** How it went over 30 days, and how old is what is missing. */
function Trends({ view }: { view: PageView }) {
  const { report, selection } = view;
  const label = trendLabel(selection);
  return (
    <Fold id="charts" title="Trends" note="Missing installs, new and resolved, age, forecast" isLive>
      <Charts trend={report.trend} label={label} report={countedReport(view)} none={noneSelected(view)} />
      <p className="note">{forecastWords(forecast(report.trend), label)}</p>
    </Fold>
  );
}

function SelectionTitle({ view: { selection, query, code } }: { view: PageView }) {
  const { watchlist, run, from } = query;
  return (
    <p className="selection">
      <strong>{selectionTitle(selection)}</strong>{" "}
      <a className="show-full" href={pageHref({ watchlist, run }, { from }, code)}>
        Show the full report
      </a>
    </p>
  );
}

/** How many products are compared with an older run than the report's own, because that could not read them. */
function olderWords(report: Report): string {
  const { compared, older, oldest } = comparedProducts(report);
  if (oldest === null || older === compared) return "";
  return `${count(older)} of ${many(compared, "product")} with older counts, back to ${formatRun(oldest, report.timeZone)}.`;
}

function Footer({ view }: { view: PageView }) {
  const { report, options } = view;
  const time = (iso: string) => formatTime(iso, report.timeZone);
  return (
    <footer>
      <section aria-labelledby="exports-title">
        <h2 id="exports-title">Exports</h2>
        <Exports view={view} />
      </section>
      <Fold id="terms" title="What the numbers mean" note="Machines, overdue, stalled, exploited, gaps">
        <Terms report={report} />
      </Fold>
      <p className="audit">
        {isScheduled(report.runId) ? "Scheduled run" : "Run asked for"}, started {time(report.openedAt)}, finished{" "}
        {time(report.committedAt)}, tenant {report.tenant}.
        {options.nextRun && ` The next scheduled run starts ${formatTime(options.nextRun, options.timeZone)}.`}{" "}
        <a href={options.portalUrl} rel="noopener noreferrer">
          Defender portal
        </a>
      </p>
      <PreviewForm frame={view} watchlist={report.watchlist} />
    </footer>
  );
}

function Exports({ view: { report, query, code } }: { view: PageView }) {
  const { watchlist, from } = query;
  const run = { watchlist, run: report.runId, from };
  return (
    <ul className="exports">
      <li>
        The full report: <a href={reportHref({ ...run, format: "csv" }, code)}>CSV</a>{" "}
        <a href={reportHref({ ...run, format: "json" }, code)}>JSON</a>{" "}
        <a href={reportHref({ ...run, format: "text" }, code)}>text</a>
      </li>
      <li>
        Totals of every run:{" "}
        <a href={historyHref({ watchlist, days: 400, format: "csv" }, code)}>
          CSV<span className="sr"> of the totals</span>
        </a>{" "}
        <a href={historyHref({ watchlist, days: 400, format: "json" }, code)}>
          JSON<span className="sr"> of the totals</span>
        </a>
      </li>
      <li>
        For scripts: <a href={callHref("openapi.json", code)}>OpenAPI</a>
      </li>
    </ul>
  );
}

const dueFromWords = {
  released:
    "Age counts from the oldest release in its line of replaced KBs, or from first sight where that is earlier.",
  "first-seen": "Age counts from first sight.",
} as const;

function Terms({ report: { dueDays, dueDaysExploited, dueFrom } }: { report: Report }) {
  return (
    <dl className="terms">
      <div>
        <dt>Machines, CVEs</dt>
        <dd>
          Defender counts them per product. If several products miss a KB, its row shows the largest count of those that
          its change is about, not the sum, because one machine can have several products. A question mark means that
          Defender gives no count.
        </dd>
      </div>
      <div>
        <dt>Missing installs</dt>
        <dd>The machines of all KBs added up: a machine that misses three KBs counts three times.</dd>
      </div>
      <div>
        <dt>More CVEs</dt>
        <dd>Defender lists more CVEs for the KB than were last reported, but fewer machines miss it.</dd>
      </div>
      <div>
        <dt>Better, resolved</dt>
        <dd>
          The counts fell. They also fall when machines leave, stay silent for 30 days or get an exception in the
          portal. A KB is only called resolved if two reads of its product in one run no longer list it.
        </dd>
      </div>
      <div>
        <dt>Overdue, stalled, back</dt>
        <dd>
          Overdue: older than {many(dueDays, "day")}, or than {many(dueDaysExploited, "day")} where it closes an
          exploited CVE. {dueFromWords[dueFrom]} Stalled: first seen {many(stall.days, "day")} ago or longer, and still
          at {100 * stall.share} % of its peak or more. Back: missing again within {many(goneMemory.days, "day")} of
          being resolved.
        </dd>
      </div>
      <div>
        <dt>Exploited</dt>
        <dd>
          The KB closes a CVE that CISA lists as exploited (KEV), or that MSRC says is. MSRC does not know every KB;
          that is not the same as not exploited.
        </dd>
      </div>
      <div>
        <dt>Gap, replaced</dt>
        <dd>
          A gap is one KB missing in one product. An update closes the gaps of all KBs that it replaces by MSRC’s word.
          A KB that is no longer listed because another took its place is replaced, not resolved.
        </dd>
      </div>
      <div>
        <dt>Not read</dt>
        <dd>
          A product that could not be read keeps its last known counts, with their day. Nothing else is said of it: no
          change, nothing overdue, nothing stalled.
        </dd>
      </div>
      <div>
        <dt>Forecast</dt>
        <dd>
          A straight line through the last {forecastLimits.runs} scheduled runs over the same number of products,
          continued from the last count to zero. There is none if the line explains less than half of the variation. It
          does not foresee new updates.
        </dd>
      </div>
    </dl>
  );
}
