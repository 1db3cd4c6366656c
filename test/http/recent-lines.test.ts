import { expect, test } from "vitest";
import { recentLines } from "../../shared/http/recent-lines.ts";
import { serveReport } from "../../shared/http/report.ts";
import { request } from "../support/ask.ts";
import { aKb, aRun, aSnapshot, aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { createFakeStore } from "../support/fake-store.ts";
import { fakeWorld } from "../support/fake-world.ts";

test("the lines of a run are read once, and those of other products or another store are not taken for them", async () => {
  const store = createFakeStore();
  await store.addSnapshot(
    aSnapshot({ softwareId: "a", runId: "2026-11-23", missingKbs: [aKb({ machineMissedOn: 7 })] }),
  );
  let reads = 0;
  const counted = {
    ...store,
    listSnapshots: (...asked: Parameters<typeof store.listSnapshots>) => {
      reads += 1;
      return store.listSnapshots(...asked);
    },
  };
  const { run } = await aRun({ runId: "2026-11-23" });
  const lines = await recentLines(["a"], run, { store: counted });
  expect([...lines]).toEqual([["a", [{ day: "2026-11-23", missingInstalls: 7 }]]]);
  expect(await recentLines(["a"], run, { store: counted })).toBe(lines);
  expect(reads).toBe(1);
  expect([...(await recentLines(["b"], run, { store: counted })).keys()]).toEqual([]);
  expect(await recentLines(["a"], { ...run, committedAt: "2026-11-23T09:00:00.000Z" }, { store: counted })).not.toBe(
    lines,
  );
  expect([...(await recentLines(["a"], run, { store: createFakeStore() })).keys()]).toEqual([]);
});

test("the page draws the days of each product where it lists products completely, and of one that is filtered", async () => {
  const softwareIds = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
  const world = fakeWorld([aWatchlist({ softwareIds })]);
  for (const day of ["2026-11-22", "2026-11-23"]) {
    const openedAt = `${day}T05:00:00.000Z`;
    for (const id of softwareIds) world.answers.set(id, [{ id: "5000000", machineMissedOn: Number(day.slice(-2)) }]);
    world.setClock(openedAt);
    await world.ports.queue.send({ tenant: "home", watchlist: "default", runId: day, openedAt });
    await handleAll(world, Date.parse(openedAt) + 3_600_000);
  }
  const linesOf = async (query: Record<string, string>) => {
    const { body } = await serveReport(request(Object.entries({ format: "html", ...query })), world.ports);
    return [...String(body).matchAll(/class="spark".*?<title>([^<]*)/g)].map(([, words]) => words);
  };
  const words = "2 runs: 22 missing installs on 22 Nov, 23 on 23 Nov; at most 23 on 23 Nov.";
  expect(await linesOf({})).toEqual([words, words]);
  expect(await linesOf({ softwareId: "microsoft-_-windows_11" })).toEqual([words]);
  expect(await linesOf({ change: "missing" })).toEqual([]);
});
