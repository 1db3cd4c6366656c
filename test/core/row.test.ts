import { describe, expect, test } from "vitest";
import { everyRise } from "../../shared/core/change.ts";
import type { Comparison } from "../../shared/core/comparison.ts";
import { addDays } from "../../shared/core/day.ts";
import { ageInDays, cves, daysOverdue, isStalled, reach } from "../../shared/core/due.ts";
import type { MissingKb } from "../../shared/core/missing-kb.ts";
import { compareRows, sortRows } from "../../shared/core/order.ts";
import {
  addEntries,
  isMissing,
  type KbEntry,
  type KbRow,
  type KbRows,
  narrow,
  otherProducts,
  ownEntries,
  type RowKind,
  toRow,
} from "../../shared/core/row.ts";
import { countTotals } from "../../shared/core/totals.ts";
import { aKb, aSnapshot } from "../support/builders.ts";

const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"] as const;
const [before, today] = ["2026-11-22", "2026-11-23"];
const due = { dueDays: 14, dueDaysExploited: 3, dueFrom: "first-seen" } as const;

type Story = readonly [
  softwareId: string,
  had: readonly MissingKb[] | null,
  has: readonly MissingKb[] | null,
  more?: Partial<Comparison>,
];

/** The rows of products by what they missed the day before and miss today; `null`: never seen, not read. */
function rowsOf(...stories: readonly Story[]): ReadonlyMap<string, KbRow> {
  const rows: KbRows = new Map();
  for (const [softwareId, had, has, more] of stories) {
    const ids = { previous: had && before, current: has ? today : had && before };
    const comparison: Comparison = { softwareId, ...ids, ...more };
    const previous = had && aSnapshot({ softwareId, runId: before, missingKbs: had });
    const current = has && aSnapshot({ softwareId, runId: today, missingKbs: has });
    addEntries(
      rows,
      { comparison, previous, current: current ?? previous },
      { thresholds: everyRise, due, facts: null },
    );
  }
  return new Map([...rows].map(([id, kb]) => [id, toRow(kb, kb.entries)]));
}

function kindsOf(rows: ReadonlyMap<string, KbRow>): Record<string, RowKind> {
  return Object.fromEntries([...rows].map(([id, { kind }]) => [id, kind]));
}

const counts = (machineMissedOn: number | null, cveAddressed: number | null = 14) => ({
  machineMissedOn,
  cveAddressed,
});

describe("the rows of one product", () => {
  test("say how each KB changed, with the counts before and now", () => {
    const had = [aKb({ id: "1", ...counts(5) }), aKb({ id: "2", ...counts(9) }), aKb({ id: "3", ...counts(4) })];
    const has = [aKb({ id: "1", ...counts(7) }), aKb({ id: "3", ...counts(4) }), aKb({ id: "4", ...counts(2) })];
    const rows = rowsOf([windows10, had, has]);
    const reasons = ["machines"] as const;
    expect([...rows.values()].map(({ id, kind, entries }) => [id, kind, entries])).toEqual([
      ["1", "worsened", [entry({ kind: "worsened", reasons, previous: counts(5), current: counts(7), peak: 7 })]],
      ["3", "unchanged", [entry({ kind: "unchanged", previous: counts(4), current: counts(4), peak: 4 })]],
      ["4", "new", [entry({ kind: "new", current: counts(2), peak: 2 })]],
      ["2", "resolved", [entry({ kind: "resolved", previous: counts(9), current: null, peak: 9 })]],
    ]);
  });

  test("have the counts last reported as those before, unless the KB is new, back or in a baseline", () => {
    const kbs = (machineMissedOn: number) => [aKb({ id: "1", ...counts(machineMissedOn) }), aKb({ id: "2" })];
    const more = { lastReported: { "1": { machineMissedOn: 100 } }, heldBack: { "1": { machineMissedOn: 100 } } };
    const last = (...story: Story) =>
      [...rowsOf(story).values()].map(({ entries: [one] }) => one?.previous?.machineMissedOn ?? null);
    expect(last(windows10, kbs(103), kbs(103), more)).toEqual([100, 240]);
    expect(last(windows10, kbs(103), null, more)).toEqual([100, 240]);
    expect(last(windows10, kbs(103), [], more)).toEqual([100, 240]);
    expect(last(windows10, null, kbs(103))).toEqual([null, null]);
    expect(last(windows10, [], kbs(103), { lateBaseline: true })).toEqual([null, null]);
    expect(last(windows10, [], [aKb({ goneOn: "2026-11-01" }), aKb({ id: "2" })])).toEqual([null, null]);
  });

  test("claim no change at first sight, nor where today's read failed", () => {
    expect(kindsOf(rowsOf([windows10, null, [aKb()]]))).toEqual({ "5041585": "baseline" });
    expect(kindsOf(rowsOf([windows10, [], [aKb()], { lateBaseline: true }]))).toEqual({ "5041585": "baseline" });
    expect(kindsOf(rowsOf([windows10, [aKb()], null]))).toEqual({ "5041585": "not-read" });
    expect(rowsOf([windows10, null, null]).size).toBe(0);
  });
});

function entry(parts: Partial<KbEntry>): KbEntry {
  const { firstSeen = "2026-11-20" } = parts;
  const nothing = { reasons: [], previous: null, current: null, peak: null };
  return { softwareId: windows10, kind: "unchanged", ...nothing, ...datesFrom(firstSeen), ...parts };
}

function datesFrom(firstSeen: string): Pick<KbRow, "firstSeen" | "since" | "dueOn"> {
  return { firstSeen, since: firstSeen, dueOn: addDays(firstSeen, due.dueDays) };
}

describe("a KB of several products", () => {
  const twice = (one: readonly MissingKb[], other: readonly MissingKb[], had: readonly MissingKb[] | null = []) =>
    rowsOf([windows10, had, one], [windows11, had, other]).get("5041585");

  test("is one row with an entry for each, and counts side by side", () => {
    const row = twice([aKb(counts(240, 14))], [aKb(counts(12, 97))]);
    expect(row?.entries.map(({ softwareId, current }) => [softwareId, current])).toEqual([
      [windows10, counts(240, 14)],
      [windows11, counts(12, 97)],
    ]);
  });

  test("is as old as its oldest entry, in any order", () => {
    const [old, young] = [aKb({ firstSeen: "2026-11-02" }), aKb({ firstSeen: "2026-11-20" })];
    expect(twice([old], [young])?.firstSeen).toBe("2026-11-02");
    expect(twice([young], [old])?.firstSeen).toBe("2026-11-02");
  });

  test("has the first name and address of any of them", () => {
    const [bare, named] = [aKb({ name: "", url: null }), aKb({ name: "August", url: "https://a" })];
    expect(twice([bare], [named])).toMatchObject({ name: "August", url: "https://a" });
    expect(twice([named], [bare])).toMatchObject({ name: "August", url: "https://a" });
    expect(twice([named], [aKb({ name: "July", url: "https://b" })])).toMatchObject({
      name: "August",
      url: "https://a",
    });
  });

  test("names the products of all, each once and in order", () => {
    const of = (...productsNames: string[]) => [aKb({ productsNames })];
    expect(twice(of("windows_11", "edge"), of("edge", "windows_10"))?.productsNames).toEqual([
      ...["edge", "windows_10", "windows_11"],
    ]);
    expect(twice(of("b", "a"), of("a"))?.productsNames).toEqual(["b", "a"]);
  });

  test.each<[string, MissingKb[], MissingKb[], RowKind]>([
    ["worse in one and unchanged in the other", [aKb(counts(250))], [aKb()], "worsened"],
    ["unchanged in one and worse in the other", [aKb()], [aKb(counts(250))], "worsened"],
    ["better in one and worse in the other", [aKb(counts(2))], [aKb(counts(250))], "worsened"],
    ["more CVEs in one and better in the other", [aKb(counts(2, 15))], [aKb(counts(2))], "more-cves"],
    ["better in one and unchanged in the other", [aKb(counts(2))], [aKb()], "improved"],
    ["gone from one and still in the other", [], [aKb()], "unchanged"],
    ["still in one and gone from the other", [aKb()], [], "unchanged"],
    ["gone from one and worse in the other", [], [aKb(counts(250))], "worsened"],
    ["gone from both", [], [], "resolved"],
  ])("that is %s has the worst kind of its entries, and is resolved only if all are", (_, one, other, kind) => {
    expect(twice(one, other, [aKb()])?.kind).toBe(kind);
  });

  test("that is new in one and worse in the other is new", () => {
    const rows = rowsOf([windows10, [], [aKb()]], [windows11, [aKb()], [aKb(counts(250))]]);
    expect(kindsOf(rows)).toEqual({ "5041585": "new" });
  });

  test("that is resolved in one and was not read in the other is not resolved", () => {
    const rows = rowsOf([windows10, [aKb()], []], [windows11, [aKb()], null]);
    expect(kindsOf(rows)).toEqual({ "5041585": "not-read" });
  });

  test("reaches as far as the largest count of any product, never their sum", () => {
    const row = twice([aKb(counts(240, 14))], [aKb(counts(12, 97))]);
    expect(row && [reach(row), cves(row)]).toEqual([240, 97]);
  });

  test("has figures of the entries of its kind alone", () => {
    const known = aKb({ ...counts(512, 90), firstSeen: "2026-09-20" });
    const fresh = aKb({ ...counts(3, 10), firstSeen: today });
    const row = rowsOf([windows10, [known], [known]], [windows11, [], [fresh]]).get("5041585");
    expect(row && [row.kind, row.firstSeen, reach(row), cves(row)]).toEqual(["new", today, 3, 10]);
    expect(row && ownEntries(row).map(({ softwareId }) => softwareId)).toEqual([windows11]);
    expect(row?.entries.map(({ kind }) => kind)).toEqual(["unchanged", "new"]);
  });

  test("resolved in the older product has the age of the other", () => {
    const [old, young] = [aKb({ firstSeen: "2026-06-01" }), aKb({ firstSeen: "2026-11-20" })];
    const row = rowsOf([windows10, [old], []], [windows11, [young], [young]]).get("5041585");
    expect(row).toMatchObject({ kind: "unchanged", firstSeen: "2026-11-20" });
  });

  test("names the products that its software ids do not name", () => {
    const kb = aKb({ productsNames: ["windows_10", "windows_11", "edge"] });
    const row = rowsOf([windows10, [kb], [kb]]).get("5041585");
    expect(row && otherProducts(row)).toEqual(["windows_11", "edge"]);
  });
});

describe("rows narrowed to some of their entries", () => {
  const known = aKb({ ...counts(512), firstSeen: "2026-09-20" });
  const rows = [
    ...rowsOf([windows10, [known], [known]], [windows11, [], [aKb({ ...counts(3), firstSeen: today })]]).values(),
  ];

  test("take kind and first day from the entries that are left", () => {
    const unchanged = narrow(rows, ({ kind }) => kind === "unchanged");
    expect(unchanged).toMatchObject([{ kind: "unchanged", firstSeen: "2026-09-20", name: known.name }]);
    expect(unchanged.map(reach)).toEqual([512]);
    expect(narrow(rows, ({ kind }) => kind === "new")).toMatchObject([{ kind: "new", firstSeen: today }]);
  });

  test("are the same if every entry passes, and gone if none does", () => {
    expect(narrow(rows, () => true)).toEqual(rows);
    expect(narrow(rows, () => false)).toEqual([]);
  });
});

function aRow(parts: Partial<KbRow> & { current?: KbEntry["current"]; previous?: KbEntry["previous"] } = {}): KbRow {
  const { current = counts(240), previous = null, ...row } = parts;
  const kind = row.kind ?? "unchanged";
  const texts = { id: "5041585", name: "", url: null, productsNames: [] };
  const dates = datesFrom(row.firstSeen ?? "2026-11-20");
  return { ...texts, ...dates, kind, entries: [entry({ kind, current, previous })], ...row };
}

describe("how far a KB reaches", () => {
  test("is unknown if no count is known, and the count before if it is resolved", () => {
    expect(reach(aRow({ current: counts(null, null) }))).toBeNull();
    expect(cves(aRow({ current: counts(null, null) }))).toBeNull();
    expect(reach(aRow({ kind: "resolved", current: null, previous: counts(9) }))).toBe(9);
    expect(reach(aRow({ kind: "resolved", current: null }))).toBeNull();
    expect(reach(aRow({ entries: [] }))).toBeNull();
  });
});

describe("the order of a report", () => {
  const inOrder: [string, KbRow, KbRow][] = [
    ["what is new before what got worse", aRow({ kind: "new", current: counts(1) }), aRow({ kind: "worsened" })],
    ["what got worse before what is unchanged", aRow({ kind: "worsened", current: counts(1) }), aRow()],
    ["what reaches further", aRow({ id: "2", current: counts(241, 1) }), aRow({ id: "1", current: counts(240, 99) })],
    ["a known reach before an unknown one", aRow({ current: counts(0, 0) }), aRow({ current: counts(null, 99) })],
    [
      "more CVEs at the same reach",
      aRow({ id: "2", current: counts(7, 15) }),
      aRow({ id: "1", current: counts(7, 14) }),
    ],
    [
      "known CVEs before unknown ones",
      aRow({ id: "2", current: counts(7, 0) }),
      aRow({ id: "1", current: counts(7, null) }),
    ],
    ["the older one", aRow({ id: "2", firstSeen: "2026-11-02" }), aRow({ id: "1", firstSeen: "2026-11-03" })],
    ["the smaller id", aRow({ id: "1" }), aRow({ id: "2" })],
  ];

  test.each(inOrder)("puts %s first", (_, first, second) => {
    expect(compareRows(first, second)).toBeLessThan(0);
    expect(compareRows(second, first)).toBeGreaterThan(0);
    expect(compareRows(first, { ...first })).toBe(0);
    expect(sortRows([second, first])).toEqual([first, second]);
    expect(sortRows([first, second])).toEqual([first, second]);
  });
});

describe("the age of a KB", () => {
  test("is counted in days since the day that it counts from, and is never negative", () => {
    expect(ageInDays({ since: "2026-11-20" }, "2026-11-23")).toBe(3);
    expect(ageInDays({ since: "2026-11-23" }, "2026-11-23")).toBe(0);
    expect(ageInDays({ since: "2026-11-24" }, "2026-11-23")).toBe(0);
  });

  test("makes it overdue after the due days, unless it is resolved", () => {
    const days = (day: string, kind: RowKind = "unchanged") => daysOverdue(aRow({ kind }), { day });
    expect([days("2026-12-03"), days("2026-12-04"), days("2026-12-05")]).toEqual([0, 0, 1]);
    expect(days("2026-12-24", "resolved")).toBe(0);
    expect(isMissing(aRow({ kind: "resolved" }))).toBe(false);
    expect(isMissing(aRow({ kind: "not-read" }))).toBe(true);
  });
});

describe("a KB is stalled", () => {
  const stalled = (parts: Partial<KbEntry>, day = "2026-12-04") => isStalled(entry({ peak: 240, ...parts }), day);

  test("at 80 % of its peak or above, two weeks after it was first seen", () => {
    expect(stalled({ current: counts(192) })).toBe(true);
    expect(stalled({ current: counts(240) })).toBe(true);
    expect(stalled({ current: counts(191) })).toBe(false);
    expect(stalled({ current: counts(192) }, "2026-12-03")).toBe(false);
    expect(stalled({ current: counts(191) }, "2026-12-03")).toBe(false);
    expect(stalled({ current: counts(192) }, "2026-12-24")).toBe(true);
  });

  test("never if its counts are unknown, or no machine misses it", () => {
    expect(stalled({ current: null })).toBe(false);
    expect(stalled({ current: counts(null) })).toBe(false);
    expect(stalled({ current: counts(0), peak: 0 })).toBe(false);
    expect(stalled({ current: counts(192), peak: null })).toBe(false);
  });
});

describe("the totals of rows", () => {
  const products = { baseline: 0, read: 1, notRead: 0 };
  const kinds = ["new", "new", "worsened", "more-cves", "baseline", "not-read", "resolved"] as const;
  const rows = kinds.map((kind, index) =>
    aRow({ kind, id: String(index), current: kind === "resolved" ? null : counts(index + 1), previous: counts(50) }),
  );

  test("count the KBs of each change, and those that are missing", () => {
    expect(countTotals(rows, products, today)).toMatchObject({
      new: 2,
      worsened: 1,
      returned: 0,
      moreCves: 1,
      improved: 0,
      resolved: 1,
      missingKbs: 6,
      ...products,
    });
  });

  test("count a KB once for each kind that an entry of it has", () => {
    const entries = (["new", "new", "worsened", "resolved", "unchanged"] as const).map((kind, index) => {
      return entry({ kind, softwareId: String(index), current: kind === "resolved" ? null : counts(index + 1) });
    });
    expect(countTotals([{ entries }], products, today)).toMatchObject({
      ...{ new: 1, worsened: 1, resolved: 1, improved: 0, missingKbs: 1, missingInstalls: 5 },
    });
  });

  test("add up how far each missing KB reaches, with an unknown reach as 0", () => {
    expect(countTotals(rows, products, today).missingInstalls).toBe(1 + 2 + 3 + 4 + 5 + 6);
    expect(countTotals([aRow({ current: counts(null) })], products, today).missingInstalls).toBe(0);
    const resolved = entry({ kind: "resolved", previous: counts(900), current: null });
    const entries = [resolved, entry({ current: counts(7) }), entry({ current: counts(9), kind: "not-read" })];
    expect(countTotals([{ entries }], products, today).missingInstalls).toBe(9);
  });

  test("count KBs with an entry that is overdue or stalled, unless it was not read or is resolved", () => {
    const old = { firstSeen: "2026-11-01", peak: 240, current: counts(200) };
    const lasting = (...entries: KbEntry[]) => {
      const { overdue, stalled } = countTotals([{ entries }], products, today);
      return [overdue, stalled];
    };
    expect(lasting(entry(old), entry(old))).toEqual([1, 1]);
    expect(lasting(entry({ current: counts(3) }), entry({ ...old, kind: "baseline" }))).toEqual([1, 1]);
    expect(lasting(entry({ ...old, kind: "not-read" }))).toEqual([0, 0]);
    expect(lasting(entry({ ...old, kind: "resolved", previous: counts(200), current: null }))).toEqual([0, 0]);
    expect(lasting(entry({ ...old, firstSeen: "2026-11-09" }))).toEqual([0, 1]);
    expect(lasting(entry({ ...old, current: counts(9) }))).toEqual([1, 0]);
  });
});
