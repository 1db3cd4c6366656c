import { describe, expect, test } from "vitest";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { aWatchlist } from "../support/builders.ts";
import { fakeWorld } from "../support/fake-world.ts";

describe("the timer", () => {
  test("opens today's run of every watchlist, the day by the report's time zone", async () => {
    const world = fakeWorld([aWatchlist({ name: "clients" }), aWatchlist({ name: "servers" })]);
    world.ports.rules = { ...world.ports.rules, timeZone: "Asia/Tokyo" };
    world.setClock("2026-11-23T20:00:00Z");
    await scheduleRuns(world.ports);
    expect(world.ports.queue.waiting.map(({ message }) => message)).toEqual([
      { watchlist: "clients", runId: "2026-11-24", openedAt: "2026-11-23T20:00:00.000Z" },
      { watchlist: "servers", runId: "2026-11-24", openedAt: "2026-11-23T20:00:00.000Z" },
    ]);
  });

  test("that fires a moment before midnight opens the run of the new day", async () => {
    const world = fakeWorld();
    world.setClock("2026-11-22T23:59:59.950Z");
    await scheduleRuns(world.ports);
    expect(world.ports.queue.waiting[0]?.message.runId).toBe("2026-11-23");
  });

  test("opens the other watchlists if one cannot be queued, and fails so that it is tried again", async () => {
    const world = fakeWorld([aWatchlist({ name: "clients" }), aWatchlist({ name: "servers" })]);
    const { send } = world.ports.queue;
    world.ports.queue.send = async (message, delay) => {
      if (message.watchlist === "clients") throw new Error("The queue answered 500.");
      await send(message, delay);
    };
    await expect(scheduleRuns(world.ports)).rejects.toThrow("Could not queue the run of clients.");
    expect(world.ports.queue.waiting.map(({ message }) => message.watchlist)).toEqual(["servers"]);
  });
});
