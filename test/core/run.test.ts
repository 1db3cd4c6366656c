import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { closeRun, deservesMail, maxHeldBack, type Opening, type Outcome, type Run } from "../../shared/core/run.ts";
import type { Snapshot } from "../../shared/core/snapshot.ts";
import { snapshotOf } from "../support/arbitraries.ts";
import { aWatchlist, eachOf } from "../support/builders.ts";

const windows10 = "microsoft-_-windows_10";
const windows11 = "microsoft-_-windows_11";
const kb = (id: string, machineMissedOn: number | null, cveAddressed = 1) => ({ id, machineMissedOn, cveAddressed });

function opening(runId: string, last: Run | null = null, overrides: Partial<Opening> = {}): Opening {
  const openedAt = `${runId.slice(0, 10)}T05:00:00.000Z`;
  return {
    runId,
    openedAt,
    committedAt: `${runId.slice(0, 10)}T05:04:00.000Z`,
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
    expect(run.failures).toEqual([{ softwareId: windows10, ...unreadable, since: "2026-11-23", misses: 1 }]);
  });

  test("counts the runs that could not read a product, from the first one on", async () => {
    const outcome = { softwareId: windows10, previous: null, current: null, failure: unreadable };
    const first = await closeRun(opening("2026-11-21"), eachOf([outcome]));
    const second = await closeRun(opening("2026-11-22", first), eachOf([outcome]));
    expect(second.failures[0]).toMatchObject({ since: "2026-11-21", misses: 2 });
  });

  test("passes the counts it holds back to the next run, even across a run that could not read", async () => {
    const watchlist = aWatchlist({ thresholds: { minMachines: 5, minPercent: 0 } });
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
    const watchlist = aWatchlist({ thresholds: { minMachines: 50, minPercent: 0 } });
    const many = (machines: number) => Array.from({ length: maxHeldBack + 7 }, (_, id) => kb(String(id), machines));
    const [before, current] = [snapshotOf(many(10), "2026-11-22"), snapshotOf(many(11), "2026-11-23")];
    const run = await closeRun(opening("2026-11-23", null, { watchlist }), eachOf([read(windows10, before, current)]));
    expect(run.totals.worsened).toBe(7);
  });

  test("shares the room for held back counts among all products", async () => {
    const watchlist = aWatchlist({ thresholds: { minMachines: 50, minPercent: 0 } });
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

  test("calls a KB improved, not resolved, if another product still misses it", async () => {
    const has = (day: string) => snapshotOf([kb("5066835", 12)], day);
    const run = await closeRun(
      opening("2026-11-23"),
      eachOf([
        read(windows10, snapshotOf([kb("5066835", 500)], "2026-11-22"), snapshotOf([], "2026-11-23")),
        read(windows11, has("2026-11-22"), has("2026-11-23")),
      ]),
    );
    // Only the machines that still miss it count.
    expect(run.totals).toMatchObject({ improved: 1, resolved: 0, missingKbs: 1, missingInstalls: 12 });
  });

  test("mails a run on demand only if asked to", async () => {
    const outcome = read(windows10, snapshotOf([], "2026-11-22"), snapshotOf([kb("1", 1)], "2026-11-23T10:17Z"));
    const statusOf = async (mail?: boolean) =>
      (await closeRun(opening("2026-11-23T10:17Z", null, mail === undefined ? {} : { mail }), eachOf([outcome]))).mail
        .status;
    expect([await statusOf(), await statusOf(false), await statusOf(true)]).toEqual(["none", "none", "pending"]);
  });
});

describe("a scheduled run's mail", () => {
  const nothing = {
    new: 0,
    worsened: 0,
    improved: 0,
    resolved: 0,
    returned: 0,
    baseline: 0,
    read: 5,
    notRead: 0,
    missingKbs: 9,
    missingInstalls: 99,
  };
  const failure = { softwareId: windows10, reason: "", since: "2026-11-20" };
  // 23 November 2026 is a Monday.
  const run = { runId: "2026-11-24", previousRunId: "2026-11-23", totals: nothing, failures: [] };

  test.each([
    ["something new", { new: 1 }, true],
    ["something worse", { worsened: 1 }, true],
    ["something back", { returned: 1 }, true],
    ["only better", { improved: 3, resolved: 2 }, false],
    ["only a new product", { baseline: 1 }, false],
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
        const quiet = { ...run, runId: date.toISOString().slice(0, 10) };
        expect(deservesMail(quiet, aWatchlist({ heartbeatDay: "Monday" }))).toBe(days % 7 === 0);
      }),
    );
  });

  test("is sent with the first run", () => {
    expect(deservesMail({ ...run, previousRunId: null }, aWatchlist())).toBe(true);
  });

  test.each([
    ["a read that failed once", [{ ...failure, permanent: false, misses: 1 }], false],
    ["a read that failed twice", [{ ...failure, permanent: false, misses: 2 }], true],
    ["a read that has failed for long and was reported", [{ ...failure, permanent: false, misses: 3 }], false],
    ["a read that a person must fix, at first", [{ ...failure, permanent: true, misses: 1 }], true],
    ["a read that a person must fix, once reported", [{ ...failure, permanent: true, misses: 2 }], false],
  ])("after %s: %s", (_, failures, expected) => {
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
