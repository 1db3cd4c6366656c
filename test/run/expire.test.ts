import fc from "fast-check";
import { expect, test } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import type { Run } from "../../shared/core/run.ts";
import { DefenderError } from "../../shared/ports.ts";
import { loadReport } from "../../shared/run/load-report.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const softwareIds = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
const unreadable = new DefenderError("Defender answered 403.", { permanent: true });

test("what expires takes nothing with it that a kept run needs", { timeout: 30_000 }, async () => {
  const readable = fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 8, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(readable, fc.integer({ min: 1, max: 6 }), async (days, retentionDays) => {
      const lists = [aWatchlist({ softwareIds, mailWhen: "worse" }), aWatchlist({ name: "second", softwareIds })];
      const world = fakeWorld(lists);
      world.ports.rules = { ...world.ports.rules, retentionDays };
      await live(world, days);
      const today = addDays("2026-11-02", days.length - 1);
      for (const { name } of lists) {
        const kept = await world.ports.store.listRuns(name);
        // Runs expire before the mail of the day is sent.
        const mails = world.inbox.filter((mail) => mail.watchlist === name && mail.runId < today);
        const digest = mails.at(-1)?.runId ?? today;
        expect(kept.map(({ runId }) => runId)).toEqual(
          days
            .map((_, index) => addDays("2026-11-02", index))
            .filter((runId) => runId >= addDays(today, -retentionDays) || runId >= digest),
        );
        // Loads every snapshot that the runs name, or throws.
        for (const { runId } of kept) await loadReport(await theRun(world, name, runId), world.ports);
      }
    }),
    { numRuns: 25 },
  );
});

/** Days from 2 November on, each with the products that can be read on it. */
async function live(world: FakeWorld, days: readonly (readonly boolean[])[]): Promise<void> {
  for (const [index, readable] of days.entries()) {
    world.setClock(`${addDays("2026-11-02", index)}T05:00:00Z`);
    for (const [at, softwareId] of softwareIds.entries()) world.answers.set(softwareId, readable[at] ? [] : unreadable);
    await scheduleRuns(world.ports);
    await handleAll(world, world.ports.now().getTime() + 3_600_000);
  }
}

async function theRun({ ports }: FakeWorld, watchlist: string, runId: string): Promise<Run> {
  const stored = await ports.store.readRun(watchlist, runId);
  if (!stored) throw new Error(`No run ${runId}.`);
  return stored.run;
}

test("what expires takes nothing with it that another watchlist keeps for longer", async () => {
  // The first is mailed each day; the second keeps its runs since its only digest.
  const lists = [
    aWatchlist({ softwareIds, mailWhen: "always" }),
    aWatchlist({ name: "second", softwareIds, heartbeatDay: "none" }),
  ];
  const world = fakeWorld(lists);
  world.ports.rules = { ...world.ports.rules, retentionDays: 2 };
  await live(world, Array(9).fill([true, true]));
  const kept = await world.ports.store.listRuns("second");
  expect(kept).toHaveLength(9);
  for (const { runId } of kept) await loadReport(await theRun(world, "second", runId), world.ports);
});

test("the snapshots of a run that expired are gone", async () => {
  const world = fakeWorld([aWatchlist({ softwareIds, mailWhen: "always" })]);
  world.ports.rules = { ...world.ports.rules, retentionDays: 2 };
  for (const day of ["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06"]) {
    world.setClock(`${day}T05:00:00Z`);
    await scheduleRuns(world.ports);
    await handleAll(world, world.ports.now().getTime());
  }
  const exists = async (runId: string) =>
    (await world.ports.store.readSnapshot({ tenant: "home", softwareId: "microsoft-_-windows_10", runId })) !== null;
  // The oldest kept run, of 4 November, compares with the snapshots of the 3rd.
  expect([await exists("2026-11-02"), await exists("2026-11-03"), await exists("2026-11-04")]).toEqual([
    false,
    true,
    true,
  ]);
});

test("a run whose mail is still owed is kept, however old", async () => {
  const world = fakeWorld([aWatchlist({ softwareIds })]);
  world.ports.rules = { ...world.ports.rules, retentionDays: 2 };
  const failed = { status: "failed", reason: "SendGrid answered 503." } as const;
  world.outcomes.push(...Array.from({ length: 500 }, () => failed));
  for (let day = 2; day < 9; day++) {
    world.setClock(`2026-11-0${day}T05:00:00Z`);
    await scheduleRuns(world.ports);
    await handleAll(world, world.ports.now().getTime());
  }
  expect((await world.ports.store.listRuns("default"))[0]?.runId).toBe("2026-11-02");
});

test("the run of the last digest and all later ones are kept, however old, until the next digest was sent", async () => {
  const watchlist = aWatchlist({ softwareIds, heartbeatDay: "none" });
  const world = fakeWorld([watchlist]);
  world.ports.rules = { ...world.ports.rules, retentionDays: 2 };
  await live(world, Array(9).fill([true, true]));
  const idsOf = async () => (await world.ports.store.listRuns("default")).map(({ runId }) => runId.slice(-2));
  expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-02"]);
  expect(await idsOf()).toEqual(["02", "03", "04", "05", "06", "07", "08", "09", "10"]);
  world.setClock("2026-11-11T05:00:00Z");
  world.answers.set(softwareIds[0] ?? "", [{ id: "5041585", machineMissedOn: 3 }]);
  await scheduleRuns(world.ports);
  await handleAll(world, world.ports.now().getTime() + 3_600_000);
  expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-02", "2026-11-11"]);
  // The mail of this run went out after what was too old then.
  expect(await idsOf()).toEqual(["02", "03", "04", "05", "06", "07", "08", "09", "10", "11"]);
  world.setClock("2026-11-12T05:00:00Z");
  await scheduleRuns(world.ports);
  await handleAll(world, world.ports.now().getTime() + 3_600_000);
  expect(await idsOf()).toEqual(["10", "11", "12"]);
});

test("the snapshots of products that left the list are kept for as long as they may be compared with", async () => {
  const [stays = "", leaves = ""] = softwareIds;
  const world = fakeWorld([aWatchlist({ softwareIds, mailWhen: "always" })]);
  world.ports.rules = { ...world.ports.rules, retentionDays: 4 };
  const exists = async () =>
    (await world.ports.store.readSnapshot({ tenant: "home", softwareId: leaves, runId: "2026-11-02" })) !== null;
  const play = async (date: string, ids: readonly string[]) => {
    world.ports.watchlists = [aWatchlist({ softwareIds: ids, mailWhen: "always" })];
    world.setClock(`${date}T05:00:00Z`);
    world.answers.set(leaves, [{ id: "5041585", machineMissedOn: date === "2026-11-02" ? 3 : 5 }]);
    await scheduleRuns(world.ports);
    await handleAll(world, world.ports.now().getTime() + 3_600_000);
    return theRun(world, "default", date);
  };
  await play("2026-11-02", softwareIds);
  for (let day = 3; day <= 5; day++) await play(`2026-11-0${day}`, [stays]);
  const last = await play("2026-11-06", [stays]);
  expect(await exists()).toBe(true);
  expect(last.left).toMatchObject([{ softwareId: leaves, leftOn: "2026-11-02", current: "2026-11-02" }]);
  for (let day = 7; day <= 12; day++) await play(`2026-11-${String(day).padStart(2, "0")}`, [stays]);
  expect(await exists()).toBe(false);
});

test("the snapshot of a product that left is kept even if its run is too old by the time the last one commits", async () => {
  const [stays = "", leaves = ""] = softwareIds;
  const world = fakeWorld([aWatchlist({ softwareIds, mailWhen: "always" })]);
  world.ports.rules = { ...world.ports.rules, retentionDays: 2, graceMinutes: 60 };
  world.answers.set(leaves, [{ id: "5041585", machineMissedOn: 3 }]);
  const play = async (day: string, ids: readonly string[]) => {
    world.ports.watchlists = [aWatchlist({ softwareIds: ids, mailWhen: "always" })];
    world.setClock(`${day}T23:30:00Z`);
    await scheduleRuns(world.ports);
    await handleAll(world, world.ports.now().getTime() + 3_600_000);
  };
  await play("2026-11-02", softwareIds);
  await play("2026-11-03", [stays]);
  // Its grace is over half an hour after midnight.
  world.answers.set(stays, new DefenderError("Defender answered 500.", { permanent: false }));
  await play("2026-11-04", [stays]);
  const last = await theRun(world, "default", "2026-11-04");
  expect([last.committedAt, last.left]).toMatchObject(["2026-11-05T00:30:00.000Z", [{ softwareId: leaves }]]);
  expect(await world.ports.store.readRun("default", "2026-11-02")).toBeNull();
  expect(
    await world.ports.store.readSnapshot({ tenant: "home", softwareId: leaves, runId: "2026-11-02" }),
  ).not.toBeNull();
});

test("a day is over where the readers are, not where UTC is", async () => {
  const days = ["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05"];
  const lived = async (timeZone: string, time: string) => {
    const world = fakeWorld([aWatchlist({ softwareIds, mailWhen: "always" })]);
    world.ports.rules = { ...world.ports.rules, retentionDays: 2, timeZone };
    for (const day of days) {
      world.setClock(`${day}T${time}Z`);
      await scheduleRuns(world.ports);
      await handleAll(world, world.ports.now().getTime());
    }
    return (await world.ports.store.listRuns("default")).map(({ runId }) => runId.slice(-2));
  };
  expect(await lived("UTC", "05:00:00")).toEqual(["03", "04", "05"]);
  expect(await lived("America/Los_Angeles", "05:00:00")).toEqual(["02", "03", "04"]);
  expect(await lived("Asia/Tokyo", "22:00:00")).toEqual(["04", "05", "06"]);
});
