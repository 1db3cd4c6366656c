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
        expect(kept.map(({ runId }) => runId)).toEqual(
          days
            .map((_, index) => addDays("2026-11-02", index))
            .filter((runId) => runId >= addDays(today, -retentionDays)),
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

test("the snapshots of a run that expired are gone", async () => {
  const world = fakeWorld([aWatchlist({ softwareIds })]);
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
