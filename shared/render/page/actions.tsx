import { type Action, type ActionList, actionList, type Gap } from "../../core/action-list.ts";
import { isWorse } from "../../core/due.ts";
import { oncePerReport } from "../../core/once-per-report.ts";
import { slice, trendReport } from "../../core/selection.ts";
import {
  alsoCloses,
  closeWords,
  doubtWords,
  exploitedCause,
  gapWords,
  neededWords,
  overdueWords,
  whereWords,
} from "../action-words.ts";
import { restartOf } from "../advisory-words.ts";
import { inSentence, kindLabels } from "../kind-words.ts";
import { pageLimits } from "../limits.ts";
import { productLink } from "../link.ts";
import { noneMissing, trendLabel } from "../selection-words.ts";
import { count, many, productLabel } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { Fold } from "./fold.tsx";
import { actionsHref, pageHref } from "./link.ts";
import { CatalogLink, ExploitedMark, Outside } from "./marks.tsx";
import type { PageView } from "./view.ts";

/** What to install: of the product that a filter names, else of the complete report, because a filter may hide what replaces a KB. */
export function actionsOf(view: PageView): ActionList {
  return listOf(trendReport(view));
}

/** What to install of a complete report. */
export const listOf = oncePerReport(actionList);

function titled(title: string, { selection }: PageView): string {
  const label = trendLabel(selection);
  return label === "" ? title : `${title}, ${label}`;
}

/** The most urgent updates, with the reason for each. */
export function InstallFirst({ view, list }: { view: PageView; list: ActionList }) {
  const { actions, gaps } = list;
  return (
    <section className="card" id="install" aria-labelledby="install-title" data-live>
      <h2 id="install-title">{titled("Install first", view)}</h2>
      {actions.length === 0 ? (
        <p className="note">Nothing to install: {inSentence(noneMissing(trendReport(view)))}.</p>
      ) : (
        <>
          <ol className="first">
            {actions.slice(0, pageLimits.firstActions).map((action) => (
              <FirstAction key={action.row.id} action={action} view={view} />
            ))}
          </ol>
          <p className="all">
            {closeWords(actions, gaps)}.{" "}
            <a href="#all-actions">{actions.length > 1 ? "All of them" : "More about it"}</a>
          </p>
        </>
      )}
    </section>
  );
}

function FirstAction({ action, view }: { action: Action; view: PageView }) {
  const { row } = action;
  const notes = [restartOf(row), alsoCloses(action), doubtWords(action)].filter(Boolean);
  const cause = exploitedCause(action);
  return (
    <li>
      <KbLink id={row.id} view={view} />
      <span>{whereWords(action)}</span>
      <span className="needed">
        <MachinesLink action={action} view={view} />
      </span>
      <span className="marks">
        <Reasons action={action} view={view} />
      </span>
      <span className="notes">
        {cause !== "" && <span className="cause">{cause}</span>}
        {notes.length > 0 && <span>{notes.join(" · ")}</span>}
      </span>
    </li>
  );
}

function KbLink({ id, view: { query, code } }: { id: string; view: PageView }) {
  const { watchlist, run, from } = query;
  return (
    <a className="number" href={pageHref({ watchlist, run }, { from, kb: id }, code)}>
      KB{id}
    </a>
  );
}

/** How many machines need it, with the way to Defender's list of them. */
function MachinesLink({ action, view: { report, options } }: { action: Action; view: PageView }) {
  const [most] = action.installs;
  const words = neededWords(action);
  if (!most) return words;
  const { softwareId } = most.entry;
  return (
    <Outside
      href={productLink(options.portalUrl, softwareId, report.tenant)}
      to={`with ${productLabel(softwareId)} in Defender`}
    >
      {words}
    </Outside>
  );
}

function Reasons({ action, view }: { action: Action; view: PageView }) {
  const { row, exploited } = action;
  const overdue = overdueWords(action, view.report.day);
  return (
    <>
      {exploited && <ExploitedMark />}
      {isWorse(row.kind) && <span className={`kind k-${row.kind}`}>{kindLabels[row.kind].label}</span>}
      {overdue !== "" && <span className="overdue">{overdue}</span>}
    </>
  );
}

/** Every update to install, and what each of them closes. */
export function ActionSection({ view, list }: { view: PageView; list: ActionList }) {
  const { report, query, code } = view;
  const { actions, gaps } = list;
  if (actions.length === 0) return null;
  const shown = slice(actions, 1, pageLimits.actions);
  const more = actions.length - shown.to;
  const run = { watchlist: query.watchlist, run: report.runId };
  return (
    <Fold id="actions" title={titled("What to install", view)} note={closeWords(actions, gaps)} isLive>
      <p className="note" id="all-actions">
        {closeWords(actions, gaps)}. A gap is one KB missing in one product; each is closed by one update. As{" "}
        <a href={actionsHref({ ...run, format: "csv" }, code)}>CSV</a>{" "}
        <a href={actionsHref({ ...run, format: "json" }, code)}>JSON</a>
      </p>
      <Table
        className="list to-install"
        caption="Updates to install, most urgent first"
        head={
          <>
            <ColumnHead>Install</ColumnHead>
            <ColumnHead>In</ColumnHead>
            <ColumnHead>Closes too</ColumnHead>
            <ColumnHead>Why</ColumnHead>
          </>
        }
      >
        {shown.items.map((action) => (
          <Row key={action.row.id}>
            <RowHead>
              <KbLink id={action.row.id} view={view} /> <CatalogLink id={action.row.id} />
              <span className="id">{action.row.name}</span>
            </RowHead>
            <Cell label="In">
              <Gaps gaps={action.installs} most={pageLimits.installs} words={gapWords} />
            </Cell>
            <Cell label="Closes too">
              <Gaps
                gaps={action.covers}
                most={pageLimits.covers}
                words={({ row, entry }) => `KB${row.id}, ${gapWords({ row, entry })}`}
              />
            </Cell>
            <Cell label="Why" className="reasons">
              <span className="marks">
                <Reasons action={action} view={view} />
              </span>
              <span className="id">{exploitedCause(action)}</span>
              <span className="id">{[restartOf(action.row), doubtWords(action)].filter(Boolean).join(" · ")}</span>
            </Cell>
          </Row>
        ))}
      </Table>
      {more > 0 && <p className="note">{many(more, "more update")} are in the CSV and JSON.</p>}
    </Fold>
  );
}

function Gaps(props: { gaps: readonly Gap[]; most: number; words: (gap: Gap) => string }) {
  const { gaps, most, words } = props;
  const more = gaps.length - most;
  return (
    <ul>
      {gaps.slice(0, most).map((gap) => (
        <li key={`${gap.row.id} ${gap.entry.softwareId}`}>{words(gap)}</li>
      ))}
      {more > 0 && <li>{count(more)} more</li>}
    </ul>
  );
}
