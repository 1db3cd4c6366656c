import { describe, expect, test } from "vitest";
import { addDays, type RunDate } from "../../shared/core/day.ts";
import type { Mail } from "../../shared/core/mail.ts";
import type { ReadFailure, Run } from "../../shared/core/run.ts";
import type { RunId } from "../../shared/core/run-id.ts";
import { summarize } from "../../shared/core/watchlist-status.ts";
import { aRun } from "../support/builders.ts";

const chain = { tenant: "home", watchlist: "default" };
const { run: example } = await aRun();

function aRunOf(runId: RunId, mail: Partial<Mail> = {}, parts: Partial<Run> = {}): Run {
  const day = runId.slice(0, 10);
  const at = runId.includes("T") ? runId.replace("Z", ":00.000Z") : `${runId}T05:00:00.000Z`;
  const committedAt = new Date(Date.parse(at) + 60_000).toISOString();
  const owed = { status: "none", at: committedAt, attempts: 0, unknownOutcomes: 0, ...mail } as const;
  return { ...example, runId, day, openedAt: at, committedAt, mail: owed, ...parts };
}

const statusOf = (...runs: Run[]) =>
  summarize(chain, runs, runs.filter(({ runId }) => !runId.includes("T")).at(-1) ?? null);
const openOf = (...runs: Run[]) => statusOf(...runs).open.map(({ runId, mail }) => [runId, mail.status]);

test("a watchlist without a run has nothing to show", () => {
  expect(summarize(chain, [], null)).toEqual({
    ...{ tenant: "home", watchlist: "default", latest: null, failing: null, line: [] },
    ...{ lastDigest: null, open: [], removedOn: null },
  });
});

test("the latest run is the last scheduled one", () => {
  const { latest } = statusOf(aRunOf("2026-11-22"), aRunOf("2026-11-23"), aRunOf("2026-11-23T10:17Z"));
  expect(latest).toEqual({
    ...{ runId: "2026-11-23", day: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" },
    ...{ committedAt: "2026-11-23T05:01:00.000Z", totals: example.totals },
  });
});

describe("the line", () => {
  const installs = (missingInstalls: number) => ({ totals: { ...example.totals, missingInstalls } });

  test("has the scheduled runs of 30 days, the latest included, oldest first", () => {
    const days: RunDate[] = Array.from({ length: 40 }, (_, index) => addDays("2026-11-23", index - 39));
    const { line } = statusOf(...days.map((day, index) => aRunOf(day, {}, installs(index))));
    expect(line).toHaveLength(30);
    expect([line[0], line.at(-1)]).toEqual([
      { day: "2026-10-25", missingInstalls: 10 },
      { day: "2026-11-23", missingInstalls: 39 },
    ]);
  });

  test("leaves out runs asked for", () => {
    expect(statusOf(aRunOf("2026-11-23"), aRunOf("2026-11-23T10:17Z")).line).toHaveLength(1);
  });
});

describe("the product that could not be read", () => {
  const failure = (softwareId: string, misses: number): ReadFailure => ({
    ...{ softwareId, misses, reason: `${softwareId} failed.`, permanent: false, since: "2026-11-20" },
  });

  test("is the one that missed most runs, with the number of others that missed three", () => {
    const failures = [failure("a", 3), failure("b", 7), failure("c", 2), failure("d", 4)];
    expect(statusOf(aRunOf("2026-11-23", {}, { failures })).failing).toEqual({
      ...{ softwareId: "b", reason: "b failed.", misses: 7, others: 2 },
    });
  });

  test("is none where the last run read everything, whatever the one before did", () => {
    const failed = aRunOf("2026-11-22", {}, { failures: [failure("a", 3)] });
    expect(statusOf(failed, aRunOf("2026-11-23", {}, { failures: [] })).failing).toBeNull();
  });
});

describe("the last digest", () => {
  const sent = { status: "sent", at: "2026-11-22T05:03:00.000Z" } as const;

  test("is the last one of a scheduled run that was sent in its turn", () => {
    const runs = [
      ...[aRunOf("2026-11-21", { status: "sent" }), aRunOf("2026-11-22", sent)],
      ...[aRunOf("2026-11-23", { status: "sent", isResent: true }), aRunOf("2026-11-23T10:17Z", { status: "sent" })],
    ];
    expect(statusOf(...runs).lastDigest).toEqual({ runId: "2026-11-22", at: sent.at });
  });

  test("is none where none was sent", () => {
    expect(statusOf(aRunOf("2026-11-23", { status: "pending" })).lastDigest).toBeNull();
  });
});

describe("open mails", () => {
  test("are those owed, whatever was sent since", () => {
    const runs = [
      ...[aRunOf("2026-11-19", { status: "pending" }), aRunOf("2026-11-20", { status: "claimed" })],
      ...[aRunOf("2026-11-21", { status: "sending" }), aRunOf("2026-11-22", { status: "sent" })],
      ...[aRunOf("2026-11-23", { status: "cancelled" }), aRunOf("2026-11-24")],
    ];
    expect(openOf(...runs)).toEqual([
      ["2026-11-19", "pending"],
      ["2026-11-20", "claimed"],
      ["2026-11-21", "sending"],
    ]);
  });

  test("are those refused until the next digest is sent, which names them", () => {
    const [refused, sent] = [aRunOf("2026-11-22", { status: "refused" }), aRunOf("2026-11-23", { status: "sent" })];
    expect(openOf(aRunOf("2026-11-21", { status: "sent" }), refused)).toEqual([["2026-11-22", "refused"]]);
    expect(openOf(refused)).toEqual([["2026-11-22", "refused"]]);
    expect(openOf(refused, sent)).toEqual([]);
  });

  test("stay refused when only a run asked for or an older mail was sent since", () => {
    const refused = aRunOf("2026-11-22", { status: "refused" });
    expect(openOf(refused, aRunOf("2026-11-22T10:17Z", { status: "sent" }))).toHaveLength(1);
    expect(openOf(refused, aRunOf("2026-11-23", { status: "sent", isResent: true }))).toHaveLength(1);
  });

  test("are ten at most, the oldest", () => {
    const runs = Array.from({ length: 14 }, (_, index) => aRunOf(`2026-11-${10 + index}`, { status: "refused" }));
    const open = openOf(...runs);
    expect([open.length, open[0]]).toEqual([10, ["2026-11-10", "refused"]]);
  });
});

describe("alerts", () => {
  const anAlert = (cve: string, status: Mail["status"], time: string) => {
    const openedAt = `2026-11-${time}:00.000Z`;
    return { cve, openedAt, mail: { status, at: openedAt, attempts: 1, unknownOutcomes: 0 } };
  };
  const alertsOf = (alerts: ReturnType<typeof anAlert>[], ...runs: Run[]) =>
    summarize(chain, runs, runs.at(-1) ?? null, alerts).alerts?.map(({ cve }) => cve);

  test("that are owed or were refused are shown, the oldest first, and are none of the digests", () => {
    const alerts = [
      anAlert("1", "refused", "23T15:00"),
      anAlert("2", "pending", "23T14:00"),
      anAlert("3", "sending", "23T13:00"),
      anAlert("4", "claimed", "23T13:00"),
      anAlert("5", "sent", "23T12:00"),
      anAlert("6", "cancelled", "23T12:00"),
    ];
    expect(alertsOf(alerts)).toEqual(["3", "4", "2", "1"]);
    expect(summarize(chain, [], null, alerts)).toMatchObject({ open: [], lastDigest: null });
    expect(summarize(chain, [], null, alerts.slice(4))).not.toHaveProperty("alerts");
  });

  test("are forgotten where a digest was sent after they were refused, not where they are owed", () => {
    const run = aRunOf("2026-11-24", { status: "sent" });
    const [before, after] = ["24T05:00", "24T05:02"];
    expect(alertsOf([anAlert("1", "refused", before), anAlert("2", "pending", before)], run)).toEqual(["2"]);
    expect(alertsOf([anAlert("1", "refused", after)], run)).toEqual(["1"]);
    expect(alertsOf([anAlert("1", "refused", before)], aRunOf("2026-11-24", { status: "none" }))).toEqual(["1"]);
  });

  test("are ten at most", () => {
    expect(alertsOf(Array.from({ length: 12 }, (_, n) => anAlert(`${n}`, "pending", `23T${10 + n}:00`)))).toHaveLength(
      10,
    );
  });
});
