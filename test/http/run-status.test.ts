import { describe, expect, test } from "vitest";
import { serveRunStatus } from "../../shared/http/run-status.ts";
import { DefenderError, type Lease, type RunProgress } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { askFor, handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
const watchlist = aWatchlist({ softwareIds: [windows10, windows11] });
const asked = { watchlist: "default", runId: "2026-11-23T05:00Z", openedAt: "2026-11-23T05:00:00.000Z", mail: false };

const statusOf = (runId: string, { ports }: Pick<FakeWorld, "ports">, watchlist = "default") =>
  ask(request({}, { params: { watchlist, runId } }), (asked) => serveRunStatus(asked, ports));

function aLease(progress: readonly RunProgress[]): Lease {
  const usage = { calls: [], throttledUntil: null };
  return { owner: "a", until: "2026-11-23T05:05:00.000Z", usage, reserved: 24, outside: [], progress };
}

describe("the status of a run", () => {
  test("goes from queued over running to committed", async () => {
    const world = fakeWorld([watchlist]);
    const status = async () => (await statusOf("2026-11-23", world, "DEFAULT")).json;
    expect(await status()).toMatchObject({ state: "queued", read: 0, total: 2 });
    const progress = { watchlist: "default", runId: "2026-11-23", read: 1, total: 2 };
    const version = await world.ports.store.writeLease("home", aLease([progress]), null);
    expect(await status()).toMatchObject({ state: "running", read: 1, total: 2 });
    await world.ports.store.writeLease("home", { ...aLease([]), until: "2026-11-23T04:00:00.000Z" }, version);
    world.answers.set(windows11, new DefenderError("Defender answered 403.", { permanent: true }));
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T23:00:00Z"));
    expect(await status()).toEqual({
      ...{ watchlist: "default", runId: "2026-11-23", state: "committed", read: 1, total: 2, mail: "sent" },
      failures: [{ softwareId: windows11, reason: "Defender answered 403.", permanent: true }],
    });
  });

  test("of a run asked for goes from queued over running to committed", async () => {
    const world = fakeWorld([watchlist]);
    await askFor(world, asked);
    const status = async () => (await statusOf(asked.runId, world)).json;
    expect(await status()).toMatchObject({ state: "queued", read: 0, total: 2 });
    await handleAll(world, world.ports.now().getTime());
    expect(await status()).toMatchObject({ state: "committed", read: 2, total: 2, mail: "none" });
  });

  test("says why a run asked for is not carried out", async () => {
    const world = fakeWorld([watchlist]);
    await askFor(world, asked);
    const run = { tenant: "home", watchlist: "default", runId: asked.runId };
    await world.ports.store.dropRequest(run, "Another one was asked for.");
    const given = await statusOf(asked.runId, world);
    expect(given.json).toMatchObject({ state: "dropped", reason: "Another one was asked for.", read: 0 });
    const forgotten = fakeWorld([watchlist]);
    await askFor(forgotten, asked);
    forgotten.setClock("2026-11-24T05:00:00Z");
    expect((await statusOf(asked.runId, forgotten)).json).toMatchObject({
      state: "dropped",
      reason: "It was asked for more than a day ago.",
    });
  });

  test("says that a later run has overtaken a scheduled one", async () => {
    const world = fakeWorld([watchlist]);
    for (const day of ["2026-11-21", "2026-11-23"]) {
      world.setClock(`${day}T05:00:00Z`);
      await scheduleRuns(world.ports);
      await handleAll(world, world.ports.now().getTime());
    }
    expect((await statusOf("2026-11-22", world)).json).toMatchObject({
      state: "dropped",
      reason: "The later run 2026-11-23 was committed first and reports its changes too.",
    });
    expect((await statusOf("2026-11-20", world)).status).toBe(404);
  });

  test("takes three reads, however many products there are", async () => {
    const softwareIds = Array.from({ length: 500 }, (_, index) => `vendor-_-${index}`);
    const world = fakeWorld([aWatchlist({ softwareIds })]);
    await askFor(world, asked);
    let reads = 0;
    const store = new Proxy(world.ports.store, {
      get(target, name, receiver) {
        reads += 1;
        return Reflect.get(target, name, receiver);
      },
    });
    for (const runId of [asked.runId, "2026-11-23"]) {
      reads = 0;
      expect((await statusOf(runId, { ports: { ...world.ports, store } })).status).toBe(200);
      expect(reads).toBe(3);
    }
  });

  test.each([
    ["of a run that was never started", "2026-11-20", 404],
    ["of a run on demand that was not started", "2026-11-23T04:59Z", 404],
    ["of a run still to come", "2026-11-24T04:59Z", 404],
    ["of today's run", "2026-11-23", 200],
    ["of what is not a run id", "yesterday", 400],
  ])("%s, %s, is %i", async (_, runId, status) => {
    expect((await statusOf(runId, fakeWorld())).status).toBe(status);
  });
});
