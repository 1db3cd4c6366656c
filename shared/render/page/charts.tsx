import { scaleBand } from "d3-scale";
import { area, line } from "d3-shape";
import type { ReactElement } from "react";
import { daysBetween, type RunDate } from "../../core/day.ts";
import { type AgeBand, ageBands } from "../../core/due.ts";
import { type KbHistory, type KbHistoryPoint, machinesSeen, sightingIn } from "../../core/kb-history.ts";
import { oncePerReport } from "../../core/once-per-report.ts";
import type { Report, TrendPoint } from "../../core/report.ts";
import { countArrived, isPartial } from "../../core/totals.ts";
import { highest } from "../../core/trend.ts";
import { inSentence } from "../kind-words.ts";
import { agree, count, formatDay, many, productLabel, shortDay } from "../words.ts";
import {
  CountAxis,
  countScale,
  DayAxis,
  dayScale,
  Figure,
  Numbers,
  plot,
  Sentence,
  short,
  size,
} from "./chart-frame.tsx";

type Trend = readonly TrendPoint[];

/** The days that a trend spans; `null` if they are fewer than two, which make no line. */
function spanOf(runs: readonly { day: RunDate }[]): { from: RunDate; to: RunDate } | null {
  const [first, last] = [runs[0], runs.at(-1)];
  if (!first || !last || first.day === last.day) return null;
  return { from: first.day, to: last.day };
}

/** A trend's title; `label` says what the trend is of, where that is not what is shown. */
function titled(title: string, label: string): string {
  return label === "" ? title : `${title}, ${label}`;
}

const partialLegend = (trend: Trend, label: string) =>
  trend.some(({ totals }) => isPartial(totals)) ? [{ className: "partial", round: true, label }] : [];

/** A chart, and whether there is anything to draw: where there is not, it is a sentence. */
export interface Drawing {
  isDrawn: boolean;
  element: ReactElement;
}

/** The charts of the report's top: those to draw, then sentences in place of the others; `none` says that no KB is missing. */
export function Charts(props: { trend: Trend; label: string; report: Report; none: string }) {
  const { trend, label, report, none } = props;
  const all = [installsChart(trend, label), flowChart(trend, label), ageChart(report, none)];
  const [drawn, said] = [true, false].map((is) => all.filter(({ isDrawn }) => isDrawn === is));
  return (
    <>
      {drawn && drawn.length > 0 && <div className="charts">{drawn.map(({ element }) => element)}</div>}
      {said?.map(({ element }) => element)}
    </>
  );
}

/** The missing installs of each scheduled run. */
export function installsChart(trend: Trend, label = ""): Drawing {
  const title = titled("Missing installs over time", label);
  const summary = installsSummary(trend);
  const isDrawn = spanOf(trend) !== null && highest(trend)?.totals.missingInstalls !== 0;
  if (!isDrawn)
    return {
      isDrawn,
      element: (
        <Sentence key="installs" id="installs" title={title}>
          {summary}
        </Sentence>
      ),
    };
  return { isDrawn, element: <InstallsChart key="installs" trend={trend} title={title} summary={summary} /> };
}

function InstallsChart({ trend, title, summary }: { trend: Trend; title: string; summary: string }) {
  return (
    <Figure
      id="installs"
      title={title}
      summary={summary}
      legend={partialLegend(trend, "some products not read: their last counts are shown")}
      table={<InstallsNumbers trend={trend} />}
    >
      <InstallsLine trend={trend} />
    </Figure>
  );
}

function installsSummary(trend: Trend): string {
  const [last, first] = [trend.at(-1), trend[0]];
  const peak = highest(trend);
  if (!first || !last || !peak) return "There is no scheduled run yet.";
  const installs = `${many(last.totals.missingInstalls, "missing install")} on ${shortDay(last.day)}`;
  if (first === last) return `${installs}. A line needs at least two scheduled runs.`;
  const since = `since ${shortDay(first.day)}`;
  if (peak.totals.missingInstalls === 0) return `none since ${shortDay(first.day)}.`;
  if (peak.totals.missingInstalls === last.totals.missingInstalls) return `${installs}, the most ${since}.`;
  return `${installs}. The most ${since}: ${count(peak.totals.missingInstalls)} on ${shortDay(peak.day)}.`;
}

/** The last value is beside the line, where nothing crosses it. */
const roomForValue = 34;

function InstallsLine({ trend }: { trend: Trend }) {
  const span = spanOf(trend);
  const last = trend.at(-1);
  if (!span || !last) return null;
  const right = plot.right - roomForValue;
  const x = dayScale(span.from, span.to, 0, right);
  const y = countScale(0, Math.max(...trend.map(({ totals }) => totals.missingInstalls)));
  const atX = (point: TrendPoint) => x(Date.parse(point.day));
  const atY = (point: TrendPoint) => y(point.totals.missingInstalls);
  const radius = trend.length > 45 ? 1.5 : 2.5;
  return (
    <>
      <CountAxis scale={y} unit="missing installs" right={right} />
      <DayAxis scale={x} {...span} />
      <path className="area" d={area<TrendPoint>(atX, y(0), atY)([...trend]) ?? ""} />
      <path className="line" d={line<TrendPoint>(atX, atY)([...trend]) ?? ""} />
      {trend.map((point) => (
        <circle
          key={point.runId}
          className={isPartial(point.totals) ? "dot partial" : "dot"}
          cx={atX(point)}
          cy={atY(point)}
          r={radius}
        >
          <title>{installsTip(point)}</title>
        </circle>
      ))}
      <text className="value" x={atX(last) + 7} y={atY(last)} dy="0.34em">
        {short(last.totals.missingInstalls)}
      </text>
    </>
  );
}

function installsTip({ day, totals }: TrendPoint): string {
  return `${formatDay(day)}: ${many(totals.missingInstalls, "missing install")}${notReadTip(totals)}`;
}

function notReadTip(totals: TrendPoint["totals"]): string {
  return isPartial(totals) ? `, ${many(totals.notRead, "product")} not read` : "";
}

function InstallsNumbers({ trend }: { trend: Trend }) {
  const rows = trend.toReversed().map(({ day, totals }) => {
    const { missingInstalls, missingKbs, notRead } = totals;
    return [formatDay(day), count(missingInstalls), count(missingKbs), count(notRead)];
  });
  const columns = ["Run", "Missing installs", "Missing KBs", "Products not read"];
  return <Numbers caption="Missing installs over time, newest run first" columns={columns} rows={rows} />;
}

/** How many KBs came and went in each scheduled run. */
export function flowChart(trend: Trend, label = ""): Drawing {
  const title = titled("New and resolved", label);
  const isDrawn = trend.some(({ totals }) => countArrived(totals) + totals.resolved > 0);
  if (isDrawn) return { isDrawn, element: <FlowChart key="flow" trend={trend} title={title} /> };
  const runs = agree(trend.length, "this run", many(trend.length, "run"));
  return {
    isDrawn,
    element: (
      <Sentence key="flow" id="flow" title={title}>
        {trend.length === 0
          ? "there is no scheduled run yet."
          : `in ${runs} nothing was new, came back or was resolved.`}
      </Sentence>
    ),
  };
}

function FlowChart({ trend, title }: { trend: Trend; title: string }) {
  const sum = (kind: "new" | "returned" | "resolved") => trend.reduce((all, { totals }) => all + totals[kind], 0);
  const runs = agree(trend.length, "In this run", `In ${many(trend.length, "run")}`);
  const rows = trend
    .toReversed()
    .map(({ day, totals }) => [formatDay(day), count(totals.new), count(totals.returned), count(totals.resolved)]);
  return (
    <Figure
      id="flow"
      title={title}
      summary={`${runs}: ${count(sum("new"))} new and ${count(sum("returned"))} back, ${count(sum("resolved"))} resolved.`}
      legend={[
        { className: "bar-new", label: "new" },
        { className: "bar-returned", label: "back" },
        { className: "bar-resolved", label: "resolved" },
        ...partialLegend(trend, "some products not read"),
      ]}
      table={
        <Numbers
          caption="New and resolved, newest run first"
          columns={["Run", "New", "Back", "Resolved"]}
          rows={rows}
        />
      }
    >
      <FlowBars trend={trend} />
    </Figure>
  );
}

function FlowBars({ trend }: { trend: Trend }) {
  const [first, last] = [trend[0], trend.at(-1)];
  if (!first || !last) return null;
  const span = { from: first.day, to: last.day };
  const days = daysBetween(span.from, span.to) + 1;
  const width = Math.min(22, Math.max(1.5, ((plot.right - plot.left) / days) * 0.7));
  const x = dayScale(span.from, span.to, 0.6);
  const up = Math.max(...trend.map(({ totals }) => countArrived(totals)));
  const y = countScale(-Math.max(...trend.map(({ totals }) => totals.resolved)), up);
  return (
    <>
      <CountAxis scale={y} unit="KBs per run: new or back above, resolved below" />
      <DayAxis scale={x} {...span} />
      {trend.map(({ runId, day, totals }) => {
        const left = x(Date.parse(day)) - width / 2;
        const arrived = countArrived(totals);
        return (
          <g key={runId}>
            <title>{flowTip(day, totals)}</title>
            <Bar className="bar-new" x={left} width={width} y={y(totals.new)} until={y(0)} />
            <Bar className="bar-returned" x={left} width={width} y={y(arrived)} until={y(totals.new)} />
            <Bar className="bar-resolved" x={left} width={width} y={y(0)} until={y(-totals.resolved)} />
            {isPartial(totals) && <circle className="dot partial" cx={x(Date.parse(day))} cy={y(0)} r={2.5} />}
          </g>
        );
      })}
    </>
  );
}

function flowTip(day: RunDate, totals: TrendPoint["totals"]): string {
  const counts = `${count(totals.new)} new, ${count(totals.returned)} back, ${count(totals.resolved)} resolved`;
  return `${formatDay(day)}: ${counts}${notReadTip(totals)}`;
}

function Bar(props: { className: string; x: number; width: number; y: number; until: number }) {
  const { className, x, width, y, until } = props;
  return until > y ? <rect className={className} x={x} y={y} width={width} height={until - y} /> : null;
}

/** How long the missing KBs have been missing; those of products that could not be read apart, for they may be gone. */
export function ageChart(report: Report, none: string): Drawing {
  const bands = bandsOf(report);
  const isDrawn = bands.some((band) => bandTotal(band) > 0);
  if (isDrawn) return { isDrawn, element: <AgeChart key="ages" report={report} bands={bands} /> };
  return {
    isDrawn,
    element: (
      <Sentence key="ages" id="ages" title={agesTitle}>
        {inSentence(none)}.
      </Sentence>
    ),
  };
}

const bandsOf = oncePerReport(ageBands);

const agesTitle = "Age of missing KBs";

function AgeChart({ report, bands }: { report: Report; bands: readonly AgeBand[] }) {
  const isUnknown = bands.some(({ unknown }) => unknown > 0);
  const rows = bands.map((band) => [
    ...[`${bandName(band)} days`, count(band.count), count(band.overdue)],
    ...(isUnknown ? [count(band.unknown)] : []),
  ]);
  return (
    <Figure
      id="ages"
      title={agesTitle}
      summary={agesSummary(report, bands)}
      legend={[
        { className: "bar-due", label: "not overdue" },
        { className: "bar-overdue", label: "overdue" },
        ...(isUnknown ? [{ className: "bar-unknown", label: "unknown: not read" }] : []),
      ]}
      table={
        <Numbers
          caption="Missing KBs by age"
          columns={["Age", "KBs", "Overdue", ...(isUnknown ? ["Not read"] : [])]}
          rows={rows}
        />
      }
    >
      <AgeBars bands={bands} />
    </Figure>
  );
}

function agesSummary({ totals: { overdue } }: Report, bands: readonly AgeBand[]): string {
  const sum = (of: "count" | "unknown") => bands.reduce((all, band) => all + band[of], 0);
  const [known, unknown] = [sum("count"), sum("unknown")];
  const sentences = [
    known > 0 &&
      `${count(overdue)} of ${many(known, "missing KB")} ${agree(Math.min(known, overdue || known), "is", "are")} overdue.`,
    unknown > 0 &&
      `Whether ${many(unknown, known > 0 ? "more KB" : "KB")} ${agree(unknown, "is", "are")} overdue is unknown: not read.`,
  ];
  return sentences.filter((sentence) => sentence !== false).join(" ");
}

function AgeBars({ bands }: { bands: readonly AgeBand[] }) {
  const x = scaleBand(bands.map(bandName), [plot.left, plot.right]).padding(0.25);
  const y = countScale(0, 1.1 * Math.max(...bands.map(bandTotal)));
  return (
    <>
      <UnknownPattern />
      <CountAxis scale={y} unit="KBs by age in days" />
      {bands.map((band) => (
        <g key={bandName(band)}>
          <title>{ageTip(band)}</title>
          <AgeBar band={band} left={x(bandName(band)) ?? plot.left} width={x.bandwidth()} y={y} />
        </g>
      ))}
    </>
  );
}

/** Grey stripes: unlike a colour, they do not pass for an answer. */
function UnknownPattern() {
  return (
    <defs>
      <pattern id="unknown" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect className="unknown-ground" width="5" height="5" />
        <rect className="unknown-stripe" width="2" height="5" />
      </pattern>
    </defs>
  );
}

interface AgeBarProps {
  band: AgeBand;
  left: number;
  width: number;
  y: (count: number) => number;
}

function AgeBar({ band, left, width, y }: AgeBarProps) {
  const [due, known, all] = [band.count - band.overdue, band.count, bandTotal(band)];
  const middle = left + width / 2;
  return (
    <>
      <Bar className="bar-due" x={left} width={width} y={y(due)} until={y(0)} />
      <Bar className="bar-overdue" x={left} width={width} y={y(known)} until={y(due)} />
      <Bar className="bar-unknown" x={left} width={width} y={y(all)} until={y(known)} />
      {all > 0 && (
        <text className="value" x={middle} y={y(all) - 5} textAnchor="middle">
          {count(all)}
        </text>
      )}
      <text className="tick" x={middle} y={size.height - 8} textAnchor="middle">
        {bandName(band)}
      </text>
    </>
  );
}

function bandTotal({ count, unknown }: AgeBand): number {
  return count + unknown;
}

function ageTip(band: AgeBand): string {
  const unknown = band.unknown > 0 ? `, ${count(band.unknown)} not read` : "";
  return `${bandName(band)} days: ${many(bandTotal(band), "KB")}, ${count(band.overdue)} overdue${unknown}`;
}

function bandName({ from, to }: AgeBand): string {
  return to === null ? `>${from - 1}` : `${from}–${to}`;
}

const historyTitle = "Machines that miss it, by run";

/** On how many machines each product missed a KB, by run; a gap where it could not be read. */
export function KbHistoryChart({ history, softwareIds }: { history: KbHistory; softwareIds: readonly string[] }) {
  const { points } = history;
  if (!spanOf(points)) {
    return (
      <Sentence id="kb-history" title={historyTitle}>
        {historySummary(history, softwareIds)}
      </Sentence>
    );
  }
  const rows = points
    .toReversed()
    .map((point) => [formatDay(point.day), ...softwareIds.map((softwareId) => describeSighting(point, softwareId))]);
  return (
    <Figure
      id="kb-history"
      title={historyTitle}
      summary={historySummary(history, softwareIds)}
      legend={softwareIds.map((softwareId, index) => ({
        className: `series-${index}`,
        label: productLabel(softwareId),
      }))}
      table={
        <Numbers
          caption="Machines that miss it, newest run first"
          columns={["Run", ...softwareIds.map(productLabel)]}
          rows={rows}
        />
      }
    >
      <KbHistoryLines history={history} softwareIds={softwareIds} />
    </Figure>
  );
}

function historySummary({ points }: KbHistory, softwareIds: readonly string[]): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return "No run has listed it.";
  const runs = `${many(points.length, "run")} from ${formatDay(first.day)} to ${formatDay(last.day)}`;
  const lines = softwareIds.map((softwareId) => {
    const [then, now] = [describeSighting(first, softwareId), describeSighting(last, softwareId)];
    return `${productLabel(softwareId)}: ${then === now ? now : `${then} to ${now}`}`;
  });
  return `${[runs, ...lines].join("; ")}.`;
}

function describeSighting(point: KbHistoryPoint, softwareId: string): string {
  const sighting = sightingIn(point, softwareId);
  if (!sighting || sighting.state === "not-read") return "not read";
  return sighting.state === "not-missing" ? "not missing" : count(sighting.machineMissedOn);
}

function KbHistoryLines({ history: { points }, softwareIds }: { history: KbHistory; softwareIds: readonly string[] }) {
  const span = spanOf(points);
  if (!span) return null;
  const counts = points.flatMap((point) =>
    softwareIds.map((softwareId) => machinesSeen(sightingIn(point, softwareId)) ?? 0),
  );
  const x = dayScale(span.from, span.to);
  const y = countScale(0, Math.max(...counts));
  return (
    <>
      <CountAxis scale={y} unit="machines" />
      <DayAxis scale={x} {...span} />
      {softwareIds.map((softwareId, index) => {
        const seen = points.map((point) => ({
          day: point.day,
          at: Date.parse(point.day),
          machines: machinesSeen(sightingIn(point, softwareId)),
        }));
        const draw = line<(typeof seen)[number]>(
          ({ at }) => x(at),
          ({ machines }) => y(machines ?? 0),
        ).defined(({ machines }) => machines !== null);
        return (
          <g key={softwareId} className={`series-${index}`}>
            <path className="line" d={draw(seen) ?? ""} />
            {seen.map(({ day, at, machines }) =>
              machines === null ? null : (
                <circle key={at} cx={x(at)} cy={y(machines)} r="2.5">
                  <title>{`${productLabel(softwareId)}, ${shortDay(day)}: ${count(machines)}`}</title>
                </circle>
              ),
            )}
          </g>
        );
      })}
    </>
  );
}
