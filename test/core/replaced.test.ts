import { expect, test } from "vitest";
import { actionList } from "../../shared/core/action-list.ts";
import { advisoryState } from "../../shared/core/advisory.ts";
import { ageInDays, daysOverdue } from "../../shared/core/due.ts";
import type { Report } from "../../shared/core/report.ts";
import { aCatalogue } from "../support/builders.ts";
import { anItem, type Days, entriesOf, failed, startDays } from "../support/play-days.ts";

/* Stories of KBs that other KBs replace, as every month does. */

const windows10 = "microsoft-_-windows_10";
const [august, september, october, november] = ["5063709", "5065429", "5066791", "5068781"];
const [inAugust, inSeptember, inOctober] = ["2026-08-12", "2026-09-09", "2026-10-07"];

/** Each of these KBs supersedes those named. */
function superseding(edges: Readonly<Record<string, readonly string[]>>) {
  return aCatalogue(
    Object.fromEntries(
      Object.entries(edges).map(([id, supersedes]) => [id, { supersedes, released: releases[id] ?? "2026-11-10" }]),
    ),
  );
}

const releases: Readonly<Record<string, string>> = {
  [august]: "2026-08-11",
  [september]: "2026-09-08",
  [october]: "2026-10-06",
};
const everyMonth = superseding({
  [august]: [],
  [september]: [august],
  [october]: [september],
  [november]: [october],
});

/** A watchlist of Windows 10 that misses the KB of August on 200 machines. */
async function sinceAugust(settings: Parameters<typeof startDays>[0] = {}, known = everyMonth): Promise<Days> {
  const days = startDays({
    softwareIds: [windows10],
    mailWhen: "changed",
    dueDays: 30,
    dueFrom: "first-seen",
    ...settings,
  });
  days.learn(known);
  await days.play(inAugust, { [windows10]: [anItem(august, 200, 30)] });
  return days;
}

const list = (...items: ReturnType<typeof anItem>[]) => ({ [windows10]: items });
const rowOf = ({ rows }: Report, id: string) => rows.find((row) => row.id === id);
const short = (report: Report) => entriesOf(report).map((line) => line.replace("windows_10 ", ""));
const nothingChanged = { new: 0, worsened: 0, returned: 0, moreCves: 0, improved: 0, resolved: 0 };

test("a KB replaced by the next month's is neither resolved nor is that new, and the line keeps its age", async () => {
  const days = await sinceAugust();
  const first = await days.play(inSeptember, list(anItem(september, 200, 60)));
  expect(short(first.report)).toEqual([`${august} replaced - was 200/30`, `${september} unchanged 200/60 was 200/?`]);
  expect(first.report.totals).toMatchObject({ ...nothingChanged, replaced: 1, missingKbs: 1, missingInstalls: 200 });
  expect(rowOf(first.report, august)?.entries).toMatchObject([{ replacedBy: september }]);
  expect(rowOf(first.report, september)).toMatchObject({ firstSeen: inAugust, dueOn: "2026-09-11" });
  expect(first.run.mail.status).toBe("none");

  const { report } = await days.play(inOctober, list(anItem(october, 200, 90)));
  const row = rowOf(report, october);
  expect(row && [ageInDays(row, report.day), daysOverdue(row, report)]).toEqual([56, 26]);
  expect(row?.entries).toMatchObject([{ replaces: [august, september], listedOn: inOctober }]);
  expect(report.totals).toMatchObject({ ...nothingChanged, replaced: 1, overdue: 1, stalled: 0 });
  expect(actionList(report).actions.map((action) => action.row.id)).toEqual([october]);

  const next = await days.play("2026-10-08");
  expect(short(next.report)).toEqual([`${october} unchanged 200/90 was 200/90`]);
});

test("with DUE_FROM=released its age is that of the oldest release in its line", async () => {
  const days = await sinceAugust({ dueFrom: "released" });
  await days.play(inSeptember, list(anItem(september, 200)));
  const { report } = await days.play(inOctober, list(anItem(october, 200)));
  expect(rowOf(report, october)).toMatchObject({ since: "2026-08-11", firstSeen: inAugust });
});

test("a month that Defender never listed is skipped", async () => {
  const days = await sinceAugust();
  const { report } = await days.play(inOctober, list(anItem(october, 200)));
  expect(short(report)).toEqual([`${august} replaced - was 200/30`, `${october} unchanged 200/10 was 200/?`]);
});

test("of two KBs that one replaces nobody knows whether their machines are the same", async () => {
  const both = async (machines: number) => {
    const days = await sinceAugust({}, superseding({ [september]: [august, "5060000"] }));
    await days.play("2026-08-20", list(anItem(august, 200), anItem("5060000", 50)));
    const { report } = await days.play(inSeptember, list(anItem(september, machines)));
    expect(report.totals).toMatchObject({ replaced: 2, new: 0, resolved: 0 });
    return short(report).find((line) => line.startsWith(september));
  };
  expect(await both(199)).toBe(`${september} improved 199/10 was 200/?`);
  expect(await both(210)).toBe(`${september} unchanged 210/10 was 210/?`);
  expect(await both(250)).toBe(`${september} unchanged 250/10 was 250/?`);
  expect(await both(251)).toBe(`${september} worsened 251/10 was 250/?`);
});

test("of more KBs than a line names none is resolved, in a comparison with a day before they were replaced", async () => {
  const many = Array.from({ length: 60 }, (_, n) => String(5_050_000 + n));
  const days = await sinceAugust({}, superseding({ [september]: many, [october]: [september] }));
  await days.play("2026-08-20", list(...many.map((id) => anItem(id, 20))));
  await days.play(inSeptember, list(anItem(september, 20)));
  const { run } = await days.play(inOctober, list(anItem(october, 20)));
  const { totals, rows } = await days.from("2026-08-20", run);
  expect(totals).toMatchObject({ ...nothingChanged, replaced: 60 });
  expect(rows.flatMap(({ entries }) => entries.flatMap((entry) => entry.replacedBy ?? []))).toEqual(
    many.map(() => october),
  );
});

test("machines that move from a KB to the next one day by day do not make that worse", async () => {
  const days = await sinceAugust();
  await days.play(inSeptember, list(anItem(august, 120), anItem(september, 80)));
  const { report, run } = await days.play("2026-09-10", list(anItem(september, 200)));
  expect(short(report)).toEqual([`${august} replaced - was 120/10`, `${september} unchanged 200/10 was 200/10`]);
  expect(report.totals).toMatchObject({ ...nothingChanged, replaced: 1 });
  const next = await days.play("2026-09-11", list(anItem(september, 205)));
  expect(short(next.report)).toEqual([`${september} worsened 205/10 was 200/10`]);
  expect(run.mail.status).toBe("none");
});

test("a KB is not worse by the machines of one that it replaces, as long as those are unknown", async () => {
  const days = startDays({ softwareIds: [windows10], mailWhen: "changed" });
  days.learn(superseding({ [september]: [august, "5060000"] }));
  await days.play(inAugust, list(anItem(august, null), anItem("5060000", 50)));
  const { report } = await days.play(inSeptember, list(anItem(september, 210)));
  expect(short(report).find((line) => line.startsWith(september))).toBe(`${september} unchanged 210/10 was 210/?`);
});

test("of two that replace one neither is better, for its machines may be at the other", async () => {
  const days = await sinceAugust({}, superseding({ [september]: [august], [october]: [august] }));
  const { report } = await days.play(inSeptember, list(anItem(september, 150), anItem(october, 50)));
  expect(short(report)).toEqual([
    `${august} replaced - was 200/30`,
    `${september} unchanged 150/10 was 200/?`,
    `${october} unchanged 50/10 was 200/?`,
  ]);
  expect(rowOf(report, august)?.entries).toMatchObject([{ replacedBy: september }]);
  const later = await days.play("2026-09-10", list(anItem(september, 140), anItem(october, 50)));
  expect(short(later.report)[0]).toBe(`${september} improved 140/10 was 150/10`);
});

test("a KB that replaced another and is on fewer machines is better, on more it is worse", async () => {
  const fewer = await (await sinceAugust()).play(inSeptember, list(anItem(september, 180)));
  expect(short(fewer.report)[1]).toBe(`${september} improved 180/10 was 200/?`);
  const more = await (await sinceAugust()).play(inSeptember, list(anItem(september, 230)));
  expect(short(more.report)[1]).toBe(`${september} worsened 230/10 was 200/?`);
});

test("a rise that was held back is added to that of the next month", async () => {
  const days = await sinceAugust({ thresholds: { minMachines: 10, minPercent: 0, minCves: 1 } });
  await days.play("2026-08-20", list(anItem(august, 206, 30)));
  const held = await days.play(inSeptember, list(anItem(september, 209)));
  expect(short(held.report)[1]).toBe(`${september} unchanged 209/10 was 200/?`);
  const { report } = await days.play("2026-09-10", list(anItem(september, 211)));
  expect(short(report)).toEqual([`${september} worsened 211/10 was 200/10`]);
});

test("a KB that was listed beside the one it replaces is not worse by the machines that move to it", async () => {
  const days = await sinceAugust();
  await days.play(inSeptember, list(anItem(august, 200), anItem(september, 5)));
  const { report } = await days.play("2026-09-10", list(anItem(september, 200)));
  expect(short(report)).toEqual([`${august} replaced - was 200/10`, `${september} unchanged 200/10 was 200/10`]);
  expect(rowOf(report, september)).toMatchObject({ firstSeen: inAugust });
});

test("a KB is replaced while its product could not be read", async () => {
  const days = await sinceAugust();
  const notRead = await days.play("2026-09-08", { [windows10]: failed });
  expect(short(notRead.report)).toEqual([`${august} not-read 200/30 was 200/30`]);
  const { report } = await days.play(inSeptember, list(anItem(september, 200)));
  expect(short(report)).toEqual([`${august} replaced - was 200/30`, `${september} unchanged 200/10 was 200/?`]);
});

test("a KB that replaced another is resolved as any other, and keeps the line where it comes back", async () => {
  const days = await sinceAugust({ dueFrom: "released" });
  await days.play(inSeptember, list(anItem(september, 200)));
  const gone = await days.play("2026-09-10", list());
  expect(short(gone.report)).toEqual([`${september} resolved - was 200/10`]);
  const { report } = await days.play("2026-09-20", list(anItem(september, 3)));
  expect(short(report)).toEqual([`${september} returned 3/10 was -`]);
  expect(rowOf(report, september)).toMatchObject({ firstSeen: inAugust, since: "2026-08-11" });
  expect(rowOf(report, september)?.entries).toMatchObject([{ replaces: [august], listedOn: inSeptember }]);
});

test("a replaced KB that is listed again is back, and its successor stays", async () => {
  const days = await sinceAugust();
  await days.play(inSeptember, list(anItem(september, 200)));
  const { report } = await days.play("2026-09-10", list(anItem(august, 4), anItem(september, 200)));
  expect(short(report)).toEqual([`${august} returned 4/10 was -`, `${september} unchanged 200/10 was 200/10`]);
  expect(actionList(report).actions.map(({ row, covers }) => [row.id, covers.length])).toEqual([[september, 1]]);
});

test("a successor on 0 machines replaces nothing: the KB is resolved", async () => {
  const days = await sinceAugust();
  const { report } = await days.play(inSeptember, list(anItem(september, 0)));
  expect(short(report)).toEqual([`${august} resolved - was 200/30`]);
});

test("facts that come a day late change nothing of what was said, and give no age afterwards", async () => {
  const days = await sinceAugust({}, superseding({}));
  const before = await days.play(inSeptember, list(anItem(september, 200)));
  expect(short(before.report)).toEqual([`${august} resolved - was 200/30`, `${september} new 200/10 was -`]);
  expect(rowOf(before.report, september)?.advisory).toBeNull();
  days.learn(everyMonth);
  const { report } = await days.play("2026-09-10");
  expect(short(report)).toEqual([`${september} unchanged 200/10 was 200/10`]);
  expect(rowOf(report, september)).toMatchObject({ firstSeen: inSeptember, advisory: { supersedes: [august] } });
});

test("KBs that supersede each other in a circle are what they are without it", async () => {
  const circle = superseding({ [august]: [september], [september]: [august, september] });
  const days = await sinceAugust({}, circle);
  const { report } = await days.play(inSeptember, list(anItem(september, 200)));
  expect(short(report)).toEqual([`${august} resolved - was 200/30`, `${september} new 200/10 was -`]);
});

test("a report compared over months says replaced once, by the KB that is listed now", async () => {
  const days = await sinceAugust();
  await days.play(inSeptember, list(anItem(september, 210)));
  const { run } = await days.play(inOctober, list(anItem(october, 205)));
  const report = await days.from(inAugust, run);
  expect(short(report)).toEqual([`${august} replaced - was 200/30`, `${october} worsened 205/10 was 200/?`]);
  expect(rowOf(report, august)?.entries).toMatchObject([{ replacedBy: october }]);
});

test("what one KB replaced and is resolved since the last digest is said of the KB that it showed", async () => {
  const days = await sinceAugust();
  await days.play(inSeptember, list(anItem(september, 200)));
  const { report: replaced } = await days.play("2026-09-10");
  expect(await days.since(inAugust, replaced)).toMatchObject({ rows: [], cameAndWent: 0, rose: 0 });

  await days.play("2026-09-11", list());
  const { report } = await days.play("2026-09-12");
  const { rows, cameAndWent } = await days.since(inAugust, report);
  expect(rows.map(({ id, kind, entries }) => [id, kind, entries[0]?.previous])).toEqual([
    [august, "resolved", { machineMissedOn: 200, cveAddressed: 30 }],
  ]);
  // The run did not ask about it.
  expect(rows.map(advisoryState)).toEqual(["no-facts"]);
  expect(cameAndWent).toBe(0);
  // To the digest of September it is the one that was resolved.
  expect((await days.since(inSeptember, report)).rows.map(({ id }) => id)).toEqual([september]);
});

test("a line that came and went since the last digest is counted once", async () => {
  const days = startDays({ softwareIds: [windows10] });
  days.learn(everyMonth);
  await days.play("2026-08-01", list(anItem("5060000", 1)));
  await days.play(inAugust, list(anItem("5060000", 1), anItem(august, 9)));
  await days.play(inSeptember, list(anItem("5060000", 1), anItem(september, 9)));
  await days.play("2026-09-10", list(anItem("5060000", 1)));
  const { report } = await days.play("2026-09-11");
  expect(await days.since("2026-08-01", report)).toMatchObject({ rows: [], cameAndWent: 1 });
});

test("since the last digest a KB is better, or rose, by the counts of what it replaced", async () => {
  const days = await sinceAugust({ thresholds: { minMachines: 20, minPercent: 0, minCves: 1 } });
  await days.play(inSeptember, list(anItem(september, 150)));
  const { report } = await days.play("2026-09-10");
  const { rows } = await days.since(inAugust, report);
  expect(rows.map(({ id, kind, entries }) => [id, kind, entries[0]?.previous])).toEqual([
    [september, "improved", { machineMissedOn: 200, cveAddressed: null }],
  ]);
  const risen = await sinceAugust({ thresholds: { minMachines: 20, minPercent: 0, minCves: 1 } });
  await risen.play(inSeptember, list(anItem(september, 210)));
  expect(await risen.since(inAugust, (await risen.play("2026-09-10")).report)).toMatchObject({ rows: [], rose: 1 });
});
