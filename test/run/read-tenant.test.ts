import { describe, expect, test } from "vitest";
import { DefenderError, StorageError } from "../../shared/ports.ts";
import { advance } from "../../shared/run/advance.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import { askFor, handleAll, handleNext } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const opened = "2026-11-23T05:00:00.000Z";
const scheduled = { tenant: "home", runId: "2026-11-23", openedAt: opened };
const products = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `contoso-_-product_${from + index}`);
const item = { id: "5066835", machineMissedOn: 12, cveAddressed: 1 };

async function runsOf({ ports }: FakeWorld, watchlist: string): Promise<string[]> {
  return (await ports.store.listRuns(chainOf(watchlist))).map(({ runId }) => runId);
}

/** Another process of the app on the same storage, queue and clock, that reads the same tenant. */
function otherProcess(world: FakeWorld): FakeWorld {
  const other = fakeWorld();
  const { store, queue, now, watchlists } = world.ports;
  const defender = { ...world.ports.defender, usage: other.ports.defender.usage, resume: other.ports.defender.resume };
  return { ...other, ports: { ...other.ports, store, queue, now, watchlists, defender } };
}

describe("a tenant's scheduled runs", () => {
  const lists = [
    aWatchlist({ name: "all", softwareIds: products(0, 60) }),
    aWatchlist({ name: "servers", softwareIds: products(40, 50) }),
    aWatchlist({ name: "clients", softwareIds: products(45, 55) }),
  ];

  test("read each product once and commit every watchlist, with a mail each", async () => {
    const world = fakeWorld(lists);
    await world.ports.queue.send(scheduled);
    await handleAll(world, Date.parse(opened));
    expect(world.reads).toHaveLength(60);
    expect(new Set(world.reads).size).toBe(60);
    for (const { name } of lists) expect(await runsOf(world, name)).toEqual(["2026-11-23"]);
    expect(world.inbox.map(({ watchlist }) => watchlist).toSorted()).toEqual(["all", "clients", "servers"]);
  });

  test("of a message that comes twice, to two processes at once, read each product once", async () => {
    const world = fakeWorld(lists);
    await Promise.all([advance(scheduled, world.ports), advance(scheduled, otherProcess(world).ports)]);
    await handleAll(world, Date.parse(opened) + 3_600_000);
    expect(world.reads).toHaveLength(60);
    for (const { name } of lists) expect(await runsOf(world, name)).toEqual(["2026-11-23"]);
    expect(world.inbox).toHaveLength(3);
  });

  test("do not wait for one whose product cannot be read", async () => {
    const world = fakeWorld(lists);
    world.answers.set("contoso-_-product_5", new DefenderError("Defender returned 500.", { permanent: false }));
    await world.ports.queue.send(scheduled);
    await handleAll(world, Date.parse(opened));
    expect(await runsOf(world, "servers")).toEqual(["2026-11-23"]);
    expect(await runsOf(world, "all")).toEqual([]);
    world.answers.clear();
    await handleAll(world, Date.parse(opened) + 300_000);
    expect(await runsOf(world, "all")).toEqual(["2026-11-23"]);
    expect(world.reads).toHaveLength(61);
  });

  test("do not end with one whose commit fails: it goes on by itself, and into the poison queue by itself", async () => {
    const world = fakeWorld(lists);
    const { commitRun } = world.ports.store;
    world.ports.store.commitRun = async (run, follows) => {
      if (run.watchlist === "servers") throw new RangeError("Invalid array length");
      return commitRun(run, follows);
    };
    await world.ports.queue.send(scheduled);
    await handleAll(world, Date.parse(opened));
    expect(await runsOf(world, "all")).toEqual(["2026-11-23"]);
    expect(await runsOf(world, "clients")).toEqual(["2026-11-23"]);
    expect(world.logs).toContainEqual({
      level: "error",
      message: "run not committed",
      fields: { tenant: "home", watchlist: "servers", run: "2026-11-23", reason: "RangeError: Invalid array length" },
    });
    const alone = { ...scheduled, watchlist: "servers" };
    expect(world.ports.queue.waiting.map(({ message }) => message)).toEqual([alone]);
    // Alone it fails, and the host tries it again or puts it into the poison queue.
    await expect(advance(alone, world.ports)).rejects.toThrow("Invalid array length");
    world.ports.store.commitRun = commitRun;
    await handleAll(world, Date.parse(opened) + 300_000);
    expect(await runsOf(world, "servers")).toEqual(["2026-11-23"]);
    expect(world.reads).toHaveLength(60);
  });

  test("that wait for Defender leave out one whose commit fails: it has one message, not one a step", async () => {
    const world = fakeWorld(lists);
    world.answers.set("contoso-_-product_5", new DefenderError("Defender returned 500.", { permanent: false }));
    const { commitRun } = world.ports.store;
    world.ports.store.commitRun = async (run, follows) => {
      if (run.watchlist === "servers") throw new RangeError("Invalid array length");
      return commitRun(run, follows);
    };
    await world.ports.queue.send(scheduled);
    await handleAll(world, Date.parse(opened));
    const waiting = world.ports.queue.waiting.map(({ message }) => message);
    expect(waiting).toEqual([
      { ...scheduled, watchlist: "servers" },
      { ...scheduled, without: ["servers"] },
    ]);
    await advance({ ...scheduled, without: ["servers"] }, world.ports);
    expect(world.ports.queue.waiting.filter(({ message }) => "watchlist" in message)).toHaveLength(1);
  });

  test("of two tenants are read side by side", async () => {
    const contoso = { ...scheduled, tenant: "contoso" };
    const world = fakeWorld([
      aWatchlist({ softwareIds: products(0, 3) }),
      aWatchlist({ tenant: "contoso", softwareIds: products(0, 3) }),
    ]);
    await Promise.all([advance(scheduled, world.ports), advance(contoso, world.ports)]);
    for (const tenant of ["home", "contoso"]) {
      expect(await world.ports.store.listRuns({ tenant, watchlist: "default" })).toHaveLength(1);
    }
    expect(world.reads).toHaveLength(6);
  });

  test("are complete after a crash anywhere: committed, logged, mailed and in the overview", async () => {
    for (let call = 1; ; call++) {
      const world = fakeWorld([
        aWatchlist({ name: "a", softwareIds: products(0, 2) }),
        aWatchlist({ name: "b", softwareIds: products(1, 3) }),
      ]);
      await world.ports.queue.send(scheduled);
      await handleNext(world, Date.parse(opened), { call, after: call % 2 === 0 });
      const isOver = world.ports.queue.waiting.every(({ message }) => !("runId" in message));
      // The lease of the dead process has to end first, and its claim of a mail.
      await handleAll(world, Date.parse(opened) + 3_600_000);
      for (const name of ["a", "b"]) {
        expect(await runsOf(world, name)).toEqual(["2026-11-23"]);
        const committed = world.logs.filter(
          ({ message, fields }) => message === "run committed" && fields?.watchlist === name,
        );
        expect(committed.length).toBeGreaterThan(0);
      }
      expect(world.inbox.map(({ watchlist }) => watchlist).toSorted()).toEqual(["a", "b"]);
      const statuses = await world.ports.store.listStatuses();
      expect(statuses.map(({ watchlist, latest }) => [watchlist, latest?.runId]).toSorted()).toEqual([
        ["a", "2026-11-23"],
        ["b", "2026-11-23"],
      ]);
      if (isOver) break;
      expect(call).toBeLessThan(100);
    }
  });
});

test("a reader that fails before it reads leaves the tenant to others", async () => {
  const world = fakeWorld([aWatchlist({ softwareIds: products(0, 3) })]);
  const { listRequests } = world.ports.store;
  const away = new StorageError("Azure Storage did not answer.", { status: null, code: "ETIMEDOUT" }, null);
  world.ports.store.listRequests = async () => {
    throw away;
  };
  await expect(advance(scheduled, world.ports)).rejects.toBe(away);
  world.ports.store.listRequests = listRequests;
  await advance(scheduled, otherProcess(world).ports);
  expect(await runsOf(world, "default")).toEqual(["2026-11-23"]);
});

describe("a run asked for", () => {
  const asked = { watchlist: "servers", runId: "2026-11-23T05:00Z", openedAt: opened, mail: false };
  const lists = [
    aWatchlist({ name: "all", softwareIds: products(0, 200) }),
    aWatchlist({ name: "servers", softwareIds: products(0, 5) }),
  ];

  test("while the tenant is read is read first by that reader, under its own id, and only once", async () => {
    const world = fakeWorld(lists);
    const committed: string[] = [];
    const { getMissingKbs } = world.ports.defender;
    let isAsked = false;
    world.ports.defender.getMissingKbs = async (...args) => {
      if (world.reads.length >= 50 && !isAsked) {
        isAsked = true;
        await askFor(world, asked);
        world.setClock(Date.parse(opened) + 61_000);
      }
      return getMissingKbs(...args);
    };
    const { commitRun } = world.ports.store;
    world.ports.store.commitRun = async (run, follows) => {
      committed.push(`${run.watchlist} ${run.runId}`);
      return commitRun(run, follows);
    };
    await advance(scheduled, world.ports);
    expect(committed).toEqual(["servers 2026-11-23", "servers 2026-11-23T05:00Z", "all 2026-11-23"]);
    await handleAll(world, Date.parse(opened) + 3_600_000);
    expect(committed).toHaveLength(3);
    expect(world.reads).toHaveLength(205);
    expect(await world.ports.store.listRequests("home")).toEqual([]);
  });

  test("is looked up once, however often the lease is renewed while it is read", async () => {
    const world = fakeWorld(lists);
    await askFor(world, { ...asked, watchlist: "all" });
    const { listRuns } = world.ports.store;
    let looks = 0;
    world.ports.store.listRuns = async (chain, from) => {
      looks += 1;
      return listRuns(chain, from);
    };
    await handleNext(world, Date.parse(opened));
    expect(await runsOf(world, "all")).toEqual([asked.runId]);
    expect(looks).toBe(2);
  });

  test("waits for the reader of another process, and is not lost", async () => {
    const world = fakeWorld(lists);
    const found = await world.ports.store.readLease("home");
    expect(found).toBeNull();
    const until = new Date(Date.parse(opened) + 60_000).toISOString();
    const usage = { calls: [], throttledUntil: null };
    await world.ports.store.writeLease(
      "home",
      { owner: "another", until, usage, reserved: 0, outside: [], progress: [] },
      null,
    );
    await askFor(world, asked);
    await handleAll(world, Date.parse(opened) + 74_000);
    expect(world.reads).toEqual([]);
    await handleAll(world, Date.parse(opened) + 120_000);
    expect(await runsOf(world, "servers")).toEqual([asked.runId]);
  });

  test("sixty times in a minute is one walk", async () => {
    const world = fakeWorld(lists);
    for (let times = 0; times < 60; times++) await askFor(world, asked);
    await handleAll(world, Date.parse(opened) + 3_600_000);
    expect(world.reads).toHaveLength(5);
    expect(await runsOf(world, "servers")).toEqual([asked.runId]);
  });

  test("once without and once with a mail mails", async () => {
    const world = fakeWorld(lists);
    await askFor(world, asked);
    await askFor(world, { ...asked, mail: true });
    await askFor(world, asked);
    await handleAll(world, Date.parse(opened) + 3_600_000);
    expect(world.inbox.map(({ runId }) => runId)).toEqual([asked.runId]);
  });

  test("of a watchlist that is no longer configured says so in its status", async () => {
    const world = fakeWorld(lists);
    await askFor(world, { ...asked, watchlist: "gone" });
    await handleAll(world, Date.parse(opened) + 3_600_000);
    expect(await world.ports.store.listRequests("home")).toMatchObject([
      { watchlist: "gone", dropped: "The watchlist is no longer configured." },
    ]);
    expect(world.ports.queue.waiting).toEqual([]);
  });
});

test("a process that lost its lease makes no more calls, and leaves the rest to the one that has it", async () => {
  const world = fakeWorld([aWatchlist({ softwareIds: products(0, 40) })]);
  const other = otherProcess(world);
  for (const id of products(0, 40)) world.answers.set(id, [item]);
  const { getMissingKbs } = world.ports.defender;
  let isAsleep = false;
  world.ports.defender.getMissingKbs = async (...args) => {
    if (world.reads.length >= 10 && !isAsleep) {
      isAsleep = true;
      // It sleeps for twenty minutes; meanwhile another process reads all that is left.
      world.setClock(Date.parse(opened) + 20 * 60_000);
      await advance(scheduled, other.ports);
    }
    return getMissingKbs(...args);
  };
  await advance(scheduled, world.ports);
  // Those under way when it fell asleep may be read twice.
  expect(world.reads.length).toBeLessThanOrEqual(48);
  expect(await runsOf(world, "default")).toEqual(["2026-11-23"]);
  await handleAll(world, Date.parse(opened) + 3_600_000);
  expect(world.inbox).toHaveLength(1);
});
