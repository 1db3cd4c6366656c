import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ageBands,
  changeOf,
  countsNowKnown,
  cves,
  daysOverdue,
  isLargest,
  isOverdue,
  isStalled,
  knownAge,
  leadEntry,
  newlyKnown,
  overdueRows,
  reach,
  reachOf,
  reasonsOf,
  stalledEntry,
} from "../../shared/core/due.ts";
import type { MissingKb } from "../../shared/core/missing-kb.ts";
import { isMissing, type KbEntry, type RowKind } from "../../shared/core/row.ts";
import { anyStory } from "../support/any-report.ts";
import { aKb, aReport, type RunStory } from "../support/builders.ts";

const windows = "microsoft-_-windows_10";
const windows11 = "microsoft-_-windows_11";

describe("the figures of a report", () => {
  test("age bands count every missing KB once, and the overdue ones as overdue", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const report = await aReport(story);
        const bands = ageBands(report);
        const sum = (of: "count" | "overdue" | "unknown") => bands.reduce((all, band) => all + band[of], 0);
        expect(sum("count") + sum("unknown")).toBe(report.totals.missingKbs);
        expect(sum("overdue")).toBe(report.totals.overdue);
        const isLate = (entry: KbEntry) => isOverdue(entry, report.day);
        expect(sum("overdue")).toBe(report.rows.filter(({ entries }) => entries.some(isLate)).length);
      }),
    );
  });

  test("an age band includes both its ends", async () => {
    const ages = [0, 7, 8, 14, 15, 30, 31, 60, 61, 90, 91, 180, 181, 900];
    const kbs = ages.map((age) =>
      aKb({ id: String(age), firstSeen: new Date(Date.UTC(2026, 10, 23 - age)).toISOString().slice(0, 10) }),
    );
    const report = await aReport({ products: { [windows]: { before: kbs, now: kbs } } });
    expect(ageBands(report).map(({ count }) => count)).toEqual([2, 2, 2, 2, 2, 2, 2]);
    expect(ageBands(report).map(({ overdue }) => overdue)).toEqual([0, 0, 2, 2, 2, 2, 2]);
  });

  test("age bands count a KB by its oldest entry that was read, and one that was not read as unknown", async () => {
    const [old, middle, fresh] = ["2026-09-20", "2026-11-01", "2026-11-23"].map((firstSeen) => [aKb({ firstSeen })]);
    const bandsOf = async (products: RunStory["products"]) => {
      const bands = ageBands(await aReport({ products: products ?? {} }));
      return bands.flatMap(({ from, count, overdue, unknown }) =>
        count + overdue + unknown > 0 ? [[from, count, overdue, unknown]] : [],
      );
    };
    const [read, notRead] = [
      (kbs: MissingKb[] = []) => ({ before: kbs, now: kbs }),
      (kbs: MissingKb[] = []) => ({ before: kbs, now: null }),
    ];
    expect(await bandsOf({ a: read(fresh), b: read(middle) })).toEqual([[15, 1, 1, 0]]);
    expect(await bandsOf({ a: read(fresh), b: notRead(old) })).toEqual([[0, 1, 0, 0]]);
    expect(await bandsOf({ a: notRead(fresh), b: notRead(old) })).toEqual([[61, 0, 0, 1]]);
    expect(await bandsOf({ a: { before: old ?? [], now: [] } })).toEqual([]);
  });

  test("a row or an entry is overdue where it has days overdue", async () => {
    await fc.assert(
      fc.asyncProperty(anyStory(), async (story) => {
        const report = await aReport(story);
        for (const row of report.rows) {
          for (const one of [row, ...row.entries])
            expect(isOverdue(one, report.day)).toBe(daysOverdue(one, report) > 0);
        }
      }),
    );
  });

  test("an age is known from first sight of a KB on, but not at first sight of a product", () => {
    const age = (kind: RowKind, firstSeen: string, since = firstSeen) =>
      knownAge({ kind, firstSeen, since }, "2026-11-23");
    expect(age("unchanged", "2026-11-20")).toBe(3);
    expect(age("new", "2026-11-23")).toBe(0);
    expect(age("baseline", "2026-11-23")).toBeNull();
    expect(age("baseline", "2026-11-23", "2026-11-10")).toBe(13);
  });

  test("what could not be read is neither overdue nor stalled", async () => {
    const kb = aKb({ firstSeen: "2026-10-01" });
    const read = await aReport({ products: { [windows]: { before: [kb], now: [kb] } } });
    expect(read.totals).toMatchObject({ overdue: 1, stalled: 1 });
    const notRead = await aReport({ products: { [windows]: { before: [kb], now: null } } });
    expect(notRead.rows.filter(isMissing)).toHaveLength(1);
    expect(notRead.rows[0]?.entries.some((entry) => isStalled(entry, "2026-11-23"))).toBe(false);
    expect(notRead.totals).toMatchObject({ overdue: 0, stalled: 0, missingKbs: 1 });
  });

  test("a row's largest counts may come from different products, and one of its entries can be stalled", async () => {
    const kb = (machineMissedOn: number, cveAddressed: number, firstSeen: string) =>
      aKb({ machineMissedOn, cveAddressed, firstSeen });
    const [old, fresh] = [[kb(5, 90, "2026-10-01")], [kb(40, 2, "2026-11-20")]];
    const report = await aReport({
      products: { [windows]: { before: fresh, now: fresh }, edge: { before: old, now: old } },
    });
    const [row] = report.rows;
    const largestIn = (count: "machineMissedOn" | "cveAddressed") =>
      row?.entries.filter((entry) => isLargest(entry, row, count)).map(({ softwareId }) => softwareId);
    expect(largestIn("machineMissedOn")).toEqual([windows]);
    expect(largestIn("cveAddressed")).toEqual(["edge"]);
    expect(row && stalledEntry(row, "2026-11-23")?.softwareId).toBe("edge");
  });
});

describe("the figures beside a row's kind", () => {
  const known = aKb({ machineMissedOn: 512, cveAddressed: 90, firstSeen: "2026-09-20" });
  const fresh = aKb({ machineMissedOn: 3, cveAddressed: 10, firstSeen: "2026-11-23" });
  const newBesideUnchanged = () =>
    aReport({ products: { [windows]: { before: [known], now: [known] }, [windows11]: { before: [], now: [fresh] } } });

  test("are of the entries of that kind alone", async () => {
    const report = await newBesideUnchanged();
    const [row] = report.rows;
    if (!row) throw new Error("there is a row");
    expect(row).toMatchObject({ kind: "new", firstSeen: "2026-11-23" });
    expect([reach(row), cves(row), daysOverdue(row, report), knownAge(row, report.day)]).toEqual([3, 10, 0, 0]);
    expect(stalledEntry(row, report.day)).toBeUndefined();
    expect(leadEntry(row)?.softwareId).toBe(windows11);
    expect(row.entries.filter((entry) => isLargest(entry, row, "machineMissedOn"))).toMatchObject([{ kind: "new" }]);
    // Totals are about every entry.
    expect(report.totals).toMatchObject({ new: 1, missingKbs: 1, missingInstalls: 512, overdue: 1, stalled: 1 });
  });

  test("are not those of an entry of another kind that happens to have the same count", async () => {
    const before = [aKb({ machineMissedOn: 1 })];
    const report = await aReport({
      products: {
        [windows]: { before, now: [aKb({ machineMissedOn: 3 })] },
        [windows11]: { before: [], now: [fresh] },
      },
    });
    const [row] = report.rows;
    expect(row?.entries.filter((entry) => isLargest(entry, row, "machineMissedOn"))).toMatchObject([{ kind: "new" }]);
  });

  test("are of the product that still misses it, if another got rid of it", async () => {
    const old = aKb({ machineMissedOn: 500, firstSeen: "2026-06-01" });
    const young = aKb({ machineMissedOn: 12, firstSeen: "2026-11-20" });
    const report = await aReport({
      products: { [windows]: { before: [old], now: [] }, [windows11]: { before: [young], now: [young] } },
    });
    const [row] = report.rows;
    expect(row).toMatchObject({ kind: "unchanged", firstSeen: "2026-11-20" });
    expect(row && [reach(row), daysOverdue(row, report), knownAge(row, report.day)]).toEqual([12, 0, 3]);
    expect(report.totals).toMatchObject({ resolved: 1, missingKbs: 1, missingInstalls: 12, overdue: 0 });
  });

  test("are the largest of several entries, and the first day the earliest", async () => {
    const read = (machineMissedOn: number | null, firstSeen: string) => {
      const kbs = [aKb({ machineMissedOn, firstSeen })];
      return { before: kbs, now: kbs };
    };
    const report = await aReport({
      products: { a: read(7, "2026-11-01"), b: read(40, "2026-11-20"), c: read(null, "2026-10-01") },
    });
    const [row] = report.rows;
    expect(row && [reach(row), row.firstSeen, daysOverdue(row, report)]).toEqual([40, "2026-10-01", 39]);
    expect(reachOf(report.rows)).toBe(40);
    expect(reachOf([])).toBeNull();
  });
});

describe("the change of a count", () => {
  test("is that of an entry that is worse or better, with both sides known", async () => {
    const kb = (id: string, machineMissedOn: number | null, cveAddressed = 10) =>
      aKb({ id, machineMissedOn, cveAddressed });
    const before = [kb("1", 5), kb("2", 5), kb("3", null), kb("4", 5), kb("5", 5), kb("7", 5)];
    // The last one is worse by its CVEs, while nobody knows its machines.
    const now = [kb("1", 9), kb("2", 2), kb("3", 7), kb("4", 5), kb("6", 4), kb("7", null, 12)];
    const { rows } = await aReport({ products: { [windows]: { before, now } } });
    const changes = rows.map(({ id, entries: [entry] }) => [id, entry && changeOf(entry, "machineMissedOn")]);
    expect(Object.fromEntries(changes)).toEqual({ 1: 4, 2: -3, 3: null, 4: null, 5: null, 6: null, 7: null });
  });
});

describe("what is known for the first time", () => {
  const kb = (id: string, machineMissedOn: number | null, cveAddressed: number | null) =>
    aKb({ id, machineMissedOn, cveAddressed });

  test("is among the reasons why a row is worse, each once and of its own entries alone", async () => {
    const { rows } = await aReport({
      products: {
        a: { before: [kb("1", null, 3)], now: [kb("1", 7, 4)] },
        b: { before: [kb("1", 2, 3)], now: [kb("1", 9, 3)] },
        c: { before: [kb("1", 9, 3)], now: [kb("1", 1, 9)] },
      },
    });
    expect(rows.map(reasonsOf)).toEqual([["machines", "cves", "now-known"]]);
    expect(reasonsOf({ kind: "more-cves", entries: rows[0]?.entries ?? [] })).toEqual(["cves"]);
  });

  test("are counts of an entry, and KBs with their machines", async () => {
    const { rows } = await aReport({
      products: {
        a: {
          before: [kb("1", null, 3), kb("2", null, null), kb("3", 5, null), kb("5", 9, null), kb("6", null, 3)],
          // The fifth is better, on fewer machines; of the last the CVEs were known before.
          now: [kb("1", 7, 3), kb("2", 30, 2), kb("3", 5, 1), kb("4", 99, 1), kb("5", 4, 6), kb("6", 2, 4)],
        },
        b: { before: [kb("1", null, 3)], now: [kb("1", 4, 3)] },
      },
    });
    const known = rows.map(({ id, entries }) => [id, entries.flatMap(countsNowKnown)]);
    expect(Object.fromEntries(known)).toEqual({
      1: ["machineMissedOn", "machineMissedOn"],
      2: ["machineMissedOn", "cveAddressed"],
      3: ["cveAddressed"],
      4: [],
      5: [],
      6: ["machineMissedOn"],
    });
    expect(newlyKnown(rows)).toEqual({ kbs: 3, machines: 39 });
  });
});

describe("overdue entries", () => {
  const since = (id: string, firstSeen: string, machineMissedOn: number | null = 1) =>
    aKb({ id, firstSeen, machineMissedOn });

  test("are listed by when they became overdue, furthest reach first, without those of other products", async () => {
    const kbs = [
      since("1", "2026-11-08", 1),
      since("2", "2026-11-08", 9),
      since("3", "2026-11-09"),
      since("4", "2026-11-10"),
      since("5", "2026-10-01"),
      since("8", "2026-11-08", null),
    ];
    const young = [since("1", "2026-11-20", 400), since("8", "2026-11-20", 900)];
    // The last one is within its due date.
    const lastRead = [since("5", "2026-10-01"), since("6", "2026-10-01"), since("9", "2026-11-09")];
    const report = await aReport({
      products: {
        [windows]: { before: kbs, now: kbs },
        [windows11]: { before: young, now: young },
        gone: { before: lastRead, now: null },
        resolved: { before: [since("7", "2026-10-01")], now: [] },
      },
    });
    const { lately, soon, long, unknown } = overdueRows(report, "2026-11-22", "2026-11-24");
    expect(lately.map(({ id, entries }) => [id, entries.length])).toEqual([
      ["2", 1],
      ["1", 1],
      ["8", 1],
    ]);
    expect(soon.map(({ id }) => id)).toEqual(["3"]);
    expect(long.map(({ id, entries }) => [id, entries.map(({ kind }) => kind)])).toEqual([["5", ["unchanged"]]]);
    expect(unknown).toBe(2);
  });

  test("of one KB are in one list, by the latest of them", async () => {
    const days = { [windows]: "2026-10-01", [windows11]: "2026-11-08", edge: "2026-11-09" };
    const products = Object.entries(days).map(([id, day]) => [
      id,
      { before: [since("1", day)], now: [since("1", day)] },
    ]);
    const report = await aReport({ products: Object.fromEntries(products) });
    const { lately, soon, long } = overdueRows(report, "2026-11-22", "2026-11-24");
    expect(lately.map(({ firstSeen, entries }) => [firstSeen, entries.length])).toEqual([["2026-10-01", 2]]);
    expect([soon, long]).toEqual([[], []]);
  });

  test("are all lately overdue if there was no report before, and none soon if no report follows", async () => {
    const kbs = [since("1", "2026-10-01"), since("2", "2026-11-09")];
    const report = await aReport({ products: { [windows]: { before: kbs, now: kbs } } });
    const { lately, soon, long } = overdueRows(report, null, null);
    expect([lately, soon, long].map((rows) => rows.map(({ id }) => id))).toEqual([["1"], [], []]);
  });
});
