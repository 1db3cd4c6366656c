import { addDays } from "../../core/day.ts";
import type { OverviewRow } from "../../core/overview.ts";
import { lineWords } from "../overview-words.ts";

const size = { width: 120, height: 32, margin: 3 };
const lineDays = 30;

/** The missing installs of the last 30 days as a small line, from zero to their most, with the same in words. */
export function Sparkline({ row }: { row: Pick<OverviewRow, "line"> }) {
  const { line } = row;
  const last = line.at(-1);
  if (!last) return null;
  const days = [Date.parse(addDays(last.day, 1 - lineDays)), Date.parse(last.day)] as const;
  const most = Math.max(1, ...line.map(({ missingInstalls }) => missingInstalls));
  const x = (day: string) => scaled((Date.parse(day) - days[0]) / (days[1] - days[0]), size.width);
  const y = (installs: number) => scaled(1 - installs / most, size.height);
  return (
    <svg className="spark" viewBox={`0 0 ${size.width} ${size.height}`} role="img">
      <title>{lineWords(row)}</title>
      <line className="zero" x1={0} x2={size.width} y1={y(0)} y2={y(0)} />
      <polyline
        className="line"
        points={line.map(({ day, missingInstalls }) => `${x(day)},${y(missingInstalls)}`).join(" ")}
      />
      <circle className="dot" cx={x(last.day)} cy={y(last.missingInstalls)} r={2.5} />
    </svg>
  );
}

/** A share of a length between its margins, to a tenth. */
function scaled(share: number, length: number): number {
  return Math.round(10 * (size.margin + share * (length - 2 * size.margin))) / 10;
}
