import { describe, expect, test } from "vitest";
import { serveRunStatus } from "../../shared/http/run-status.ts";
import { DefenderError } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aSnapshot, aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
const watchlist = aWatchlist({ softwareIds: [windows10, windows11] });

const statusOf = (runId: string, { ports }: FakeWorld, watchlist = "default") =>
  ask(request({}, { params: { watchlist, runId } }), (asked) => serveRunStatus(asked, ports));

describe("the status of a run", () => {
  test("goes from queued over running to committed", async () => {
    const world = fakeWorld([watchlist]);
    const status = async () => (await statusOf("2026-11-23", world, "DEFAULT")).json;
    expect(await status()).toMatchObject({ state: "queued", read: 0, total: 2 });
    await world.ports.store.addSnapshot(aSnapshot({ softwareId: windows10, runId: "2026-11-23" }));
    expect(await status()).toMatchObject({ state: "running", read: 1, total: 2 });
    world.answers.set(windows11, new DefenderError("Defender answered 403.", { permanent: true }));
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T23:00:00Z"));
    expect(await status()).toEqual({
      ...{ watchlist: "default", runId: "2026-11-23", state: "committed", read: 1, total: 2, mail: "sent" },
      failures: [{ softwareId: windows11, reason: "Defender answered 403.", permanent: true }],
    });
  });

  test.each([
    ["of a run that was never started", "2026-11-20", 404],
    ["of a run on demand that was not started lately", "2026-11-21T10:17Z", 404],
    ["of a run asked for today", "2026-11-23T04:59Z", 200],
    ["of a run still to come", "2026-11-24T04:59Z", 404],
    ["of what is not a run id", "yesterday", 400],
  ])("%s, %s, is %i", async (_, runId, status) => {
    expect((await statusOf(runId, fakeWorld())).status).toBe(status);
  });
});
