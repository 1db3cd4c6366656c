import { describe, expect, test } from "vitest";
import { actionsOf } from "./actions.ts";
import { selectEntries } from "./figures.ts";
import {
  dayAfter,
  dotNet,
  emptyOver,
  entriesOf,
  inShort,
  kb,
  knows,
  notFound,
  startStory,
  unreadable,
  windows10,
  windows11,
} from "./story.ts";
import type { Settings } from "./types.ts";

describe("stories that went wrong once", () => {
  test("a KB is new for one product and known for another", () => {
    const { day } = startStory({ heartbeatDay: "Monday" }, [windows10, dotNet]);
    day("2026-09-20", { [windows10]: [kb("5066835", 512)], [dotNet]: [] });
    day("2026-11-22", { [dotNet]: [kb("5049993", 5)] });
    const report = day("2026-11-23", { [dotNet]: [kb("5049993", 5), kb("5066835", 3)] });

    const row = report.rows.find(({ id }) => id === "5066835");
    expect(row).toMatchObject({ kind: "new", reach: 3, ageDays: 0, firstSeen: "2026-11-23", overdueDays: 0 });
    expect(entriesOf(report, windows10)).toEqual(["5066835 unchanged 512/10 was 512/10"]);
    expect(report.entries[0]).toMatchObject({ ageDays: 64, overdueDays: 50 });

    const filtered = selectEntries(report, { change: "new" });
    expect(entriesOf(filtered)).toEqual(["5066835 new 3/10 was -"]);
    expect(filtered.totals).toMatchObject({ new: 1, overdue: 0, missingKbs: 1, missingInstalls: 3 });
  });

  test("nothing of a product that could not be read is overdue or stalled", () => {
    const { day } = startStory({}, [windows10, windows11]);
    day("2026-09-20", { [windows10]: [kb("5066835", 512)], [windows11]: [kb("5049993", 5)] });
    day("2026-11-22");
    const notRead = day("2026-11-23", {
      [windows10]: unreadable(),
      [windows11]: [kb("5049993", 5), kb("5066835", 3)],
    });

    expect(notRead.entries[0]).toMatchObject({
      kind: "not-read",
      current: { machines: 512, cves: 10 },
      readDay: "2026-11-22",
      overdueDays: 0,
      stalled: false,
    });
    expect(notRead.rows.find(({ id }) => id === "5066835")).toMatchObject({ kind: "new", reach: 3, overdueDays: 0 });
    // The other KB is 64 days old and was read.
    expect(notRead.totals).toMatchObject({
      overdue: 1,
      stalled: 1,
      missingKbs: 2,
      missingInstalls: 517,
      notRead: 1,
      read: 1,
    });

    const next = day("2026-11-24");
    expect(next.products[0]).toMatchObject({ state: "not-read" });
    expect(entriesOf(next, windows11)).toEqual(["5049993 unchanged 5/10 was 5/10", "5066835 unchanged 3/10 was 3/10"]);
    expect(next.rows.find(({ id }) => id === "5066835")).toMatchObject({
      kind: "unchanged",
      ageDays: 1,
      overdueDays: 0,
    });
  });

  test("a KB on 0 machines is missing nowhere", () => {
    const { day } = startStory();
    day("2026-10-01", { [windows10]: [kb("5049993", 5)] });
    const fell = day("2026-11-21", { [windows10]: [kb("5049993", 0)] });
    expect(entriesOf(fell)).toEqual(["5049993 resolved - was 5/10"]);
    expect(fell.totals).toMatchObject({ resolved: 1, missingKbs: 0, missingInstalls: 0, overdue: 0, stalled: 0 });

    const zero = day("2026-11-22", { [windows10]: [kb("5049993", 0), kb("5066835", 0)] });
    expect(zero.entries).toEqual([]);
    expect(zero.mails).toBe(false);
    expect(day("2026-11-23").entries).toEqual([]);

    const rose = day("2026-11-24", { [windows10]: [kb("5049993", 2), kb("5066835", 1)] });
    expect(entriesOf(rose)).toEqual(["5049993 returned 2/10 was -", "5066835 new 1/10 was -"]);
  });

  test("an unchanged entry keeps the count last reported", () => {
    const { day } = startStory({ minMachines: 5 });
    day("2026-11-21", { [windows10]: [kb("5049993", 240), kb("5066835", 100)] });
    day("2026-11-22", { [windows10]: [kb("5049993", 240), kb("5066835", 103)] });
    expect(entriesOf(day("2026-11-23"))).toEqual([
      "5049993 unchanged 240/10 was 240/10",
      "5066835 unchanged 103/10 was 100/10",
    ]);
  });

  test("each line of a filtered report matches the filter", () => {
    const server = "microsoft-_-windows_server_2019";
    const { day } = startStory({}, [windows10, windows11, server]);
    day("2026-11-22", {
      [windows10]: [kb("5066835", 100), kb("5049993", 7)],
      [windows11]: [kb("5066835", 50)],
      [server]: [],
    });
    const report = day("2026-11-23", {
      [windows10]: [kb("5066835", 100)],
      [windows11]: [kb("5068861", 4)],
      [server]: [kb("5066835", 2)],
    });
    const lines = (change: "new" | "resolved" | "unchanged") =>
      selectEntries(report, { change }).entries.map((entry) => `${entry.softwareId} ${inShort(entry)}`);
    expect(lines("new")).toEqual([`${windows11} 5068861 new 4/10 was -`, `${server} 5066835 new 2/10 was -`]);
    expect(lines("resolved")).toEqual([
      `${windows10} 5049993 resolved - was 7/10`,
      `${windows11} 5066835 resolved - was 50/10`,
    ]);
    expect(lines("unchanged")).toEqual([`${windows10} 5066835 unchanged 100/10 was 100/10`]);
  });

  test("a run asked for belongs to its day in the time zone", () => {
    const { day, askedFor, oracle } = startStory({ timeZone: "Asia/Tokyo" });
    day("2026-11-22", { [windows10]: [kb("5066835", 100)] }, { openedAt: "2026-11-21T22:00:00Z" });
    const scheduled = day("2026-11-23", {}, { openedAt: "2026-11-22T22:00:00Z" });
    const asked = askedFor("2026-11-22T23:00Z", { [windows10]: [kb("5066835", 120), kb("5068861", 4)] });

    expect(asked).toMatchObject({ day: "2026-11-23", previousRunId: "2026-11-23", mails: false });
    expect(asked.entries[1]).toMatchObject({ id: "5068861", kind: "new", firstSeen: "2026-11-23", ageDays: 0 });
    expect(oracle.runs()).toEqual(["2026-11-22", "2026-11-23", "2026-11-22T23:00Z"]);
    expect(oracle.latest()).toEqual({ report: scheduled, newer: ["2026-11-22T23:00Z"] });
  });

  test("an answer that is short once resolves nothing", () => {
    const all = Array.from({ length: 10 }, (_, index) => kb(`506000${index}`, 30 + index));
    const { day } = startStory({ mailWhen: "changed" });
    day("2026-11-20", { [windows10]: all });
    const short = day("2026-11-21", { [windows10]: { reads: [all.slice(0, 6), all] } });
    expect(short.entries.every(({ kind }) => kind === "unchanged")).toBe(true);
    expect(short.entries).toHaveLength(10);
    expect(short.products[0]).toMatchObject({ differed: true, readsUsed: 2 });
    const next = day("2026-11-22", { [windows10]: all });
    expect(next.entries.every(({ kind }) => kind === "unchanged")).toBe(true);
    expect(next.products[0]).toMatchObject({ differed: false, readsUsed: 1 });
  });

  test("figures of a filtered report are of its lines", () => {
    const { day } = startStory({ heartbeatDay: "Monday" }, [windows10, windows11]);
    day("2026-10-01", { [windows10]: [kb("5049993", 240), kb("5060000", 3)], [windows11]: [kb("5049993", 20)] });
    day("2026-11-22");
    const report = day("2026-11-23", { [windows10]: [kb("5049993", 240), kb("5068861", 12)] });
    expect(report.totals).toMatchObject({
      new: 1,
      resolved: 1,
      missingKbs: 2,
      missingInstalls: 252,
      overdue: 1,
      read: 2,
    });

    expect(selectEntries(report, { search: "5068861" }).totals).toMatchObject({
      new: 1,
      resolved: 0,
      missingKbs: 1,
      missingInstalls: 12,
      overdue: 0,
      stalled: 0,
      read: 1,
    });
    expect(selectEntries(report, { search: "kb5049993" }).totals).toMatchObject({
      new: 0,
      missingKbs: 1,
      missingInstalls: 240,
      overdue: 1,
      stalled: 1,
      read: 2,
    });
    expect(selectEntries(report, { change: "resolved" }).totals).toMatchObject({
      resolved: 1,
      missingKbs: 0,
      missingInstalls: 0,
      overdue: 0,
    });
    const { rows, totals } = selectEntries(report, { softwareId: windows11 });
    expect(rows).toMatchObject([{ id: "5049993", reach: 20, ageDays: 53 }]);
    expect(totals).toMatchObject({ new: 0, missingKbs: 1, missingInstalls: 20, read: 1 });
  });

  test("an unknown count that becomes known is said once, as worse", () => {
    const { day } = startStory();
    day("2026-11-21", { [windows10]: [kb("5049993", 240)] });
    const unknown = day("2026-11-22", { [windows10]: [kb("5049993", 240), kb("5068861", null, null)] });
    expect(entriesOf(unknown)[1]).toBe("5068861 new ?/? was -");
    const known = day("2026-11-23", { [windows10]: [kb("5049993", 240), kb("5068861", 300, 22)] });
    expect(entriesOf(known)[1]).toBe("5068861 worsened 300/22 was ?/?");
    expect(known.entries[1]?.why).toEqual(["machines-known", "cves-known"]);
    expect(known.totals.worsened).toBe(1);
    expect(known.mailReasons).toEqual(["worse"]);
    expect(entriesOf(day("2026-11-24"))[1]).toBe("5068861 unchanged 300/22 was 300/22");
  });

  test("a product that was off the list for a run is compared with its last snapshot", () => {
    const { day } = startStory({}, [windows10, windows11]);
    day("2026-11-20", { [windows10]: [kb("5049993", 5)], [windows11]: [kb("5068861", 10)] });
    const without = day("2026-11-21", {}, { softwareIds: [windows10] });
    expect(without.products.map(({ softwareId }) => softwareId)).toEqual([windows10]);
    const report = day(
      "2026-11-22",
      { [windows11]: [kb("5068861", 500), kb("5072033", 480)] },
      { softwareIds: [windows10, windows11] },
    );
    expect(entriesOf(report, windows11)).toEqual(["5068861 worsened 500/10 was 10/10", "5072033 new 480/10 was -"]);
    expect(report.totals.baseline).toBe(0);
    expect(report.mails).toBe(true);
  });
});

describe("what is read", () => {
  const spellings = [
    "KB5066835",
    "kb5066835",
    "KB 5066835",
    "KB-5066835",
    "KB#5066835",
    "05066835",
    " 5066835 ",
    5066835,
  ];

  test.each(spellings)("%j is KB 5066835", (id) => {
    const { day } = startStory();
    day("2026-11-20", { [windows10]: [kb("5066835", 3)] });
    expect(entriesOf(day("2026-11-21", { [windows10]: [kb(id, 3)] }))).toEqual(["5066835 unchanged 3/10 was 3/10"]);
  });

  test("an id that is not a number is a KB together with its name", () => {
    const { day } = startStory();
    const report = day("2026-11-20", { [windows10]: [kb("SSU", 3, 1, "May"), kb("SSU", 4, 1, "June"), kb("7", 1)] });
    expect(report.entries.map(({ id, name, current }) => [id, name, current?.machines])).toEqual([
      ["7", "October 2026 Security Updates", 1],
      ["SSU", "June", 4],
      ["SSU", "May", 3],
    ]);
    const next = day("2026-11-21", { [windows10]: [kb("SSU", 3, 1, "May"), kb("SSU", 5, 1, "July")] });
    expect(next.entries.map(({ name, kind }) => [name, kind])).toEqual([
      ["July", "new"],
      ["May", "unchanged"],
      ["October 2026 Security Updates", "resolved"],
      ["June", "resolved"],
    ]);
  });

  test("a KB listed twice counts once, with the larger of each known count", () => {
    const { day } = startStory();
    const items = [kb("1", 5, 7), kb("KB1", 9, 3), kb("2", null, 4), kb("2", 6, null), kb("3", 0, 50), kb("3", 2, 1)];
    expect(entriesOf(day("2026-11-20", { [windows10]: items }))).toEqual([
      "1 baseline 9/7 was -",
      "2 baseline 6/4 was -",
      "3 baseline 2/50 was -",
    ]);
  });

  test.each(["300", " 300 "])("the count %j is 300", (count) => {
    const { day } = startStory();
    expect(entriesOf(day("2026-11-20", { [windows10]: [kb("1", count, count)] }))).toEqual([
      "1 baseline 300/300 was -",
    ]);
  });

  test.each(["", "3 machines", "1.5", "-1", 1.5, -1, undefined, {}, true])("the count %j is unknown", (count) => {
    const { day } = startStory();
    expect(
      entriesOf(day("2026-11-20", { [windows10]: [{ id: "1", machineMissedOn: count, cveAddressed: count }] })),
    ).toEqual(["1 baseline ?/? was -"]);
  });

  test.each([null, "", "  ", "KB", "9".repeat(41), undefined, {}])(
    "with an item whose id is %j absent KBs stay, their counts unknown",
    (id) => {
      const { day } = startStory();
      day("2026-11-20", { [windows10]: [kb("1", 5), kb("2", 6)] });
      const report = day("2026-11-21", { [windows10]: [kb("1", 5), kb(id, 6)] });
      expect(entriesOf(report)).toEqual(["1 unchanged 5/10 was 5/10", "2 unchanged ?/? was 6/10"]);
      expect(report.products[0]).toMatchObject({ readsUsed: 2 });
      expect(entriesOf(day("2026-11-22", { [windows10]: [kb("1", 5), kb("2", 7)] }))[1]).toBe(
        "2 worsened 7/10 was 6/10",
      );
    },
  );

  test("an item without an id in one of two answers keeps what both lack", () => {
    const { day } = startStory();
    day("2026-11-20", { [windows10]: [kb("1", 5), kb("2", 6), kb("3", 7)] });
    const report = day("2026-11-21", { [windows10]: { reads: [[kb("1", 5), kb("2", 6), kb(null, 1)], [kb("1", 5)]] } });
    expect(entriesOf(report)).toEqual([
      "1 unchanged 5/10 was 5/10",
      "2 unchanged 6/10 was 6/10",
      "3 unchanged ?/? was 7/10",
    ]);
  });

  test("what either answer lists is listed, with the second's counts where both list it", () => {
    const { day } = startStory();
    day("2026-11-20", { [windows10]: [kb("1", 5), kb("2", 5), kb("3", 5)] });
    const report = day("2026-11-21", {
      [windows10]: {
        reads: [
          [kb("1", 6), kb("2", 6)],
          [kb("2", 7), kb("3", 0), kb("4", 1)],
        ],
        software: 0,
      },
    });
    expect(entriesOf(report)).toEqual([
      "1 worsened 6/10 was 5/10",
      "2 worsened 7/10 was 5/10",
      "4 new 1/10 was -",
      "3 resolved - was 5/10",
    ]);
    expect(report.products[0]?.differed).toBe(true);
  });

  test("a second read that fails makes the product not read, and a later try begins anew", () => {
    const failure = { permanent: false, reason: "InternalServerError" };
    const { day } = startStory();
    day("2026-11-20", { [windows10]: [kb("1", 5), kb("2", 5)] });
    const failed = day("2026-11-21", { [windows10]: { reads: [[kb("1", 5)], failure] } });
    expect(failed.products[0]).toMatchObject({ state: "not-read", reason: "InternalServerError", readsUsed: 2 });
    expect(entriesOf(failed)).toEqual(["1 not-read 5/10 was 5/10", "2 not-read 5/10 was 5/10"]);
    const tried = day("2026-11-22", { [windows10]: { reads: [[kb("1", 5)], failure, [kb("1", 5), kb("2", 6)]] } });
    expect(tried.products[0]).toMatchObject({ state: "read", readsUsed: 3, differed: false });
    const givenUp = day("2026-11-23", { [windows10]: { reads: [[kb("1", 5)]] } });
    expect(givenUp.products[0]).toMatchObject({ state: "not-read", reason: "given up", readsUsed: 1 });
    const permanent = day("2026-11-24", { [windows10]: { reads: [{ ...failure, permanent: true }, [kb("1", 5)]] } });
    expect(permanent.products[0]).toMatchObject({ state: "not-read", readsUsed: 1 });
    expect(day("2026-11-25", { [windows10]: null }).products[0]).toMatchObject({ state: "not-read", readsUsed: 0 });
  });

  test("a list that empties over open weaknesses is not read for seven days, and never resolved", () => {
    const { day } = startStory();
    day("2026-11-01", { [windows10]: [kb("1", 5)] });
    for (const date of ["2026-11-02", "2026-11-08"]) {
      const report = day(date, { [windows10]: emptyOver(4) });
      expect(report.products[0]).toMatchObject({ state: "not-read", readsUsed: 2 });
      expect(entriesOf(report)).toEqual(["1 not-read 5/10 was 5/10"]);
    }
    const after = day("2026-11-09");
    expect(after.products[0]).toMatchObject({ state: "not-kb-patched" });
    expect(after.entries).toEqual([]);
    expect(entriesOf(day("2026-11-10", { [windows10]: [kb("1", 5)] }))).toEqual(["1 returned 5/10 was -"]);
  });

  test("a list that empties without weaknesses is resolved, with unknown weaknesses not read", () => {
    const { day } = startStory();
    day("2026-11-01", { [windows10]: [kb("1", 5)] });
    expect(day("2026-11-02", { [windows10]: emptyOver(null) }).products[0]?.state).toBe("not-read");
    const unknown = day("2026-11-03", { [windows10]: { reads: [[], []], software: "unknown" } });
    expect(unknown.products[0]).toMatchObject({ state: "not-read", unknownId: false });
    const empty = day("2026-11-04", { [windows10]: emptyOver(0) });
    expect(empty.products[0]?.state).toBe("empty");
    expect(entriesOf(empty)).toEqual(["1 resolved - was 5/10"]);
  });

  test("the answer about weaknesses is remembered for seven days while the list stays empty", () => {
    const { day } = startStory();
    day("2026-11-01", { [windows10]: emptyOver(0) });
    expect(day("2026-11-08", { [windows10]: emptyOver(3) }).products[0]?.state).toBe("empty");
    expect(day("2026-11-09").products[0]?.state).toBe("not-kb-patched");
    expect(day("2026-11-16", { [windows10]: emptyOver(0) }).products[0]?.state).toBe("not-kb-patched");
    expect(day("2026-11-17").products[0]?.state).toBe("empty");
  });

  test("a first answer that is empty over open weaknesses is read again", () => {
    const late = startStory().day("2026-11-01", { [windows10]: { reads: [[], [kb("1", 5)]], software: 4 } });
    expect(entriesOf(late)).toEqual(["1 baseline 5/10 was -"]);
    expect(late.products[0]).toMatchObject({ state: "read", readsUsed: 2, differed: true });
    const failed = startStory().day("2026-11-01", {
      [windows10]: { reads: [[], { permanent: false, reason: "x" }], software: 4 },
    });
    expect(failed.products[0]).toMatchObject({ state: "not-read", baseline: false });

    const { day } = startStory();
    expect(day("2026-11-01", { [windows10]: emptyOver(4) }).products[0]).toMatchObject({
      state: "not-kb-patched",
      readsUsed: 2,
    });
    expect(day("2026-11-02").products[0]).toMatchObject({ state: "not-kb-patched", baseline: false, readsUsed: 1 });
  });

  test("an id that both calls do not find is unknown at once where it was never read", () => {
    const { day } = startStory({}, [windows10, windows11]);
    day("2026-11-01", { [windows10]: [kb("1", 5)], [windows11]: [] });
    const report = day("2026-11-02", { typo: notFound }, { softwareIds: [windows10, windows11, "typo"] });
    expect(report.products[2]).toMatchObject({ state: "not-read", unknownId: true, leftInventory: false });
    expect(report.mailReasons).toEqual(["cannot-see"]);
    const known = day("2026-11-03", { typo: { ...notFound, software: 3 } });
    expect(known.products[2]).toMatchObject({ state: "not-read", unknownId: false });
  });

  test("a product that is not found for 14 days has left the inventory, and nothing of it is resolved", () => {
    const { day } = startStory();
    day("2026-11-01", { [windows10]: [kb("1", 5)] });
    day("2026-11-02", { [windows10]: notFound });
    day("2026-11-03", { [windows10]: null });
    expect(day("2026-11-15", { [windows10]: notFound }).products[0]?.leftInventory).toBe(false);
    const left = day("2026-11-16");
    expect(left.products[0]).toMatchObject({ state: "not-read", unknownId: false, leftInventory: true });
    expect(entriesOf(left)).toEqual(["1 not-read 5/10 was 5/10"]);
    day("2026-11-17", { [windows10]: unreadable() });
    expect(day("2026-11-18", { [windows10]: notFound }).products[0]?.leftInventory).toBe(false);
  });
});

/** The entry of one KB on days of other counts, in short, without its id. */
function history(settings: Partial<Settings>, ...counts: [number | null, number | null][]): string[] {
  const { day } = startStory(settings);
  return counts.map(([machines, cves], index) => {
    const report = day(dayAfter("2026-11-01", index), { [windows10]: [kb("1", machines, cves)] });
    const [entry] = report.entries;
    return entry === undefined ? "" : [inShort(entry).slice(2), ...entry.why].join(" ");
  });
}

describe("what changed", () => {
  test("small rises are held back and add up", () => {
    expect(history({ minMachines: 5 }, [100, 1], [103, 1], [104, 1], [105, 1], [106, 1])).toEqual([
      "baseline 100/1 was -",
      "unchanged 103/1 was 100/1",
      "unchanged 104/1 was 100/1",
      "worsened 105/1 was 100/1 machines",
      "unchanged 106/1 was 105/1",
    ]);
  });

  test("both thresholds must be reached", () => {
    expect(history({ minMachines: 5, minPercent: 10 }, [100, 1], [109, 1], [110, 1]).slice(1)).toEqual([
      "unchanged 109/1 was 100/1",
      "worsened 110/1 was 100/1 machines",
    ]);
    expect(history({ minMachines: 5, minPercent: 10 }, [10, 1], [14, 1], [15, 1]).slice(1)).toEqual([
      "unchanged 14/1 was 10/1",
      "worsened 15/1 was 10/1 machines",
    ]);
    expect(history({ minMachines: 0 }, [10, 1], [10, 1], [11, 1]).slice(1)).toEqual([
      "unchanged 10/1 was 10/1",
      "worsened 11/1 was 10/1 machines",
    ]);
  });

  test("CVEs below their threshold add up; a reported entry holds nothing back", () => {
    expect(history({ minCves: 3 }, [9, 1], [9, 3], [9, 4], [10, 6], [10, 8], [10, 9]).slice(1)).toEqual([
      "unchanged 9/3 was 9/1",
      "worsened 9/4 was 9/1 cves",
      "worsened 10/6 was 9/4 machines",
      "unchanged 10/8 was 10/6",
      "worsened 10/9 was 10/6 cves",
    ]);
  });

  test("with WORSE_MIN_CVES=0 CVEs only follow", () => {
    expect(history({ minCves: 0 }, [9, null], [9, 30], [9, 5], [9, null], [10, 6]).slice(1)).toEqual([
      "unchanged 9/30 was 9/?",
      "unchanged 9/5 was 9/30",
      "unchanged 9/? was 9/5",
      "worsened 10/6 was 9/5 machines",
    ]);
  });

  test("more CVEs on fewer machines are another kind", () => {
    expect(history({}, [100, 1], [90, 2], [90, 1], [95, 3]).slice(1)).toEqual([
      "more-cves 90/2 was 100/1 cves",
      "improved 90/1 was 90/2",
      "worsened 95/3 was 90/1 machines cves",
    ]);
  });

  test("better is not said while machines are above those last reported", () => {
    expect(history({ minMachines: 5 }, [100, 9], [102, 7], [101, 7], [100, 7], [99, 8]).slice(1)).toEqual([
      "unchanged 102/7 was 100/9",
      "unchanged 101/7 was 100/9",
      "improved 100/7 was 100/9",
      "more-cves 99/8 was 100/7 cves",
    ]);
  });

  test("an unknown count is held back until it is known", () => {
    expect(history({}, [100, 9], [null, 5], [null, 10], [null, null], [90, 10], [80, null], [80, 11]).slice(1)).toEqual(
      [
        "unchanged ?/5 was 100/9",
        "worsened ?/10 was 100/9 cves",
        "unchanged ?/? was 100/10",
        "improved 90/10 was 100/10",
        "improved 80/? was 90/10",
        "worsened 80/11 was 80/10 cves",
      ],
    );
  });

  test("a count known for the first time is worse", () => {
    expect(history({}, [null, 9], [null, 8], [7, 5], [7, 5]).slice(1)).toEqual([
      "improved ?/8 was ?/9",
      "worsened 7/5 was ?/8 machines-known",
      "unchanged 7/5 was 7/5",
    ]);
    expect(history({}, [9, null], [9, 3]).slice(1)).toEqual(["worsened 9/3 was 9/? cves-known"]);
  });

  test("CVEs known for the first time on fewer machines are better", () => {
    expect(history({}, [9, null], [8, 3], [8, 3]).slice(1)).toEqual(["improved 8/3 was 9/?", "unchanged 8/3 was 8/3"]);
  });

  test("an unknown count that becomes 0 is resolved", () => {
    const { day } = startStory();
    day("2026-11-01", { [windows10]: [kb("1", null)] });
    expect(entriesOf(day("2026-11-02", { [windows10]: [kb("1", 0)] }))).toEqual(["1 resolved - was ?/10"]);
  });

  test.each([
    [90, "returned", "2026-01-01", 8],
    [91, "new", dayAfter("2026-01-11", 91), 5],
  ])("gone for %i days and listed again is %s", (days, kind, firstSeen, peak) => {
    const { day } = startStory();
    day("2026-01-01", { [windows10]: [kb("1", 8), kb("2", 1)] });
    day("2026-01-11", { [windows10]: [kb("2", 1)] });
    day("2026-02-01");
    const [entry] = day(dayAfter("2026-01-11", days), { [windows10]: [kb("1", 5), kb("2", 1)] }).entries;
    expect(entry).toMatchObject({ id: "1", kind, firstSeen, peak, previous: null });
  });

  test("a comparison spans the days on which a product was not read", () => {
    const { day } = startStory({ minMachines: 5 });
    day("2026-11-01", { [windows10]: [kb("1", 10), kb("2", 1)] });
    day("2026-11-02", { [windows10]: [kb("1", 13), kb("2", 1)] });
    expect(entriesOf(day("2026-11-03", { [windows10]: unreadable() }))).toEqual([
      "1 not-read 13/10 was 10/10",
      "2 not-read 1/10 was 1/10",
    ]);
    expect(entriesOf(day("2026-11-04", { [windows10]: [kb("1", 15), kb("3", 1)] }))).toEqual([
      "1 worsened 15/10 was 10/10",
      "3 new 1/10 was -",
      "2 resolved - was 1/10",
    ]);
  });

  test("the first list within seven days of a first sight not patched by KBs is still the baseline", () => {
    const listed = (days: number) => {
      const { day } = startStory();
      day("2026-11-01", { [windows10]: emptyOver(4) });
      return day(dayAfter("2026-11-01", days), { [windows10]: [kb("1", 5)] });
    };
    expect(entriesOf(listed(7))).toEqual(["1 baseline 5/10 was -"]);
    expect(listed(7)).toMatchObject({ mailReasons: ["first-read"], totals: { baseline: 1 } });
    expect(entriesOf(listed(8))).toEqual(["1 new 5/10 was -"]);

    const { day } = startStory();
    day("2026-11-01", { [windows10]: emptyOver(0) });
    expect(entriesOf(day("2026-11-02", { [windows10]: [kb("1", 5)] }))).toEqual(["1 new 5/10 was -"]);
  });

  test("a run asked for is compared with the last scheduled one and changes no comparison", () => {
    const { day, askedFor } = startStory({ minMachines: 5 });
    day("2026-11-01", { [windows10]: [kb("1", 10)] });
    const asked = askedFor("2026-11-01T10:00Z", { [windows10]: [kb("1", 20), kb("2", 3)] }, { mail: true });
    expect(asked).toMatchObject({ previousRunId: "2026-11-01", mails: true, mailReasons: ["asked-for"] });
    const next = day("2026-11-02", { [windows10]: [kb("1", 16), kb("2", 3)] });
    expect(next.previousRunId).toBe("2026-11-01");
    expect(entriesOf(next)).toEqual(["1 worsened 16/10 was 10/10", "2 new 3/10 was -"]);
    // The tenant's snapshots count for first seen and peak.
    expect(next.entries[0]?.peak).toBe(20);
    expect(next.entries[1]?.firstSeen).toBe("2026-11-01");
  });

  test("a baseline is of the watchlist, first seen of the tenant", () => {
    const { day } = startStory();
    day("2026-11-01", { [windows10]: [kb("1", 10)] });
    const other = day("2026-11-04", {}, { watchlist: "servers" });
    expect(other.entries[0]).toMatchObject({ kind: "baseline", firstSeen: "2026-11-01", ageDays: 3 });
    expect(other).toMatchObject({ previousRunId: null, mailReasons: ["first-run", "first-read"] });
  });

  test("what was held back survives a product's time off the list, until it is forgotten", () => {
    const back = (days: number) => {
      const { day } = startStory({ minMachines: 5, retentionDays: 40 }, [windows10, windows11]);
      day("2026-01-01", { [windows10]: [kb("1", 10)], [windows11]: [] });
      day("2026-01-02", { [windows10]: [kb("1", 13)] });
      day("2026-01-03", {}, { softwareIds: [windows11] });
      return day(dayAfter("2026-01-02", days), { [windows10]: [kb("1", 15)] }, { softwareIds: [windows10] });
    };
    expect(entriesOf(back(40))).toEqual(["1 worsened 15/10 was 10/10"]);
    expect(entriesOf(back(41))).toEqual(["1 baseline 15/10 was -"]);

    const { day } = startStory({ retentionDays: 40 });
    day("2026-01-01", { [windows10]: [kb("1", 10)] });
    expect(entriesOf(day("2026-06-01"))).toEqual(["1 unchanged 10/10 was 10/10"]);
  });

  test("beyond 3,000 entries held back a change is reported at once", () => {
    const { day } = startStory({ minMachines: 5 }, [windows11, windows10]);
    const rising = (machines: number) =>
      Array.from({ length: 3001 }, (_, index) => kb(String(10_000 + index), machines));
    day("2026-11-01", { [windows11]: [kb("1", 10)], [windows10]: [kb("2", 10), ...rising(10)] });
    day("2026-11-02", { [windows11]: [kb("1", 11)] });
    // One that was held back of a product not read counts; one that is as it was does not.
    const report = day("2026-11-03", { [windows11]: unreadable(), [windows10]: [kb("2", 10), ...rising(11)] });
    expect(report.totals.worsened).toBe(2);
    expect(entriesOf(report, windows10).slice(2999, 3001)).toEqual([
      "12998 unchanged 11/10 was 10/10",
      "12999 worsened 11/10 was 10/10",
    ]);
  });
});

test("of the KBs of a product that left, the last 500 are known when they come back", () => {
  const { day } = startStory();
  const all = Array.from({ length: 502 }, (_, index) => kb(5_000_000 + index, 3));
  day("2026-11-20", { [windows10]: all });
  day("2026-11-21", { [windows10]: all.slice(0, -1) });
  day("2026-11-22", { [windows10]: [] });
  const { entries } = day("2026-11-23", { [windows10]: all });
  expect(entries.filter(({ kind }) => kind !== "returned").map(({ id, kind }) => [id, kind])).toEqual([
    ["5000500", "new"],
    ["5000501", "new"],
  ]);
});

describe("rows, counts and figures", () => {
  test("a row is resolved only where no product lists the KB any more", () => {
    const { day } = startStory({}, [windows10, windows11]);
    day("2026-11-01", { [windows10]: [kb("1", 5), kb("2", 1)], [windows11]: [kb("1", 9), kb("2", 1)] });
    const report = day("2026-11-02", { [windows10]: [], [windows11]: [kb("1", 9)] });
    expect(report.rows).toMatchObject([
      { id: "1", kind: "unchanged", reach: 9 },
      { id: "2", kind: "resolved", reach: null },
    ]);
    expect(report.totals).toMatchObject({ resolved: 2, missingKbs: 1, missingInstalls: 9 });
  });

  test("a row takes the worst of the entries of its kind, and of no others", () => {
    const { day } = startStory({}, [windows10, windows11, dotNet]);
    day("2026-10-01", { [windows10]: [kb("1", 5, 3)], [windows11]: [], [dotNet]: [] });
    day("2026-11-01", { [windows11]: [kb("1", 9, 2)] });
    day("2026-11-02", { [dotNet]: [kb("1", null, 1)] });
    expect(day("2026-11-03", { [dotNet]: unreadable() }).rows).toMatchObject([
      { kind: "unchanged", reach: 9, cves: 3, firstSeen: "2026-10-01", ageDays: 33, overdueDays: 19, stalled: true },
    ]);
    const report = day("2026-11-04", { [windows10]: [], [windows11]: unreadable() });
    expect(report.rows).toMatchObject([
      { kind: "not-read", reach: 9, cves: 2, firstSeen: "2026-11-01", ageDays: 3, overdueDays: 0, stalled: false },
    ]);
    expect(report.totals).toMatchObject({ read: 1, notRead: 2, resolved: 1, missingKbs: 1, missingInstalls: 9 });
  });

  test("overdue is older than DUE_DAYS; stalled is 14 days old and at 80 % of the peak", () => {
    const { day } = startStory();
    day("2026-11-01", { [windows10]: [kb("1", 10), kb("2", 10), kb("3", null)] });
    const at = (date: string) =>
      day(date, { [windows10]: [kb("1", 8), kb("2", 7), kb("3", null)] }).entries.map(({ overdueDays, stalled }) => [
        overdueDays,
        stalled,
      ]);
    expect(at("2026-11-14")).toEqual([
      [0, false],
      [0, false],
      [0, false],
    ]);
    expect(at("2026-11-15")).toEqual([
      [0, true],
      [0, false],
      [0, false],
    ]);
    expect(at("2026-11-16")).toEqual([
      [1, true],
      [1, false],
      [1, false],
    ]);
  });

  test("filters select entries", () => {
    const { day } = startStory({ dueDays: 0 }, [windows10, windows11]);
    day("2026-11-01", { [windows10]: [kb("1", 5), kb("22", 5, 5, "June Updates")], [windows11]: [] });
    const report = day("2026-11-02", { [windows10]: [kb("22", 5, 5, "June Updates"), kb("3", 2)] });
    const ids = (filter: Parameters<typeof selectEntries>[1]) =>
      selectEntries(report, filter).entries.map(({ id }) => id);
    expect(ids({})).toEqual(["3", "22", "1"]);
    expect(ids({ change: "worse" })).toEqual(["3"]);
    expect(ids({ change: "missing" })).toEqual(["3", "22"]);
    expect(ids({ overdue: true })).toEqual(["22"]);
    expect(ids({ stalled: true })).toEqual([]);
    expect(ids({ search: "JUNE windows_10" })).toEqual(["22"]);
    expect(ids({ search: "june windows_11" })).toEqual([]);
    const products = selectEntries(report, { softwareId: windows11 }).products.map(({ softwareId }) => softwareId);
    expect(products).toEqual([windows11]);
    expect(selectEntries(report, { softwareId: windows11 }).totals).toMatchObject({ read: 1, missingKbs: 0 });
    expect(selectEntries(report, { search: "june" }).totals).toMatchObject({ read: 1, missingKbs: 1 });
  });
});

describe("days", () => {
  test.each([
    ["Pacific/Kiritimati", "2026-11-22T10:00Z", "2026-11-23"],
    ["America/Los_Angeles", "2026-11-23T07:59Z", "2026-11-22"],
    ["America/Los_Angeles", "2026-11-23T08:00Z", "2026-11-23"],
    ["Asia/Kathmandu", "2026-11-22T18:15Z", "2026-11-23"],
    // An hour of summer time more, and less.
    ["Europe/Berlin", "2026-10-24T22:00Z", "2026-10-25"],
    ["Europe/Berlin", "2026-10-25T22:59Z", "2026-10-25"],
    ["Europe/Berlin", "2026-10-25T23:00Z", "2026-10-26"],
  ])("in %s a run of %s belongs to %s", (timeZone, runId, expected) => {
    expect(startStory({ timeZone }).askedFor(runId, { [windows10]: [] }).day).toBe(expected);
  });

  test("a day of 23 or 25 hours is one day of age", () => {
    const { day, askedFor } = startStory({ timeZone: "Europe/Berlin" });
    day("2026-03-28", { [windows10]: [kb("1", 1)] });
    expect(askedFor("2026-03-29T21:59Z").entries[0]?.ageDays).toBe(1);
    expect(askedFor("2026-03-29T22:00Z").entries[0]?.ageDays).toBe(2);
    expect(day("2026-10-26").entries[0]?.ageDays).toBe(212);
  });

  test("runs come in order of opening", () => {
    const { day } = startStory();
    day("2026-11-02", { [windows10]: [] });
    expect(() => day("2026-11-01")).toThrow("2026-11-01 was opened before 2026-11-02");
  });
});

describe("when a digest comes", () => {
  /** Why the run of a day after an uneventful one mails. */
  function reasons(settings: Partial<Settings>, items: object[], date = "2026-11-03"): string[] {
    const { day } = startStory(settings);
    day("2026-11-01", { [windows10]: [kb("1", 5), kb("2", 5)] });
    expect(day("2026-11-02").mailReasons).toEqual(settings.mailWhen === "always" ? ["always"] : []);
    return [...day(date, { [windows10]: items }).mailReasons];
  }

  test("the first run mails, and one with something worse", () => {
    const { day } = startStory();
    expect(day("2026-11-01", { [windows10]: [] }).mailReasons).toEqual(["first-run", "first-read"]);
    expect(reasons({}, [kb("1", 6), kb("2", 5)])).toEqual(["worse"]);
    expect(reasons({}, [kb("1", 5), kb("2", 5), kb("3", 1)])).toEqual(["worse"]);
    expect(reasons({}, [kb("1", 4, 11), kb("2", 5)])).toEqual(["worse"]);
    expect(reasons({}, [kb("1", 5), kb("2", 5)])).toEqual([]);
  });

  test("MAIL_WHEN widens this", () => {
    expect(reasons({}, [kb("1", 4)])).toEqual([]);
    expect(reasons({ mailWhen: "changed" }, [kb("1", 4), kb("2", 5)])).toEqual(["changed"]);
    expect(reasons({ mailWhen: "changed" }, [kb("1", 5)])).toEqual(["changed"]);
    expect(reasons({ mailWhen: "changed" }, [kb("1", 5), kb("2", 5)])).toEqual([]);
    expect(reasons({ mailWhen: "always" }, [kb("1", 5), kb("2", 5)])).toEqual(["always"]);
  });

  test("it comes on HEARTBEAT_DAY, and where an earlier one was refused", () => {
    const same = [kb("1", 5), kb("2", 5)];
    expect(reasons({ heartbeatDay: "Tuesday" }, same)).toEqual(["heartbeat"]);
    expect(reasons({ heartbeatDay: "Wednesday" }, same)).toEqual([]);
    const { day } = startStory();
    day("2026-11-01", { [windows10]: [] });
    expect(day("2026-11-02", {}, { refusedEarlier: true }).mailReasons).toEqual(["refused-earlier"]);
  });

  test("it comes at the second miss in a row, not at the first or third", () => {
    const { day } = startStory({}, [windows10, windows11]);
    day("2026-11-01", { [windows10]: [kb("1", 5)], [windows11]: [] });
    expect(day("2026-11-02", { [windows10]: unreadable() }).mailReasons).toEqual([]);
    expect(day("2026-11-03").mailReasons).toEqual(["cannot-see"]);
    expect(day("2026-11-04").mailReasons).toEqual([]);
    expect(day("2026-11-05", { [windows10]: [kb("1", 5)] }).mailReasons).toEqual([]);
    expect(day("2026-11-06", { [windows10]: unreadable() }).mailReasons).toEqual([]);
    expect(day("2026-11-07").mailReasons).toEqual(["cannot-see"]);
  });

  test("it comes when a product fails for good for the first time", () => {
    const { day } = startStory({}, [windows10, windows11]);
    day("2026-11-01", { [windows10]: [kb("1", 5)], [windows11]: [] });
    expect(day("2026-11-02", { [windows10]: unreadable("Forbidden", true) }).mailReasons).toEqual(["cannot-see"]);
    day("2026-11-03");
    expect(day("2026-11-04").mailReasons).toEqual([]);
  });

  test("it comes when nothing could be read for the first time", () => {
    const { day } = startStory({}, [windows10, windows11]);
    day("2026-11-01", { [windows10]: [kb("1", 5)], [windows11]: [] });
    expect(day("2026-11-02", { [windows10]: unreadable(), [windows11]: unreadable() }).mailReasons).toEqual([
      "cannot-see",
    ]);
  });

  test("it comes when a product is read for the first time", () => {
    const { day } = startStory({}, [windows10]);
    day("2026-11-01", { [windows10]: [kb("1", 5)] });
    expect(
      day("2026-11-02", { [windows11]: unreadable() }, { softwareIds: [windows10, windows11] }).mailReasons,
    ).toEqual([]);
    expect(day("2026-11-03", { [windows11]: [kb("2", 9)] }).mailReasons).toEqual(["first-read"]);
  });
});

describe("since the last digest", () => {
  test("what got better or was resolved in between is said, what rose is not repeated", () => {
    const { day, oracle } = startStory({ minMachines: 5 });
    day("2026-11-01", { [windows10]: [kb("1", 10), kb("2", 10), kb("3", 10), kb("4", 10), kb("5", 10)] });
    day("2026-11-02", { [windows10]: [kb("1", 7), kb("2", 10), kb("4", 10, 4), kb("5", 12), kb("6", 1)] });
    day("2026-11-03", { [windows10]: [kb("1", 7), kb("2", 10), kb("4", 10, 4), kb("5", 12)] });
    const report = day("2026-11-04", { [windows10]: [kb("1", 7), kb("2", 9), kb("4", 10, 4), kb("5", 12)] });
    expect(entriesOf(report)[1]).toBe("2 improved 9/10 was 10/10");

    const since = oracle.since(report, new Set(["2026-11-01"]));
    expect(since?.of).toBe("2026-11-01");
    expect(since?.entries.map(({ id, kind, before, now }) => [id, kind, before?.machines, now?.machines])).toEqual([
      ["1", "improved", 10, 7],
      ["4", "improved", 10, 10],
      ["3", "resolved", 10, undefined],
    ]);
    expect(since?.cameAndWent).toBe(1);
    expect(since?.products).toEqual([]);
  });

  test("what is as it was is not mentioned", () => {
    const { day, oracle } = startStory();
    day("2026-11-01", { [windows10]: [kb("1", 10)] });
    day("2026-11-02");
    expect(oracle.since(day("2026-11-03"), new Set(["2026-11-01"]))?.entries).toEqual([]);
  });

  test("there is no such section without a digest before, or right after one", () => {
    const { day, askedFor, oracle } = startStory();
    day("2026-11-01", { [windows10]: [kb("1", 10)] });
    const asked = askedFor("2026-11-01T10:00Z", {}, { mail: true });
    const report = day("2026-11-02");
    expect(oracle.since(report, new Set())).toBeNull();
    expect(oracle.since(report, new Set(["2026-11-01"]))).toBeNull();
    // The mail of a run asked for is not the last digest.
    expect(oracle.since(report, new Set(["2026-11-01T10:00Z"]))).toBeNull();
    expect(oracle.since(asked, new Set(["2026-11-01"]))).toBeNull();
    const late = askedFor("2026-11-02T10:00Z", {}, { mail: true });
    expect(oracle.since(late, new Set(["2026-11-01"]))?.of).toBe("2026-11-01");
  });

  test("better is not said of a rise that was held back and partly fell", () => {
    const { day, oracle } = startStory({ minMachines: 5 });
    day("2026-11-01", { [windows10]: [kb("1", 10)] });
    day("2026-11-02", { [windows10]: [kb("1", 14)] });
    day("2026-11-03", { [windows10]: [kb("1", 12)] });
    const above = day("2026-11-04");
    expect(oracle.since(above, new Set(["2026-11-02"]))?.entries).toEqual([]);
    const back = day("2026-11-05", { [windows10]: [kb("1", 10)] });
    expect(oracle.since(back, new Set(["2026-11-02"]))?.entries).toMatchObject([
      { kind: "improved", before: { machines: 14 }, now: { machines: 10 } },
    ]);
  });

  test("with WORSE_MIN_CVES=0 fewer CVEs are not better", () => {
    const { day, oracle } = startStory({ minCves: 0 });
    day("2026-11-01", { [windows10]: [kb("1", 10, 9)] });
    day("2026-11-02", { [windows10]: [kb("1", 10, 4)] });
    const since = oracle.since(day("2026-11-03"), new Set(["2026-11-01"]));
    expect(since).toEqual({ of: "2026-11-01", entries: [], products: [], cameAndWent: 0 });
  });

  test("products that can be read again, and newly watched ones", () => {
    const { day, oracle } = startStory({}, [windows10, windows11]);
    day("2026-11-01", { [windows10]: [kb("1", 10)], [windows11]: [] });
    day("2026-11-02", { [windows10]: unreadable() });
    day(
      "2026-11-03",
      { [windows10]: [kb("1", 8)], [dotNet]: [kb("2", 3)] },
      { softwareIds: [windows10, windows11, dotNet] },
    );
    const report = day("2026-11-04");
    const since = oracle.since(report, new Set(["2026-11-01", "2026-11-02"]));
    expect(since?.products).toEqual([
      { softwareId: windows10, kind: "readable-again" },
      { softwareId: dotNet, kind: "newly-watched" },
    ]);
    // The last known counts are what the digest showed.
    expect(since?.entries).toMatchObject([
      { id: "1", kind: "improved", before: { machines: 10 }, now: { machines: 8 } },
    ]);
  });

  test("nothing is resolved of a product that is not read today", () => {
    const { day, oracle } = startStory();
    day("2026-11-01", { [windows10]: [kb("1", 10), kb("2", 1)] });
    day("2026-11-02", { [windows10]: [kb("1", 10)] });
    const report = day("2026-11-03", { [windows10]: unreadable() });
    expect(oracle.since(report, new Set(["2026-11-01"]))).toMatchObject({ entries: [], cameAndWent: 0 });
  });
});

describe("a KB that another replaces", () => {
  const [august, september, october] = ["5063709", "5065429", "5066791"];
  const everyMonth = knows({ [september]: [august], [october]: [september] });
  const begin = (settings: Partial<Settings> = {}, known = everyMonth) => {
    const story = startStory({ dueDays: 30, ...settings });
    story.day("2026-08-12", { [windows10]: [kb(august, 200, 30)] }, { known });
    return story;
  };

  test("is replaced by the next month's, which keeps the age and says no CVEs before", () => {
    const { day } = begin({ mailWhen: "changed" });
    const first = day("2026-09-09", { [windows10]: [kb(september, 200, 60)] });
    expect(entriesOf(first)).toEqual([`${september} unchanged 200/60 was 200/?`, `${august} replaced - was 200/30`]);
    expect(first.totals).toMatchObject({ replaced: 1, new: 0, resolved: 0, missingKbs: 1 });
    expect(first.mails).toBe(false);
    const second = day("2026-10-07", { [windows10]: [kb(october, 200, 90)] });
    expect(second.entries[0]).toMatchObject({ firstSeen: "2026-08-12", ageDays: 56, overdueDays: 26, stalled: false });
    expect(second.entries[1]).toMatchObject({ id: september, kind: "replaced", replacedBy: october });
  });

  test("counts by the oldest release of its line, or by first sight where that is earlier or nothing is known", () => {
    const known = knows({ [august]: { released: "2026-07-14" }, [september]: [august] });
    const { day } = begin({ dueFrom: "released" }, known);
    const report = day("2026-09-09", { [windows10]: [kb(september, 200), kb("5049993", 3)] });
    const since = report.entries.map(({ id, since }) => `${id} ${since}`);
    expect(since).toEqual(["5049993 2026-09-09", `${september} 2026-07-14`, `${august} 2026-07-14`]);
  });

  test("hands on what was held back, and is worse only above the sum of two", () => {
    const { day } = begin({ minMachines: 10 }, knows({ [september]: [august, "5060000"] }));
    day("2026-08-13", { [windows10]: [kb(august, 205), kb("5060000", 3)] });
    const held = day("2026-09-09", { [windows10]: [kb(september, 209)] });
    expect(entriesOf(held)[0]).toBe(`${september} unchanged 209/10 was 203/?`);
    expect(entriesOf(day("2026-09-10", { [windows10]: [kb(september, 213)] }))).toEqual([
      `${september} worsened 213/10 was 203/10`,
    ]);
  });

  test("is not better where two replaced it, and names the next of them", () => {
    const { day } = begin({}, knows({ [september]: [august, october], [october]: [august] }));
    const report = day("2026-09-09", { [windows10]: [kb(september, 150), kb(october, 50)] });
    expect(report.entries.map(({ kind }) => kind)).toEqual(["unchanged", "unchanged", "replaced"]);
    expect(report.entries[2]).toMatchObject({ replacedBy: october });
  });

  test("is resolved where it left before anything was known, or in a circle", () => {
    const late = begin({}, knows({}));
    late.day("2026-09-09", { [windows10]: [kb(september, 200)] });
    expect(entriesOf(late.day("2026-09-10", {}, { known: everyMonth }))).toEqual([
      `${september} unchanged 200/10 was 200/10`,
    ]);
    const circle = begin({}, knows({ [august]: [september], [september]: [august] }));
    const report = circle.day("2026-09-09", { [windows10]: [kb(september, 200)] });
    expect(report.entries.map(({ kind }) => kind)).toEqual(["new", "resolved"]);
  });

  test("is resolved since the last digest where the last of its line was, and its line did not come and go", () => {
    const { day, oracle } = begin();
    day("2026-09-09", { [windows10]: [kb(september, 200)] });
    day("2026-09-10", { [windows10]: [] });
    const since = oracle.since(day("2026-09-11"), new Set(["2026-08-12"]));
    expect(since?.entries.map(({ id, kind }) => `${id} ${kind}`)).toEqual([`${august} resolved`]);
    expect(since?.cameAndWent).toBe(0);
  });

  test("is replaced once in a comparison over months", () => {
    const { day, oracle } = begin();
    const [from] = [oracle.latest()?.report];
    day("2026-09-09", { [windows10]: [kb(september, 200)] });
    const report = day("2026-10-07", { [windows10]: [kb(october, 200)] });
    expect(from && entriesOf(oracle.compare(report, from))).toEqual([
      `${october} unchanged 200/10 was 200/?`,
      `${august} replaced - was 200/30`,
    ]);
  });
});

describe("what is known of KBs", () => {
  const known = knows(
    {
      "1": { cves: ["CVE-2026-1"], released: "2026-11-01" },
      "2": { cves: ["CVE-2026-2"], released: "2026-11-01", exploitedCves: ["CVE-2026-3"] },
      "3": { supersedes: ["1"] },
    },
    ["CVE-2026-1"],
  );

  test("marks exploited KBs, puts them first and makes them overdue sooner", () => {
    const { day } = startStory({ dueFrom: "released", dueDays: 30, dueDaysExploited: 3 });
    const list = [kb("1", 1), kb("2", 2), kb("4", 900)];
    day("2026-11-22", { [windows10]: list }, { known });
    const report = day("2026-11-23");
    expect(report.rows.map(({ id, advisory, exploitedCves }) => [id, advisory, exploitedCves.join()])).toEqual([
      ["2", "known", "CVE-2026-3"],
      ["1", "known", "CVE-2026-1"],
      ["4", "not-known", ""],
    ]);
    expect(report.entries.map(({ id, dueOn, overdueDays }) => [id, dueOn, overdueDays])).toEqual([
      ["1", "2026-11-04", 19],
      ["2", "2026-11-04", 19],
      ["4", "2026-12-22", 0],
    ]);
    expect(report.totals).toMatchObject({ exploited: 2, overdue: 2 });
    expect(selectEntries(report, { exploited: true }).totals).toMatchObject({ exploited: 2, missingKbs: 2 });
    expect(day("2026-11-24", { [windows10]: unreadable() }).totals.exploited).toBe(0);
  });

  test("says which KBs to install, and what each closes", () => {
    const { day } = startStory({}, [windows10, windows11]);
    day("2026-11-22", { [windows10]: [kb("1", 5), kb("3", 2), kb("2", 900)], [windows11]: [kb("1", 7)] }, { known });
    const actions = actionsOf(day("2026-11-23"));
    expect(
      actions.map(({ key, installs, covers, machines }) => [key, installs.length, covers.length, machines]),
    ).toEqual([
      ["2", 1, 0, 900],
      ["1", 1, 0, 7],
      ["3", 1, 1, 2],
    ]);
    expect(actions.map(({ exploited }) => exploited)).toEqual([true, true, true]);
  });
});
