import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  closeRun,
  deservesMail,
  lastComparison,
  lastComparisons,
  maxHeldBack,
  type Opening,
  type Outcome,
  type ReadFailure,
  type Run,
} from "../../shared/core/run.ts";
import type { Snapshot } from "../../shared/core/snapshot.ts";
import { noTotals } from "../../shared/core/totals.ts";
import { snapshotOf } from "../support/arbitraries.ts";
import { aWatchlist, eachOf } from "../support/builders.ts";
import { anItem, emptyOverWeaknesses, entriesOf, failed, startDays } from "../support/play-days.ts";

const windows10 = "microsoft-_-windows_10";
const windows11 = "microsoft-_-windows_11";
const kb = (id: string, machineMissedOn: number | null, cveAddressed = 1) => ({ id, machineMissedOn, cveAddressed });

function opening(runId: string, last: Run | null = null, overrides: Partial<Opening> = {}): Opening {
  const openedAt = `${runId.slice(0, 10)}T05:00:00.000Z`;
  return {
    runId,
    openedAt,
    committedAt: `${runId.slice(0, 10)}T05:04:00.000Z`,
    ...{ day: runId.slice(0, 10), timeZone: "UTC", retentionDays: 400 },
    last,
    watchlist: aWatchlist(),
    ...overrides,
  };
}

function read(softwareId: string, previous: Snapshot | null, current: Snapshot): Outcome {
  return { softwareId, previous, current };
}

const unreadable = { reason: "Defender answered 403.", permanent: true };

describe("closing a run", () => {
  test("names what was compared with what, with first sight as a baseline", async () => {
    const before = snapshotOf([kb("5066835", 12)], "2026-11-22");
    const run = await closeRun(
      opening("2026-11-23"),
      eachOf([
        read(windows10, before, snapshotOf([kb("5066835", 20)], "2026-11-23")),
        read(windows11, null, snapshotOf([kb("5068861", 3)], "2026-11-23")),
      ]),
    );
    expect(run.comparisons).toEqual([
      { softwareId: windows10, previous: "2026-11-22", current: "2026-11-23" },
      { softwareId: windows11, previous: null, current: "2026-11-23" },
    ]);
    expect(run.totals).toMatchObject({ worsened: 1, new: 0, baseline: 1, read: 2, notRead: 0, missingKbs: 2 });
    expect(run.failures).toEqual([]);
  });

  test("names the scheduled run that it follows; the first run follows none", async () => {
    const first = await closeRun(opening("2026-11-22"), eachOf([]));
    const second = await closeRun(opening("2026-11-23", first), eachOf([]));
    expect([first.previousRunId, second.previousRunId]).toEqual([null, "2026-11-22"]);
  });

  test("says that a product was not read if there was no time for it, which may pass", async () => {
    const run = await closeRun(
      opening("2026-11-23"),
      eachOf([{ softwareId: windows10, previous: null, current: null }]),
    );
    expect(run.failures).toEqual([
      { softwareId: windows10, reason: "It was not read in time.", permanent: false, since: "2026-11-23", misses: 1 },
    ]);
  });

  test("shows the last snapshot if today's read failed, and claims no change", async () => {
    const before = snapshotOf([kb("5066835", 12)], "2026-11-20");
    const outcome = { softwareId: windows10, previous: before, current: null, failure: unreadable };
    const run = await closeRun(opening("2026-11-23"), eachOf([outcome]));
    expect(run.comparisons).toEqual([{ softwareId: windows10, previous: "2026-11-20", current: "2026-11-20" }]);
    expect(run.totals).toMatchObject({ resolved: 0, improved: 0, notRead: 1, missingKbs: 1, missingInstalls: 12 });
    expect(run.failures).toEqual([
      { softwareId: windows10, ...unreadable, since: "2026-11-23", misses: 1, permanentSince: "2026-11-23" },
    ]);
  });

  test("counts the runs that could not read a product, from the first one on", async () => {
    const outcome = { softwareId: windows10, previous: null, current: null, failure: unreadable };
    const first = await closeRun(opening("2026-11-21"), eachOf([outcome]));
    const second = await closeRun(opening("2026-11-22", first), eachOf([outcome]));
    expect(second.failures[0]).toMatchObject({ since: "2026-11-21", misses: 2 });
  });

  test("passes the counts it holds back to the next run, even across a run that could not read", async () => {
    const watchlist = aWatchlist({ thresholds: { minMachines: 5, minPercent: 0, minCves: 1 } });
    const days = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"].map((day, index) =>
      snapshotOf([kb("5066835", 100 + 2 * index)], day),
    );
    const [a, b, , d] = days as [Snapshot, Snapshot, Snapshot, Snapshot];
    const small = await closeRun(opening("2026-11-21", null, { watchlist }), eachOf([read(windows10, a, b)]));
    expect(small.comparisons[0]?.heldBack).toEqual({ "5066835": { machineMissedOn: 100 } });
    const failed = { softwareId: windows10, previous: b, current: null, failure: unreadable };
    const missed = await closeRun(opening("2026-11-22", small, { watchlist }), eachOf([failed]));
    expect(missed.totals.worsened).toBe(0);
    const later = await closeRun(opening("2026-11-23", missed, { watchlist }), eachOf([read(windows10, b, d)]));
    expect(later.totals.worsened).toBe(1);
    expect(later.comparisons[0]).toMatchObject({ lastReported: { "5066835": { machineMissedOn: 100 } } });
  });

  test("reports at once what it has no room to hold back", async () => {
    const watchlist = aWatchlist({ thresholds: { minMachines: 50, minPercent: 0, minCves: 1 } });
    const many = (machines: number) => Array.from({ length: maxHeldBack + 7 }, (_, id) => kb(String(id), machines));
    const [before, current] = [snapshotOf(many(10), "2026-11-22"), snapshotOf(many(11), "2026-11-23")];
    const run = await closeRun(opening("2026-11-23", null, { watchlist }), eachOf([read(windows10, before, current)]));
    expect(run.totals.worsened).toBe(7);
    // The first ones in the order of KB numbers are held back.
    const kept = Object.keys(run.comparisons[0]?.heldBack ?? {}).map(Number);
    expect(kept).toEqual(Array.from({ length: maxHeldBack }, (_, id) => id));
  });

  test("shares the room for held back counts among all products", async () => {
    const watchlist = aWatchlist({ thresholds: { minMachines: 50, minPercent: 0, minCves: 1 } });
    const many = (machines: number, from: number) =>
      Array.from({ length: maxHeldBack - 1_000 }, (_, id) => kb(String(from + id), machines));
    const both = [windows10, windows11].map((softwareId, index) =>
      read(
        softwareId,
        snapshotOf(many(10, index * maxHeldBack), "2026-11-22"),
        snapshotOf(many(11, index * maxHeldBack), "2026-11-23"),
      ),
    );
    const run = await closeRun(opening("2026-11-23", null, { watchlist }), eachOf(both));
    expect(run.comparisons.map(({ heldBack }) => Object.keys(heldBack ?? {}).length)).toEqual([2_000, 1_000]);
    expect(run.totals.worsened).toBe(1_000);
  });

  test("loses nothing that was held back of a product that could not be read, even without room", async () => {
    const watchlist = aWatchlist({ thresholds: { minMachines: 50, minPercent: 0, minCves: 1 } });
    const many = (machines: number) => Array.from({ length: maxHeldBack }, (_, id) => kb(String(id), machines));
    const [before, current] = [snapshotOf(many(10), "2026-11-21"), snapshotOf(many(11), "2026-11-22")];
    const first = await closeRun(
      opening("2026-11-22", null, { watchlist }),
      eachOf([read(windows11, before, current)]),
    );
    const failed = { softwareId: windows11, previous: current, current: null, failure: unreadable };
    const [one, other] = [snapshotOf([kb("1", 1)], "2026-11-22"), snapshotOf([kb("1", 2)], "2026-11-23")];
    const both = [read(windows10, snapshotOf(many(10), "2026-11-22"), snapshotOf(many(11), "2026-11-23")), failed];
    const last = [failed, read(windows10, one, other)];
    for (const [outcomes, worsened] of [
      [both, 0],
      [last, 1],
    ] as const) {
      const run = await closeRun(opening("2026-11-23", first, { watchlist }), eachOf(outcomes));
      const kept = run.comparisons.find(({ softwareId }) => softwareId === windows11);
      expect(kept?.heldBack).toEqual(first.comparisons[0]?.heldBack);
      expect(run.totals.worsened).toBe(worsened);
    }
    const more = (machines: number) => [...many(machines), kb(String(maxHeldBack), machines)];
    const third = read(windows10, snapshotOf(more(10), "2026-11-22"), snapshotOf(more(11), "2026-11-23"));
    const run = await closeRun(
      opening("2026-11-23", first, { watchlist }),
      eachOf([...both, { ...third, softwareId: "x" }]),
    );
    expect(run.comparisons[2]).not.toHaveProperty("heldBack");
  });

  test("counts a KB once for all products, by its largest reach", async () => {
    const run = await closeRun(
      opening("2026-11-23"),
      eachOf([
        read(windows10, snapshotOf([], "2026-11-22"), snapshotOf([kb("5066835", 12)], "2026-11-23")),
        read(windows11, snapshotOf([], "2026-11-22"), snapshotOf([kb("5066835", 30)], "2026-11-23")),
      ]),
    );
    expect(run.totals).toMatchObject({ new: 1, missingKbs: 1, missingInstalls: 30 });
  });

  test("counts a KB as resolved for one product, and as missing for another that still misses it", async () => {
    const has = (day: string) => snapshotOf([kb("5066835", 12)], day);
    const run = await closeRun(
      opening("2026-11-23"),
      eachOf([
        read(windows10, snapshotOf([kb("5066835", 500)], "2026-11-22"), snapshotOf([], "2026-11-23")),
        read(windows11, has("2026-11-22"), has("2026-11-23")),
      ]),
    );
    // Only the machines that still miss it count.
    expect(run.totals).toMatchObject({ improved: 0, resolved: 1, missingKbs: 1, missingInstalls: 12 });
  });

  test("keeps the day and the rules that its report depends on", async () => {
    const thresholds = { minMachines: 5, minPercent: 10, minCves: 3 };
    const watchlist = aWatchlist({ thresholds, dueDays: 30 });
    const parts = { watchlist, day: "2026-11-24", timeZone: "Asia/Tokyo" };
    const run = await closeRun(opening("2026-11-23T23:00Z", null, parts), eachOf([]));
    expect(run).toMatchObject({ day: "2026-11-24", rules: { thresholds, dueDays: 30, timeZone: "Asia/Tokyo" } });
  });

  test("mails a run on demand only if asked to", async () => {
    const outcome = read(windows10, snapshotOf([], "2026-11-22"), snapshotOf([kb("1", 1)], "2026-11-23T10:17Z"));
    const statusOf = async (mail?: boolean) =>
      (await closeRun(opening("2026-11-23T10:17Z", null, mail === undefined ? {} : { mail }), eachOf([outcome]))).mail
        .status;
    expect([await statusOf(), await statusOf(false), await statusOf(true)]).toEqual(["none", "none", "pending"]);
  });
});

describe("a digest that was refused", () => {
  test("is followed by one of the next scheduled run, whatever it finds", async () => {
    const first = await closeRun(opening("2026-11-22"), eachOf([]));
    const mailOf = async (runId: string) =>
      (await closeRun({ ...opening(runId, first), isDigestOwed: true }, eachOf([]))).mail.status;
    expect(await mailOf("2026-11-24")).toBe("pending");
    expect(await mailOf("2026-11-24T10:00Z")).toBe("none");
    expect((await closeRun(opening("2026-11-24", first), eachOf([]))).mail.status).toBe("none");
  });
});

describe("a product that Defender answers with 404", () => {
  const unknown = { reason: "Defender answered 404.", permanent: false, isUnknown: true };
  const busy = { reason: "Defender answered 500.", permanent: false };

  /** The failures of one product over runs, a day each from 1 November; `null`: it was read, absent: no time was left. */
  async function failuresOf(failures: readonly (Outcome["failure"] | null)[]): Promise<(ReadFailure | undefined)[]> {
    const closed: Run[] = [];
    for (const [index, failure] of failures.entries()) {
      const day = `2026-11-${String(index + 1).padStart(2, "0")}`;
      const previous = snapshotOf([], "2026-10-31");
      const current = failure === null ? snapshotOf([], day) : null;
      const outcome: Outcome = { softwareId: windows10, previous, current, ...(failure && { failure }) };
      closed.push(await closeRun(opening(day, closed.at(-1) ?? null), eachOf([outcome])));
    }
    return closed.map((run) => run.failures[0]);
  }

  test("is unknown since the first of these answers", async () => {
    const found = await failuresOf([busy, unknown, unknown, unknown]);
    expect(found.map((failure) => failure?.unknownSince)).toEqual([
      ...[undefined, "2026-11-02", "2026-11-02", "2026-11-02"],
    ]);
    expect(found[3]).toMatchObject({ since: "2026-11-01", misses: 4 });
  });

  test("is not unknown any more after another answer, but still if nothing was asked", async () => {
    const found = await failuresOf([unknown, undefined, unknown, busy, unknown, null, unknown]);
    expect(found.map((failure) => failure?.unknownSince)).toEqual([
      ...["2026-11-01", "2026-11-01", "2026-11-01", undefined, "2026-11-05", undefined, "2026-11-07"],
    ]);
  });

  test("failed for good since the first such failure after it was last read", async () => {
    const found = await failuresOf([busy, unreadable, busy, unreadable, null, unreadable]);
    expect(found.map((failure) => failure?.permanentSince)).toEqual([
      ...[undefined, "2026-11-02", "2026-11-02", "2026-11-02", undefined, "2026-11-06"],
    ]);
  });
});

describe("a scheduled run's mail", () => {
  const nothing = { ...noTotals, read: 5, missingKbs: 9, missingInstalls: 99 };
  const failure = { softwareId: windows10, reason: "", since: "2026-11-20" };
  // 23 November 2026 is a Monday.
  const run = {
    ...{ runId: "2026-11-24", day: "2026-11-24", previousRunId: "2026-11-23" },
    ...{ totals: nothing, failures: [] },
  };

  test.each([
    ["something new", { new: 1 }, true],
    ["something worse", { worsened: 1 }, true],
    ["something back", { returned: 1 }, true],
    ["more CVEs", { moreCves: 1 }, true],
    ["only better", { improved: 3, resolved: 2 }, false],
    ["only a new product", { baseline: 1 }, true],
    ["nothing", {}, false],
  ])("with MAIL_WHEN=worse and %s: %s", (_, totals, expected) => {
    expect(deservesMail({ ...run, totals: { ...nothing, ...totals } }, aWatchlist())).toBe(expected);
  });

  test("is also sent for better with MAIL_WHEN=changed, and for nothing with always", () => {
    const better = { ...run, totals: { ...nothing, improved: 1 } };
    expect(deservesMail(better, aWatchlist({ mailWhen: "changed" }))).toBe(true);
    for (const change of [{ improved: 1, resolved: 1 }, { improved: 1, baseline: 1 }, { baseline: 1 }]) {
      const changed = { ...run, totals: { ...nothing, ...change } };
      expect(deservesMail(changed, aWatchlist({ mailWhen: "changed" }))).toBe(true);
    }
    expect(deservesMail(run, aWatchlist({ mailWhen: "changed" }))).toBe(false);
    expect(deservesMail(run, aWatchlist({ mailWhen: "always" }))).toBe(true);
  });

  test("is always sent on the heartbeat day, and on no other", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), (days) => {
        const date = new Date(Date.UTC(2026, 10, 23 + days));
        const quiet = { ...run, day: date.toISOString().slice(0, 10) };
        expect(deservesMail(quiet, aWatchlist({ heartbeatDay: "Monday" }))).toBe(days % 7 === 0);
      }),
    );
  });

  test("is sent with the first run", () => {
    expect(deservesMail({ ...run, previousRunId: null }, aWatchlist())).toBe(true);
  });

  const permanent = { ...failure, permanent: true };
  const now = { permanentSince: "2026-11-24" };
  const earlier = { permanentSince: "2026-11-20" };
  test.each<[string, ReadFailure[], boolean]>([
    ["a read that failed once", [{ ...failure, permanent: false, misses: 1 }], false],
    ["a read that failed twice", [{ ...failure, permanent: false, misses: 2 }], true],
    ["a read that has failed for long and was reported", [{ ...failure, permanent: false, misses: 3 }], false],
    ["a read that a person must fix, at first", [{ ...permanent, ...now, misses: 1 }], true],
    ["a read that a person must fix, after others failed", [{ ...permanent, ...now, misses: 5 }], true],
    ["a read that a person must fix, the second time", [{ ...permanent, ...earlier, misses: 2 }], false],
    ["a read that a person must fix, once reported", [{ ...permanent, ...earlier, misses: 3 }], false],
    ["one of several", [3, 2, 7].map((misses) => ({ ...failure, permanent: false, misses })), true],
  ])("after %s", (_, failures, expected) => {
    expect(deservesMail({ ...run, failures, totals: { ...nothing, notRead: 1 } }, aWatchlist())).toBe(expected);
  });

  test("is sent at once if nothing could be read", () => {
    const failed = { ...nothing, read: 0, notRead: 1 };
    const failures = [{ ...failure, permanent: false, misses: 1 }];
    expect(deservesMail({ ...run, totals: failed, failures }, aWatchlist())).toBe(true);
  });

  test("is not sent again for the same failures, nor if there was nothing to read", () => {
    const failed = { ...nothing, read: 0, notRead: 2 };
    const failures = [1, 3].map((misses) => ({ ...failure, permanent: false, misses }));
    expect(deservesMail({ ...run, totals: failed, failures }, aWatchlist())).toBe(false);
    expect(deservesMail({ ...run, totals: failed, failures: failures.slice(1) }, aWatchlist())).toBe(false);
    expect(deservesMail({ ...run, totals: { ...failed, notRead: 0 } }, aWatchlist())).toBe(false);
  });
});

describe("the first list of a product that was not patched by KBs", () => {
  const listed = [anItem("5066835", 9)];
  const first = async () => {
    const days = startDays({ softwareIds: [windows10] });
    const { report } = await days.play("2026-11-01", { [windows10]: emptyOverWeaknesses });
    expect(report.products).toMatchObject([{ state: "not-kb-patched", baseline: true }]);
    return days;
  };

  test.each([
    ["the next day", "2026-11-02", "baseline"],
    ["after 7 days", "2026-11-08", "baseline"],
    ["after 8 days", "2026-11-09", "new"],
  ])("%s", async (_, day, kind) => {
    const days = await first();
    const { report, run } = await days.play(day, { [windows10]: listed });
    expect(entriesOf(report)).toEqual([`windows_10 5066835 ${kind} 9/10 was -`]);
    expect(report.totals.baseline).toBe(kind === "baseline" ? 1 : 0);
    expect(run.mail.status).toBe("pending");
    const next = await days.play("2026-11-10", { [windows10]: [anItem("5066835", 9), anItem("5068861", 1)] });
    expect(entriesOf(next.report)).toEqual([
      ...["windows_10 5066835 unchanged 9/10 was 9/10", "windows_10 5068861 new 1/10 was -"],
    ]);
  });

  test("is a baseline whatever was answered in between", async () => {
    const days = await first();
    await days.play("2026-11-02");
    await days.play("2026-11-03", { [windows10]: failed });
    await days.play("2026-11-05", { [windows10]: [] });
    const { report } = await days.play("2026-11-08", { [windows10]: listed });
    expect(entriesOf(report)).toEqual(["windows_10 5066835 baseline 9/10 was -"]);
  });

  test("is a baseline in a run asked for as well, and in the scheduled run after it", async () => {
    const days = await first();
    const asked = await days.play("2026-11-04T10:17Z", { [windows10]: listed });
    expect(entriesOf(asked.report)).toEqual(["windows_10 5066835 baseline 9/10 was -"]);
    const { report } = await days.play("2026-11-05");
    expect(entriesOf(report)).toEqual(["windows_10 5066835 baseline 9/10 was -"]);
  });

  test("is new if the product was empty at first sight, or was read before", async () => {
    const empty = startDays({ softwareIds: [windows10] });
    await empty.play("2026-11-01", { [windows10]: [] });
    await empty.play("2026-11-02", { [windows10]: emptyOverWeaknesses });
    expect(entriesOf((await empty.play("2026-11-03", { [windows10]: listed })).report)).toEqual([
      "windows_10 5066835 new 9/10 was -",
    ]);
  });

  test("may follow failed reads, counted from the first answer", async () => {
    const days = startDays({ softwareIds: [windows10] });
    await days.play("2026-11-01", { [windows10]: failed });
    await days.play("2026-11-06", { [windows10]: emptyOverWeaknesses });
    const { report } = await days.play("2026-11-13", { [windows10]: listed });
    expect(report.totals).toMatchObject({ baseline: 1, new: 0 });
  });
});

describe("a product that left the watchlist", () => {
  const both = { softwareIds: [windows10, windows11] };
  const one = { softwareIds: [windows10] };
  const limits = { thresholds: { minMachines: 5, minPercent: 0, minCves: 1 } };

  test("is compared with its last snapshot when it comes back, and is not a baseline", async () => {
    const days = startDays(both);
    await days.play("2026-11-20", { [windows10]: [anItem("5049993", 5)], [windows11]: [anItem("5068861", 10)] });
    const without = await days.play("2026-11-21", {}, one);
    expect(without.run.comparisons.map(({ softwareId }) => softwareId)).toEqual([windows10]);
    expect(without.run.left).toEqual([
      { softwareId: windows11, previous: null, current: "2026-11-20", leftOn: "2026-11-20" },
    ]);
    const list = [anItem("5068861", 500), anItem("5072033", 480)];
    const { report, run } = await days.play("2026-11-22", { [windows11]: list }, both);
    expect(entriesOf(report)).toEqual([
      "windows_10 5049993 unchanged 5/10 was 5/10",
      "windows_11 5068861 worsened 500/10 was 10/10",
      "windows_11 5072033 new 480/10 was -",
    ]);
    expect(report.totals).toMatchObject({ baseline: 0, worsened: 1, new: 1 });
    expect([run.left, run.mail.status]).toEqual([[], "pending"]);
  });

  test("is compared with what was held back of it", async () => {
    const days = startDays({ ...both, ...limits });
    await days.play("2026-11-18", { [windows10]: [], [windows11]: [anItem("5068861", 10)] });
    await days.play("2026-11-19", { [windows11]: [anItem("5068861", 13)] });
    await days.play("2026-11-20", {}, one);
    await days.play("2026-11-21");
    const { report } = await days.play("2026-11-22", { [windows11]: [anItem("5068861", 15)] }, both);
    expect(entriesOf(report)).toEqual(["windows_11 5068861 worsened 15/10 was 10/10"]);
  });

  test.each([
    ["RETENTION_DAYS after the last run that had it", "2026-12-20", "worsened 11/10 was 10/10"],
    ["a day later", "2026-12-21", "baseline 11/10 was -"],
  ])("comes back %s", async (_, day, expected) => {
    const days = startDays({ ...both, retentionDays: 30 });
    await days.play("2026-11-20", { [windows10]: [], [windows11]: [anItem("5068861", 10)] });
    await days.play("2026-11-25", {}, one);
    const { report } = await days.play(day, { [windows11]: [anItem("5068861", 11)] }, both);
    expect(entriesOf(report)).toEqual([`windows_11 5068861 ${expected}`]);
  });

  test("is kept with each run for RETENTION_DAYS after the last run that had it", async () => {
    const days = startDays({ ...both, retentionDays: 30 });
    await days.play("2026-11-20", { [windows10]: [], [windows11]: [anItem("5068861", 10)] });
    const leftOn = async (day: string) => (await days.play(day, {}, one)).run.left.map((product) => product.leftOn);
    expect(await leftOn("2026-11-25")).toEqual(["2026-11-20"]);
    expect(await leftOn("2026-12-20")).toEqual(["2026-11-20"]);
    expect(await leftOn("2026-12-21")).toEqual([]);
  });

  test("leaves nothing behind if it was never read, and nothing in a run asked for", async () => {
    const days = startDays(both);
    await days.play("2026-11-20", { [windows10]: [], [windows11]: failed });
    const { run } = await days.play("2026-11-21", {}, one);
    expect(run.left).toEqual([]);
    await days.play("2026-11-22T10:17Z", { [windows11]: [anItem("5068861", 10)] }, both);
    const { report } = await days.play("2026-11-23", {}, both);
    expect(entriesOf(report)).toEqual(["windows_11 5068861 baseline 10/10 was -"]);
  });

  test("is found among the last comparisons, after those of the run", async () => {
    const days = startDays(both);
    await days.play("2026-11-20", { [windows10]: [], [windows11]: [] });
    const { run } = await days.play("2026-11-21", {}, one);
    expect(lastComparison(run, windows10)?.current).toBe("2026-11-21");
    expect(lastComparison(run, windows11)?.current).toBe("2026-11-20");
    expect(lastComparison(run, "x")).toBeUndefined();
    expect(lastComparison(null, windows10)).toBeUndefined();
    const all = lastComparisons(run);
    expect([windows10, windows11].map((id) => all.get(id))).toEqual(
      [windows10, windows11].map((id) => lastComparison(run, id)),
    );
    expect(lastComparisons(null).size).toBe(0);
  });
});
