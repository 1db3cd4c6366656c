import type { ReactNode } from "react";
import { mostPreviewed, type Preview, type PreviewMail, type UnmentionedKb } from "../../core/preview.ts";
import { dueFroms, type MailWhen, mailWhens, ruleLimits, weekdays } from "../../core/watchlist.ts";
import { type PreviewFacts, previewHeadline, previewLimits, previewSpan, silenceWords } from "../preview-words.ts";
import { formatRun, many, shortDay, shown } from "../words.ts";
import { Cell, ColumnHead, Row, RowHead, Table } from "./cells.tsx";
import { Document, renderDocument } from "./document.tsx";
import { Eyebrow } from "./eyebrow.tsx";
import { Carried } from "./filter.tsx";
import { callHref, reportHref } from "./link.ts";
import type { PageFrame } from "./view.ts";

/** What the page of a preview needs. */
export type PreviewView = PreviewFacts & Pick<PageFrame, "watchlists" | "nonce" | "code">;

/** Past runs under other settings beside what they mailed, with the form to try others. It works without its script. */
export function renderPreview(view: PreviewView): string {
  const { watchlist, preview, watchlists, code } = view;
  return renderDocument(
    <Document nonce={view.nonce} title={`Other settings · ${watchlist.name} · Missing KBs`}>
      <a className="skip" href="#mails">
        Skip to the mails
      </a>
      <header className="top">
        <div className="who">
          <Eyebrow isOneOfMany={watchlists.length > 1} code={code} />
          <h1>
            {watchlist.name} <span className="day">other settings</span>
          </h1>
        </div>
        <div className="actions">
          <a href={`report${reportHref({ watchlist: watchlist.name }, code)}`}>Back to the report</a>
        </div>
      </header>
      <main id="main" className="preview">
        <SettingsForm view={view} />
        <section className="summary" aria-label="Summary">
          <p className="headline">{previewHeadline(preview)}</p>
          <p className="about">
            {silenceWords(preview)} {previewSpan(view)}
          </p>
          <p className="about">{previewLimits}</p>
        </section>
        <Unmentioned title="Overdue KBs that no mail would have mentioned" kbs={preview.unmentioned} />
        <Unmentioned title="Overdue KBs that wait for the next mail" kbs={preview.waiting} isOpen />
        <Mails view={view} />
      </main>
    </Document>,
  );
}

/** Everything that can be tried, filled in with what was. */
function SettingsForm({ view: { watchlist, asked, code } }: { view: PreviewView }) {
  const { name, thresholds, mailWhen, heartbeatDay, dueDays, dueDaysExploited, dueFrom } = watchlist;
  return (
    <form method="post" action={callHref("preview", code)} className="settings" aria-label="Settings to try">
      <Carried fields={{ watchlist: name }} code={code} />
      <Group title="Worse from">
        <NumberField name="minMachines" label="Machines more" value={thresholds.minMachines} />
        <NumberField name="minPercent" label="and percent more" value={thresholds.minPercent} />
        <NumberField name="minCves" label="or CVEs more" value={thresholds.minCves} />
      </Group>
      <Group title="Mail">
        <ChoiceField name="mailWhen" label="When" value={mailWhen} options={mailWhens.map(whenOption)} />
        <ChoiceField
          name="heartbeatDay"
          label="Always on"
          value={heartbeatDay}
          options={[...weekdays.map((day): Option => [day, day]), ["none", "No day"]]}
        />
      </Group>
      <Group title="Overdue after">
        <NumberField name="dueDays" label="Days" value={dueDays} />
        <NumberField name="dueDaysExploited" label="Days if exploited" value={dueDaysExploited} />
        <ChoiceField
          name="dueFrom"
          label="Counted from"
          value={dueFrom}
          options={dueFroms.map((from): Option => [from, from === "released" ? "Release" : "First sight"])}
        />
      </Group>
      <Group title="Replay">
        <NumberField name="runs" label="Last runs" value={asked} least={1} most={mostPreviewed} />
        <button type="submit" className="primary">
          Try
        </button>
      </Group>
    </form>
  );
}

type Option = readonly [value: string, label: string];

const whenLabels: Readonly<Record<MailWhen, string>> = {
  worse: "Something is worse",
  changed: "Something changed",
  always: "After every run",
};

function whenOption(when: MailWhen): Option {
  return [when, whenLabels[when]];
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset>
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}

type LimitedField = { name: keyof typeof ruleLimits; least?: 0; most?: number };
type NumberFieldProps = (LimitedField | { name: "runs"; least: 1; most: number }) & { label: string; value: number };

function NumberField(props: NumberFieldProps) {
  const { name, label, value, least = 0 } = props;
  const most = name === "runs" ? props.most : ruleLimits[name];
  return (
    <div className="field">
      <label htmlFor={name}>{label}</label>
      <input id={name} name={name} type="number" required min={least} max={most} defaultValue={value} />
    </div>
  );
}

function ChoiceField(props: { name: string; label: string; value: string; options: readonly Option[] }) {
  const { name, label, value, options } = props;
  return (
    <div className="field">
      <label htmlFor={name}>{label}</label>
      <select id={name} name={name} defaultValue={value}>
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}

const mostNamed = 20;

function Unmentioned(props: { title: string; kbs: readonly UnmentionedKb[]; isOpen?: true }) {
  const { title, kbs, isOpen } = props;
  if (kbs.length === 0) return null;
  const more = kbs.length - mostNamed;
  return (
    <section>
      <h2>{title}</h2>
      <ul className="unmentioned">
        {kbs.slice(0, mostNamed).map(({ id, since, until }) => (
          <li key={id}>
            <span className="number">KB{shown(id, 40)}</span>{" "}
            <span className="since">
              {isOpen || since === until ? "" : `${shortDay(since)} to `}
              {isOpen ? `since ${shortDay(since)}` : shortDay(until)}
            </span>
          </li>
        ))}
        {more > 0 && <li>{many(more, "more KB")}</li>}
      </ul>
    </section>
  );
}

/** Rows that are shown at once; older ones are folded. */
const mostRows = 20;

/** The subjects side by side, the newest first; runs that mail in neither case are only counted. */
function Mails({ view }: { view: PreviewView }) {
  const { runs } = view.preview;
  const mailing = runs.filter(({ was, would }) => was.mails || would.mails).toReversed();
  const quiet = runs.length - mailing.length;
  const [newest, older] = [mailing.slice(0, mostRows), mailing.slice(mostRows)];
  return (
    <section id="mails" aria-labelledby="mails-title">
      <h2 id="mails-title">Mails</h2>
      {quiet > 0 && <p className="note">{`${many(quiet, "run")} without a mail in either case.`}</p>}
      {newest.length > 0 && <MailTable view={view} runs={newest} />}
      {older.length > 0 && (
        <details>
          <summary>{many(older.length, "older run")}</summary>
          <MailTable view={view} runs={older} />
        </details>
      )}
    </section>
  );
}

function MailTable({ view: { watchlist, preview, code }, runs }: { view: PreviewView; runs: Preview["runs"] }) {
  const { was, would } = preview.mails;
  return (
    <Table
      className="list mails"
      caption="The subjects of the mails, as they were and under the settings tried"
      head={
        <>
          <ColumnHead>Run</ColumnHead>
          <ColumnHead>{`As it was: ${many(was, "mail")}`}</ColumnHead>
          <ColumnHead>{`With these settings: ${many(would, "mail")}`}</ColumnHead>
        </>
      }
    >
      {runs.map((run) => (
        <MailRow
          key={run.runId}
          run={run}
          href={`report${reportHref({ watchlist: watchlist.name, run: run.runId }, code)}`}
        />
      ))}
    </Table>
  );
}

function MailRow({ run: { runId, was, would }, href }: { run: Preview["runs"][number]; href: string }) {
  return (
    <Row>
      <RowHead className="when">
        <a href={href}>{formatRun(runId)}</a>
      </RowHead>
      <MailCell label="As it was" mail={was} />
      <MailCell label="With these settings" mail={would} same={was.subject === would.subject} />
    </Row>
  );
}

function MailCell({ label, mail, same = false }: { label: string; mail: PreviewMail; same?: boolean }) {
  if (!mail.mails)
    return (
      <Cell className="full no-mail" label={label}>
        No mail
      </Cell>
    );
  return (
    <Cell className={same ? "full same" : "full"} label={label}>
      {same ? "The same" : mail.subject}
    </Cell>
  );
}
