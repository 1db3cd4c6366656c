import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { DefenderError } from "../../shared/ports.ts";
import { advance } from "../../shared/run/advance.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import { askFor, handleAll, handleNext } from "../support/drive.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const windows10 = "microsoft-_-windows_10";
const windows11 = "microsoft-_-windows_11";
const watchlist = aWatchlist({ softwareIds: [windows10, windows11], heartbeatDay: "none" });
const item = (id: string, machineMissedOn: number) => ({ id, machineMissedOn, cveAddressed: 1 });
const forbidden = new DefenderError("Defender answered 403.", { permanent: true });
const broken = new DefenderError("Defender answered 500.", { permanent: false });

/** The run of a day with its mails, from the timer to the last message that is due that day. */
async function day(world: FakeWorld, date: string, answers: Record<string, readonly unknown[] | DefenderError>) {
  world.setClock(`${date}T05:00:00Z`);
  for (const [softwareId, answer] of Object.entries(answers)) world.answers.set(softwareId, answer);
  await scheduleRuns(world.ports);
  await handleAll(world, Date.parse(`${date}T23:59:59Z`));
  return (await world.ports.store.readRun(chainOf(), date))?.run;
}

describe("a run", () => {
  test("reads every product once, commits, and mails what got worse", async () => {
    const world = fakeWorld([watchlist]);
    await day(world, "2026-11-23", { [windows10]: [item("5066835", 12)] });
    const run = await day(world, "2026-11-24", { [windows10]: [item("5066835", 20)] });
    expect(run?.totals).toMatchObject({ worsened: 1, read: 2 });
    expect(run?.mail.status).toBe("sent");
    expect(world.reads).toHaveLength(4);
    expect(world.inbox.map(({ runId, to }) => [runId, to])).toEqual([
      ["2026-11-23", watchlist.mailTo],
      ["2026-11-24", watchlist.mailTo],
    ]);
  });

  test("is one run with one mail however often the timer fires on its day", async () => {
    const world = fakeWorld([watchlist]);
    for (let fired = 0; fired < 3; fired++) await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T23:59:59Z"));
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T23:59:59Z"));
    expect(await world.ports.store.listRuns(chainOf())).toHaveLength(1);
    expect(world.inbox).toHaveLength(1);
    expect(world.reads).toHaveLength(2);
  });

  test("waits for products that could not be read until the grace is over, then says so", async () => {
    const world = fakeWorld([watchlist]);
    await scheduleRuns(world.ports);
    world.answers.set(windows10, broken);
    await handleAll(world, Date.parse("2026-11-23T06:59:59Z"));
    expect(await world.ports.store.readRun(chainOf(), "2026-11-23")).toBeNull();
    await handleAll(world, Date.parse("2026-11-23T07:00:00Z"));
    const stored = await world.ports.store.readRun(chainOf(), "2026-11-23");
    expect(stored?.run.failures).toMatchObject([{ softwareId: windows10, reason: "Defender answered 500." }]);
    expect(world.reads.filter((softwareId) => softwareId === windows11)).toHaveLength(1);
  });

  test("is not delayed by a product that the last two could not read either", async () => {
    const world = fakeWorld([watchlist]);
    const committedAt = async (date: string) =>
      (await day(world, date, { [windows10]: broken }))?.committedAt.slice(0, 16);
    expect(await committedAt("2026-11-23")).toBe("2026-11-23T07:00");
    expect(await committedAt("2026-11-24")).toBe("2026-11-24T07:00");
    expect(await committedAt("2026-11-25")).toBe("2026-11-25T05:00");
    world.answers.set(windows11, broken);
    expect(await committedAt("2026-11-26")).toBe("2026-11-26T07:00");
  });

  test("does not wait if only a person can help", async () => {
    const world = fakeWorld([watchlist]);
    world.answers.set(windows10, forbidden);
    await scheduleRuns(world.ports);
    await handleNext(world, Date.parse("2026-11-23T05:00:00Z"));
    expect((await world.ports.store.readRun(chainOf(), "2026-11-23"))?.run.failures).toHaveLength(1);
  });

  test("stops reading while Defender throttles, and goes on when it may", async () => {
    const world = fakeWorld([watchlist]);
    const throttled = new DefenderError("Defender throttles.", { permanent: false, retryAfterSeconds: 900 });
    world.answers.set(windows10, throttled).set(windows11, throttled);
    await scheduleRuns(world.ports);
    await handleNext(world, Number.POSITIVE_INFINITY);
    const again = world.ports.queue.waiting.find(({ message }) => "runId" in message);
    expect(again?.visibleAt).toBe(Date.parse("2026-11-23T05:15:00Z"));
    world.answers.clear();
    await handleAll(world, Date.parse("2026-11-23T05:15:00Z"));
    expect((await world.ports.store.readRun(chainOf(), "2026-11-23"))?.run.failures).toEqual([]);
  });

  test("ends its step when out of time, and the next step reads only the rest", async () => {
    const world = fakeWorld([watchlist]);
    const timeUp = new AbortController();
    world.ports.defender = {
      ...world.ports.defender,
      getMissingKbs: async (_tenant, softwareId, { signal } = {}) => {
        signal?.throwIfAborted();
        world.reads.push(softwareId);
        timeUp.abort();
        return [item("5066835", 12)];
      },
    };
    const message = { tenant: "home", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" };
    await advance(message, world.ports, timeUp.signal);
    expect(await world.ports.store.readRun(chainOf(), "2026-11-23")).toBeNull();
    await handleAll(world, Date.parse("2026-11-23T05:10:00Z"));
    expect((await world.ports.store.readRun(chainOf(), "2026-11-23"))?.run.failures).toEqual([]);
    expect(world.reads.toSorted()).toEqual([windows10, windows11]);
  });

  test("asks the store for nothing more once it is out of time", async () => {
    const softwareIds = Array.from({ length: 100 }, (_, index) => `contoso-_-product_${index}`);
    const world = fakeWorld([aWatchlist({ softwareIds })]);
    const timeUp = new AbortController();
    const { listSnapshots } = world.ports.store;
    let reads = 0;
    world.ports.store.listSnapshots = async (product, from, to) => {
      reads += 1;
      timeUp.abort();
      return listSnapshots(product, from, to);
    };
    const message = { tenant: "home", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" };
    await advance(message, world.ports, timeUp.signal);
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThanOrEqual(8);
    expect(world.ports.queue.waiting).toHaveLength(1);
  });

  test("logs its commit even if the commit's answer was lost", async () => {
    const world = fakeWorld([watchlist]);
    const { commitRun } = world.ports.store;
    world.ports.store.commitRun = async (run, follows) => {
      await commitRun(run, follows);
      return false;
    };
    await day(world, "2026-11-23", { [windows10]: [item("5066835", 12)] });
    const lines = world.logs.filter(({ message }) => message === "run committed");
    expect(lines.map(({ fields }) => [fields?.run, fields?.committedAt])).toEqual([
      ["2026-11-23", "2026-11-23T05:00:00.000Z"],
    ]);
    expect(world.inbox).toHaveLength(1);
  });

  test("logs what Defender itself said about a read that failed", async () => {
    const world = fakeWorld([watchlist]);
    const cause = new Error("Something went wrong [2b1a]");
    world.answers.set(windows10, new DefenderError("Defender answered 403.", { permanent: true, cause }));
    await day(world, "2026-11-23", {});
    const line = world.logs.find(({ message }) => message === "product could not be read");
    expect(line?.fields).toMatchObject({ reason: "Defender answered 403.", said: "Something went wrong [2b1a]" });
  });

  test("on demand that comes a day late is dropped, because no one waits for it any more", async () => {
    const world = fakeWorld([watchlist]);
    const asked = { watchlist: "default", runId: "2026-11-22T05:00Z", openedAt: "2026-11-22T05:00:00.000Z" };
    await askFor(world, { ...asked, mail: true });
    await handleAll(world, Date.parse("2026-11-23T06:00:00Z"));
    expect(world.reads).toEqual([]);
    expect(await world.ports.store.listRuns(chainOf())).toEqual([]);
    expect(world.logs).toMatchObject([{ level: "warn", message: "run dropped", fields: { run: asked.runId } }]);
    const dropped = { ...chainOf(), runId: asked.runId };
    expect(await world.ports.store.readRequest(dropped)).toMatchObject({
      dropped: "It was asked for more than a day ago.",
    });
    // Its status says so for two days, and is gone with the next scheduled run.
    await day(world, "2026-11-23", {});
    expect(await world.ports.store.readRequest(dropped)).not.toBeNull();
    await day(world, "2026-11-24", {});
    expect(await world.ports.store.readRequest(dropped)).toBeNull();
  });

  test("that comes a week late finds the later one committed and changes nothing", async () => {
    const world = fakeWorld([watchlist]);
    await day(world, "2026-11-23", {});
    const late = { tenant: "home", runId: "2026-11-16", openedAt: "2026-11-16T05:00:00.000Z" };
    await advance(late, world.ports);
    expect((await world.ports.store.listRuns(chainOf())).map(({ runId }) => runId)).toEqual(["2026-11-23"]);
  });

  test("of a watchlist that is no longer configured is dropped", async () => {
    const world = fakeWorld([watchlist]);
    const message = { tenant: "home", watchlist: "gone", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" };
    await advance(message, world.ports);
    expect(world.logs).toMatchObject([{ level: "warn", message: "run of an unknown watchlist dropped" }]);
  });

  test("on demand compares with the last scheduled run and stays outside its chain", async () => {
    const world = fakeWorld([watchlist]);
    await day(world, "2026-11-23", { [windows10]: [item("5066835", 12)] });
    world.setClock("2026-11-23T10:17:00Z");
    world.answers.set(windows10, [item("5066835", 15)]);
    const asked = {
      watchlist: "default",
      runId: "2026-11-23T10:17Z",
      openedAt: "2026-11-23T10:17:00.000Z",
      mail: false,
    };
    await askFor(world, asked);
    await handleAll(world, Date.parse("2026-11-23T10:17:00Z"));
    const onDemand = await world.ports.store.readRun(chainOf(), "2026-11-23T10:17Z");
    expect(onDemand?.run).toMatchObject({
      previousRunId: "2026-11-23",
      totals: { worsened: 1 },
      mail: { status: "none" },
    });
    const next = await day(world, "2026-11-24", {});
    expect(next).toMatchObject({ previousRunId: "2026-11-23", totals: { worsened: 1 } });
    expect(world.inbox).toHaveLength(2);
  });

  test("takes the age of its KBs from another watchlist of the tenant that saw them first", async () => {
    const both = [watchlist, aWatchlist({ name: "servers", softwareIds: [windows10], heartbeatDay: "none" })];
    const world = fakeWorld([watchlist]);
    await day(world, "2026-11-10", { [windows10]: [item("5066835", 12)] });
    world.ports.watchlists = configured(both);
    await day(world, "2026-11-23", {});
    const snapshot = await world.ports.store.readSnapshot({
      tenant: "home",
      softwareId: windows10,
      runId: "2026-11-23",
    });
    expect(snapshot?.missingKbs[0]?.firstSeen).toBe("2026-11-10");
    expect(world.reads.filter((softwareId) => softwareId === windows10)).toHaveLength(2);
  });
});

describe("the storage calls of a run", () => {
  const softwareIds = Array.from({ length: 50 }, (_, index) => `contoso-_-product_${index}`);

  /** Counts the calls to the store; each of those that a daily run makes is one operation of the table service. */
  function counting(world: FakeWorld): { calls: number } {
    const counted = { calls: 0 };
    world.ports.store = new Proxy(world.ports.store, {
      get(target, name, receiver) {
        counted.calls += 1;
        return Reflect.get(target, name, receiver);
      },
    });
    return counted;
  }

  /** The first hour of the second day, before retention; `items` are what each product missed on the first. */
  async function secondDay(items: readonly unknown[], answers: Record<string, readonly unknown[]>) {
    const world = fakeWorld([aWatchlist({ softwareIds, heartbeatDay: "none" })]);
    await day(world, "2026-11-23", Object.fromEntries(softwareIds.map((softwareId) => [softwareId, items])));
    const counted = counting(world);
    for (const [softwareId, answer] of Object.entries(answers)) world.answers.set(softwareId, answer);
    world.setClock("2026-11-24T05:00:00Z");
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-24T06:00:00Z"));
    return { world, calls: counted.calls };
  }

  test("without a mail are two for each product and some twenty for the run", async () => {
    const { world, calls } = await secondDay([item("5066835", 12)], {});
    expect(world.inbox).toHaveLength(1);
    expect(calls).toBeLessThanOrEqual(2 * softwareIds.length + 19);
  });

  test("with its mail are one more for each product", async () => {
    const { world, calls } = await secondDay([item("5066835", 12)], { [softwareIds[0] ?? ""]: [item("5066835", 20)] });
    expect(world.inbox).toHaveLength(2);
    expect(calls).toBeLessThanOrEqual(3 * softwareIds.length + 32);
  });

  test("are more if its KBs do not fit in memory; its report is the same", async () => {
    const many = Array.from({ length: 600 }, (_, index) => item(`${5_000_000 + index}`, 12));
    const { world, calls } = await secondDay(many, { [softwareIds[0] ?? ""]: [item("9999999", 1)] });
    expect(calls).toBeGreaterThan(3 * softwareIds.length + 32);
    expect(calls).toBeLessThanOrEqual(4 * softwareIds.length + 32);
    const run = (await world.ports.store.readRun(chainOf(), "2026-11-24"))?.run;
    expect(run?.totals).toMatchObject({ new: 1, read: 50, missingKbs: 601 });
  });
});

describe("two at once", () => {
  test("commit one run and send one mail", async () => {
    const world = fakeWorld([watchlist]);
    const message = { tenant: "home", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" };
    await Promise.all([advance(message, world.ports), advance(message, world.ports), advance(message, world.ports)]);
    await handleAll(world, Date.parse("2026-11-23T23:59:59Z"));
    expect(await world.ports.store.listRuns(chainOf())).toHaveLength(1);
    expect(world.inbox).toHaveLength(1);
  });

  test.each([
    ["after an earlier one", ["2026-11-21"]],
    ["as the first ones of all", []],
  ])("runs of different days follow one another, whichever commits first, %s", async (_, before) => {
    const world = fakeWorld([watchlist]);
    for (const date of before) await day(world, date, {});
    const open = (runId: string) => ({ tenant: "home", runId, openedAt: `${runId}T05:00:00.000Z` });
    await Promise.all([advance(open("2026-11-22"), world.ports), advance(open("2026-11-23"), world.ports)]);
    await handleAll(world, Date.parse("2026-11-23T23:59:59Z"));
    const runs = await world.ports.store.listRuns(chainOf());
    for (const [index, run] of runs.entries()) expect(run.previousRunId).toBe(runs[index - 1]?.runId ?? null);
    expect(runs.at(-1)?.runId).toBe("2026-11-23");
  });
});

describe("a mail that did not go out", () => {
  async function withOutcomes(...outcomes: FakeWorld["outcomes"]): Promise<FakeWorld> {
    const world = fakeWorld([watchlist]);
    world.outcomes.push(...outcomes);
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T23:59:59Z"));
    return world;
  }
  const mailOf = async ({ ports }: FakeWorld) => (await ports.store.readRun(chainOf(), "2026-11-23"))?.run.mail;

  test("is tried again after a failure, later and later, until it goes", async () => {
    const failed = { status: "failed", reason: "SendGrid answered 503." } as const;
    const world = await withOutcomes(failed, failed, failed);
    expect(await mailOf(world)).toMatchObject({ status: "sent", attempts: 4 });
    expect(world.inbox).toHaveLength(1);
  });

  test("is kept with the reason if it was refused for good", async () => {
    const world = await withOutcomes({ status: "refused", reason: "The from address is not verified." });
    expect(await mailOf(world)).toMatchObject({ status: "refused", reason: "The from address is not verified." });
    expect(world.inbox).toHaveLength(0);
  });

  test("is sent again no earlier than ten minutes after a send of unknown outcome", async () => {
    const world = fakeWorld([watchlist]);
    world.outcomes.push({ status: "unknown", reason: "The connection was reset." });
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T05:09:59Z"));
    expect(world.inbox).toHaveLength(0);
    await handleAll(world, Date.parse("2026-11-23T05:10:00Z"));
    expect(world.inbox).toHaveLength(1);
  });

  test("is given up after three unknown outcomes, so that a lost answer cannot flood its readers", async () => {
    const unknown = { status: "unknown", reason: "The connection was reset.", arrives: true } as const;
    const world = await withOutcomes(unknown, unknown, unknown, unknown);
    expect(world.inbox).toHaveLength(3);
    expect(await mailOf(world)).toMatchObject({ status: "refused", unknownOutcomes: 3 });
  });

  test("of yesterday goes out before today's", async () => {
    const world = fakeWorld([watchlist]);
    const failed = { status: "failed", reason: "SendGrid answered 503." } as const;
    world.outcomes.push(...Array.from({ length: 20 }, () => failed));
    await day(world, "2026-11-23", { [windows10]: [item("5066835", 12)] });
    expect(world.inbox).toHaveLength(0);
    world.outcomes.length = 0;
    await day(world, "2026-11-24", { [windows10]: [item("5066835", 13)] });
    expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-23", "2026-11-24"]);
  });
});

describe("a message to send mails", () => {
  const message = { deliver: chainOf(), openedAt: "2026-11-23T05:00:00.000Z" };
  const noCredits = { status: "failed", isAccount: true, reason: "The account has no credits." } as const;

  test("tries on until a day after the next scheduled run, which has queued another for what is still owed", async () => {
    const world = fakeWorld([watchlist]);
    world.outcomes.push(...Array.from({ length: 99 }, () => noCredits));
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T05:00:00Z"));
    world.ports.queue.waiting.length = 0;
    await world.ports.queue.send(message);
    await handleAll(world, Date.parse("2026-11-25T05:00:00Z"));
    expect(world.ports.queue.waiting).toMatchObject([{ message }]);
    await handleAll(world, Date.parse("2026-11-25T14:00:00Z"));
    expect(world.ports.queue.waiting).toEqual([]);
    // The next run's message sends it, or what covers it.
    world.outcomes.length = 0;
    await day(world, "2026-11-26", {});
    expect(world.inbox).toHaveLength(1);
  });
});

describe("a run on demand", () => {
  const asked = { watchlist: "default", runId: "2026-11-23T10:17Z", openedAt: "2026-11-23T10:17:00.000Z", mail: true };

  function askedWhile(answer: DefenderError): FakeWorld {
    const world = fakeWorld([watchlist]);
    world.setClock(asked.openedAt);
    world.answers.set(windows10, answer).set(windows11, answer);
    return world;
  }
  const reasonsOf = async ({ ports }: FakeWorld) =>
    (await ports.store.readRun(chainOf(), asked.runId))?.run.failures.map(({ reason }) => reason);

  test("does not wait for products with a passing failure: a person is waiting for the run", async () => {
    const world = askedWhile(broken);
    await askFor(world, asked);
    await handleAll(world, Date.parse(asked.openedAt));
    expect(await reasonsOf(world)).toEqual(["Defender answered 500.", "Defender answered 500."]);
    expect(world.inbox).toMatchObject([{ runId: asked.runId }]);
    expect(world.ports.queue.waiting).toEqual([]);
    expect(await world.ports.store.listRequests("home")).toEqual([]);
  });

  test("waits while Defender throttles, for an hour and no longer", async () => {
    const throttled = new DefenderError("Defender throttles.", { permanent: false, retryAfterSeconds: 900 });
    const world = askedWhile(throttled);
    await askFor(world, asked);
    await handleNext(world, Date.parse(asked.openedAt));
    expect(world.ports.queue.waiting).toMatchObject([{ visibleAt: Date.parse("2026-11-23T10:32:00Z") }]);
    await handleAll(world, Date.parse("2026-11-23T11:16:59Z"));
    expect(await reasonsOf(world)).toBeUndefined();
    await handleAll(world, Date.parse("2026-11-23T11:17:00Z"));
    expect(await reasonsOf(world)).toEqual(["Defender throttles.", "Defender throttles."]);
    expect(world.ports.queue.waiting).toEqual([]);
  });
});

describe("a step", () => {
  const message = { tenant: "home", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" };

  /** Every step is out of time as soon as it begins. */
  function timeIsUp() {
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
    onTestFinished(() => timeout.mockRestore());
    return timeout;
  }

  test("ends itself at least five minutes before the platform would end it", async () => {
    const timeout = timeIsUp();
    await advance(message, fakeWorld().ports);
    const stepMs = Number(timeout.mock.lastCall?.[0]);
    const { functionTimeout } = JSON.parse(readFileSync("host.json", "utf8"));
    const platformMs = Date.parse(`1970-01-01T${functionTimeout}Z`);
    expect(stepMs + 5 * 60_000).toBeLessThanOrEqual(platformMs);
  });

  test("that is out of time queues its message again, and the next one continues the run", async () => {
    const timeout = timeIsUp();
    const world = fakeWorld();
    await advance(message, world.ports);
    expect(world.ports.queue.waiting).toMatchObject([{ message }]);
    expect(await world.ports.store.readRun(chainOf(), "2026-11-23")).toBeNull();
    timeout.mockRestore();
    await advance(world.ports.queue.waiting.pop()?.message, world.ports);
    expect((await world.ports.store.readRun(chainOf(), "2026-11-23"))?.run.failures).toEqual([]);
  });
});

describe("a message", () => {
  const message = { tenant: "home", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" };
  const { openedAt: _, ...neverOpened } = message;

  test.each([
    ["is null", null],
    ["is a text", "2026-11-23"],
    ["does not say when it was opened", neverOpened],
    ["names no tenant", { ...message, tenant: "" }],
    ["is of a day that does not exist", { ...message, runId: "2026-02-30" }],
    ["is of a day far from ours", { ...message, runId: "1969-12-31" }],
    ["was opened at an impossible time", { ...message, openedAt: "2026-23-11T05:00:00.000Z" }],
    ["delivers to no watchlist", { deliver: { tenant: "home" }, openedAt: message.openedAt }],
    ["never began to deliver", { deliver: chainOf() }],
    ["expires no day", { expire: { tenant: "home", day: "yesterday" } }],
  ])("that %s fails with what it needs, and changes nothing", async (_name, shapeless) => {
    const world = fakeWorld();
    const advanced = advance(shapeless, world.ports);
    await expect(advanced).rejects.toThrow("it needs a tenant, runId and openedAt");
    expect(await world.ports.store.listRuns(chainOf())).toEqual([]);
    expect([world.reads, world.inbox, world.ports.queue.waiting]).toEqual([[], [], []]);
  });

  test("with a property that a newer version added is accepted", async () => {
    const world = fakeWorld();
    await advance({ ...message, priority: 1 }, world.ports);
    expect(await world.ports.store.listRuns(chainOf())).toMatchObject([{ runId: "2026-11-23" }]);
  });
});
