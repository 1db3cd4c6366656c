import { describe, expect, test } from "vitest";
import { serveHistory } from "../../shared/http/history.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { play } from "../support/story.ts";

async function threeDays() {
  const world = fakeWorld([aWatchlist()]);
  for (const day of ["2026-08-01", "2026-11-22", "2026-11-23"]) {
    world.setClock(`${day}T05:00:00Z`);
    await scheduleRuns(world.ports);
    await handleAll(world, world.ports.now().getTime());
  }
  return world;
}

const history = (query: string, { ports }: Pick<FakeWorld, "ports">, accept?: string) =>
  ask(request(query, { headers: { accept } }), (asked) => serveHistory(asked, ports));

describe("the history", () => {
  test("has the totals of the runs of 90 days, or of as many as asked for", async () => {
    const world = await threeDays();
    const runsOf = async (query: string) =>
      ((await history(query, world)).json.runs as { runId: string }[]).map(({ runId }) => runId);
    expect(await runsOf("")).toEqual(["2026-11-22", "2026-11-23"]);
    expect(await runsOf("days=400")).toEqual(["2026-08-01", "2026-11-22", "2026-11-23"]);
    expect(await runsOf("days=1")).toEqual(["2026-11-22", "2026-11-23"]);
  });

  test("has each run's day in the time zone, in the order in which they were opened", async () => {
    const story = await play({
      watchlist: {},
      rules: { timeZone: "Asia/Tokyo", schedule: "0 0 22 * * *" },
      days: [
        { date: "2026-11-21", at: "2026-11-21T22:00:00Z" },
        { date: "2026-11-22", at: "2026-11-22T22:00:00Z" },
        { date: "2026-11-22", at: "2026-11-22T23:00:00Z", onDemand: "2026-11-22T23:00Z" },
      ],
    });
    const all = await history("", story.world);
    expect((all.json.runs as object[]).map((run) => ({ ...run }))).toMatchObject([
      { runId: "2026-11-22", day: "2026-11-22" },
      { runId: "2026-11-23", day: "2026-11-23" },
      { runId: "2026-11-22T23:00Z", day: "2026-11-23" },
    ]);
    // The id of the run asked for has the UTC day, but it belongs to the day of Tokyo.
    story.world.setClock("2026-11-23T23:30:00Z");
    const days = async (query: string) =>
      ((await history(query, story.world)).json.runs as { day: string }[]).map(({ day }) => day);
    expect(await days("days=1")).toEqual(["2026-11-23", "2026-11-23"]);
    const csv = (await history("format=csv", story.world)).body.trim().split("\r\n");
    expect(csv.map((line) => line.split(",").at(-1))).toEqual(["day", "2026-11-22", "2026-11-23", "2026-11-23"]);
  });

  test.each([
    ["days=0", "days"],
    ["days=many", "days"],
    ["days=1&days=2", "days"],
    ["format=xml", "format"],
    ["watchlist=other", "watchlist"],
    ["run=2026-11-23", "run"],
    [`watchlist=${"x".repeat(301)}`, "watchlist"],
  ])("refuses %s by its name", async (query, parameter) => {
    const given = await history(query, fakeWorld([aWatchlist()]));
    expect([given.status, given.json.parameter]).toEqual([400, parameter]);
  });

  test("comes as CSV if format or Accept asks for it", async () => {
    const world = await threeDays();
    const byName = await history("format=csv", world);
    const byAccept = await history("", world, "text/csv");
    expect(byName.body).toBe(byAccept.body);
    expect(byName.headers["Content-Type"]).toContain("text/csv");
    expect(byName.headers["Content-Disposition"]).toBe(
      'attachment; filename="missing-kbs-default-history-2026-11-23.csv"',
    );
    expect(byName.body.trim().split("\r\n")).toHaveLength(3);
  });
});
