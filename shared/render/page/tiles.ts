import { changeKinds } from "../../core/due.ts";
import { type LastKnown, lastKnownTotals } from "../../core/last-known.ts";
import { countOfKind, isNothingRead } from "../../core/totals.ts";
import { kindLabels } from "../kind-words.ts";
import { count } from "../words.ts";
import type { PageQuery, PageView } from "./view.ts";
import { lastReadWords } from "./words.ts";

/** One count on top of the page. */
export interface TileFacts {
  label: string;
  /** `null`: nobody knows. */
  value: number | null;
  /** What older reads say, where some products could not be read. */
  note?: string;
  tone: "bad" | "warn" | "good" | "plain";
  /** The KBs that it counts; absent where it counts no KBs. */
  filter?: Partial<PageQuery>;
}

const tones: Readonly<Record<(typeof changeKinds)[number], TileFacts["tone"]>> = {
  ...{ new: "bad", worsened: "bad", returned: "bad", "more-cves": "warn" },
  ...{ improved: "good", resolved: "good" },
};

/** The counts of the selected entries; what products that could not be read add is apart, with the day of their last read. */
export function tilesOf({ report, query }: Pick<PageView, "report" | "query">): TileFacts[] {
  const { totals } = report;
  const { missingKbs, missingInstalls } = totals;
  const isNothing = isNothingRead(totals);
  const older = lastKnownTotals(report);
  const changes = changeKinds.map(
    (kind): TileFacts => ({
      label: kindLabels[kind].label,
      value: isNothing ? null : countOfKind(totals, kind),
      tone: tones[kind],
      filter: { change: kind },
    }),
  );
  const then = (label: string, filter: TileFacts["filter"], value: number, last: LastKnown | null): TileFacts =>
    isNothing
      ? { label, tone: "plain", ...lastAlone(last, older.missingKbs) }
      : { label, value, tone: "bad", ...(filter && { filter }), ...(last && { note: `and ${andMore(last)}` }) };
  return [
    ...changes,
    {
      ...{ label: "Missing KBs", value: missingKbs, tone: "plain", ...ofThese(older.missingKbs, missingKbs) },
      filter: { change: query.change ?? "missing" },
    },
    {
      ...{ label: "Missing installs", value: missingInstalls, tone: "plain" },
      ...ofThese(older.missingInstalls, missingInstalls),
    },
    then("Overdue", { overdue: true }, totals.overdue, older.overdue),
    then("Stalled", { stalled: true }, totals.stalled, older.stalled),
  ];
}

function andMore(last: LastKnown): string {
  return `${count(last.count)} more when last read, ${lastReadWords(last)}`;
}

function ofThese(last: LastKnown | null, all: number): Pick<TileFacts, "note"> {
  if (!last) return {};
  const some = last.count === all ? "" : `${count(last.count)} of these `;
  return { note: `${some}last read ${lastReadWords(last)}` };
}

/** The value of the last read where there is no newer one. */
function lastAlone(last: LastKnown | null, read: LastKnown | null): Pick<TileFacts, "value" | "note"> {
  const known = last ?? (read && { ...read, count: 0 });
  return known ? { value: known.count, note: `when last read, ${lastReadWords(known)}` } : { value: null };
}
