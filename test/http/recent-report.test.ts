import { describe, expect, test } from "vitest";
import type { Run } from "../../shared/core/run.ts";
import { recentReport } from "../../shared/http/recent-report.ts";
import { loadReport } from "../../shared/run/load-report.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { configured, fakeWorld } from "../support/fake-world.ts";

const softwareIds = Array.from({ length: 30 }, (_, index) => `contoso-_-product_${index}`);

/** Two days of 30 products, and how often their snapshots are read from then on. */
async function watchedWorld(kbsEach: number) {
  const world = fakeWorld([aWatchlist({ softwareIds, mailTo: [], mailWhen: "worse", heartbeatDay: "none" })]);
  const runs: Run[] = [];
  for (const day of ["2026-11-24", "2026-11-25"]) {
    world.setClock(`${day}T05:00:00Z`);
    const items = Array.from({ length: kbsEach }, (_, index) => ({ id: `${5_000_000 + index}`, machineMissedOn: 3 }));
    for (const softwareId of softwareIds) world.answers.set(softwareId, items);
    await scheduleRuns(world.ports);
    await handleAll(world, world.ports.now().getTime());
    const stored = await world.ports.store.readRun({ tenant: "home", watchlist: "default" }, day);
    if (stored) runs.push(stored.run);
  }
  const { readSnapshots } = world.ports.store;
  const reads = { count: 0 };
  world.ports.store.readSnapshots = async (product, runIds) => {
    reads.count += 1;
    return readSnapshots(product, runIds);
  };
  const [first, second] = runs;
  if (!first || !second) throw new Error("A run is missing.");
  return { world, first, second, reads };
}

describe("a recent report", () => {
  test("is read once, and another run, another run to compare with and another store are not taken for it", async () => {
    const { world, first, second, reads } = await watchedWorld(2);
    const report = await recentReport(second, undefined, world.ports);
    expect(await recentReport(second, undefined, { ...world.ports })).toBe(report);
    expect(reads.count).toBe(softwareIds.length);
    expect(report).toEqual(await loadReport(second, world.ports));
    expect((await recentReport(first, undefined, world.ports)).runId).toBe("2026-11-24");
    expect((await recentReport(second, first, world.ports)).previousRunId).toBe("2026-11-24");
    const elsewhere = { ...world.ports, store: { ...world.ports.store } };
    expect(await recentReport(second, undefined, elsewhere)).not.toBe(report);
  });

  test("is not that of a run of the same name and time in another tenant", async () => {
    const { world, second } = await watchedWorld(2);
    const report = await recentReport(second, undefined, world.ports);
    const foreign = await recentReport({ ...second, tenant: "5a1c", comparisons: [] }, undefined, world.ports);
    expect([foreign.tenant, foreign.rows]).toEqual(["5a1c", []]);
    expect(await recentReport(second, undefined, world.ports)).toBe(report);
  });

  test("stays as it was whatever the settings are now", async () => {
    const { world, second } = await watchedWorld(2);
    const reconfigured = { ...world.ports, watchlists: configured([aWatchlist({ softwareIds, dueDays: 3 })]) };
    expect((await recentReport(second, undefined, reconfigured)).dueDays).toBe(14);
  });

  test("too large to keep is read again", async () => {
    const { world, second, reads } = await watchedWorld(900);
    await recentReport(second, undefined, world.ports);
    await recentReport(second, undefined, world.ports);
    expect(reads.count).toBe(2 * softwareIds.length);
  });
});
