import { isNotRead, productsIn, sortByMissing } from "../../core/products.ts";
import type { ProductRow } from "../../core/report.ts";
import { linesShown } from "../limits.ts";
import { formatDay, many, productLabel, shown } from "../words.ts";
import { type Context, type Rest, restAt } from "./material.ts";

/** How much each product misses, as bars. */
export interface Bars {
  type: "bars";
  title: string;
  bars: { label: string; words: string; percent: number; isRead: boolean }[];
  rest: Rest | null;
  /** Of products that miss nothing. */
  note: string | null;
}

/** A bar for each product that misses KBs, the longest first; one that could not be read with its last known counts and their day. */
export function barsOf({ report, room, linkTo }: Context): Bars | null {
  const rows = sortByMissing(report.products.filter(({ missingKbs }) => missingKbs > 0));
  if (rows.length === 0) return null;
  const lines = linesShown("bars", rows.length, room);
  const most = Math.max(1, rows[0]?.missingInstalls ?? 0);
  const more = rows.length - lines;
  const empty = productsIn(report, "empty").length;
  return {
    type: "bars",
    title: "Missing by product",
    bars: rows.slice(0, lines).map((row) => ({
      label: shown(productLabel(row.softwareId), 60),
      words: barWords(row),
      percent: Math.max(1, Math.round((100 * row.missingInstalls) / most)),
      isRead: !isNotRead(row),
    })),
    rest: more > 0 ? restAt(`${many(more, "more product")} with missing KBs`, linkTo()) : null,
    note: empty > 0 ? `Defender lists no missing KBs for ${many(empty, "more product")}.` : null,
  };
}

function barWords(row: ProductRow): string {
  const words = `${many(row.missingKbs, "KB")}, ${many(row.missingInstalls, "missing install")}`;
  return isNotRead(row) && row.readOn !== null ? `${words} on ${formatDay(row.readOn)}` : words;
}
