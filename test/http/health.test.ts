import { describe, expect, test } from "vitest";
import { checkHealth, serveHealth, serveHealthReasons } from "../../shared/http/health.ts";
import { DefenderError } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
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
  test("is good after a run whose digest was sent, until the next run is overdue", async () => {
    const world = fakeWorld([watchlist]);
    await day(world, "2026-11-23");
    expect(await checkHealth(world.ports)).toEqual([]);
    // The next run is due at five, may wait two hours for products and take two more.
    world.setClock("2026-11-24T09:00:00Z");
    expect(await checkHealth(world.ports)).toEqual([]);
    world.setClock("2026-11-24T09:00:01Z");
    expect((await checkHealth(world.ports)).join()).toContain("the last scheduled run is 2026-11-23");
  });

  test("is bad before the first run", async () => {
    expect((await checkHealth(fakeWorld().ports)).join()).toContain("no scheduled run has finished yet");
  });

  test("names a refused digest and its reason until a later one is sent", async () => {
    const world = fakeWorld([watchlist]);
    world.outcomes.push({ status: "refused", reason: "The from address is not verified." });
    await day(world, "2026-11-23");
    expect((await checkHealth(world.ports)).join()).toContain(
      "2026-11-23 was refused. The from address is not verified.",
    );
    await day(world, "2026-11-24");
    expect(await checkHealth(world.ports)).toEqual([]);
  });

  test("names a digest that has not been sent hours after its run", async () => {
    const world = fakeWorld([watchlist]);
    world.outcomes.push(
      ...Array.from({ length: 9 }, () => ({ status: "failed", reason: "SendGrid answered 503." }) as const),
    );
    world.setClock("2026-11-23T05:00:00Z");
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T06:00:00Z"));
    world.setClock("2026-11-23T07:00:01Z");
    expect((await checkHealth(world.ports)).join()).toContain("has not been sent yet. SendGrid answered 503.");
  });

  test("names a product that could not be read in three runs in a row", async () => {
    const world = fakeWorld([watchlist]);
    world.answers.set(windows10, new DefenderError("Defender answered 403.", { permanent: true }));
    await day(world, "2026-11-21");
    await day(world, "2026-11-22");
    expect(await checkHealth(world.ports)).toEqual([]);
    await day(world, "2026-11-23");
    expect((await checkHealth(world.ports)).join()).toContain(
      `${windows10} could not be read for 3 runs, up to 2026-11-23. Defender answered 403.`,
    );
  });

  test("counts the others that could not be read", async () => {
    const world = fakeWorld([aWatchlist({ softwareIds: [windows10, "vendor-_-a", "vendor-_-b"] })]);
    const fault = new DefenderError("Defender answered 403.", { permanent: true });
    world.answers.set(windows10, fault).set("vendor-_-a", fault);
    for (const date of ["2026-11-21", "2026-11-22", "2026-11-23"]) await day(world, date);
    expect((await checkHealth(world.ports)).join()).toContain(`${windows10} and 1 other product could not be read`);
  });

  test("gives the error of a check that fails, and makes the other checks", async () => {
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
      'Watchlist "servers": no scheduled run has finished yet.',
      "GET /runs-poison failed.",
    ]);
  });

  test("counts messages that failed for good", async () => {
    const world = fakeWorld([watchlist]);
    await day(world, "2026-11-23");
    world.ports.queue.countPoison = async () => 2;
    expect((await checkHealth(world.ports)).join()).toContain("2 messages");
  });
});

describe("the health call", () => {
  const health = (...asked: Parameters<typeof request>) =>
    ask(request(...asked), (one) => serveHealth(one, fakeWorld().ports));

  test("gives an anonymous caller only the status", async () => {
    const given = await health();
    expect([given.status, given.json]).toEqual([503, { status: "unhealthy" }]);
  });

  test("redirects a caller with a key to where the platform checks it", async () => {
    const byQuery = await health({ code: "a+b=" });
    expect([byQuery.status, byQuery.headers.Location]).toEqual([307, "/api/health/reasons?code=a%2Bb%3D"]);
    const byHeader = await health({}, { headers: { "x-functions-key": "k" } });
    expect(byHeader.headers.Location).toBe("/api/health/reasons");
  });

  test("gives no reasons to a caller that only claims to be signed in", async () => {
    const given = await health({}, { headers: { "x-ms-client-principal-id": "5a1c" } });
    expect(given.json).not.toHaveProperty("reasons");
  });

  test("gives the reasons where the platform has checked the caller", async () => {
    const given = await ask(request(), (one) => serveHealthReasons(one, fakeWorld().ports));
    expect([given.status, given.json]).toEqual([
      503,
      { status: "unhealthy", reasons: ['Watchlist "default": no scheduled run has finished yet.'] },
    ]);
  });
});
