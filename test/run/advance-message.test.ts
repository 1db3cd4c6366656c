import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { advanceMessage } from "../../shared/run/advance-message.ts";
import { fakeWorld } from "../support/fake-world.ts";

const message = { watchlist: "default", runId: "2026-11-23", openedAt: "2026-11-23T05:00:00.000Z" };

describe("a step", () => {
  /** Every step's time is up as soon as it begins. */
  function timeIsUp() {
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
    onTestFinished(() => timeout.mockRestore());
    return timeout;
  }

  test("ends by itself at least five minutes before the platform would end it", async () => {
    const timeout = timeIsUp();
    await advanceMessage(message, fakeWorld().ports);
    const stepMs = Number(timeout.mock.lastCall?.[0]);
    const { functionTimeout } = JSON.parse(readFileSync("host.json", "utf8"));
    const platformMs = Date.parse(`1970-01-01T${functionTimeout}Z`);
    expect(stepMs + 5 * 60_000).toBeLessThanOrEqual(platformMs);
  });

  test("whose time is up queues its message again, and the next one goes on with the run", async () => {
    const timeout = timeIsUp();
    const world = fakeWorld();
    await advanceMessage(message, world.ports);
    expect(world.ports.queue.waiting).toMatchObject([{ message }]);
    expect(await world.ports.store.readRun("default", "2026-11-23")).toBeNull();
    timeout.mockRestore();
    await advanceMessage(world.ports.queue.waiting.pop()?.message, world.ports);
    expect((await world.ports.store.readRun("default", "2026-11-23"))?.run.failures).toEqual([]);
  });
});

describe("a message", () => {
  const { openedAt: _, ...neverOpened } = message;

  test.each([
    ["is null", null],
    ["is a text", "2026-11-23"],
    ["does not say when it was opened", neverOpened],
    ["names no watchlist", { ...message, watchlist: "" }],
    ["is of a day that no calendar has", { ...message, runId: "2026-02-30" }],
    ["is of a day far from our times", { ...message, runId: "1969-12-31" }],
    ["was opened at no time", { ...message, openedAt: "2026-23-11T05:00:00.000Z" }],
    ["mails perhaps", { ...message, mail: "perhaps" }],
  ])("that %s fails, is told what it needs, and changes nothing", async (_name, shapeless) => {
    const world = fakeWorld();
    const advanced = advanceMessage(shapeless, world.ports);
    await expect(advanced).rejects.toThrow("it needs watchlist, runId and openedAt");
    expect(await world.ports.store.listRuns("default")).toEqual([]);
    expect([world.reads, world.inbox, world.ports.queue.waiting]).toEqual([[], [], []]);
  });

  test("with a property that a newer version added is taken", async () => {
    const world = fakeWorld();
    await advanceMessage({ ...message, priority: 1 }, world.ports);
    expect(await world.ports.store.listRuns("default")).toMatchObject([{ runId: "2026-11-23" }]);
  });
});
