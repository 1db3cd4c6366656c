import { describe, expect, test } from "vitest";
import { checkHealth, routeHealth } from "../../shared/http/health.ts";
import { DefenderError } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, question } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const windows10 = "microsoft-_-windows_10";
const watchlist = aWatchlist({ softwareIds: [windows10], mailWhen: "always" });

async function day(world: FakeWorld, date: string): Promise<void> {
  world.setClock(`${date}T05:00:00Z`);
  await scheduleRuns(world.ports);
  await handleAll(world, Date.parse(`${date}T23:59:59Z`));
}

describe("health", () => {
  test("is good after a run whose mail is sent, until the next is overdue", async () => {
    const world = fakeWorld([watchlist]);
    await day(world, "2026-11-23");
    expect(await checkHealth(world.ports)).toEqual([]);
    // The next run is due at five, may wait two hours for software and take two more.
    world.setClock("2026-11-24T09:00:00Z");
    expect(await checkHealth(world.ports)).toEqual([]);
    world.setClock("2026-11-24T09:00:01Z");
    expect((await checkHealth(world.ports)).join()).toContain("the last scheduled run is 2026-11-23");
  });

  test("is bad before the first run", async () => {
    expect((await checkHealth(fakeWorld().ports)).join()).toContain("no scheduled run is committed yet");
  });

  test("tells a refused mail with its reason until a later one is sent", async () => {
    const world = fakeWorld([watchlist]);
    world.outcomes.push({ status: "refused", reason: "The from address is not verified." });
    await day(world, "2026-11-23");
    expect((await checkHealth(world.ports)).join()).toContain(
      "2026-11-23 was refused. The from address is not verified.",
    );
    await day(world, "2026-11-24");
    expect(await checkHealth(world.ports)).toEqual([]);
  });

  test("tells a mail that still waits hours after its run", async () => {
    const world = fakeWorld([watchlist]);
    world.outcomes.push(
      ...Array.from({ length: 9 }, () => ({ status: "failed", reason: "SendGrid answered 503." }) as const),
    );
    world.setClock("2026-11-23T05:00:00Z");
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T06:00:00Z"));
    world.setClock("2026-11-23T07:00:01Z");
    expect((await checkHealth(world.ports)).join()).toContain("still not sent. SendGrid answered 503.");
  });

  test("tells software that three runs in a row could not measure", async () => {
    const world = fakeWorld([watchlist]);
    world.answers.set(windows10, new DefenderError("Defender answered 403.", { permanent: true }));
    await day(world, "2026-11-21");
    await day(world, "2026-11-22");
    expect(await checkHealth(world.ports)).toEqual([]);
    await day(world, "2026-11-23");
    expect((await checkHealth(world.ports)).join()).toContain(`${windows10} could not be measured for 3 runs`);
  });

  test("tells what keeps it from looking, and goes on with the rest", async () => {
    const world = fakeWorld([watchlist, aWatchlist({ name: "servers" })]);
    const { listRuns } = world.ports.store;
    const newer = "Row (default, 2026-11-23) of table Runs was written by a newer version of this app.";
    world.ports.store.listRuns = async (name) => {
      if (name === "default") throw new Error(newer);
      return listRuns(name);
    };
    world.ports.queue.countPoison = async () => {
      throw new Error("GET /runs-poison failed.");
    };
    expect(await checkHealth(world.ports)).toEqual([
      `Watchlist "default": ${newer}`,
      'Watchlist "servers": no scheduled run is committed yet.',
      "GET /runs-poison failed.",
    ]);
  });

  test("tells poison messages", async () => {
    const world = fakeWorld([watchlist]);
    await day(world, "2026-11-23");
    world.ports.queue.countPoison = async () => 2;
    expect((await checkHealth(world.ports)).join()).toContain("2 messages");
  });
});

describe("the health route", () => {
  test("tells an anonymous caller the status alone", async () => {
    const given = await ask(() => routeHealth(question(), fakeWorld().ports));
    expect([given.status, given.json]).toEqual([503, { status: "unhealthy" }]);
  });

  test("sends a caller with a key to where the platform checks it", async () => {
    const byQuery = await ask(() => routeHealth(question({ code: "a+b=" }), fakeWorld().ports));
    expect([byQuery.status, byQuery.headers.Location]).toEqual([307, "/api/health/reasons?code=a%2Bb%3D"]);
    const byHeader = await ask(() => routeHealth(question({}, { "x-functions-key": "k" }), fakeWorld().ports));
    expect(byHeader.headers.Location).toBe("/api/health/reasons");
  });

  test("tells no reasons to a caller that merely says it is signed in", async () => {
    const asked = question({}, { "x-ms-client-principal-id": "5a1c" });
    expect((await ask(() => routeHealth(asked, fakeWorld().ports))).json).not.toHaveProperty("reasons");
  });
});
