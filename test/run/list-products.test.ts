import { describe, expect, test } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import { hasLeftInventory } from "../../shared/core/report.ts";
import type { Run } from "../../shared/core/run.ts";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import { DefenderError } from "../../shared/ports.ts";
import { headline, subject } from "../../shared/render/headline.ts";
import { loadReport } from "../../shared/run/load-report.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import { askFor, handleAll } from "../support/drive.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { type Stocked, stock } from "../support/inventory.ts";
import { entriesOf } from "../support/play-days.ts";

const windows = "microsoft-_-windows_11";
const office = "microsoft-_-office";
const net = "microsoft-_-.net_framework";
const chrome = "google-_-chrome";
const first = "2026-11-02";

const finding = (parts: Partial<Watchlist> = {}) =>
  aWatchlist({ softwareIds: [], vendor: "microsoft", heartbeatDay: "none", ...parts });

const usual: Readonly<Record<string, Stocked>> = {
  [windows]: { weaknesses: 9, kbs: { "5066835": 40 }, exposedMachines: 40 },
  [office]: { weaknesses: 0 },
  [net]: { weaknesses: 2, kbs: { "5066136": 7 } },
  [chrome]: { weaknesses: 5 },
};
const busy = new DefenderError("Defender returned 500 several times in a row for GET /api/Software.", {
  permanent: false,
});

/** Plays the scheduled run of a day until it is committed, and says what came of it. */
async function playDay(world: FakeWorld, day: string, watchlist = "default") {
  const opened = Date.parse(`${day}T05:00:00Z`);
  world.setClock(opened);
  world.reads.length = 0;
  const mails = world.inbox.length;
  await world.ports.queue.send({ tenant: "home", runId: day, openedAt: new Date(opened).toISOString() });
  await handleAll(world, opened + 6 * 3_600_000);
  const run = await runOf(world, day, watchlist);
  const report = await loadReport(run, world.ports);
  return {
    run,
    report,
    entries: entriesOf(report),
    reads: [...world.reads].sort(),
    mails: world.inbox.slice(mails),
    waited: (Date.parse(run.committedAt) - opened) / 60_000,
  };
}

async function runOf({ ports }: FakeWorld, runId: string, watchlist: string): Promise<Run> {
  const stored = await ports.store.readRun(chainOf(watchlist), runId);
  if (!stored) throw new Error(`${runId} was not committed`);
  return stored.run;
}

const logged = ({ logs }: FakeWorld, message: string) => logs.filter((line) => line.message === message);

describe("a watchlist of a vendor", () => {
  test("watches the listed products with weaknesses, as a baseline, and reads nothing of the others", async () => {
    const world = fakeWorld([finding()]);
    stock(world, usual);
    const { run, reads, entries } = await playDay(world, first);
    expect(reads).toEqual([net, windows]);
    expect(run.comparisons.map(({ softwareId }) => softwareId)).toEqual([windows, net]);
    expect(run.productList).toMatchObject({ failure: null, found: { configured: 0, withoutWeaknesses: 1, beyond: 0 } });
    expect(entries).toEqual([".net_framework 5066136 baseline 7/10 was -", "windows_11 5066835 baseline 40/10 was -"]);
  });

  test("reports a new product as a baseline, with a digest only where every change is wanted", async () => {
    const lists = [finding(), finding({ name: "changed", mailWhen: "changed" })];
    const world = fakeWorld(lists);
    stock(world, usual);
    await playDay(world, first);
    stock(world, { ...usual, "microsoft-_-visio": { weaknesses: 3, kbs: { "5002500": 5 } } });
    const { entries, mails } = await playDay(world, addDays(first, 1));
    expect(entries).toContain("visio 5002500 baseline 5/10 was -");
    expect(mails.map(({ watchlist }) => watchlist)).toEqual(["changed"]);
  });

  test("sends a digest for a new product that it names", async () => {
    const world = fakeWorld([finding()]);
    stock(world, usual);
    await playDay(world, first);
    world.ports.watchlists = configured([finding({ softwareIds: [office] })]);
    const { mails, reads } = await playDay(world, addDays(first, 1));
    expect(reads).toEqual([net, office, windows]);
    expect(mails).toHaveLength(1);
  });

  test("calls a product's first KBs new where yesterday's list shows that it missed none", async () => {
    const world = fakeWorld([finding()]);
    stock(world, usual);
    await playDay(world, first);
    stock(world, { ...usual, [office]: { weaknesses: 4, kbs: { "5002800": 12 } } });
    const { entries, mails } = await playDay(world, addDays(first, 1));
    expect(entries).toContain("office 5002800 new 12/10 was -");
    expect(mails).toHaveLength(1);
  });

  test("reads a product that had KBs although it has no weaknesses now, and then no longer", async () => {
    const world = fakeWorld([finding()]);
    stock(world, usual);
    await playDay(world, first);
    stock(world, { ...usual, [windows]: { weaknesses: 0 } });
    const second = await playDay(world, addDays(first, 1));
    expect(second.reads).toContain(windows);
    expect(second.entries).toContain("windows_11 5066835 resolved - was 40/10");
    const third = await playDay(world, addDays(first, 2));
    expect(third.reads).toEqual([net]);
    expect(third.report.products).toMatchObject([{ softwareId: net }, { softwareId: windows, state: "empty" }]);
    stock(world, usual);
    const fourth = await playDay(world, addDays(first, 3));
    expect(fourth.entries).toContain("windows_11 5066835 returned 40/10 was -");
  });

  test("believes the KBs of a product, not the list that says it has no weaknesses", async () => {
    const world = fakeWorld([finding()]);
    stock(world, usual);
    await playDay(world, first);
    stock(world, { ...usual, [windows]: { weaknesses: 0, kbs: { "5066835": 40 } } });
    expect((await playDay(world, addDays(first, 1))).entries).toContain("windows_11 5066835 unchanged 40/10 was 40/10");
  });

  test("leaves out what it says, and watches what it names as well", async () => {
    const world = fakeWorld([finding({ softwareIds: [chrome], leftOut: [windows] })]);
    stock(world, usual);
    const { run } = await playDay(world, first);
    expect(run.comparisons.map(({ softwareId }) => softwareId)).toEqual([chrome, net]);
  });

  test("with nothing to read is committed all the same", async () => {
    const world = fakeWorld([finding()]);
    stock(world, { [office]: { weaknesses: 0 } });
    const { run, report } = await playDay(world, first);
    expect(run.comparisons).toEqual([]);
    expect(report.products).toEqual([]);
    expect((await playDay(world, addDays(first, 1))).run.previousRunId).toBe(first);
  });
});

describe("a product that left the list", () => {
  test("is not read and not resolved, needs nobody, and has left the inventory after 14 days", async () => {
    const world = fakeWorld([finding()]);
    stock(world, usual);
    await playDay(world, first);
    const { [windows]: _, ...others } = usual;
    // So long that one product is less than a tenth.
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`contoso-_-${n}`, { weaknesses: 0 }]));
    stock(world, { ...usual, ...many });
    await playDay(world, addDays(first, 1));
    stock(world, { ...others, ...many });
    for (let day = 2; day <= 40; day++) {
      const { report, reads, mails, waited } = await playDay(world, addDays(first, day));
      const row = report.products.find(({ softwareId }) => softwareId === windows);
      expect([day, reads.includes(windows)]).toEqual([day, day === 2]);
      expect([day, mails.length, waited]).toEqual([day, 0, 0]);
      expect(report.totals.resolved).toBe(0);
      if (day > 30) expect([day, row]).toEqual([day, undefined]);
      else {
        expect(row).toMatchObject({ state: "not-read", missingKbs: 1, missingInstalls: 40 });
        expect([day, row && hasLeftInventory(row, report.day)]).toEqual([day, day >= 16]);
      }
    }
    const [status] = await world.ports.store.listStatuses();
    expect(status?.failing).toBeNull();
    stock(world, { ...usual, ...many });
    expect((await playDay(world, addDays(first, 41))).entries).toContain(
      "windows_11 5066835 unchanged 40/10 was 40/10",
    );
  });

  test("is read as always where Defender still lists its KBs", async () => {
    const world = fakeWorld([finding()]);
    stock(world, {
      ...usual,
      ...Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`a-_-${n}`, { weaknesses: 0 }])),
    });
    await playDay(world, first);
    world.inventory.products = (world.inventory.products as { id: string }[]).filter(({ id }) => id !== windows);
    const { entries, reads } = await playDay(world, addDays(first, 1));
    expect(reads).toEqual([net, windows]);
    expect(entries).toContain("windows_11 5066835 unchanged 40/10 was 40/10");
  });

  test("is not resolved where Defender answers for it with an empty list and no weaknesses", async () => {
    const world = fakeWorld([finding()]);
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`a-_-${n}`, { weaknesses: 0 }]));
    stock(world, { ...usual, ...many });
    await playDay(world, first);
    stock(world, { ...usual, ...many, [windows]: { weaknesses: 0 } });
    world.inventory.products = (world.inventory.products as { id: string }[]).filter(({ id }) => id !== windows);
    const { report } = await playDay(world, addDays(first, 1));
    expect(report.totals).toMatchObject({ resolved: 0, notRead: 1 });
    expect(report.products.find(({ softwareId }) => softwareId === windows)?.failure?.reason).toContain(
      "no longer has",
    );
  });

  test("leaves the watchlist at once where it missed nothing", async () => {
    const world = fakeWorld([finding({ vendor: "*" })]);
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`a-_-${n}`, { weaknesses: 0 }]));
    stock(world, { ...usual, ...many });
    await playDay(world, first);
    const { [chrome]: _, ...others } = usual;
    stock(world, { ...others, ...many });
    const { run, reads } = await playDay(world, addDays(first, 1));
    expect(run.comparisons.map(({ softwareId }) => softwareId)).toEqual([windows, net]);
    expect(run.left).toMatchObject([{ softwareId: chrome, current: first }]);
    expect(run.failures).toEqual([]);
    expect(reads).not.toContain(chrome);
  });
});

describe("a list that fails", () => {
  test("that could not be read at first is the news, and the products that are found later are announced", async () => {
    const world = fakeWorld([finding()]);
    stock(world, usual);
    const { products } = world.inventory;
    world.inventory.products = busy;
    const failing = await playDay(world, first);
    const reason = "No products are watched: Defender's product list could not be read";
    expect([headline(failing.report), subject(failing.report)]).toEqual([
      `${reason}.`,
      expect.stringContaining(reason),
    ]);
    expect(failing.run.mail.status).toBe("sent");
    const quiet = await playDay(world, addDays(first, 1));
    expect([headline(quiet.report), quiet.run.mail.status]).toEqual([`${reason}.`, "none"]);
    world.inventory.products = products;
    const found = await playDay(world, addDays(first, 2));
    expect([found.run.totals.baseline, found.run.mail.status]).toEqual([2, "sent"]);
  });

  test.each([
    ["cannot be read", busy],
    ["is empty", []],
    ["is cut off", [{ id: chrome, weaknesses: 5, exposedMachines: 10 }]],
  ])("because it %s leaves the one before in use, and the report says so", async (_, answer) => {
    const world = fakeWorld([finding()]);
    stock(world, usual);
    const before = await playDay(world, first);
    world.inventory.products = answer;
    const second = await playDay(world, addDays(first, 1));
    expect(second.run.comparisons.map(({ softwareId }) => softwareId)).toEqual([windows, net]);
    expect(second.reads).toEqual([net, windows]);
    expect(second.report.productList).toMatchObject({
      readAt: before.report.productList?.readAt,
      failure: { since: `${addDays(first, 1)}T05:00:00.000Z` },
    });
    expect(logged(world, "product list could not be read")).toHaveLength(1);
    const third = await playDay(world, addDays(first, 2));
    expect(third.report.productList?.failure?.since).toBe(`${addDays(first, 1)}T05:00:00.000Z`);
    expect(third.report.totals.resolved).toBe(0);
    stock(world, usual);
    expect((await playDay(world, addDays(first, 3))).report.productList?.failure).toBeNull();
  });

  test("before there was any commits a run of what is named, and says so", async () => {
    const world = fakeWorld([finding({ softwareIds: [net] })]);
    stock(world, usual);
    world.inventory.products = busy;
    const { run, mails } = await playDay(world, first);
    expect(run.comparisons.map(({ softwareId }) => softwareId)).toEqual([net]);
    expect(run.productList).toMatchObject({ readAt: null, failure: { reason: busy.message } });
    expect(mails).toHaveLength(1);
    stock(world, usual);
    const { report } = await playDay(world, addDays(first, 1));
    expect(report.products.map(({ softwareId }) => softwareId)).toEqual([net, windows]);
  });

  test("before there was any and nothing is named commits an empty run", async () => {
    const world = fakeWorld([finding()]);
    world.inventory.products = busy;
    const { run, mails } = await playDay(world, first);
    expect(run).toMatchObject({ comparisons: [], productList: { readAt: null } });
    expect(mails).toHaveLength(1);
  });

  test("only for now is waited for where there was none before", async () => {
    const world = fakeWorld([finding()]);
    stock(world, usual);
    const products = world.inventory.products;
    world.inventory.products = new DefenderError("Throttled.", { permanent: false, retryAfterSeconds: 600 });
    const opened = Date.parse(`${first}T05:00:00Z`);
    world.setClock(opened);
    await world.ports.queue.send({ tenant: "home", runId: first, openedAt: new Date(opened).toISOString() });
    await handleAll(world, opened + 500_000);
    expect(await world.ports.store.listRuns(chainOf())).toEqual([]);
    world.inventory.products = products;
    await handleAll(world, opened + 700_000);
    expect((await runOf(world, first, "default")).comparisons).toHaveLength(2);
  });
});

describe("the calls for the list", () => {
  test("are one a run and tenant, however many watchlists, steps and products there are", async () => {
    const lists = ["a", "b", "c"].map((name) => finding({ name }));
    const world = fakeWorld([...lists, aWatchlist({ name: "named", softwareIds: [windows] })]);
    stock(world, usual);
    world.answers.set(net, new DefenderError("Defender returned 500.", { permanent: false }));
    let asked = 0;
    const { listSoftware } = world.ports.defender;
    world.ports.defender.listSoftware = (...args) => {
      asked += 1;
      return listSoftware(...args);
    };
    await playDay(world, first, "a");
    expect(asked).toBe(1);
    await playDay(world, addDays(first, 1), "b");
    expect(asked).toBe(2);
    await askFor(world, {
      watchlist: "a",
      runId: "2026-11-03T12:00Z",
      openedAt: "2026-11-03T12:00:00.000Z",
      mail: false,
    });
    world.setClock("2026-11-03T12:00:00Z");
    await handleAll(world, Date.parse("2026-11-03T13:00:00Z"));
    expect(asked).toBe(3);
  });

  test("are one a day where every product is named, and none for a run asked for", async () => {
    const world = fakeWorld([aWatchlist({ softwareIds: [windows] })]);
    stock(world, usual);
    let asked = 0;
    const { listSoftware } = world.ports.defender;
    world.ports.defender.listSoftware = (...args) => {
      asked += 1;
      return listSoftware(...args);
    };
    const { run } = await playDay(world, first);
    expect(run.productList).toMatchObject({ failure: null, found: null });
    await askFor(world, {
      watchlist: "default",
      runId: "2026-11-02T12:00Z",
      openedAt: "2026-11-02T12:00:00.000Z",
      mail: false,
    });
    world.setClock("2026-11-02T12:00:00Z");
    await handleAll(world, Date.parse("2026-11-02T13:00:00Z"));
    expect(asked).toBe(1);
    world.inventory.products = busy;
    const second = await playDay(world, addDays(first, 1));
    expect(asked).toBe(2);
    expect(second.mails).toEqual([]);
    expect(second.run.productList).toMatchObject({ readAt: run.productList?.readAt, failure: null });
    expect(logged(world, "product list could not be read")).toMatchObject([{ level: "info" }]);
  });
});
