import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import type { Run } from "../../shared/core/run.ts";
import { isScheduled } from "../../shared/core/run-id.ts";
import { createDefender } from "../../shared/io/defender/defender.ts";
import { DefenderError } from "../../shared/ports.ts";
import { advance } from "../../shared/run/advance.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { startRun } from "../../shared/run/start.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import { handleAll, handleNext } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { startHttpServer } from "../support/http-server.ts";

const softwareId = "microsoft-_-windows_10";
const watchlist = aWatchlist({ softwareIds: [softwareId], heartbeatDay: "none" });
const item = (id: string, machineMissedOn: number) => ({ id, machineMissedOn, cveAddressed: 1 });
const hourMs = 3_600_000;

function worldIn(timeZone: string): FakeWorld {
  const world = fakeWorld([watchlist]);
  world.ports.rules = { ...world.ports.rules, timeZone };
  return world;
}

/** The timer fires while this many machines miss the KB. */
async function fire(world: FakeWorld, at: number, machines: number): Promise<void> {
  world.setClock(at);
  world.answers.set(softwareId, [item("5066835", machines)]);
  await scheduleRuns(world.ports);
  await handleAll(world, at + hourMs);
}

async function scheduledRuns({ ports }: FakeWorld): Promise<Run[]> {
  const runs = (await ports.store.listRuns(chainOf())).filter(({ runId }) => isScheduled(runId));
  const stored = await Promise.all(runs.map(({ runId }) => ports.store.readRun(chainOf(), runId)));
  return stored.flatMap((row) => row?.run ?? []);
}

/** By how many machines the KB got worse in each run. */
async function reportedRises({ ports }: FakeWorld, runs: readonly Run[]): Promise<number[]> {
  const machinesIn = async (runId: string | null | undefined) => {
    const snapshot = runId && (await ports.store.readSnapshot({ tenant: "home", softwareId, runId }));
    return snapshot ? (snapshot.missingKbs[0]?.machineMissedOn ?? 0) : 0;
  };
  const rises = runs.map(async ({ comparisons: [compared] }) =>
    compared?.previous ? (await machinesIn(compared.current)) - (await machinesIn(compared.previous)) : 0,
  );
  return Promise.all(rises);
}

describe("a daily timer in UTC", () => {
  const zones = [
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "Africa/Cairo",
  ];

  test("makes a chain of runs in any time zone and at any minute of the day, and every rise is reported once", {
    timeout: 120_000,
  }, async () => {
    const minute = fc.integer({ min: 0, max: 24 * 60 - 1 });
    // Five days around the nights in which clocks are turned, month ends, a leap day and a new year.
    const days = fc.constantFrom("2026-03-27", "2026-10-23", "2026-04-02", "2026-11-29", "2028-02-27", "2026-12-29");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...zones), days, minute, async (zone, first, at) => {
        const world = worldIn(zone);
        for (let day = 0; day < 5; day++) {
          await fire(world, Date.parse(addDays(first, day)) + at * 60_000, 100 + day);
        }
        const runs = await scheduledRuns(world);
        for (const [index, run] of runs.entries()) expect(run.previousRunId).toBe(runs[index - 1]?.runId ?? null);
        // Where two firings fall on one local day, the second finds the day's run and the next one reports its rise.
        expect(runs.length).toBeGreaterThanOrEqual(4);
        const lastRead = runs.at(-1)?.openedAt.slice(0, 10) === addDays(first, 4) ? 4 : 3;
        expect((await reportedRises(world, runs)).reduce((sum, rise) => sum + rise, 0)).toBe(lastRead);
        expect(world.inbox).toHaveLength(runs.length);
      }),
      { numRuns: 20 },
    );
  });

  test("that fires twice on the local day of 25 hours makes one run of it, and the next day reports both rises", async () => {
    const world = worldIn("Europe/Berlin");
    // Half past eleven in summer time, again at half past ten of the same day in winter time, and so on.
    const firings = ["2026-10-23T22:30:00Z", "2026-10-24T22:30:00Z", "2026-10-25T22:30:00Z", "2026-10-26T22:30:00Z"];
    for (const [index, at] of firings.entries()) await fire(world, Date.parse(at), 100 + index);
    const runs = await scheduledRuns(world);
    expect(runs.map(({ runId }) => runId)).toEqual(["2026-10-24", "2026-10-25", "2026-10-26"]);
    expect(await reportedRises(world, runs)).toEqual([0, 1, 2]);
  });

  test("that skips the local day of 23 hours leaves no gap in the chain", async () => {
    const world = worldIn("Europe/Berlin");
    const firings = ["2026-03-27T22:30:00Z", "2026-03-28T22:30:00Z", "2026-03-29T22:30:00Z"];
    for (const [index, at] of firings.entries()) await fire(world, Date.parse(at), 100 + index);
    const runs = await scheduledRuns(world);
    expect(runs.map(({ runId }) => runId)).toEqual(["2026-03-27", "2026-03-28", "2026-03-30"]);
    expect(await reportedRises(world, runs)).toEqual([0, 1, 1]);
  });
});

describe("a run across midnight", () => {
  const busy = new DefenderError("Defender answered 500.", { permanent: false });

  test("stays the run of the day on which it was opened", async () => {
    const world = fakeWorld([watchlist]);
    world.setClock("2026-11-30T23:57:00Z");
    world.answers.set(softwareId, busy);
    await scheduleRuns(world.ports);
    await handleNext(world, Number.POSITIVE_INFINITY);
    world.answers.set(softwareId, [item("5066835", 12)]);
    await handleAll(world, Date.parse("2026-12-01T01:00:00Z"));
    const [run] = await scheduledRuns(world);
    expect(run).toMatchObject({ runId: "2026-11-30", failures: [] });
    expect(run?.committedAt).toBe("2026-12-01T00:02:00.000Z");
    const snapshot = await world.ports.store.readSnapshot({ tenant: "home", softwareId, runId: "2026-11-30" });
    expect(snapshot?.missingKbs[0]?.firstSeen).toBe("2026-11-30");
  });

  test("that still waits when the next one opens loses nothing: everything is reported once", async () => {
    const world = fakeWorld([watchlist]);
    await fire(world, Date.parse("2026-11-29T05:00:00Z"), 100);
    world.setClock("2026-11-30T05:00:00Z");
    world.answers.set(softwareId, new DefenderError("Throttled.", { permanent: false, retryAfterSeconds: 3_600 }));
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-12-01T04:59:00Z"));
    world.setClock("2026-12-01T05:00:00Z");
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-12-01T05:59:00Z"));
    world.answers.set(softwareId, [item("5066835", 103)]);
    await handleAll(world, Date.parse("2026-12-02T04:00:00Z"));
    const runs = await scheduledRuns(world);
    expect(runs).toMatchObject([
      { runId: "2026-11-29", failures: [] },
      { runId: "2026-11-30", failures: [{ reason: "Throttled." }], committedAt: "2026-12-01T05:00:00.000Z" },
      { runId: "2026-12-01", failures: [] },
    ]);
    for (const [index, run] of runs.entries()) expect(run.previousRunId).toBe(runs[index - 1]?.runId ?? null);
    expect((await reportedRises(world, runs)).reduce((sum, rise) => sum + rise, 0)).toBe(3);
    expect(world.ports.queue.waiting).toEqual([]);
  });
});

describe("a clock that steps back", () => {
  test("by an hour while a mail is claimed delays the mail by no more than that and the claim's ten minutes, and repeats none", async () => {
    const world = fakeWorld([watchlist]);
    world.outcomes.push({ status: "unknown", reason: "The connection was reset." });
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T05:00:00Z"));
    const stepped = Date.parse("2026-11-23T04:00:00Z");
    world.setClock(stepped);
    for (const waiting of world.ports.queue.waiting) waiting.visibleAt = stepped;
    await handleAll(world, stepped + 9 * 60_000);
    expect(world.inbox).toHaveLength(0);
    await handleAll(world, Date.parse("2026-11-23T05:20:00Z"));
    expect(world.inbox).toHaveLength(1);
    await handleAll(world, Date.parse("2026-11-23T08:00:00Z"));
    expect(world.inbox).toHaveLength(1);
    expect(world.ports.queue.waiting).toEqual([]);
  });

  test("while a run waits for a product neither ends its grace early nor extends it beyond the step", async () => {
    const world = fakeWorld([watchlist]);
    world.answers.set(softwareId, new DefenderError("Defender answered 500.", { permanent: false }));
    await scheduleRuns(world.ports);
    await handleNext(world, Number.POSITIVE_INFINITY);
    const stepped = Date.parse("2026-11-23T04:30:00Z");
    world.setClock(stepped);
    for (const waiting of world.ports.queue.waiting) waiting.visibleAt = stepped;
    await handleAll(world, Date.parse("2026-11-23T06:59:00Z"));
    expect(await scheduledRuns(world)).toEqual([]);
    await handleAll(world, Date.parse("2026-11-23T07:00:00Z"));
    expect(await scheduledRuns(world)).toHaveLength(1);
  });

  test("by a day opens a run that was overtaken: it is dropped, and the chain goes on", async () => {
    const world = fakeWorld([watchlist]);
    await fire(world, Date.parse("2026-11-22T05:00:00Z"), 100);
    await fire(world, Date.parse("2026-11-23T05:00:00Z"), 101);
    await fire(world, Date.parse("2026-11-21T05:00:00Z"), 102);
    await fire(world, Date.parse("2026-11-24T05:00:00Z"), 103);
    const runs = await scheduledRuns(world);
    expect(runs.map(({ runId }) => runId)).toEqual(["2026-11-22", "2026-11-23", "2026-11-24"]);
    expect(await reportedRises(world, runs)).toEqual([0, 1, 2]);
    expect(world.inbox).toHaveLength(3);
  });

  test("to before the last scheduled run leaves a run asked for compared with that one", async () => {
    const world = fakeWorld([watchlist]);
    await fire(world, Date.parse("2026-11-23T05:00:00Z"), 100);
    world.setClock("2026-11-23T04:10:00Z");
    world.answers.set(softwareId, [item("5066835", 105)]);
    await startRun(chainOf(), false, world.ports);
    await handleAll(world, Date.parse("2026-11-23T04:20:00Z"));
    const asked = await world.ports.store.readRun(chainOf(), "2026-11-23T04:10Z");
    expect(asked?.run).toMatchObject({ previousRunId: "2026-11-23", totals: { worsened: 1 } });
  });
});

describe("a message that comes a week late", () => {
  const late = { tenant: "home", runId: "2026-11-16", openedAt: "2026-11-16T05:00:00.000Z" };

  test("where nothing was committed since is committed at once with what can be read, and the next run follows it", async () => {
    const world = fakeWorld([watchlist]);
    await fire(world, Date.parse("2026-11-15T05:00:00Z"), 100);
    world.setClock("2026-11-23T04:50:00Z");
    world.answers.set(softwareId, [item("5066835", 104)]);
    await advance(late, world.ports);
    await fire(world, Date.parse("2026-11-23T05:00:00Z"), 105);
    const runs = await scheduledRuns(world);
    expect(runs.map(({ runId }) => runId)).toEqual(["2026-11-15", "2026-11-16", "2026-11-23"]);
    expect(await reportedRises(world, runs)).toEqual([0, 4, 1]);
    expect(world.inbox).toHaveLength(3);
  });

  test("does not wait for what it cannot read: its grace is long over", async () => {
    const world = fakeWorld([watchlist]);
    world.answers.set(softwareId, new DefenderError("Defender answered 500.", { permanent: false }));
    await advance(late, world.ports);
    expect(world.ports.queue.waiting.map(({ message }) => message)).toMatchObject([{ deliver: chainOf() }]);
    expect(await scheduledRuns(world)).toMatchObject([{ runId: "2026-11-16", totals: { notRead: 1 } }]);
  });
});

describe("the time limit of a step", () => {
  test("that comes during a wait that Defender asked for ends the wait; the next step reads the rest, and none failed", async () => {
    const limit = new AbortController();
    const server = await startHttpServer((_request, _response, index) => {
      if (index > 0) return { body: { value: [item("5066835", 12)] } };
      // Short enough for Defender's client to wait in place, but longer than the step has.
      setImmediate(() => limit.abort());
      return { status: 429, headers: { "retry-after": "55" } };
    });
    onTestFinished(() => server.close());
    const world = fakeWorld([aWatchlist({ softwareIds: [softwareId, "microsoft-_-windows_11"] })]);
    const options = { baseUrl: server.url, scope: "s", callsPerMinute: 100, callsPerHour: 100, concurrency: 1 };
    const token = { token: "t", expiresOnTimestamp: Number.POSITIVE_INFINITY };
    const now = () => world.ports.now().getTime();
    const fresh = () => createDefender({ ...options, now, credential: () => ({ getToken: async () => token }) });

    world.ports.defender = fresh();
    const message = { tenant: "home", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" };
    await advance(message, world.ports, limit.signal);
    expect(await scheduledRuns(world)).toEqual([]);
    expect(server.requests).toHaveLength(1);

    // The next process knows from the lease until when the tenant asked to be left alone.
    world.ports.defender = fresh();
    world.setClock("2026-11-23T05:05:00Z");
    await handleAll(world, Date.parse("2026-11-23T05:10:00Z"));
    expect(await scheduledRuns(world)).toMatchObject([{ failures: [], totals: { read: 2 } }]);
    // The first was for the product list, which is asked for again.
    expect(server.requests).toHaveLength(4);
  });

  test("is not waited for if Defender asks for a longer wait: the message comes back by then", async () => {
    const server = await startHttpServer(() => ({ status: 429, headers: { "retry-after": "1500" } }));
    onTestFinished(() => server.close());
    const world = fakeWorld([watchlist]);
    const options = { baseUrl: server.url, scope: "s", callsPerMinute: 100, callsPerHour: 100 };
    const token = { token: "t", expiresOnTimestamp: Number.POSITIVE_INFINITY };
    world.ports.defender = createDefender({ ...options, credential: () => ({ getToken: async () => token }) });
    await scheduleRuns(world.ports);
    await handleNext(world, Number.POSITIVE_INFINITY);
    const again = world.ports.queue.waiting.find(({ message }) => "runId" in message);
    expect(again?.visibleAt).toBeGreaterThan(Date.parse("2026-11-23T05:24:00Z"));
    expect(again?.visibleAt).toBeLessThanOrEqual(Date.parse("2026-11-23T05:25:00Z"));
    expect(server.requests).toHaveLength(1);
  });
});

describe("the timer and someone who asks, at the same time", () => {
  test("make a run each, both compared with the last scheduled one, and neither disturbs the other", async () => {
    const world = fakeWorld([watchlist]);
    await fire(world, Date.parse("2026-11-22T05:00:00Z"), 100);
    world.setClock("2026-11-23T05:00:00Z");
    world.answers.set(softwareId, [item("5066835", 103)]);
    await scheduleRuns(world.ports);
    await startRun(chainOf(), true, world.ports);
    const messages = world.ports.queue.waiting.splice(0).map(({ message }) => message);
    await Promise.all(messages.map((message) => advance(message, world.ports)));
    await handleAll(world, Date.parse("2026-11-23T23:00:00Z"));
    const scheduled = await world.ports.store.readRun(chainOf(), "2026-11-23");
    const asked = await world.ports.store.readRun(chainOf(), "2026-11-23T05:00Z");
    for (const stored of [scheduled, asked]) {
      expect(stored?.run).toMatchObject({
        previousRunId: "2026-11-22",
        totals: { worsened: 1 },
        mail: { status: "sent" },
      });
    }
    expect(world.inbox.map(({ runId }) => runId).toSorted()).toEqual(["2026-11-22", "2026-11-23", "2026-11-23T05:00Z"]);
    await fire(world, Date.parse("2026-11-24T05:00:00Z"), 103);
    expect((await scheduledRuns(world)).at(-1)).toMatchObject({ previousRunId: "2026-11-23", totals: { worsened: 0 } });
  });
});
