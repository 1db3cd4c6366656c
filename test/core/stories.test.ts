import { describe, expect, test } from "vitest";
import { cves, daysOverdue, isStalled, reach } from "../../shared/core/due.ts";
import { selectReport } from "../../shared/core/selection.ts";
import { dailyTrend } from "../../shared/core/trend.ts";
import { verdictOf } from "../../shared/core/verdict.ts";
import { anItem, entriesOf, failed, startDays } from "../support/play-days.ts";

/*
 * Stories of reports that misled their readers once, in this tool or a neighbouring one.
 */

const windows10 = "microsoft-_-windows_10";
const windows11 = "microsoft-_-windows_11";
const dotNet = "microsoft-_-.net_framework";
const server2019 = "microsoft-_-windows_server_2019";

test("a KB is new for one product, and unchanged for another", async () => {
  const days = startDays({ softwareIds: [windows10, dotNet] });
  await days.play("2026-09-20", { [windows10]: [anItem("5066835", 512)], [dotNet]: [] });
  await days.play("2026-11-22", { [dotNet]: [anItem("5049993", 5)] });
  const { report } = await days.play("2026-11-23", { [dotNet]: [anItem("5049993", 5), anItem("5066835", 3)] });

  const row = report.rows.find(({ id }) => id === "5066835");
  expect(row).toMatchObject({ kind: "new", firstSeen: "2026-11-23" });
  expect(row && [reach(row), cves(row), daysOverdue(row, report)]).toEqual([3, 10, 0]);
  expect(entriesOf(report)).toEqual([
    ".net_framework 5049993 unchanged 5/10 was 5/10",
    ".net_framework 5066835 new 3/10 was -",
    "windows_10 5066835 unchanged 512/10 was 512/10",
  ]);
  const selected = selectReport(report, { change: "new" });
  expect(entriesOf(selected)).toEqual([".net_framework 5066835 new 3/10 was -"]);
  expect(selected.totals).toMatchObject({ new: 1, overdue: 0, stalled: 0, missingKbs: 1, missingInstalls: 3, read: 1 });
});

test("nothing of a product that could not be read is overdue or stalled", async () => {
  const days = startDays({ softwareIds: [windows10, windows11] });
  await days.play("2026-09-20", { [windows10]: [anItem("5066835", 512)], [windows11]: [anItem("5049993", 5)] });
  await days.play("2026-11-22");
  const list = [anItem("5049993", 5), anItem("5066835", 3)];
  const { report } = await days.play("2026-11-23", { [windows10]: failed, [windows11]: list });

  const row = report.rows.find(({ id }) => id === "5066835");
  expect(row).toMatchObject({ kind: "new", firstSeen: "2026-11-23" });
  expect(row && daysOverdue(row, report)).toBe(0);
  expect(row?.entries.some((entry) => isStalled(entry, report.day))).toBe(false);
  expect(entriesOf(report)).toContain("windows_10 5066835 not-read 512/10 was 512/10");
  expect(report.products[0]).toMatchObject({ state: "not-read", readOn: "2026-11-22", missingInstalls: 512 });
  // The other KB of windows_11 is 64 days old.
  expect(report.totals).toMatchObject({ overdue: 1, stalled: 1, missingKbs: 2, missingInstalls: 517 });
  expect(selectReport(report, { softwareId: windows10 }).totals).toMatchObject({ overdue: 0, stalled: 0, notRead: 1 });

  const next = await days.play("2026-11-24");
  expect(next.report.rows.find(({ id }) => id === "5066835")).toMatchObject({ kind: "unchanged" });
  expect(next.report.totals).toMatchObject({ overdue: 1, stalled: 1, new: 0, notRead: 1 });
});

test("a KB on 0 machines is missing nowhere", async () => {
  const days = startDays({ softwareIds: [windows10] });
  await days.play("2026-10-01", { [windows10]: [anItem("5049993", 5)] });
  const fell = await days.play("2026-11-21", { [windows10]: [anItem("5049993", 0)] });
  expect(entriesOf(fell.report)).toEqual(["windows_10 5049993 resolved - was 5/10"]);
  expect(fell.report.totals).toMatchObject({ resolved: 1, missingKbs: 0, missingInstalls: 0, overdue: 0, stalled: 0 });

  const zero = await days.play("2026-11-22", { [windows10]: [anItem("5049993", 0), anItem("5066835", 0)] });
  expect([zero.report.rows, zero.run.mail.status]).toEqual([[], "none"]);
  expect(zero.report.products).toMatchObject([{ state: "empty", missingKbs: 0 }]);
  expect((await days.play("2026-11-23")).report.rows).toEqual([]);

  const rose = await days.play("2026-11-24", { [windows10]: [anItem("5049993", 2), anItem("5066835", 1)] });
  expect(entriesOf(rose.report)).toEqual([
    "windows_10 5049993 returned 2/10 was -",
    "windows_10 5066835 new 1/10 was -",
  ]);
});

test("an unchanged entry keeps the count last reported as the one before", async () => {
  const days = startDays({ softwareIds: [windows10], thresholds: { minMachines: 5, minPercent: 0, minCves: 1 } });
  await days.play("2026-11-21", { [windows10]: [anItem("5049993", 240), anItem("5066835", 100)] });
  const rose = ["windows_10 5049993 unchanged 240/10 was 240/10", "windows_10 5066835 unchanged 103/10 was 100/10"];
  const { report } = await days.play("2026-11-22", { [windows10]: [anItem("5049993", 240), anItem("5066835", 103)] });
  expect(entriesOf(report)).toEqual(rose);
  expect(entriesOf((await days.play("2026-11-23")).report)).toEqual(rose);
  const later = await days.play("2026-11-24", { [windows10]: [anItem("5049993", 240), anItem("5066835", 105)] });
  expect(entriesOf(later.report)[1]).toBe("windows_10 5066835 worsened 105/10 was 100/10");
});

test("each line of a filtered report matches the filter", async () => {
  const days = startDays({ softwareIds: [windows10, windows11, server2019] });
  await days.play("2026-11-22", {
    [windows10]: [anItem("5066835", 100), anItem("5049993", 7)],
    [windows11]: [anItem("5066835", 50)],
    [server2019]: [],
  });
  const { report } = await days.play("2026-11-23", {
    [windows10]: [anItem("5066835", 100)],
    [windows11]: [anItem("5068861", 4)],
    [server2019]: [anItem("5066835", 2)],
  });
  const linesOf = (change: "new" | "resolved" | "unchanged") => entriesOf(selectReport(report, { change }));
  expect(linesOf("new")).toEqual(["windows_11 5068861 new 4/10 was -", "windows_server_2019 5066835 new 2/10 was -"]);
  expect(linesOf("resolved")).toEqual([
    "windows_10 5049993 resolved - was 7/10",
    "windows_11 5066835 resolved - was 50/10",
  ]);
  expect(linesOf("unchanged")).toEqual(["windows_10 5066835 unchanged 100/10 was 100/10"]);
});

test("an answer that is short once resolves nothing, and nothing is back the next day", async () => {
  const all = Array.from({ length: 10 }, (_, index) => anItem(`506000${index}`, 30 + index));
  const days = startDays({ softwareIds: [windows10], mailWhen: "changed" });
  await days.play("2026-11-20", { [windows10]: all });
  const second = all.map((item) => ({ ...item, machineMissedOn: (item.machineMissedOn ?? 0) - 1 }));
  const { report } = await days.play("2026-11-21", { [windows10]: { reads: [all.slice(0, 6), second] } });
  expect(report.totals).toMatchObject({ improved: 10, resolved: 0, missingKbs: 10 });
  expect(report.rows.find(({ id }) => id === "5060000")).toMatchObject({
    entries: [{ current: { machineMissedOn: 29 } }],
  });
  expect(report.products).toMatchObject([{ differed: true }]);

  const next = await days.play("2026-11-22", { [windows10]: second });
  expect(next.report.totals).toMatchObject({ returned: 0, new: 0, missingKbs: 10 });
  expect([next.report.products[0]?.differed, next.run.mail.status]).toEqual([false, "none"]);
});

describe("an unknown count", () => {
  test("that becomes known is said once, as worse, without a count before", async () => {
    const days = startDays({ softwareIds: [windows10] });
    await days.play("2026-11-21", { [windows10]: [anItem("5049993", 240)] });
    const unknown = [anItem("5049993", 240), anItem("5068861", null, null)];
    const came = await days.play("2026-11-22", { [windows10]: unknown });
    expect(entriesOf(came.report)[1]).toBe("windows_10 5068861 new ?/? was -");
    expect(came.report.totals).toMatchObject({ new: 1, missingKbs: 2, missingInstalls: 240 });

    const known = await days.play("2026-11-23", { [windows10]: [anItem("5049993", 240), anItem("5068861", 300, 22)] });
    expect(entriesOf(known.report)[1]).toBe("windows_10 5068861 worsened 300/22 was ?/?");
    expect(known.report.rows[0]?.entries).toMatchObject([{ reasons: ["now-known"] }]);
    expect([known.report.totals.worsened, verdictOf(known.report), known.run.mail.status]).toEqual([
      1,
      "worse",
      "pending",
    ]);
    const trend = [came.run, known.run].map(({ runId, day, totals }) => ({ runId, day, totals }));
    expect(dailyTrend({ ...known.report, trend }, 2)?.rise).toBe(300);

    const next = await days.play("2026-11-24");
    expect(entriesOf(next.report)[1]).toBe("windows_10 5068861 unchanged 300/22 was 300/22");
    expect(next.run.mail.status).toBe("none");
  });

  test("that was known before is compared with what was last reported", async () => {
    const days = startDays({ softwareIds: [windows10] });
    await days.play("2026-11-21", { [windows10]: [anItem("5049993", 240)] });
    const lost = await days.play("2026-11-22", { [windows10]: [anItem("5049993", null, null)] });
    expect(entriesOf(lost.report)).toEqual(["windows_10 5049993 unchanged ?/? was 240/10"]);
    const gone = await days.play("2026-11-23", { [windows10]: failed });
    expect(entriesOf(gone.report)).toEqual(["windows_10 5049993 not-read ?/? was 240/10"]);
    const back = await days.play("2026-11-24", { [windows10]: [anItem("5049993", 250, 10)] });
    expect(entriesOf(back.report)).toEqual(["windows_10 5049993 worsened 250/10 was 240/10"]);
  });

  test("that falls to 0 is resolved", async () => {
    const days = startDays({ softwareIds: [windows10] });
    await days.play("2026-11-21", { [windows10]: [anItem("5049993", null)] });
    const { report } = await days.play("2026-11-22", { [windows10]: [anItem("5049993", 0)] });
    expect(entriesOf(report)).toEqual(["windows_10 5049993 resolved - was ?/10"]);
  });
});

test("a product that was off the list for a run is compared with its last snapshot", async () => {
  const both = { softwareIds: [windows10, windows11] };
  const days = startDays(both);
  await days.play("2026-11-20", { [windows10]: [anItem("5049993", 5)], [windows11]: [anItem("5068861", 10)] });
  await days.play("2026-11-21", {}, { softwareIds: [windows10] });
  const list = [anItem("5068861", 500), anItem("5072033", 480)];
  const { report, run } = await days.play("2026-11-22", { [windows11]: list }, both);
  expect(entriesOf(selectReport(report, { softwareId: windows11 }))).toEqual([
    "windows_11 5068861 worsened 500/10 was 10/10",
    "windows_11 5072033 new 480/10 was -",
  ]);
  expect([report.totals.baseline, run.mail.status]).toEqual([0, "pending"]);
});

describe("runs asked for", () => {
  test("compare with the last scheduled run, and belong to their day in the time zone", async () => {
    const days = startDays({ softwareIds: [windows10], timeZone: "Asia/Tokyo" });
    await days.play("2026-11-22", { [windows10]: [anItem("5066835", 100)] });
    await days.play("2026-11-23");
    const list = [anItem("5066835", 120), anItem("5068861", 4)];
    const asked = await days.play("2026-11-22T23:00Z", { [windows10]: list });
    expect(asked.report).toMatchObject({ day: "2026-11-23", previousRunId: "2026-11-23", previousDay: "2026-11-23" });
    expect(asked.report.rows[0]).toMatchObject({ id: "5068861", kind: "new", firstSeen: "2026-11-23" });
    expect(asked.run.mail.status).toBe("none");

    // What it saw is known to the tenant, but was not reported by the schedule.
    const { report } = await days.play("2026-11-24");
    expect(entriesOf(report)).toEqual([
      "windows_10 5066835 worsened 120/10 was 100/10",
      "windows_10 5068861 new 4/10 was -",
    ]);
    expect(report.rows[0]?.firstSeen).toBe("2026-11-23");
  });

  test("count for first day, peak, and what is back", async () => {
    const days = startDays({ softwareIds: [windows10] });
    await days.play("2026-11-20", { [windows10]: [] });
    await days.play("2026-11-20T10:00Z", { [windows10]: [anItem("5066835", 90)] });
    await days.play("2026-11-20T12:00Z", { [windows10]: [] });
    const { report } = await days.play("2026-11-22", { [windows10]: [anItem("5066835", 3)] });
    expect(report.rows[0]?.entries).toMatchObject([{ kind: "returned", firstSeen: "2026-11-20", peak: 90 }]);
  });

  test("count for the peak of what is resolved afterwards", async () => {
    const days = startDays({ softwareIds: [windows10] });
    await days.play("2026-11-20", { [windows10]: [anItem("5066835", 3)] });
    await days.play("2026-11-20T10:00Z", { [windows10]: [anItem("5066835", 90)] });
    const { report } = await days.play("2026-11-21", { [windows10]: [] });
    expect(report.rows[0]?.entries).toMatchObject([{ kind: "resolved", previous: { machineMissedOn: 3 }, peak: 90 }]);
  });
});
