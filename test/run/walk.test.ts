import { describe, expect, test } from "vitest";
import { lastComparisons } from "../../shared/core/run.ts";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import { DefenderError, RowError, StorageError } from "../../shared/ports.ts";
import type { Job } from "../../shared/run/jobs.ts";
import type { HeldLease } from "../../shared/run/lease.ts";
import { createWalk } from "../../shared/run/walk.ts";
import { aKb, aSnapshot, aWatchlist } from "../support/builders.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const runId = "2026-11-23";
const windows10 = "microsoft-_-windows_10";
const free: HeldLease = { permit: async () => {}, touch: async () => {}, release: async () => {} };

function jobOf(watchlist: Partial<Watchlist>, compared: Record<string, string> = {}): Job {
  const before = new Map(
    Object.entries(compared).map(([softwareId, current]) => [softwareId, { softwareId, previous: null, current }]),
  );
  return {
    ...{ watchlist: aWatchlist(watchlist), runId, openedAt: "2026-11-23T05:00:00.000Z", results: new Map() },
    ...{
      found: null,
      productList: null,
      runs: [],
      last: null,
      isDigestOwed: false,
      before: before.size > 0 ? before : lastComparisons(null),
    },
  };
}

/** Walks through these runs, and names the watchlists in the order in which they were done. */
async function walkThrough({ ports }: FakeWorld, ...jobs: Job[]) {
  const walk = createWalk("home", free, ports, new AbortController().signal);
  const done: string[] = [];
  walk.add(jobs);
  const heldThen = new Map<string, readonly unknown[]>();
  await walk.run(async ({ watchlist }) => {
    done.push(watchlist.name);
    for (const [softwareId, snapshots] of walk.held) heldThen.set(softwareId, snapshots);
  });
  return { walk, done, held: heldThen };
}

describe("a walk", () => {
  test("hands on each product's snapshot with the one it is compared with", async () => {
    const world = fakeWorld();
    const yesterday = aSnapshot({ runId: "2026-11-22", missingKbs: [aKb({ id: "5066835", machineMissedOn: 12 })] });
    await world.ports.store.addSnapshot(yesterday);
    world.answers.set(windows10, [{ id: "5066835", machineMissedOn: 14, cveAddressed: 1 }]);
    const job = jobOf({ softwareIds: [windows10, "new"] }, { [windows10]: "2026-11-22" });
    const { walk, held } = await walkThrough(world, job);
    expect(Object.fromEntries(job.results)).toEqual({ [windows10]: "read", new: "read" });
    expect(held.get(windows10)).toEqual([yesterday, await world.ports.store.readSnapshot({ ...yesterday, runId })]);
    expect(held.get("new")).toHaveLength(1);
    expect(walk.added()).toBe(2);
  });

  test("does not read what an earlier step of the run has read, and hands it on too", async () => {
    const world = fakeWorld();
    const earlier = aSnapshot({ runId, missingKbs: [aKb()] });
    await world.ports.store.addSnapshot(earlier);
    const job = jobOf({ softwareIds: [windows10] });
    const { walk, held } = await walkThrough(world, job);
    expect(job.results.get(windows10)).toBe("read");
    expect(held.get(windows10)).toEqual([earlier]);
    expect([world.reads, walk.added()]).toEqual([[], 0]);
  });

  test("hands on the stored snapshot if another process wrote it first", async () => {
    const world = fakeWorld();
    const theirs = aSnapshot({ runId, missingKbs: [aKb({ id: "5066835", machineMissedOn: 99 })] });
    const { addSnapshot } = world.ports.store;
    world.ports.store.addSnapshot = async (ours) => {
      await addSnapshot(theirs);
      return addSnapshot(ours);
    };
    const { held } = await walkThrough(world, jobOf({ softwareIds: [windows10] }));
    expect(held.get(windows10)).toEqual([theirs]);
  });

  test("that waited long for its turn takes what another process has stored meanwhile", async () => {
    const world = fakeWorld();
    const theirs = aSnapshot({ runId, missingKbs: [aKb({ id: "5066835", machineMissedOn: 99 })] });
    const { getMissingKbs } = world.ports.defender;
    world.ports.defender.getMissingKbs = async (...args) => {
      // The turnstile admits the call only now.
      world.setClock("2026-11-23T05:00:30Z");
      await world.ports.store.addSnapshot(theirs);
      return getMissingKbs(...args);
    };
    const { held } = await walkThrough(world, jobOf({ softwareIds: [windows10] }));
    expect(held.get(windows10)).toEqual([theirs]);
    expect(world.reads).toEqual([]);
  });

  test("names the failure of a product, and hands on what it is compared with", async () => {
    const world = fakeWorld();
    const yesterday = aSnapshot({ runId: "2026-11-22" });
    await world.ports.store.addSnapshot(yesterday);
    const broken = new DefenderError("Defender returned 500.", { permanent: false });
    world.answers.set(windows10, broken);
    const job = jobOf({ softwareIds: [windows10] }, { [windows10]: "2026-11-22" });
    const { held } = await walkThrough(world, job);
    expect(job.results.get(windows10)).toBe(broken);
    expect(held.get(windows10)).toEqual([yesterday]);
  });

  test.each([
    // A day that is not over in Pago Pago when the next one begins in UTC.
    { early: "2026-11-22T09:20Z", late: "2026-11-22", lateAt: "2026-11-23T04:00:00.000Z", asked: [] },
    // The same, where a later run asked for has a snapshot already.
    {
      early: "2026-11-22T09:20Z",
      late: "2026-11-22",
      lateAt: "2026-11-23T04:00:00.000Z",
      asked: ["2026-11-24T09:00Z"],
    },
    // A day that has begun in Tokyo while it is still the day before in UTC.
    { early: "2026-11-22", late: "2026-11-21T21:00Z", lateAt: "2026-11-21T21:00:00.000Z", asked: [] },
  ])("knows of a product new to its watchlist what $late saw after $early", async ({ early, late, lateAt, asked }) => {
    const world = fakeWorld();
    const earlyAt = early.includes("T") ? early.replace("Z", ":00.000Z") : "2026-11-21T20:00:00.000Z";
    const gone = { id: "5066835", firstSeen: "2026-11-01", peak: 7, goneOn: "2026-11-22" };
    for (const snapshot of [
      aSnapshot({ runId: early, openedAt: earlyAt, missingKbs: [aKb({ id: "5066835" })] }),
      aSnapshot({ runId: late, openedAt: lateAt, missingKbs: [], gone: [gone] }),
      ...asked.map((asked) => aSnapshot({ runId: asked, openedAt: asked.replace("Z", ":00.000Z"), missingKbs: [] })),
    ]) {
      await world.ports.store.addSnapshot(snapshot);
    }
    world.answers.set(windows10, [{ id: "5066835", machineMissedOn: 1, cveAddressed: 1 }]);
    const job = { ...jobOf({ softwareIds: [windows10] }), openedAt: "2026-11-24T06:20:00.000Z" };
    const { held } = await walkThrough(world, job);
    expect(held.get(windows10)).toMatchObject([
      { runId, missingKbs: [{ firstSeen: "2026-11-01", goneOn: "2026-11-22" }] },
    ]);
  });

  test("of more KBs than fit in memory hands on no snapshots", async () => {
    const world = fakeWorld();
    const many = Array.from({ length: 1_900 }, (_, index) => ({ id: `${5_000_000 + index}`, machineMissedOn: 1 }));
    const softwareIds = Array.from({ length: 30 }, (_, index) => `contoso-_-product_${index}`);
    for (const softwareId of softwareIds) world.answers.set(softwareId, many);
    const { held, walk } = await walkThrough(world, jobOf({ softwareIds }));
    expect(walk.added()).toBe(30);
    expect(held.size).toBeLessThan(30);
  });
});

describe("a walk through several watchlists", () => {
  const large = Array.from({ length: 500 }, (_, index) => `contoso-_-product_${index}`);

  test("reads each product once, and is done with each watchlist as soon as its products are", async () => {
    const world = fakeWorld();
    const lists = [{ name: "all", softwareIds: large }, ...teams(["a", "b", "c"])];
    const { done } = await walkThrough(world, ...lists.map((list) => jobOf(list)));
    expect(world.reads).toHaveLength(500);
    expect(new Set(world.reads).size).toBe(500);
    expect(done).toHaveLength(4);
    expect(done.at(-1)).toBe("all");
  });

  test("reads first what many short lists wait for", async () => {
    const world = fakeWorld();
    const lists = [{ name: "all", softwareIds: large }, ...teams(["a", "b"])];
    await walkThrough(world, ...lists.map((list) => jobOf(list)));
    const shared = ["contoso-_-product_400", "contoso-_-product_401"];
    expect(world.reads.slice(0, 2).toSorted()).toEqual(shared);
  });

  test("reads what was added last first, under its own run", async () => {
    const world = fakeWorld();
    const walk = createWalk("home", free, world.ports, new AbortController().signal);
    const asked = { ...jobOf({ softwareIds: ["microsoft-_-edge"] }), runId: "2026-11-23T05:00Z" };
    walk.add([jobOf({ softwareIds: large })]);
    const done: string[] = [];
    const { getMissingKbs } = world.ports.defender;
    world.ports.defender.getMissingKbs = async (...args) => {
      if (world.reads.length === 20) walk.add([asked]);
      return getMissingKbs(...args);
    };
    await walk.run(async (job) => void done.push(job.runId));
    expect(done).toEqual(["2026-11-23T05:00Z", "2026-11-23"]);
    expect(world.reads.indexOf("microsoft-_-edge")).toBeLessThan(40);
  });

  function teams(names: string[]) {
    const shared = ["contoso-_-product_400", "contoso-_-product_401"];
    return names.map((name, index) => ({ name, softwareIds: [...shared, `contoso-_-product_${410 + index}`] }));
  }
});

describe("a product's own fault", () => {
  async function resultOf(world: FakeWorld) {
    const job = jobOf({ softwareIds: [windows10, "microsoft-_-edge"] });
    await walkThrough(world, job);
    expect(job.results.get("microsoft-_-edge")).toBe("read");
    return job.results.get(windows10);
  }

  test("is a failure with its cause in the log, also where nobody thought of it", async () => {
    const world = fakeWorld();
    const { getMissingKbs } = world.ports.defender;
    world.ports.defender.getMissingKbs = async (tenant, softwareId, calling) => {
      if (softwareId === windows10) throw new TypeError("Cannot read properties of undefined");
      return getMissingKbs(tenant, softwareId, calling);
    };
    expect(await resultOf(world)).toMatchObject({
      name: "DefenderError",
      permanent: false,
      message: "Reading this product failed unexpectedly. The app's log has the details.",
    });
    expect(world.logs.find(({ message }) => message === "product could not be read")?.fields).toMatchObject({
      product: windows10,
      said: "Cannot read properties of undefined",
    });
  });

  test("is a failure where its row is damaged", async () => {
    const world = fakeWorld();
    const damaged = new RowError("Row (home|x, 2026-11-22) of table Snapshots is damaged.");
    const { listSnapshots } = world.ports.store;
    world.ports.store.listSnapshots = async (product, from, to) => {
      if (product.softwareId === windows10) throw damaged;
      return listSnapshots(product, from, to);
    };
    expect(await resultOf(world)).toBe(damaged);
  });

  test("is not the trouble of the storage account, which ends the walk", async () => {
    const world = fakeWorld();
    const away = new StorageError("Azure Storage did not answer.", { status: null, code: "ETIMEDOUT" }, null);
    world.ports.store.addSnapshot = async () => {
      throw away;
    };
    await expect(resultOf(world)).rejects.toBe(away);
  });
});
