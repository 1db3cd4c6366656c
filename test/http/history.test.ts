import { describe, expect, test } from "vitest";
import { serveHistory } from "../../shared/http/history.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, question } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { fakeWorld } from "../support/fake-world.ts";

async function threeDays() {
  const world = fakeWorld([aWatchlist()]);
  for (const day of ["2026-08-01", "2026-11-22", "2026-11-23"]) {
    world.setClock(`${day}T05:00:00Z`);
    await scheduleRuns(world.ports);
    await handleAll(world, world.ports.now().getTime());
  }
  return world;
}

describe("the history", () => {
  test("holds the totals of the runs of 90 days unless asked for others", async () => {
    const { ports } = await threeDays();
    const runsOf = async (query: string) =>
      ((await ask(() => serveHistory(question(query), ports))).json.runs as { runId: string }[]).map(
        ({ runId }) => runId,
      );
    expect(await runsOf("")).toEqual(["2026-11-22", "2026-11-23"]);
    expect(await runsOf("days=400")).toEqual(["2026-08-01", "2026-11-22", "2026-11-23"]);
    expect(await runsOf("days=1")).toEqual(["2026-11-22", "2026-11-23"]);
  });

  test.each([
    ["days=0", "days"],
    ["days=many", "days"],
    ["days=1&days=2", "days"],
    ["format=xml", "format"],
    ["watchlist=other", "watchlist"],
    [`watchlist=${"x".repeat(301)}`, "watchlist"],
  ])("refuses %s by its name", async (query, parameter) => {
    const given = await ask(() => serveHistory(question(query), fakeWorld([aWatchlist()]).ports));
    expect([given.status, given.json.parameter]).toEqual([400, parameter]);
  });

  test("comes as CSV for who asks for it, by name or by Accept", async () => {
    const { ports } = await threeDays();
    const byName = await ask(() => serveHistory(question("format=csv"), ports));
    const byAccept = await ask(() => serveHistory(question("", { accept: "text/csv" }), ports));
    expect(byName.body).toBe(byAccept.body);
    expect(byName.headers["Content-Type"]).toContain("text/csv");
    expect(byName.headers["Content-Disposition"]).toBe(
      'attachment; filename="missing-kbs-default-history-2026-11-23.csv"',
    );
    expect(byName.body.trim().split("\r\n")).toHaveLength(3);
  });
});
