import { describe, expect, test } from "vitest";
import type { RequestPorts } from "../../shared/http/caller.ts";
import { serveHistory } from "../../shared/http/history.ts";
import { serveReport } from "../../shared/http/report.ts";
import type { HttpRequest } from "../../shared/http/response.ts";
import { serveRunStatus } from "../../shared/http/run-status.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const [contoso, fabrikam] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];

async function day(world: FakeWorld, tenant: string, date: string): Promise<void> {
  world.ports.watchlists = configured([aWatchlist({ name: "servers", tenant })]);
  world.setClock(`${date}T05:00:00Z`);
  await scheduleRuns(world.ports);
  await handleAll(world, world.ports.now().getTime());
}

type Serve = (request: HttpRequest, ports: RequestPorts) => ReturnType<typeof serveReport>;
const answer = (serve: Serve, { ports }: FakeWorld, query = "") =>
  ask(request(query, { params: { watchlist: "servers", runId: "2026-11-21" } }), (one) => serve(one, ports));

describe.each([
  ["another tenant", contoso, fabrikam],
  ["the app's own tenant", contoso, "home"],
  ["a tenant instead of the app's own", "home", contoso],
])("a name that is used again, for %s", (_, before, after) => {
  test("shows nothing of the first, and the first again when it is configured again", async () => {
    const world = fakeWorld([]);
    await day(world, before, "2026-11-21");
    world.setClock("2026-11-22T04:00:00Z");
    world.ports.watchlists = configured([aWatchlist({ name: "Servers", tenant: after })]);
    const latest = await answer(serveReport, world, "format=json");
    expect([latest.status, latest.json.title]).toEqual([404, "No report yet"]);
    expect((await answer(serveReport, world, "format=json&run=2026-11-21")).status).toBe(404);
    expect((await answer(serveHistory, world)).json.runs).toEqual([]);
    expect((await answer(serveRunStatus, world)).status).toBe(404);

    await day(world, after, "2026-11-22");
    const report = await answer(serveReport, world, "format=json");
    expect(report.json).toMatchObject({ tenant: after, runId: "2026-11-22", previousRunId: null });
    expect(report.json.trend).toHaveLength(1);

    world.ports.watchlists = configured([aWatchlist({ name: "servers", tenant: before })]);
    expect((await answer(serveReport, world, "format=json")).json).toMatchObject({
      tenant: before,
      runId: "2026-11-21",
    });
    expect((await answer(serveReport, world, "format=json&run=2026-11-22")).status).toBe(404);
  });
});

test("a report cannot be compared with a run of another tenant", async () => {
  const world = fakeWorld([]);
  await day(world, contoso, "2026-11-21");
  await day(world, fabrikam, "2026-11-22");
  expect((await answer(serveReport, world, "format=json&from=2026-11-21")).status).toBe(404);
});
