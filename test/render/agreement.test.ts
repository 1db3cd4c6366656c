import fc from "fast-check";
import { expect, test } from "vitest";
import {
  changeFilters,
  type Filter,
  isNarrowed,
  isWorstFirst,
  type Selection,
  select,
  sortKeys,
  sortOrders,
} from "../../shared/core/selection.ts";
import { reportCsv } from "../../shared/render/export/csv.ts";
import { reportJson } from "../../shared/render/export/json.ts";
import type { ReportJson } from "../../shared/render/export/schemas.ts";
import { reportText } from "../../shared/render/export/text.ts";
import { kindLabels } from "../../shared/render/kind-words.ts";
import { renderPage } from "../../shared/render/page/page.tsx";
import type { PageView } from "../../shared/render/page/view.ts";
import { anyStory } from "../support/any-report.ts";
import { aReport } from "../support/builders.ts";
import { aView, sampleOptions } from "../support/page-samples.ts";
import { readCsv } from "../support/read-csv.ts";

type RowJson = ReportJson["rows"][number];
type EntryJson = RowJson["entries"][number];

const parts = {
  kb: fc.constantFrom("5041585", "5066835"),
  softwareId: fc.constantFrom("microsoft-_-windows_10", "microsoft-_-edge"),
  search: fc.constantFrom("windows", "kb50 october", "EDGE", "windows_10 edge", "nothing"),
  change: fc.constantFrom(...changeFilters),
  overdue: fc.boolean(),
  stalled: fc.boolean(),
  sort: fc.constantFrom(...sortKeys),
  order: fc.constantFrom(...sortOrders),
};
// Mostly of one part or none: several leave little over.
const aSelection: fc.Arbitrary<Selection> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ sort: parts.sort }) },
  { weight: 2, arbitrary: fc.constantFrom(...["windows", "kb5", "microsoft"]).map((search) => ({ search })) },
  { weight: 2, arbitrary: fc.constantFrom(...changeFilters).map((change) => ({ change })) },
  fc.record(parts, { requiredKeys: [] }),
);

/** A report in every form, as one query asks for it. */
async function formsOf(story: Parameters<typeof aReport>[0], query: Partial<PageView["query"]>) {
  const report = await aReport(story);
  const view = aView(report, { query: { watchlist: report.watchlist, run: "latest", ...query } });
  const [head = [], ...lines] = readCsv(reportCsv(view.report).replace(/^\ufeff/, ""));
  return {
    all: reportJson({ ...select(report, {}), newerRuns: [] }, sampleOptions),
    json: reportJson(view, sampleOptions),
    csv: lines.map((cells) => Object.fromEntries(head.map((column, index) => [column, cells[index] ?? ""]))),
    html: renderPage(view),
    text: reportText(view, sampleOptions),
  };
}

const cell = (value: number | null | undefined) => (value === null || value === undefined ? "" : String(value));

function csvOf(row: RowJson, entry: EntryJson): Record<string, string> {
  const { current, previous } = entry;
  return {
    ...{ id: row.id, softwareId: entry.softwareId, change: entry.change, why: entry.why.join("; ") },
    machineMissedOn: cell(current?.machineMissedOn),
    cveAddressed: cell(current?.cveAddressed),
    previousMachineMissedOn: cell(previous?.machineMissedOn),
    previousCveAddressed: cell(previous?.cveAddressed),
    ...{ firstSeen: entry.firstSeen, ageDays: cell(entry.ageDays), overdueDays: cell(entry.overdueDays) },
    ...{ peakMachineMissedOn: cell(entry.peakMachineMissedOn), stalled: String(entry.stalled) },
  };
}

/** The texts of a piece of HTML, one after another. */
function textsOf(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}

const rowsIn = (html: string, table: RegExp) => {
  const [body = ""] = table.exec(html) ?? [];
  return [...body.matchAll(/<tr role="row".*?<\/tr>/gs)].map(([row]) => row).filter((row) => row.includes("<td"));
};
const cellsOf = (row: string) => [...row.matchAll(/<td.*?<\/td>/gs)].map(([one]) => textsOf(one));
const kinds = new Map(Object.entries(kindLabels).map(([kind, { mark, label }]) => [`${mark} ${label}`, kind]));
const countIn = (text = "") => (/^\?/.test(text) ? null : Number(/^[\d,]+/.exec(text)?.[0].replaceAll(",", "")));

/** What a row or an entry of the page says. */
function factsOf(badge: string, machines: string | undefined, cves: string | undefined, rest: string) {
  const kind = [...kinds].find(([words]) => badge.startsWith(words))?.[1];
  return {
    change: kind,
    machineMissedOn: countIn(machines),
    cveAddressed: countIn(cves),
    overdueDays: Number(/(\d+) days? overdue/.exec(rest)?.[1] ?? 0),
    stalled: /stalled/.test(rest),
  };
}

function expectPage(html: string, { rows }: ReportJson): void {
  const shown = rowsIn(html, /<table[^>]*id="kbs-table".*?<\/table>/s);
  expect(shown.map((row) => /data-v="([^"]*)"/.exec(row)?.[1])).toEqual(rows.map(({ id }) => id));
  shown.forEach((row, index) => {
    const json = rows[index];
    const [badge = "", machines, cves, age = "", products = ""] = cellsOf(row);
    const { change, machineMissedOn, cveAddressed, overdueDays, stalled, ageDays, entries = [] } = json ?? {};
    expect(factsOf(badge, machines, cves, age)).toEqual({
      change,
      machineMissedOn,
      cveAddressed,
      overdueDays,
      stalled,
    });
    expect(/^(\d+) days?|^gone/.exec(age)?.[1]).toBe(change === "resolved" ? undefined : String(ageDays));
    for (const entry of entries.length > 1 ? entries.slice(0, 3) : []) {
      const label = entry.change === change ? "" : `${kindLabels[entry.change].label.toLowerCase()} `;
      const count = (entry.current ?? entry.previous)?.machineMissedOn ?? "?";
      expect(products.toLowerCase()).toContain(`${label}${count}`);
    }
  });
}

function expectKbPage(html: string, row: RowJson | undefined): void {
  const shown = rowsIn(html, /<section[^>]*id="products".*?<\/section>/s);
  const seen = shown.map((one) => {
    const [badge = "", machines, cves, firstSeen, peak, status = ""] = cellsOf(one);
    return { ...factsOf(badge, machines, cves, status), firstSeen, peak: countIn(peak) };
  });
  const expected = (row?.entries ?? []).map((entry) => ({
    change: entry.change,
    machineMissedOn: (entry.current ?? entry.previous)?.machineMissedOn ?? null,
    cveAddressed: (entry.current ?? entry.previous)?.cveAddressed ?? null,
    ...{ overdueDays: entry.overdueDays, stalled: entry.stalled, peak: entry.peakMachineMissedOn },
    firstSeen: new Date(entry.firstSeen).toLocaleDateString("en-GB", {
      day: "numeric",
      month: "short",
      year: "numeric",
      timeZone: "UTC",
    }),
  }));
  expect(seen).toHaveLength(expected.length);
  expect(seen).toEqual(expect.arrayContaining(expected));
}

function expectText(text: string, { rows }: ReportJson): void {
  // The list is the second block, after the heading.
  const list = text.split("\n\n")[1] ?? "";
  const blocks = rows.length === 0 ? [] : list.split(/\n(?=KB\d+ )/).slice(1);
  const seen = blocks.map((block) => {
    const words = block.replaceAll(/\s+/g, " ");
    return {
      id: /^KB(\d+)/.exec(words)?.[1],
      hasKind: (kind: string) => words.includes(`; ${kind}`),
      age: Number(/(\d+) days? old/.exec(words)?.[1] ?? 0),
      overdueDays: Number(/! (\d+) days? overdue/.exec(words)?.[1] ?? 0),
      stalled: /! stalled/.test(words),
    };
  });
  expect(seen.map(({ id, overdueDays, stalled }) => ({ id, overdueDays, stalled }))).toEqual(
    rows.map(({ id, overdueDays, stalled }) => ({ id, overdueDays, stalled })),
  );
  rows.forEach(({ change, ageDays }, index) => {
    expect(
      seen[index]?.hasKind(kindLabels[change].label.slice(0, 1).toLowerCase() + kindLabels[change].label.slice(1)),
    ).toBe(true);
    if (change !== "baseline") expect(seen[index]?.age).toBe(ageDays);
  });
}

test("page, CSV, JSON and text agree on every entry, whatever is selected", async () => {
  await fc.assert(
    fc.asyncProperty(anyStory(), aSelection, async (story, selection) => {
      const { kb, ...others } = selection;
      const { json, csv, html, text } = await formsOf(story, others);
      const expected = json.rows.flatMap((row) => row.entries.map((entry) => csvOf(row, entry)));
      expect(csv).toHaveLength(expected.length);
      for (const [index, line] of expected.entries()) expect(csv[index]).toMatchObject(line);
      expectPage(html, json);
      if (isNarrowed(others) || !isWorstFirst(others)) expectText(text, json);
      const ofKb = await formsOf(story, { kb: kb ?? json.rows.at(-1)?.id ?? "0" });
      expectKbPage(ofKb.html, ofKb.json.rows[0]);
    }),
    { numRuns: 200 },
  );
});

const worse = ["new", "worsened", "returned", "more-cves"];

/** Whether an entry matches a filter, judged by what the full report says of it. */
function matches(
  row: RowJson,
  entry: EntryJson,
  { kb, softwareId, search, change, overdue, stalled }: Filter,
): boolean {
  const text = [`KB${row.id}`, row.name, ...row.productsNames, entry.softwareId].join(" ").toLowerCase();
  return (
    (kb === undefined || row.id === kb) &&
    (softwareId === undefined || entry.softwareId === softwareId) &&
    (search ?? "")
      .toLowerCase()
      .split(" ")
      .every((word) => text.includes(word)) &&
    (change === undefined ||
      entry.change === change ||
      (change === "worse" && worse.includes(entry.change)) ||
      (change === "missing" && entry.change !== "resolved")) &&
    (!overdue || entry.overdueDays > 0) &&
    (!stalled || entry.stalled)
  );
}

test("a selection has every entry that matches, no other, and totals of these alone", async () => {
  await fc.assert(
    fc.asyncProperty(anyStory(), aSelection, async (story, selection) => {
      const { all, json } = await formsOf(story, selection);
      const name = (row: RowJson, { softwareId }: EntryJson) => `${row.id} ${softwareId}`;
      const expected = all.rows.flatMap((row) =>
        row.entries.filter((entry) => matches(row, entry, selection)).map((entry) => name(row, entry)),
      );
      const entries = json.rows.flatMap((row) => row.entries.map((entry) => ({ row, entry })));
      expect(entries.map(({ row, entry }) => name(row, entry)).toSorted()).toEqual(expected.toSorted());
      const kbsWith = (passes: (entry: EntryJson) => boolean) =>
        json.rows.filter((row) => row.entries.some(passes)).length;
      expect(json.totals).toMatchObject({
        new: kbsWith(({ change }) => change === "new"),
        worsened: kbsWith(({ change }) => change === "worsened"),
        returned: kbsWith(({ change }) => change === "returned"),
        moreCves: kbsWith(({ change }) => change === "more-cves"),
        improved: kbsWith(({ change }) => change === "improved"),
        resolved: kbsWith(({ change }) => change === "resolved"),
        missingKbs: kbsWith(({ change }) => change !== "resolved"),
        overdue: kbsWith(({ overdueDays }) => overdueDays > 0),
        stalled: kbsWith(({ stalled }) => stalled),
      });
      for (const product of json.products) {
        const own = entries.filter(({ entry }) => entry.softwareId === product.softwareId && entry.current !== null);
        expect(product.missingKbs).toBe(own.length);
        expect(product.missingInstalls).toBe(
          own.reduce((sum, { entry }) => sum + (entry.current?.machineMissedOn ?? 0), 0),
        );
      }
    }),
    { numRuns: 300 },
  );
});

test("each count on top of the page leads to as many KBs", async () => {
  await fc.assert(
    fc.asyncProperty(anyStory(), aSelection, async (story, { kb: _kb, ...selection }) => {
      const report = await aReport(story);
      const pageOf = (query: Partial<PageView["query"]>) =>
        renderPage(aView(report, { query: { watchlist: "default", run: "latest", ...query } }));
      const html = pageOf(selection);
      const tiles = [
        ...html.matchAll(/<span class="figure[^"]*"><a href="\?([^"#]*)[^>]*><span class="value">([\d,]+)</g),
      ];
      for (const [, address = "", value = ""] of tiles) {
        const query = Object.fromEntries(new URLSearchParams(address.replaceAll("&amp;", "&")));
        const flags = { overdue: query.overdue === "true", stalled: query.stalled === "true" };
        const rows = rowsIn(pageOf({ ...query, ...flags }), /<table[^>]*id="kbs-table".*?<\/table>/s);
        expect([query, rows.length]).toEqual([query, Number(value.replaceAll(",", ""))]);
      }
    }),
    { numRuns: 60 },
  );
});
