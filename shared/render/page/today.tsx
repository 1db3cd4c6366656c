import { advisoryState } from "../../core/advisory.ts";
import { betterKinds, worseKinds } from "../../core/due.ts";
import { type LastKnown, lastKnownTotals } from "../../core/last-known.ts";
import { oncePerReport } from "../../core/once-per-report.ts";
import { isMissing, type RowKind } from "../../core/row.ts";
import { countedReport, isNarrowed, trendReport } from "../../core/selection.ts";
import { countOfKind, isNothingRead } from "../../core/totals.ts";
import { dailyTrend } from "../../core/trend.ts";
import { inSentence, kindLabels } from "../kind-words.ts";
import { trendDays } from "../limits.ts";
import { noneSelected, trendLabel } from "../selection-words.ts";
import { agree, count, formatRun, many } from "../words.ts";
import { pageHref } from "./link.ts";
import type { PageQuery, PageView } from "./view.ts";
import { lastReadWords } from "./words.ts";

/** One count of the page's top. */
interface Figure {
  label: string;
  /** `null`: nobody knows. */
  value: number | null;
  tone: "bad" | "warn" | "good" | "plain";
  /** What else there is to say of it. */
  aside?: string;
  /** What older reads say, where some products could not be read. */
  note?: string;
  /** The KBs that it counts; absent where it counts no KBs. */
  filter?: Partial<PageQuery>;
}

/** One line: figures, or what there is to say instead. */
type Line = { figures: readonly Figure[] } | { words: string };

/** The few numbers that changed, and those that should. */
export function Today({ view }: { view: PageView }) {
  const { report, query } = view;
  const isToday = query.run === "latest" && query.from === undefined;
  return (
    <section className="card" id="today-card" aria-labelledby="today-title" data-live>
      <h2 id="today-title">{isToday ? "Today" : formatRun(report.runId, report.timeZone)}</h2>
      <ul className="today">
        {linesOf(view).map((line) =>
          "words" in line ? (
            <li key={line.words} className="note">
              {line.words}
            </li>
          ) : (
            <li key={line.figures[0]?.label}>
              {line.figures.map((figure) => (
                <FigureOf key={figure.label} figure={figure} view={view} />
              ))}
            </li>
          ),
        )}
      </ul>
    </section>
  );
}

function FigureOf({ figure, view: { query, code } }: { figure: Figure; view: PageView }) {
  const { label, value, aside, note, tone, filter } = figure;
  const content = (
    <>
      <span className="value">{count(value)}</span> <span className="label">{label}</span>
    </>
  );
  const href = filter && `${pageHref(query, { ...filter, page: undefined, productPage: undefined }, code)}#kbs`;
  return (
    <span className={value ? `figure ${tone}` : "figure none"}>
      {href && value ? <a href={href}>{content}</a> : content}
      {aside && <span className="aside"> {aside}</span>}
      {note && <span className="then"> {note}</span>}
    </span>
  );
}

const tones: Readonly<Partial<Record<RowKind, Figure["tone"]>>> = {
  ...{ new: "bad", worsened: "bad", returned: "bad", "more-cves": "warn" },
  ...{ improved: "good", resolved: "good" },
};

/** The counts of the selected entries; what products that could not be read add is apart, with the day of their last read. */
function linesOf(view: PageView): Line[] {
  const { report } = view;
  const older = olderOf(countedReport(view));
  if (isNothingRead(report.totals)) {
    return [{ words: "Nothing could be read, so what changed is not known." }, ...lastKnownLines(older)];
  }
  return [...changeLines(view), ...standingLines(view, older), installsLine(view, older.missingInstalls)];
}

const olderOf = oncePerReport(lastKnownTotals);
const unknownOf = oncePerReport(
  ({ rows }) => rows.filter((row) => isMissing(row) && advisoryState(row) === "not-known").length,
);

type Older = ReturnType<typeof lastKnownTotals>;

function changeLines({ report: { totals, previousRunId }, selection }: PageView): Line[] {
  const nothing = isNarrowed(selection) ? "None of these" : "Nothing";
  if (previousRunId === null) return [{ words: "The first run: the next one shows what changed." }];
  const figures = (kinds: readonly RowKind[]) =>
    kinds.flatMap((kind): Figure[] => {
      const value = countOfKind(totals, kind);
      if (value === 0) return [];
      const label = inSentence(kindLabels[kind].label);
      return [{ label, value, tone: tones[kind] ?? "plain", filter: { change: kind } }];
    });
  const [worse, better] = [figures(worseKinds), figures([...betterKinds, "replaced"])];
  return [
    worse.length > 0 ? { figures: worse } : { words: `${nothing} got worse.` },
    better.length > 0 ? { figures: better } : { words: `${nothing} got better.` },
  ];
}

function standingLines(view: PageView, older: Older): Line[] {
  const { report, query } = view;
  const { missingKbs, overdue, stalled, exploited } = report.totals;
  if (missingKbs === 0) return [{ words: `${noneSelected(view)}.` }];
  const missing = { change: query.change ?? "missing" } as const;
  const unknown = unknownOf(countedReport(view));
  const notKnown = { label: "not known to MSRC", value: unknown, tone: "plain" } as const;
  return [
    {
      figures: [
        { label: "overdue", value: overdue, tone: "bad", filter: { overdue: true }, ...andMore(older.overdue) },
        {
          label: `missing ${agree(missingKbs, "KB", "KBs")}`,
          value: missingKbs,
          tone: "plain",
          filter: missing,
          ...ofThese(older.missingKbs, missingKbs),
        },
        { label: "stalled", value: stalled, tone: "warn", filter: { stalled: true }, ...andMore(older.stalled) },
      ],
    },
    report.facts === null
      ? { words: "Whether any of them is exploited is not known: this run used no facts of MSRC and CISA." }
      : {
          figures: [
            {
              label: "exploited",
              value: exploited,
              tone: "bad",
              filter: { ...missing, exploited: true },
              ...andMore(older.exploited),
            },
            ...(unknown > 0 ? [notKnown] : []),
          ],
        },
  ];
}

function installsLine(view: PageView, older: LastKnown | null): Line {
  const { missingInstalls } = view.report.totals;
  const label = agree(missingInstalls, "missing install", "missing installs");
  const aside = installsChange(view);
  const installs = { label, value: missingInstalls, tone: "plain", ...(aside && { aside }) } as const;
  return { figures: [{ ...installs, ...ofThese(older, missingInstalls) }] };
}

/** `(−165 in 30 days)`, of what the trend is of. */
function installsChange(view: PageView): string {
  const trend = dailyTrend(trendReport(view), trendDays);
  if (!trend) return "";
  const { rise } = trend;
  const label = trendLabel(view.selection);
  const by = rise === 0 ? "±0" : `${rise > 0 ? "+" : "−"}${count(Math.abs(rise))}`;
  return `(${by} in ${many(trendDays, "day")}${label === "" ? "" : `, ${label}`})`;
}

function lastKnownLines(older: Older): Line[] {
  const known = (label: string, last: LastKnown | null): Figure[] =>
    last ? [{ label, value: last.count, tone: "plain", note: `when last read, ${lastReadWords(last)}` }] : [];
  const lines = [
    [...known("missing KBs", older.missingKbs), ...known("missing installs", older.missingInstalls)],
    [...known("overdue", older.overdue), ...known("stalled", older.stalled), ...known("exploited", older.exploited)],
  ];
  return lines.filter((figures) => figures.length > 0).map((figures) => ({ figures }));
}

function andMore(last: LastKnown | null): Pick<Figure, "note"> {
  return last ? { note: `and ${count(last.count)} more when last read, ${lastReadWords(last)}` } : {};
}

function ofThese(last: LastKnown | null, all: number): Pick<Figure, "note"> {
  if (!last) return {};
  const some = last.count === all ? "" : `${count(last.count)} of these `;
  return { note: `${some}last read ${lastReadWords(last)}` };
}
