import type { RunDate } from "../core/day.ts";
import { type EntryPosition, positionText } from "../core/entry-position.ts";
import { chainOf, type Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import { type EntryLine, entryLines, lostLine } from "../render/export/csv.ts";
import { type EntryPart, loadEntries } from "../run/load-entries.ts";
import { runsOfDays } from "./find-run.ts";

/** Which entries of a watchlist's runs a page has. */
interface EntriesQuery {
  watchlist: Watchlist;
  from: RunDate | undefined;
  to: RunDate | undefined;
  format: "json" | "csv";
  /** The most entries that the page has. */
  limit: number;
  /** Where the page begins; absent for the first one. */
  after: EntryPosition | undefined;
}

interface EntriesPage {
  rows: EntryLine[];
  /** The path of the next page; `null` where this is the last one. */
  next: string | null;
}

/** Products that a page reads at most: each is a query, and one with few KBs costs as much as one with many. */
export const maxProductsOfPage = 1_000;

/** A page of the entries of a watchlist's runs. */
export async function entriesPage(query: EntriesQuery, { store }: Pick<Ports, "store">): Promise<EntriesPage> {
  const { watchlist, limit, after } = query;
  const runs = await runsOfDays(chainOf(watchlist), query, store);
  const { rows, next } = await take(limit, loadEntries(runs, after, { store }));
  return { rows, next: next && pathOf(query, next) };
}

async function take(
  limit: number,
  parts: AsyncIterable<EntryPart>,
): Promise<{ rows: EntryLine[]; next: EntryPosition | null }> {
  const rows: EntryLine[] = [];
  let products = 0;
  for await (const part of parts) {
    if (rows.length === limit || products === maxProductsOfPage) return { rows, next: part.at };
    products += 1;
    const lines = linesOf(part);
    const room = limit - rows.length;
    rows.push(...lines.slice(0, room));
    if (lines.length > room) return { rows, next: { ...part.at, entries: part.at.entries + room } };
  }
  return { rows, next: null };
}

function linesOf({ run, at, softwareId, found }: EntryPart): EntryLine[] {
  if ("lost" in found) return [lostLine(run, softwareId, found.lost)];
  return [...entryLines(found)].slice(at.entries);
}

/** Without the key: an export that is saved and passed on must not hold it. */
function pathOf({ watchlist, from, to, format, limit }: EntriesQuery, next: EntryPosition): string {
  const query = new URLSearchParams({ watchlist: watchlist.name, detail: "entries", format });
  if (from) query.set("from", from);
  if (to) query.set("to", to);
  query.set("limit", String(limit));
  query.set("after", positionText(next));
  return `/api/history?${query}`;
}
