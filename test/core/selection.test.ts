import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isExploited } from "../../shared/core/advisory.ts";
import { daysBetween } from "../../shared/core/day.ts";
import { ageInDays, cves, daysOverdue, isOverdue, reach } from "../../shared/core/due.ts";
import { countStates } from "../../shared/core/products.ts";
import type { Report } from "../../shared/core/report.ts";
import { isMissing, type KbEntry, type KbRow, type RowKind, rowKinds, toRow } from "../../shared/core/row.ts";
import { dayOf } from "../../shared/core/run-id.ts";
import {
  type ChangeFilter,
  changeFilters,
  isNarrowed,
  type Selection,
  selectReport,
  selectRows,
  slice,
  sortKeys,
  sortOrders,
} from "../../shared/core/selection.ts";
import { countTotals } from "../../shared/core/totals.ts";
import { anyStory } from "../support/any-report.ts";
import { aKb, aReport } from "../support/builders.ts";
import { sampleReport } from "../support/page-samples.ts";

const aSelection: fc.Arbitrary<Selection> = fc.record(
  {
    softwareId: fc.constantFrom("microsoft-_-windows_10", "microsoft-_-edge", "unknown"),
    search: fc.constantFrom("", "kb50", "EDGE", "windows october", "5066835  ", "nothing"),
    change: fc.constantFrom(...changeFilters),
    overdue: fc.boolean(),
    stalled: fc.boolean(),
    sort: fc.constantFrom(...sortKeys),
    order: fc.constantFrom(...sortOrders),
  },
  { requiredKeys: [] },
);

const ids = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);

interface Found {
  row: KbRow;
  entry: KbEntry;
}

const entriesIn = (rows: readonly KbRow[]): Found[] =>
  rows.flatMap((row) => row.entries.map((entry) => ({ row, entry })));
const nameOf = ({ row, entry }: Found) => `${entry.softwareId} ${row.id} ${entry.kind}`;

/** Whether an entry passes a filter, each part of it by itself. */
function passesAlone({ row, entry }: Found, selection: Selection, report: Report): boolean {
  const { softwareId, search = "", change, overdue, stalled } = selection;
  const age = daysBetween(entry.firstSeen, report.day);
  const isKnown = !["resolved", "replaced", "not-read"].includes(entry.kind);
  const machines = entry.current?.machineMissedOn ?? 0;
  const texts = [`KB${row.id}`, row.name, ...row.productsNames, entry.softwareId].map((text) => text.toLowerCase());
  const words = search.toLowerCase().split(" ").filter(Boolean);
  return [
    softwareId === undefined || entry.softwareId === softwareId,
    change === undefined || kindsOf(change).includes(entry.kind),
    !overdue || (isKnown && age > report.dueDays),
    !stalled || (isKnown && age >= 14 && machines > 0 && machines * 5 >= (entry.peak ?? Number.POSITIVE_INFINITY) * 4),
    words.every((word) => texts.some((text) => text.includes(word))),
  ].every(Boolean);
}

function kindsOf(change: ChangeFilter): RowKind[] {
  if (change === "worse") return ["new", "worsened", "returned", "more-cves"];
  return change === "missing" ? rowKinds.filter((kind) => !["resolved", "replaced"].includes(kind)) : [change];
}

describe("a selection", () => {
  test("without filters is the report in its own order", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const report = await aReport(story);
        expect(selectRows(report, {})).toEqual(report.rows);
        expect(selectReport(report, {})).toEqual(report);
      }),
    );
  });

  test("that is not narrowed leaves nothing out", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), aSelection, async (story, selection) => {
        const report = await aReport(story);
        if (!isNarrowed(selection)) expect(selectRows(report, selection)).toHaveLength(report.rows.length);
      }),
    );
    expect([{ sort: "kb" as const }, { overdue: false }, { search: "" }].some(isNarrowed)).toBe(false);
    expect([{ change: "missing" as const }, { stalled: true }, { softwareId: "a" }].every(isNarrowed)).toBe(true);
  });

  test("filters the same in any order, and sorts without losing a row", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), aSelection, async (story, { sort, order, ...filters }) => {
        const report = await aReport(story);
        const sorted = selectRows(report, { ...filters, ...(sort && { sort }), ...(order && { order }) });
        expect(ids(sorted).toSorted()).toEqual(ids(selectRows(report, filters)).toSorted());
      }),
    );
  });

  test("sorts by number, unknown counts last in either order, equal ones worst first", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), fc.constantFrom(...sortOrders), async (story, order) => {
        const report = await aReport(story);
        const age = (row: (typeof report.rows)[number]) =>
          isMissing(row) ? ageInDays(row, dayOf(report.runId)) : null;
        const sign = order === "asc" ? 1 : -1;
        const keys = { machines: reach, cves, age };
        for (const sort of ["machines", "cves", "age"] as const) {
          const valued = report.rows.map((row) => ({ id: row.id, value: keys[sort](row) }));
          const known = valued.filter(({ value }) => value !== null);
          const sorted = known.toSorted((a, b) => sign * (Number(a.value) - Number(b.value)));
          const unknown = valued.filter(({ value }) => value === null);
          expect(ids(selectRows(report, { sort, order }))).toEqual(ids([...sorted, ...unknown]));
        }
      }),
    );
  });

  test("sorts what is exploited first, and otherwise as the report", async () => {
    const rows = (await sampleReport()).rows;
    const [exploited, others] = [rows.filter(isExploited), rows.filter((row) => !isExploited(row))];
    expect(exploited.length).toBeGreaterThan(1);
    expect(ids(selectRows(await sampleReport(), { sort: "exploited" }))).toEqual(ids([...exploited, ...others]));
  });

  test("sorts KBs by their number, not as text", async () => {
    const report = await aReport({
      products: { a: { before: [], now: [aKb({ id: "10000001" }), aKb({ id: "999999" }), aKb({ id: "5041585" })] } },
    });
    expect(ids(selectRows(report, { sort: "kb" }))).toEqual(["999999", "5041585", "10000001"]);
    expect(ids(selectRows(report, { sort: "kb", order: "desc" }))).toEqual(["10000001", "5041585", "999999"]);
  });

  test("of one product has only the entries of that product, with its own change", async () => {
    const kb = aKb({ firstSeen: "2026-11-01" });
    const report = await aReport({
      products: {
        "microsoft-_-windows_10": { before: [kb], now: [kb] },
        "microsoft-_-windows_11": { before: [], now: [{ ...kb, firstSeen: "2026-11-23" }] },
      },
    });
    expect(report.rows[0]?.kind).toBe("new");
    const [row] = selectRows(report, { softwareId: "microsoft-_-windows_10" });
    expect(row).toMatchObject({ kind: "unchanged", firstSeen: "2026-11-01" });
    expect(row?.entries.map(({ softwareId }) => softwareId)).toEqual(["microsoft-_-windows_10"]);
  });

  test("of one product has the totals of a report about that product", async () => {
    const products = fc.constantFrom("microsoft-_-windows_10", "microsoft-_-edge");
    await fc.assert(
      fc.asyncProperty(anyStory(), products, async (story, softwareId) => {
        const one = story.products?.[softwareId];
        if (!one) return;
        const alone = await aReport({ ...story, products: { [softwareId]: one } });
        const selected = selectReport(await aReport(story), { softwareId });
        expect(selected.totals).toEqual(alone.totals);
        expect(selected.products).toEqual(alone.products);
        expect(ids(selected.rows)).toEqual(ids(alone.rows));
      }),
    );
  });

  test("has exactly the entries that pass the filter", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), aSelection, async (story, selection) => {
        const report = await aReport(story);
        const selected = entriesIn(selectReport(report, selection).rows);
        const passing = entriesIn(report.rows).filter((one) => passesAlone(one, selection, report));
        expect(selected.map(nameOf).toSorted()).toEqual(passing.map(nameOf).toSorted());
      }),
      { numRuns: 300 },
    );
  });

  test("has rows and totals of the selected entries alone", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), aSelection, async (story, selection) => {
        const report = await aReport(story);
        const { rows, products, totals } = selectReport(report, selection);
        for (const row of rows) {
          expect(row).toEqual(toRow(row, row.entries));
          expect(row.entries.length).toBeGreaterThan(0);
        }
        const { read, notRead, baseline } = countStates(products);
        expect(totals).toEqual(countTotals(rows, { read, notRead, baseline }, report.day));
        const missing = entriesIn(rows).filter(({ entry }) => isMissing(entry));
        expect(totals.missingKbs).toBe(new Set(missing.map(({ row }) => row.id)).size);
        const isLate = (entry: KbEntry) => isOverdue(entry, report.day);
        expect(totals.overdue).toBe(rows.filter(({ entries }) => entries.some(isLate)).length);
      }),
    );
  });

  test("counts the product that it names, under any other filter those with a selected entry", async () => {
    const kb = aKb({ firstSeen: "2026-11-01" });
    const report = await aReport({
      products: {
        "microsoft-_-windows_10": { before: [kb], now: [kb] },
        "microsoft-_-windows_11": { before: [], now: [kb] },
        "microsoft-_-edge": { before: [], now: [] },
        "microsoft-_-office": { before: [kb], now: null },
      },
    });
    const counted = (selection: Selection) => {
      const { products, totals } = selectReport(report, selection);
      return [products.map(({ softwareId }) => softwareId.split("-_-").at(-1)), totals.read, totals.notRead];
    };
    expect(counted({})).toEqual([["windows_10", "windows_11", "edge", "office"], 3, 1]);
    expect(counted({ softwareId: "microsoft-_-edge" })).toEqual([["edge"], 1, 0]);
    expect(counted({ change: "new" })).toEqual([["windows_11"], 1, 0]);
    expect(counted({ change: "missing" })).toEqual([["windows_10", "windows_11", "office"], 2, 1]);
    expect(counted({ search: "kb5041585" })).toEqual([["windows_10", "windows_11", "office"], 2, 1]);
    expect(counted({ overdue: true })).toEqual([["windows_10", "windows_11"], 2, 0]);
    expect(counted({ softwareId: "microsoft-_-office", overdue: true })).toEqual([[], 0, 0]);
    expect(counted({ softwareId: "microsoft-_-windows_11", change: "new" })).toEqual([["windows_11"], 1, 0]);
  });

  test("selects overdue and stalled entries, not the other entries of their KBs", async () => {
    const [old, fresh] = [aKb({ firstSeen: "2026-09-20" }), aKb({ firstSeen: "2026-11-22", machineMissedOn: 512 })];
    const report = await aReport({
      products: { old: { before: [old], now: [old] }, fresh: { before: [fresh], now: [fresh] } },
    });
    for (const selection of [{ overdue: true }, { stalled: true }]) {
      const { rows, totals } = selectReport(report, selection);
      expect(rows.map(({ entries }) => entries.map(({ softwareId }) => softwareId))).toEqual([["old"]]);
      expect(totals).toMatchObject({ missingKbs: 1, missingInstalls: 240, overdue: 1, stalled: 1, read: 1 });
    }
  });

  test("of resolved entries has those of KBs that other products still miss", async () => {
    const report = await aReport({
      products: { a: { before: [aKb()], now: [] }, b: { before: [aKb()], now: [aKb()] }, c: { before: [], now: [] } },
    });
    expect(report.rows.map(({ kind }) => kind)).toEqual(["unchanged"]);
    const { rows, totals } = selectReport(report, { change: "resolved" });
    expect(rows).toMatchObject([{ kind: "resolved", entries: [{ softwareId: "a" }] }]);
    expect(totals).toMatchObject({ resolved: 1, missingKbs: 0, missingInstalls: 0, overdue: 0, read: 1 });
  });

  test("of one KB has its entries alone", async () => {
    const report = await sampleReport();
    const { rows } = selectReport(report, { kb: "5072033" });
    expect(rows.map(({ id, entries }) => [id, entries.length])).toEqual([["5072033", 3]]);
    expect(selectReport(report, { kb: "507203" }).rows).toEqual([]);
  });

  test("finds a KB by number, name, product and software id, if every word occurs", async () => {
    const report = await sampleReport();
    const found = (search: string) => ids(selectRows(report, { search }));
    expect(found("KB5068404")).toEqual(["5068404"]);
    expect(found("5068404")).toEqual(["5068404"]);
    expect(found("kB5068404 SQL_Server")).toEqual(["5068404"]);
    expect(found("sql_server november")).toEqual(["5072936", "5068404"]);
    expect(found("exchange 5066367")).toEqual(["5066367"]);
    expect(found("exchange 5068404")).toEqual([]);
    // A word does not run from one text into the next.
    expect(found("5068404november")).toEqual([]);
  });

  test("finds the entries of the product that a search names, unless the KB itself names it", async () => {
    const report = await aReport({
      products: {
        "microsoft-_-windows_11": { before: [], now: [aKb()] },
        "microsoft-_-edge": { before: [], now: [aKb()] },
      },
    });
    const productsFound = (search: string) =>
      selectRows(report, { search }).flatMap(({ entries }) => entries.map(({ softwareId }) => softwareId));
    expect(productsFound("edge")).toEqual(["microsoft-_-edge"]);
    expect(productsFound("windows_10")).toEqual(["microsoft-_-windows_11", "microsoft-_-edge"]);
  });

  test("of what is worse has new, worsened and returned KBs, and those with more CVEs", async () => {
    const kinds = new Set(selectRows(await sampleReport(), { change: "worse" }).map(({ kind }) => kind));
    expect([...kinds].toSorted()).toEqual(["new", "returned", "worsened"]);
    const kb = { before: [aKb({ cveAddressed: 3 })], now: [aKb({ machineMissedOn: 9 })] };
    const [row] = selectRows(await aReport({ products: { a: kb } }), { change: "worse" });
    expect(row?.kind).toBe("more-cves");
  });

  test("of what is overdue leaves out what could not be read or is resolved", async () => {
    const report = await sampleReport();
    const overdue = selectRows(report, { overdue: true });
    expect(overdue.length).toBeGreaterThan(3);
    for (const row of overdue) {
      expect(daysOverdue(row, report)).toBeGreaterThan(0);
      expect(["resolved", "not-read"]).not.toContain(row.kind);
    }
    expect(report.rows.some(({ kind }) => kind === "not-read")).toBe(true);
  });
});

describe("the pages of a list", () => {
  test("contain every item once, in order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 9 }), (list, size) => {
        const { pages } = slice(list, 1, size);
        const all = Array.from({ length: pages }, (_, index) => slice(list, index + 1, size).items).flat();
        expect(all).toEqual(list);
      }),
    );
  });

  test("include the nearest page to any number", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat()),
        fc.oneof(fc.integer(), fc.constantFrom(Number.NaN, 1e300, -1e300)),
        (list, page) => {
          const found = slice(list, page, 4);
          expect(found.page).toBeGreaterThanOrEqual(1);
          expect(found.page).toBeLessThanOrEqual(found.pages);
          if (list.length > 0) expect(found.items.length).toBe(found.to - found.from + 1);
          else expect(found).toMatchObject({ from: 0, to: 0, total: 0, pages: 1 });
        },
      ),
    );
  });
});
