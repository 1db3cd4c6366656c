import { beforeEach, describe, expect, test } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import type { Mail } from "../../shared/core/mail.ts";
import type { Chain } from "../../shared/core/message.ts";
import type { RunId } from "../../shared/core/run-id.ts";
import { summarize } from "../../shared/core/watchlist-status.ts";
import { RowError, type Store } from "../../shared/ports.ts";
import { expire } from "../../shared/run/expire.ts";
import { loadReport } from "../../shared/run/load-report.ts";
import { anAlert } from "../support/advisories-contract.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import {
  commitRun,
  configure,
  expireAll,
  type KeptWorld,
  keptWorld,
  play,
  readRuns,
  runIdsOf,
  setMail,
  snapshotsOf,
  takeSnapshots,
} from "../support/retention.ts";

const windows = "microsoft-_-windows_10";
const edge = "microsoft-_-edge_chromium-based";
const days = (from: string, count: number) => Array.from({ length: count }, (_, index) => addDays(from, index));
const never = new AbortController().signal;

/** Plays these days, each with its retention. */
async function live(world: KeptWorld, dates: readonly string[], ...[watchlists, status]: LiveWith): Promise<void> {
  for (const day of dates) {
    await play(world, day, watchlists, status);
    await expireAll(world);
  }
}
type LiveWith = [watchlists: Parameters<typeof play>[2], status?: Parameters<typeof play>[3]];

/** Reads every snapshot that a watchlist's runs name, or throws. */
async function loadAll(world: KeptWorld, watchlist = "default"): Promise<number> {
  const runs = await readRuns(world.ports, chainOf(watchlist));
  for (const run of runs) await loadReport(run, world.ports);
  return runs.length;
}

describe("what is kept", () => {
  const watchlist = aWatchlist();
  let world: KeptWorld;
  beforeEach(() => {
    world = keptWorld([watchlist], 2);
  });

  test("a run goes when it is older than the retention, its snapshot with the last run that names it", async () => {
    await live(world, days("2026-11-02", 5), [watchlist]);
    expect(await runIdsOf(world)).toEqual(["2026-11-04", "2026-11-05", "2026-11-06"]);
    // The oldest kept run compares with that of the 3rd.
    expect(await snapshotsOf(world, windows)).toEqual(["2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06"]);
    expect(await loadAll(world)).toBe(3);
  });

  test.each(["pending", "claimed", "sending"] as const)("a run whose mail is %s is kept", async (status) => {
    await live(world, days("2026-11-02", 1), [watchlist], status);
    await live(world, days("2026-11-03", 5), [watchlist]);
    expect(await runIdsOf(world)).toEqual(["2026-11-02", "2026-11-05", "2026-11-06", "2026-11-07"]);
    expect(await loadAll(world)).toBe(4);
  });

  test("the run of the last digest and all scheduled ones after it are kept until the next digest was sent", async () => {
    await live(world, days("2026-11-02", 2), [watchlist]);
    await live(world, days("2026-11-04", 5), [watchlist], "none");
    expect(await runIdsOf(world)).toEqual(days("2026-11-03", 6));
    expect(await loadAll(world)).toBe(6);
    await live(world, ["2026-11-09"], [watchlist]);
    expect(await runIdsOf(world)).toEqual(days("2026-11-07", 3));
  });

  test("without a digest that was ever sent, only the last run is kept for longer", async () => {
    await live(world, days("2026-11-02", 4), [watchlist], "refused");
    world.setClock("2026-12-01T12:00:00Z");
    await expireAll(world);
    expect(await runIdsOf(world)).toEqual(["2026-11-05"]);
    expect(await loadAll(world)).toBe(1);
  });

  test("a product that left the list is kept for as long as it may be compared with", async () => {
    world = keptWorld([], 4);
    const without = aWatchlist({ softwareIds: [windows] });
    await live(world, ["2026-11-02"], [aWatchlist({ softwareIds: [windows, edge] })]);
    configure(world, [without]);
    // The run of the 6th can still be followed by one that has the product again, and is itself kept until the 10th.
    await live(world, days("2026-11-03", 8), [without]);
    expect(await snapshotsOf(world, edge)).toEqual(["2026-11-02"]);
    await live(world, ["2026-11-11"], [without]);
    expect(await snapshotsOf(world, edge)).toEqual([]);
  });

  test("what the first run after a gap compares with is kept", async () => {
    const both = aWatchlist({ softwareIds: [windows, edge] });
    world = keptWorld([both], 4);
    await live(world, ["2026-11-02"], [both], "pending");
    await live(world, ["2026-11-03"], [both], "refused");
    world.setClock("2026-11-04T12:00:00Z");
    await takeSnapshots(world, "2026-11-04", [windows]);
    await commitRun(world, both, "2026-11-04", "refused");
    await live(world, days("2026-11-05", 5), [both], "refused");
    expect(await runIdsOf(world)).toEqual(["2026-11-02", ...days("2026-11-05", 5)]);
    // Edge could not be read on the 4th, so the run of the 5th compares with the 3rd, and no other kept run does.
    expect(await snapshotsOf(world, edge)).toEqual(["2026-11-02", "2026-11-03", ...days("2026-11-05", 5)]);
    expect(await loadAll(world)).toBe(6);
  });

  test("the snapshots of a run that never committed go as well", async () => {
    await live(world, days("2026-11-02", 2), [watchlist]);
    world.setClock("2026-11-04T12:00:00Z");
    await takeSnapshots(world, "2026-11-04", [windows]);
    await takeSnapshots(world, "2026-11-04T10:00Z", [windows]);
    await live(world, days("2026-11-05", 2), [watchlist]);
    expect(await snapshotsOf(world, windows)).toContain("2026-11-04T10:00Z");
    await live(world, ["2026-11-07"], [watchlist]);
    // The oldest kept run compares with that of the 3rd.
    expect(await snapshotsOf(world, windows)).toEqual(["2026-11-03", ...days("2026-11-05", 3)]);
  });

  test("a day is over where the readers are, not where UTC is", async () => {
    const lived = async (timeZone: string, runIds: readonly RunId[], now: string) => {
      const there = keptWorld([watchlist], 2, timeZone);
      for (const runId of runIds) {
        there.setClock(`${runId.slice(0, 10)}T12:00:00Z`);
        await takeSnapshots(there, runId, [windows]);
        await commitRun(there, watchlist, runId);
      }
      there.setClock(now);
      await expireAll(there);
      return [await runIdsOf(there), await snapshotsOf(there, windows)];
    };
    const scheduled = days("2026-11-02", 4);
    const kept = days("2026-11-03", 3);
    expect(await lived("UTC", scheduled, "2026-11-05T05:00:00Z")).toEqual([kept, scheduled]);
    // There it is still the 4th.
    expect(await lived("America/Los_Angeles", scheduled, "2026-11-05T05:00:00Z")).toEqual([scheduled, scheduled]);
    // There, this run was asked for on the 2nd.
    const asked = "2026-11-03T05:00Z";
    const late = ["2026-11-02", asked, "2026-11-03", "2026-11-04", "2026-11-05"];
    expect(await lived("America/Los_Angeles", late, "2026-11-05T20:00:00Z")).toEqual([kept, scheduled]);
    expect(await lived("UTC", late, "2026-11-05T20:00:00Z")).toEqual([
      [asked, ...kept].sort(),
      [asked, ...scheduled].sort(),
    ]);
  });
});

describe("watchlists of one tenant", () => {
  test("a snapshot stays for a watchlist that keeps its run for longer", async () => {
    // The first is mailed each day; the second keeps its runs since its only digest.
    const [first, second] = [aWatchlist(), aWatchlist({ name: "second" })];
    const world = keptWorld([first, second], 2);
    await play(world, "2026-11-02", [first, second]);
    for (const day of days("2026-11-03", 8)) {
      world.setClock(`${day}T12:00:00Z`);
      await takeSnapshots(world, day, [windows]);
      await commitRun(world, first, day);
      await commitRun(world, second, day, "none");
      await expireAll(world);
    }
    expect(await runIdsOf(world)).toHaveLength(3);
    expect(await loadAll(world, "second")).toBe(9);
  });

  test("a watchlist keeps what it had for some days between two digests", async () => {
    const [own, other] = [aWatchlist(), aWatchlist({ name: "other", softwareIds: [edge] })];
    const world = keptWorld([own, other], 4);
    const both = aWatchlist({ softwareIds: [windows, edge] });
    await live(world, ["2026-11-02"], [own, other]);
    for (const day of days("2026-11-03", 18)) {
      await play(world, day, [day < "2026-11-05" ? both : own], "none");
      await takeSnapshots(world, day, [edge]);
      await commitRun(world, other, day);
      await expireAll(world);
    }
    expect(await loadAll(world)).toBe(19);
  });

  test("a run asked for that is kept for its mail keeps what its own list brought", async () => {
    const [own, other] = [aWatchlist(), aWatchlist({ name: "other", softwareIds: [edge] })];
    const world = keptWorld([own, other], 2);
    await live(world, ["2026-11-02"], [own, other]);
    world.setClock("2026-11-02T13:00:00Z");
    const asked = "2026-11-02T13:00Z";
    await takeSnapshots(world, asked, [windows, edge]);
    await commitRun(world, aWatchlist({ softwareIds: [windows, edge] }), asked, "pending");
    for (const day of days("2026-11-03", 7)) {
      await play(world, day, [own], "none");
      await play(world, day, [other]);
      await expireAll(world);
    }
    expect(await runIdsOf(world)).toContain(asked);
    expect(await loadAll(world)).toBe(9);
  });

  test("what another tenant keeps is another's", async () => {
    const own = aWatchlist();
    const other = aWatchlist({ name: "other", tenant: "11111111-1111-1111-1111-111111111111" });
    const world = keptWorld([own, other], 2);
    for (const day of days("2026-11-02", 5)) await play(world, day, [own, other]);
    const statuses = await world.ports.store.listStatuses();
    await expireAll(world);
    expect(await runIdsOf(world)).toHaveLength(3);
    expect(await world.ports.store.listRuns(chainOf("other", other.tenant))).toHaveLength(5);
    expect(await world.ports.store.listStatuses()).toMatchObject(
      statuses.map(({ tenant, watchlist }) => ({ tenant, watchlist, removedOn: null })),
    );
    expect(await world.ports.store.readBookmark(other.tenant)).toBeNull();
  });
});

describe("a removed watchlist", () => {
  const [stays, leaves] = [aWatchlist({ name: "stays", softwareIds: [edge] }), aWatchlist({ name: "Leaves" })];
  const chain = chainOf("Leaves");
  let world: KeptWorld;
  beforeEach(async () => {
    world = keptWorld([stays, leaves], 20);
    await live(world, days("2026-11-02", 3), [stays, leaves]);
    configure(world, [stays]);
  });
  const statusOf = async () => (await world.ports.store.listStatuses()).find((one) => one.watchlist === "Leaves");
  const expireOn = async (day: string) => {
    world.setClock(`${day}T12:00:00Z`);
    await expireAll(world);
  };

  test("is noted as removed on the day on which that is found", async () => {
    await expireOn("2026-11-05");
    await expireOn("2026-11-06");
    expect(await statusOf()).toMatchObject({ removedOn: "2026-11-05", latest: { runId: "2026-11-04" } });
    expect(world.logs.filter(({ message }) => message === "watchlist removed")).toMatchObject([{ fields: chain }]);
  });

  test("is as before when it is configured again, under whichever capitals", async () => {
    await expireOn("2026-11-05");
    configure(world, [stays, { ...leaves, name: "LEAVES" }]);
    await expireOn("2026-11-20");
    const [status] = (await world.ports.store.listStatuses()).filter(({ watchlist }) => watchlist !== "stays");
    expect(status).toMatchObject({ removedOn: null, awaitedSince: "2026-11-20T12:00:00.000Z" });
    await expireOn("2026-11-21");
    // It waits for its next run since then.
    const [later] = (await world.ports.store.listStatuses()).filter(({ watchlist }) => watchlist !== "stays");
    expect(later).toEqual(status);
    await expireOn("2027-03-01");
    expect(await runIdsOf(world, "Leaves")).toEqual(["2026-11-04"]);
  });

  test("goes with its runs, the last digest included, and leaves nothing behind", async () => {
    await expireOn("2026-11-05");
    await expireOn("2026-11-22");
    expect(await runIdsOf(world, "Leaves")).toEqual(days("2026-11-02", 3));
    await expireOn("2026-11-24");
    expect(await runIdsOf(world, "Leaves")).toEqual(days("2026-11-04", 1));
    const begun: Chain[] = [];
    const { deleteBeginning } = world.ports.store;
    world.ports.store.deleteBeginning = async (one) => {
      begun.push({ tenant: one.tenant, watchlist: one.watchlist });
      await deleteBeginning(one);
    };
    await expireOn("2026-12-15");
    expect([await runIdsOf(world, "Leaves"), await snapshotsOf(world, windows), await statusOf(), begun]).toEqual([
      ...[[], [], undefined],
      [chain],
    ]);
    expect(await runIdsOf(world, "stays")).toEqual(["2026-11-04"]);
  });

  test("takes the snapshots of a run with it that was under way when it was removed", async () => {
    await takeSnapshots(world, "2026-11-06", [windows]);
    for (const day of days("2026-11-05", 60)) await expireOn(day);
    expect([await runIdsOf(world, "Leaves"), await snapshotsOf(world, windows)]).toEqual([[], []]);
  });

  test.each(["pending", "claimed", "sending", "refused"] as const)("cancels a %s mail after a week", async (status) => {
    await setMail(world.ports.store, chain, "2026-11-03", status);
    await expireOn("2026-11-05");
    const mailOf = async () => (await world.ports.store.readRun(chain, "2026-11-03"))?.run.mail;
    await expireOn("2026-11-11");
    expect(await mailOf()).toMatchObject({ status });
    await expireOn("2026-11-12");
    expect(await mailOf()).toMatchObject({
      ...{ status: "cancelled", reason: "The watchlist was removed.", at: "2026-11-12T12:00:00.000Z" },
    });
    expect(await statusOf()).toMatchObject({ removedOn: "2026-11-05", open: [] });
  });

  test("keeps a run whose mail changes meanwhile until it could be cancelled", async () => {
    await setMail(world.ports.store, chain, "2026-11-02", "sending");
    await expireOn("2026-11-05");
    const { store } = world.ports;
    world.ports.store = { ...store, updateMail: async () => false };
    await expireOn("2026-12-20");
    expect(await runIdsOf(world, "Leaves")).toEqual(["2026-11-02"]);
    world.ports.store = store;
    await expireOn("2026-12-21");
    expect(await runIdsOf(world, "Leaves")).toEqual([]);
  });

  test.each([
    ["nothing could be read", [], [{ watchlist: null, message: "…", isKept: false }]],
    ["an entry has no name", [stays], [{ watchlist: null, message: "…", isKept: false }]],
    ["the list is empty", [], []],
    ["its own entry is faulty", [stays], [{ watchlist: "leaves", message: "…", isKept: false }]],
  ] as const)("is none where %s", async (_, list, faults) => {
    await setMail(world.ports.store, chain, "2026-11-03", "pending");
    configure(world, list, faults);
    await expireOn("2026-11-05");
    await expireOn("2027-03-01");
    expect(await statusOf()).toMatchObject({ removedOn: null });
    expect((await world.ports.store.readRun(chain, "2026-11-03"))?.run.mail.status).toBe("pending");
    expect(await runIdsOf(world, "Leaves")).toEqual(["2026-11-03", "2026-11-04"]);
    // Nor is one let go that was removed long ago.
    configure(world, [stays]);
    await expireOn("2027-03-02");
    configure(world, list, faults);
    await expireOn("2027-04-01");
    expect(await runIdsOf(world, "Leaves")).toEqual(["2026-11-03", "2026-11-04"]);
  });
});

describe("once a day", () => {
  const watchlist = aWatchlist();
  let world: KeptWorld;
  const expireFor = (day: string) => expire({ tenant: "home", day }, world.ports, never);
  beforeEach(async () => {
    world = keptWorld([watchlist], 2);
    for (const day of days("2026-11-02", 6)) await play(world, day, [watchlist]);
  });

  test("a second message of the day, and an older one, do nothing", async () => {
    expect(await expireFor("2026-11-07")).toBeNull();
    expect(await runIdsOf(world)).toEqual(days("2026-11-05", 3));
    const { store } = world.ports;
    world.ports.store = { ...store, listRuns: () => Promise.reject(new Error("not again")) };
    expect([await expireFor("2026-11-07"), await expireFor("2026-11-06")]).toEqual([null, null]);
    expect(await store.readBookmark("home")).toEqual({ day: "2026-11-07", isDone: true });
  });

  test("a day begins anew where the day before did not finish", async () => {
    await world.ports.store.saveBookmark("home", { day: "2026-11-06", isDone: false, after: "zzz" });
    await expireFor("2026-11-07");
    expect(await snapshotsOf(world, windows)).toEqual(days("2026-11-04", 4));
  });

  test("a late message deletes what was too old on its day", async () => {
    await expireFor("2026-11-05");
    expect(await runIdsOf(world)).toEqual(days("2026-11-03", 5));
  });

  test("a message of a day to come deletes what is too old today", async () => {
    await expireFor("2999-01-01");
    expect(await runIdsOf(world)).toEqual(days("2026-11-05", 3));
    expect(await world.ports.store.readBookmark("home")).toEqual({ day: "2026-11-07", isDone: true });
  });

  test("a step that a newer day overtakes leaves that day's bookmark alone", async () => {
    const { store } = world.ports;
    const newer = { day: "2026-11-08", isDone: true };
    world.ports.store = {
      ...store,
      deleteRun: async (run) => {
        await store.saveBookmark("home", newer);
        await store.deleteRun(run);
      },
    };
    await expireFor("2026-11-07");
    expect(await store.readBookmark("home")).toEqual(newer);
  });

  test("steps that are out of time each get further, and in the end as far as a single one", async () => {
    const softwareIds = Array.from({ length: 20 }, (_, index) => `product-${index}`);
    const many = aWatchlist({ softwareIds });
    const finished: unknown[] = [];
    for (const isHurried of [false, true]) {
      const there = keptWorld([many], 2);
      for (const day of days("2026-11-02", 6)) await play(there, day, [many]);
      const steps = await expireAll(there, isHurried);
      finished.push([await runIdsOf(there), await Promise.all(softwareIds.map((id) => snapshotsOf(there, id)))]);
      // Eight products at a time, then the watchlist's runs, then nothing is left.
      expect(steps).toBe(isHurried ? 5 : 1);
    }
    expect(finished[1]).toEqual(finished[0]);
  });

  test("an unfinished step says in its bookmark how far it got", async () => {
    await expire({ tenant: "home", day: "2026-11-07" }, world.ports, AbortSignal.abort());
    expect(await world.ports.store.readBookmark("home")).toEqual({ day: "2026-11-07", isDone: false, after: windows });
    expect(await runIdsOf(world)).toHaveLength(6);
  });
});

test("a status that a crash kept from being written is written", async () => {
  const watchlist = aWatchlist();
  const world = keptWorld([watchlist]);
  await play(world, "2026-11-02", [watchlist]);
  await world.ports.store.deleteStatus(chainOf());
  await expireAll(world);
  const [run] = await readRuns(world.ports, chainOf());
  expect(await world.ports.store.listStatuses()).toEqual([summarize(chainOf(), run ? [run] : [], run ?? null)]);
});

describe("a damaged row", () => {
  const intact = aWatchlist({ softwareIds: [edge, windows] });
  const broken = aWatchlist({ name: "broken" });
  let world: KeptWorld;
  beforeEach(async () => {
    world = keptWorld([intact, broken], 2);
    for (const day of days("2026-11-02", 6)) await play(world, day, [intact, broken]);
  });
  const damage = (calls: Partial<Store>) => {
    world.ports.store = { ...world.ports.store, ...calls };
  };
  const damageRun = (damaged: RunId) => {
    const { readRun } = world.ports.store;
    damage({
      readRun: async (chain, runId) => {
        if (chain.watchlist === "broken" && runId === damaged) throw new RowError("The row is damaged.");
        return readRun(chain, runId);
      },
    });
  };
  const errors = () => world.logs.filter(({ level }) => level === "error");
  const kept = days("2026-11-05", 3);

  test("of the list of runs keeps all of its watchlist, and the others go on", async () => {
    const { listRuns } = world.ports.store;
    damage({
      listRuns: async (chain, from) => {
        if (chain.watchlist === "broken") throw new RowError("The row is damaged.");
        return listRuns(chain, from);
      },
    });
    // What it has follows from its last run, too.
    configure(world, [intact, { ...broken, softwareIds: [] }]);
    await expireAll(world);
    expect(await runIdsOf(world)).toEqual(kept);
    expect(await snapshotsOf(world, edge)).toEqual(["2026-11-04", ...kept]);
    expect(await snapshotsOf(world, windows)).toEqual(days("2026-11-02", 6));
    expect(errors()).toEqual([
      {
        level: "error",
        message: "runs kept because of a damaged row",
        fields: { ...chainOf("broken"), reason: "The row is damaged." },
      },
    ]);
  });

  test.each(["2026-11-05", "2026-11-07"])("of a kept run (%s) keeps all of its watchlist", async (runId) => {
    damageRun(runId);
    configure(world, [intact, { ...broken, softwareIds: [] }]);
    await expireAll(world);
    expect(await runIdsOf(world)).toEqual(kept);
    expect(await snapshotsOf(world, edge)).toEqual(["2026-11-04", ...kept]);
    expect(await runIdsOf(world, "broken")).toEqual(days("2026-11-02", 6));
    expect(await snapshotsOf(world, windows)).toEqual(days("2026-11-02", 6));
    expect(errors()).toHaveLength(1);
  });

  test("owes no mail once its watchlist was removed, and goes with its retention", async () => {
    await setMail(world.ports.store, chainOf("broken"), "2026-11-06", "pending");
    damageRun("2026-11-06");
    configure(world, [intact]);
    for (const day of days("2026-11-08", 9)) {
      world.setClock(`${day}T12:00:00Z`);
      await expireAll(world);
    }
    expect(await runIdsOf(world, "broken")).toEqual(["2026-11-07"]);
  });

  test("goes when its time has come", async () => {
    damageRun("2026-11-03");
    await expireAll(world);
    expect(await runIdsOf(world, "broken")).toEqual(kept);
    expect(await snapshotsOf(world, windows)).toEqual(["2026-11-04", ...kept]);
    expect(errors()).toEqual([]);
  });
});

test("another error ends the step, and the next one does it all", async () => {
  const watchlist = aWatchlist();
  const world = keptWorld([watchlist], 2);
  for (const day of days("2026-11-02", 6)) await play(world, day, [watchlist]);
  const { store } = world.ports;
  world.ports.store = { ...store, readRun: () => Promise.reject(new Error("Azure Storage did not answer.")) };
  await expect(expireAll(world)).rejects.toThrow("did not answer");
  world.ports.store = store;
  await expireAll(world);
  expect(await runIdsOf(world)).toHaveLength(3);
});

describe("table operations", () => {
  const retentionDays = 40;
  const products = Array.from({ length: 60 }, (_, index) => `product-${String(index).padStart(2, "0")}`);

  /**
   * Of one day of a tenant at full retention, whose watchlists of ten products each overlap. The runs between the oldest and
   * the last one are left out: a list of runs is one operation, and none of these is read.
   */
  async function count(watchlists: number): Promise<number> {
    const list = Array.from({ length: watchlists }, (_, index) => {
      const softwareIds = Array.from({ length: 10 }, (_, at) => products[(index * 7 + at) % products.length] ?? "");
      return aWatchlist({ name: `watchlist-${index}`, softwareIds });
    });
    const world = keptWorld(list, retentionDays);
    for (const day of days("2026-11-02", 3)) await play(world, day, list);
    await live(world, [addDays("2026-11-03", retentionDays)], list);
    await play(world, addDays("2026-11-04", retentionDays), list);
    let operations = 0;
    world.ports.store = new Proxy(world.ports.store, {
      get(target, name, receiver) {
        const method = Reflect.get(target, name, receiver);
        return (...args: unknown[]) => {
          operations += 1;
          return method.apply(target, args);
        };
      },
    });
    await expireAll(world);
    const counted = operations;
    expect(await runIdsOf(world, "watchlist-0")).toHaveLength(3);
    return counted;
  }

  test("grow with the number of watchlists and products, not with its square", { timeout: 60_000 }, async () => {
    const counted = new Map<number, number>();
    for (const watchlists of [25, 50, 100, 200, 500]) counted.set(watchlists, await count(watchlists));
    // A watchlist: list its runs and its alerts, read the oldest, the last and the one that goes, write its status, delete the run.
    const each = 7;
    // A product: list its old snapshots, delete one. A tenant: its bookmark three times, and the list of statuses.
    const fixed = 2 * products.length + 4;
    expect(Object.fromEntries(counted)).toEqual(
      Object.fromEntries([...counted.keys()].map((watchlists) => [watchlists, watchlists * each + fixed])),
    );
  });
});

describe("alerts", () => {
  const watchlist = aWatchlist();
  const alerted = async (world: KeptWorld, dates: readonly string[], status: Mail["status"] = "sent") => {
    for (const date of dates) {
      const at = `${date}T14:00:00.000Z`;
      const mail = { status, at, attempts: 1, unknownOutcomes: 0 };
      await world.ports.store.addAlert(anAlert({ ...chainOf(), cve: `CVE-${date}`, openedAt: at, mail }));
    }
  };
  const alertsOf = async ({ ports }: KeptWorld) =>
    (await ports.store.listAlerts(chainOf())).map(({ cve, mail }) => [cve, mail.status]);

  test("go with the retention, whatever became of their mail", async () => {
    for (const status of ["sent", "refused", "pending"] as const) {
      const world = keptWorld([watchlist], 2);
      await alerted(world, days("2026-11-02", 5), status);
      await live(world, ["2026-11-06"], [watchlist]);
      expect(await alertsOf(world)).toEqual(days("2026-11-04", 3).map((date) => [`CVE-${date}`, status]));
    }
  });

  test("of a removed watchlist are cancelled on the next day, and gone with its last row", async () => {
    const world = keptWorld([watchlist], 2);
    await play(world, "2026-11-02", [watchlist]);
    await alerted(world, ["2026-11-02"], "pending");
    configure(world, [aWatchlist({ name: "other" })]);
    world.setClock("2026-11-03T12:00:00Z");
    await expireAll(world);
    expect(await alertsOf(world)).toEqual([["CVE-2026-11-02", "cancelled"]]);
    // Written by a process that had not read of the removal.
    await alerted(world, ["2026-11-10"]);
    for (const day of days("2026-11-04", 12)) {
      world.setClock(`${day}T12:00:00Z`);
      await expireAll(world);
    }
    expect([await alertsOf(world), await runIdsOf(world)]).toEqual([[], []]);
  });

  test("that are damaged are kept, and the runs go", async () => {
    const world = keptWorld([watchlist], 2);
    await alerted(world, ["2026-11-02"]);
    const { listAlerts } = world.ports.store;
    world.ports.store.listAlerts = async () => {
      throw new RowError("It is damaged.");
    };
    // Their delivery fails; retention does not.
    await live(world, days("2026-11-02", 5), [watchlist], "sent");
    world.ports.store.listAlerts = listAlerts;
    expect(await alertsOf(world)).toHaveLength(1);
    expect(await runIdsOf(world)).toHaveLength(3);
  });
});
