import { describe, expect, test } from "vitest";
import { serveRunStatus } from "../../shared/http/run-status.ts";
import { DefenderError } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask } from "../support/ask.ts";
import { aSnapshot, aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { fakeWorld } from "../support/fake-world.ts";

const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
const watchlist = aWatchlist({ softwareIds: [windows10, windows11] });

describe("the status of a run", () => {
  test("goes from queued over running to committed", async () => {
    const world = fakeWorld([watchlist]);
    const status = async () => (await ask(() => serveRunStatus("default", "2026-11-23", world.ports))).json;
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
    ["of a run that nobody opened", "2026-11-20", 404],
    ["of a run on demand that was never begun", "2026-11-21T10:17Z", 404],
    ["of a run asked for today", "2026-11-23T04:59Z", 200],
    ["of a run still to come", "2026-11-24T04:59Z", 404],
    ["of what is no run id", "yesterday", 400],
  ])("%s, %s, answers %i", async (_, runId, status) => {
    expect((await ask(() => serveRunStatus("default", runId, fakeWorld().ports))).status).toBe(status);
  });
});
