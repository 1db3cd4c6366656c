import { describe, expect, test } from "vitest";
import { changeOf, isLargest, leadEntry, shownCounts } from "../../shared/core/due.ts";
import { betterLeads, exploitedLeads, movedMost, rowsOfKind, worseLeads } from "../../shared/core/leads.ts";
import { productsByMachines } from "../../shared/core/order.ts";
import { type KbEntry, type KbRow, type RowKind, toRow } from "../../shared/core/row.ts";

const counts = (machineMissedOn: number | null, cveAddressed: number | null = 10) => ({
  machineMissedOn,
  cveAddressed,
});

/** An entry of a kind, with the machines before and now. */
function entry(softwareId: string, kind: RowKind, before: number | null, now: number | null): KbEntry {
  const isNew = kind === "new" || kind === "returned";
  return {
    ...{ softwareId, kind, reasons: [], peak: 500 },
    ...{ firstSeen: "2026-11-01", since: "2026-11-01", dueOn: "2026-11-15" },
    previous: isNew ? null : counts(before),
    current: kind === "resolved" ? null : counts(now),
  };
}

function row(id: string, ...entries: KbEntry[]): KbRow {
  return toRow({ id, name: "", url: null, productsNames: [] }, entries);
}

describe("what a headline says", () => {
  test("is in the order of the kinds, and every figure is of entries of that kind", () => {
    const rows = [
      row("1", entry("a", "new", null, 3), entry("b", "unchanged", 512, 512)),
      row("2", entry("a", "worsened", 70, 77), entry("b", "worsened", 5, 30)),
      row("3", entry("a", "returned", null, 9), entry("b", "improved", 40, 10)),
      row("4", entry("a", "more-cves", 50, 20)),
    ];
    expect(worseLeads(rows).map(({ kind, rows: own, reach, change }) => [kind, own.length, reach, change])).toEqual([
      ["new", 1, 3, null],
      ["worsened", 1, 77, 25],
      ["returned", 1, 9, null],
      ["more-cves", 1, 20, null],
    ]);
    expect(betterLeads(rows).map(({ kind, reach, change }) => [kind, reach, change])).toEqual([["improved", 10, 30]]);
  });

  test("names a KB that is exploited once, by its worst kind", () => {
    const exploited = [{ cve: "CVE-2026-1", sources: ["kev"], since: "2026-11-12", ransomware: false }] as const;
    const known = { severity: null, restart: null, hotpatch: false, supersedes: [], released: "2026-11-10" };
    const one = row("1", entry("a", "worsened", 5, 9), entry("b", "more-cves", 9, 4));
    const leads = exploitedLeads([{ ...one, advisory: { ...known, exploited } }, row("2", entry("a", "new", null, 3))]);
    expect(leads.map(({ kind, rows: [only] }) => `${only?.id} ${kind}`)).toEqual(["1 worsened"]);
  });

  test("leaves out kinds that no entry has, and what only rose in CVEs has no rise in machines", () => {
    expect(worseLeads([row("1", entry("a", "worsened", 7, 7))])).toMatchObject([{ kind: "worsened", change: null }]);
    expect(worseLeads([row("1", entry("a", "unchanged", 7, 7))])).toEqual([]);
    expect(betterLeads([row("1", entry("a", "improved", 7, 7))])).toMatchObject([{ kind: "improved", change: null }]);
    expect(betterLeads([row("1", entry("a", "improved", 7, 9))])).toMatchObject([{ change: null }]);
    expect(worseLeads([row("1", entry("a", "worsened", 9, 7))])).toMatchObject([{ change: null }]);
  });

  test("of what is resolved reaches as far as was last reported", () => {
    expect(betterLeads([row("1", entry("a", "resolved", 49, null))])).toMatchObject([
      { kind: "resolved", reach: 49, change: null },
    ]);
  });

  test("lists what reaches furthest first, an unknown reach last", () => {
    const rows = [3, null, 9].map((machines, index) => row(String(index), entry("a", "new", null, machines)));
    expect(rowsOfKind(rows, "new").map(({ id }) => id)).toEqual(["2", "0", "1"]);
  });
});

describe("the entry that a row is shown by", () => {
  const moved = row(
    "1",
    entry("far", "worsened", 500, 501),
    entry("fast", "worsened", 10, 40),
    entry("c", "new", 0, 1),
  );

  test("is the one that moved most of those that the row's kind is about", () => {
    const worse = row("1", entry("far", "worsened", 500, 501), entry("fast", "worsened", 10, 40));
    expect(movedMost(worse)?.softwareId).toBe("fast");
    expect(movedMost(moved)?.softwareId).toBe("c");
    const level = row("1", entry("near", "worsened", 5, 5), entry("far", "worsened", 9, 9));
    expect(movedMost(level)?.softwareId).toBe("far");
    expect(leadEntry(level)?.softwareId).toBe("far");
  });

  test("has a change only where its kind speaks of one", () => {
    expect(changeOf(entry("a", "worsened", 10, 40), "machineMissedOn")).toBe(30);
    expect(changeOf(entry("a", "improved", 40, 10), "machineMissedOn")).toBe(-30);
    expect(changeOf(entry("a", "more-cves", 40, 10), "machineMissedOn")).toBe(-30);
    for (const kind of ["unchanged", "not-read", "baseline"] as const) {
      expect(changeOf(entry("a", kind, 40, 10), "machineMissedOn")).toBeNull();
    }
    expect(changeOf(entry("a", "new", null, 10), "machineMissedOn")).toBeNull();
    expect(changeOf(entry("a", "worsened", null, 10), "machineMissedOn")).toBeNull();
    expect(changeOf(entry("a", "resolved", 40, null), "machineMissedOn")).toBeNull();
  });

  test("shows the counts of today, or those last reported where it is resolved", () => {
    expect(shownCounts(entry("a", "worsened", 10, 40))).toEqual(counts(40));
    expect(shownCounts(entry("a", "resolved", 10, null))).toEqual(counts(10));
    expect(isLargest(entry("a", "new", null, 1), moved, "machineMissedOn")).toBe(true);
    expect(isLargest(entry("a", "new", null, 2), moved, "machineMissedOn")).toBe(false);
  });
});

test("the products of a row are in the order of their machines, those it was resolved in by what was last reported", () => {
  const entries = [
    entry("few", "unchanged", 3, 3),
    entry("was", "resolved", 7, null),
    entry("many", "new", null, 9),
    entry("unknown", "new", null, null),
  ];
  expect(productsByMachines(row("1", ...entries))).toEqual(["many", "was", "few", "unknown"]);
});
