import type { Totals } from "../oracle/types.ts";
import { type EntryFacts, type Facts, type FigureFacts, noFacts, type ProductFacts } from "./facts.ts";

/** The report page. Its first page of KBs is enough: a simulated estate has no more. */
export function pageFacts(html: string): Facts {
  const facts = noFacts("page", false);
  const table = between(html, 'id="kbs-table"', "</table>");
  for (const row of table.split('<tr role="row" data-rank=').slice(1)) addRow(facts, row);
  for (const row of productRows(html)) facts.products.set(row.id, row.facts);
  facts.totals = figures(html);
  return facts;
}

function between(html: string, start: string, end: string): string {
  const from = html.indexOf(start);
  return from < 0 ? "" : html.slice(from, html.indexOf(end, from));
}

function addRow(facts: Facts, html: string): void {
  const kb = decode(find(html, /class="c-kb" data-v="([^"]*)"/) ?? "");
  const kind = find(html, /badge k-([\w-]+)"/) ?? "";
  const [machines, cves] = [counted(cell(html, "c-machines num")), counted(cell(html, "c-cves num"))];
  const age = cell(html, "c-age");
  const days = find(age, /class="days">([\d,]+) days?</);
  const figures: FigureFacts = {
    reach: machines.count,
    cves: cves.count,
    firstSeen: dayOf(find(age, /first seen (\d+ \w+ \d+)/)),
    overdueDays: numberOf(find(age, /([\d,]+) days? overdue/) ?? "0"),
    stalled: age.includes("stalled at "),
    ...(days !== undefined && { ageDays: numberOf(days) }),
  };
  facts.rows.set(kb, kind);
  facts.figures.set(`${kb} ${kind}`, figures);
  const entries = html.split('<li data-id="').slice(1);
  for (const entry of entries) facts.entries.set(`${find(entry, /^([^"]*)"/)} ${kb}`, entryFacts(entry, kind));
  const [only] = entries;
  if (entries.length !== 1 || only === undefined || /\d+ more</.test(html)) return;
  const { reach: _, ...own } = figures;
  const name = `${find(only, /^([^"]*)"/)} ${kb}`;
  facts.entries.set(name, {
    ...own,
    kind,
    isRead: kind !== "not-read",
    ...before("machines", machines, kind),
    ...before("cves", cves, kind),
  });
}

interface Counted {
  count: number | null;
  change: number | null;
}

/** What is gone shows its last counts, struck through. */
function before(name: "machines" | "cves", { count, change }: Counted, kind: string): EntryFacts {
  if (kind === "resolved" || kind === "replaced") return { [name]: null, [`${name}Before`]: count };
  return { [name]: count, ...(count !== null && change !== null && { [`${name}Before`]: count - change }) };
}

function entryFacts(html: string, kindOfRow: string): EntryFacts {
  const counts = find(html, /<span class="counts">(.*)/s);
  if (counts === undefined) return {};
  const kind = find(counts, /class="kind k-([\w-]+)"/) ?? kindOfRow;
  const machines = counted(counts.replace(/<span class="kind[^>]*>[^<]*<\/span>/, ""));
  return { kind, isRead: kind !== "not-read", ...before("machines", machines, kind) };
}

function counted(html: string): Counted {
  const change = find(html, /class="(?:up|down)"> ([+−][\d,]+)</);
  const count = find(html, /(?:^|>|\s)([\d,]+|\?)(?:<|$)/);
  return {
    count: count === undefined || count === "?" ? null : numberOf(count),
    change: change === undefined ? null : numberOf(change.slice(1)) * (change.startsWith("−") ? -1 : 1),
  };
}

/** The content of a cell of one class. */
function cell(html: string, className: string): string {
  return find(html, new RegExp(`<td [^>]*class="${className}"[^>]*>(.*?)</td>`, "s")) ?? "";
}

function productRows(html: string): { id: string; facts: ProductFacts }[] {
  const rows = between(html, '<section id="products"', "</section>").split('<tr role="row">').slice(2);
  return rows.map((row) => {
    const label = (name: string) => find(row, new RegExp(`data-label="${name}"[^>]*>([^<]*)<`));
    const missing = (name: string) => (label(name) === "?" ? undefined : numberOf(label(name) ?? ""));
    return {
      id: decode(find(row, /<span class="id">([^<]*)</) ?? ""),
      facts: {
        state: find(row, /class="state s-([\w-]+)"/),
        baseline: row.includes("read for the first time"),
        unknownId: row.includes("Defender does not know this id"),
        leftInventory: row.includes("left the inventory"),
        differed: row.includes("two answers differed"),
        missingKbs: missing("Missing KBs"),
        missingInstalls: missing("Missing installs"),
      },
    };
  });
}

const totalOfLabel: Readonly<Record<string, keyof Totals>> = {
  ...{ new: "new", worse: "worsened", back: "returned", "more CVEs": "moreCves", better: "improved" },
  ...{ resolved: "resolved", "missing KB": "missingKbs", "missing KBs": "missingKbs" },
  ...{ "missing install": "missingInstalls", "missing installs": "missingInstalls" },
  ...{ overdue: "overdue", stalled: "stalled" },
};

/** A figure of a report that could read nothing shows what was known before, with its day. */
function figures(html: string): Partial<Totals> {
  const shown = between(html, '<ul class="today">', "</ul>").split('class="figure ').slice(1);
  const totals = shown.flatMap((figure) => {
    const [value, label] = [find(figure, /class="value">([\d,]+)</), find(figure, /class="label">([^<]*)</)];
    const name = totalOfLabel[label ?? ""];
    const isOlder = /class="then"> when last read/.test(figure);
    return name !== undefined && value !== undefined && !isOlder ? [[name, numberOf(value)]] : [];
  });
  return Object.fromEntries(totals);
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `2027-10-04` of `4 Oct 2027`. */
function dayOf(text: string | undefined): string | undefined {
  const [, day = "", month = "", year] = /^(\d+) (\w+) (\d+)$/.exec(text ?? "") ?? [];
  const index = months.indexOf(month.slice(0, 3));
  return year === undefined ? undefined : `${year}-${String(index + 1).padStart(2, "0")}-${day.padStart(2, "0")}`;
}

function find(text: string, shape: RegExp): string | undefined {
  return shape.exec(text)?.[1];
}

function numberOf(text: string): number {
  return Number(text.replaceAll(",", ""));
}

function decode(text: string): string {
  return text.replaceAll("&amp;", "&").replaceAll("&#x27;", "'");
}
