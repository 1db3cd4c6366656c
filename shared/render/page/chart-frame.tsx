import { type ScaleLinear, type ScaleTime, scaleLinear, scaleUtc } from "d3-scale";
import type { ReactNode } from "react";
import { addDays, daysBetween, type RunDate } from "../../core/day.ts";
import { count, shortDay } from "../words.ts";

/** In units of the drawing, which come out at about one pixel. */
export const size = { width: 380, height: 218 };
export const plot = { left: 46, right: size.width - 14, top: 36, bottom: size.height - 26 };

/** A chart with its name, a sentence that says the same, a legend, and its numbers as a table to unfold. */
interface FigureProps {
  id: string;
  title: string;
  /** What the picture shows, for readers who cannot see it or are in a hurry. */
  summary: ReactNode;
  legend?: readonly { className: string; label: string; round?: boolean }[];
  children: ReactNode;
  table: ReactNode;
}

/** What a chart would show that has nothing to draw: a sentence, without a frame. */
export function Sentence({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  return (
    <p className="no-chart" id={`${id}-summary`}>
      <strong>{title}:</strong> {children}
    </p>
  );
}

export function Figure({ id, title, summary, legend = [], children, table }: FigureProps) {
  return (
    <figure className="chart">
      <figcaption>
        <h2 id={`${id}-title`}>{title}</h2>
        <p id={`${id}-summary`}>{summary}</p>
      </figcaption>
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: named by the caption; a title would show at every hover */}
      <svg
        viewBox={`0 0 ${size.width} ${size.height}`}
        role="img"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-summary`}
      >
        {children}
      </svg>
      <div>
        {legend.length > 0 && (
          <ul className="legend">
            {legend.map(({ className, label, round }) => (
              <li key={label}>
                <svg viewBox="0 0 10 10" className="key" aria-hidden="true">
                  {round ? (
                    <circle cx="5" cy="5" r="3.5" className={className} />
                  ) : (
                    <rect width="10" height="10" rx="2" className={className} />
                  )}
                </svg>
                {label}
              </li>
            ))}
          </ul>
        )}
        <details>
          <summary>
            Numbers<span className="sr"> of {title}</span>
          </summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
          <section className="scroll" aria-label={`Numbers of ${title}`} tabIndex={0}>
            {table}
          </section>
        </details>
      </div>
    </figure>
  );
}

/** A table of numbers; the first column names the row. */
export function Numbers(props: { caption: string; columns: readonly string[]; rows: readonly (readonly string[])[] }) {
  return (
    <table className="numbers">
      <caption className="sr">{props.caption}</caption>
      <thead>
        <tr>
          {props.columns.map((column) => (
            <th key={column} scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {props.rows.map(([name, ...cells]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {cells.map((cell, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the columns are fixed
              <td key={index}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A scale of whole counts, from the smallest multiple of its step to the largest. */
export function countScale(low: number, high: number): ScaleLinear<number, number> {
  return scaleLinear([low, Math.max(high, low + 1)], [plot.bottom, plot.top]).nice(4);
}

/** Lines and numbers at whole counts, with the unit above. */
export function CountAxis(props: { scale: ScaleLinear<number, number>; unit: string; right?: number }) {
  const { scale, unit, right = plot.right } = props;
  const ticks = scale.ticks(4).filter(Number.isInteger);
  return (
    <g className="axis">
      <text x={plot.left - 6} y={14} textAnchor="start" dx={6 - plot.left}>
        {unit}
      </text>
      {ticks.map((tick) => (
        <g key={tick}>
          <line className={tick === 0 ? "zero" : "grid"} x1={plot.left} x2={right} y1={scale(tick)} y2={scale(tick)} />
          <text x={plot.left - 6} y={scale(tick)} dy="0.34em" textAnchor="end">
            {short(Math.abs(tick))}
          </text>
        </g>
      ))}
    </g>
  );
}

/** A scale over days; `margin` in days leaves room for bars, `right` for words beside the last day. */
export function dayScale(from: RunDate, to: RunDate, margin = 0, right = plot.right): ScaleTime<number, number> {
  const edge = margin * 86_400_000;
  return scaleUtc([Date.parse(from) - edge, Date.parse(to) + edge], [plot.left, right]);
}

/** About four days below the plot, the last one always. */
export function DayAxis({ scale, from, to }: { scale: ScaleTime<number, number>; from: RunDate; to: RunDate }) {
  const span = daysBetween(from, to);
  const step = Math.max(1, Math.ceil(span / 4));
  const days = Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => addDays(to, -index * step));
  return (
    <g className="axis">
      {days.map((day) => (
        <text key={day} x={Math.min(scale(Date.parse(day)), size.width - 24)} y={size.height - 8} textAnchor="middle">
          {shortDay(day)}
        </text>
      ))}
    </g>
  );
}

/** `1,234`, then `12K`: room for five letters is all there is. */
export function short(value: number): string {
  return value < 10_000 ? count(value) : value.toLocaleString("en-US", { notation: "compact" });
}
