import { describe, expect, test } from "vitest";
import { summarize } from "../../shared/core/watchlist-status.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { aWatchlist } from "../support/builders.ts";
import { fakeWorld } from "../support/fake-world.ts";

describe("the timer", () => {
  test("opens today's runs of every tenant, the day by the report's time zone, and retention for after them", async () => {
    const contoso = { name: "servers", tenant: "contoso" };
    const world = fakeWorld([aWatchlist({ name: "clients" }), aWatchlist({ name: "mac" }), aWatchlist(contoso)]);
    world.ports.rules = { ...world.ports.rules, timeZone: "Asia/Tokyo" };
    world.setClock("2026-11-23T20:00:00Z");
    await scheduleRuns(world.ports);
    const opened = Date.parse("2026-11-23T20:00:00Z");
    const inTwoHours = opened + 2 * 3_600_000;
    expect(world.ports.queue.waiting).toEqual([
      { message: { tenant: "home", runId: "2026-11-24", openedAt: "2026-11-23T20:00:00.000Z" }, visibleAt: opened },
      { message: { tenant: "contoso", runId: "2026-11-24", openedAt: "2026-11-23T20:00:00.000Z" }, visibleAt: opened },
      { message: { expire: { tenant: "home", day: "2026-11-24" } }, visibleAt: inTwoHours },
      { message: { expire: { tenant: "contoso", day: "2026-11-24" } }, visibleAt: inTwoHours },
    ]);
  });

  test("that fires a moment before midnight opens the run of the new day", async () => {
    const world = fakeWorld();
    world.setClock("2026-11-22T23:59:59.950Z");
    await scheduleRuns(world.ports);
    expect(world.ports.queue.waiting[0]?.message).toMatchObject({ tenant: "home", runId: "2026-11-23" });
  });

  test("opens the other tenants if one cannot be queued, and fails so that it is tried again", async () => {
    const world = fakeWorld([aWatchlist({ name: "clients" }), aWatchlist({ name: "servers", tenant: "contoso" })]);
    const { send } = world.ports.queue;
    world.ports.queue.send = async (message, delay) => {
      if ("runId" in message && message.tenant === "home") throw new Error("The queue answered 500.");
      await send(message, delay);
    };
    await expect(scheduleRuns(world.ports)).rejects.toThrow("Could not queue the runs of home.");
    expect(world.ports.queue.waiting.map(({ message }) => message)).toMatchObject([{ tenant: "contoso" }]);
  });

  test("asks for retention of a tenant that has no watchlist any more", async () => {
    const world = fakeWorld([aWatchlist()]);
    await world.ports.store.saveStatus(summarize({ tenant: "contoso", watchlist: "old" }, [], null));
    await scheduleRuns(world.ports);
    expect(world.ports.queue.waiting.map(({ message }) => message)).toContainEqual({
      expire: { tenant: "contoso", day: "2026-11-23" },
    });
  });
});
