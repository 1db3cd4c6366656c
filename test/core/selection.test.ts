import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ageInDays, cves, daysOverdue, reach } from "../../shared/core/due.ts";
import { isMissing } from "../../shared/core/row.ts";
import { dayOf } from "../../shared/core/run-id.ts";
import {
  changeFilters,
  isNarrowed,
  type Selection,
  selectReport,
  selectRows,
  slice,
  sortKeys,
  sortOrders,
} from "../../shared/core/selection.ts";
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

  test("finds a KB by number, name, product and software id, if every word occurs", async () => {
    const report = await sampleReport();
    const found = (search: string) => ids(selectRows(report, { search }));
    expect(found("KB5068404")).toEqual(["5068404"]);
    expect(found("sql_server november")).toEqual(["5072936", "5068404"]);
    expect(found("exchange 5066367")).toEqual(["5066367"]);
    expect(found("exchange 5068404")).toEqual([]);
  });

  test("of what is worse has new, worsened and returned KBs", async () => {
    const kinds = new Set(selectRows(await sampleReport(), { change: "worse" }).map(({ kind }) => kind));
    expect([...kinds].toSorted()).toEqual(["new", "returned", "worsened"]);
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
