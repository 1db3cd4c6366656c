import { describe, expect, test } from "vitest";
import { serveStartRun } from "../../shared/http/start-run.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { fakeWorld } from "../support/fake-world.ts";

const two = [aWatchlist({ name: "clients" }), aWatchlist({ name: "Contoso servers" })];

function post(world: ReturnType<typeof fakeWorld>, body: string, headers: Record<string, string> = {}) {
  return ask(request({}, { method: "POST", headers, body }), (asked) => serveStartRun(asked, world.ports));
}

const form = { "content-type": "application/x-www-form-urlencoded" };

describe("starting a run", () => {
  test("queues it and says where its progress is", async () => {
    const world = fakeWorld(two);
    world.setClock("2026-11-23T10:17:42Z");
    const given = await post(world, '{"watchlist": "Contoso servers", "mail": true}');
    expect(given.status).toBe(202);
    expect(given.headers.Location).toBe("/api/runs/Contoso%20servers/2026-11-23T10%3A17Z");
    expect(world.ports.queue.waiting.map(({ message }) => message)).toEqual([
      { watchlist: "Contoso servers", runId: "2026-11-23T10:17Z", openedAt: "2026-11-23T10:17:42.000Z", mail: true },
    ]);
  });

  test("twice within a minute starts it once", async () => {
    const world = fakeWorld(two);
    const first = await post(world, '{"watchlist": "clients"}');
    world.setClock("2026-11-23T05:00:59Z");
    expect((await post(world, '{"watchlist": "clients"}')).json.runId).toBe(first.json.runId);
  });

  test("needs no body if there is one watchlist", async () => {
    const given = await post(fakeWorld(), "");
    expect([given.status, given.json.watchlist]).toEqual([202, "default"]);
  });

  test.each([
    [
      "an unknown watchlist",
      '{"watchlist": "server"}',
      400,
      { parameter: "watchlist", allowed: ["clients", "Contoso servers"] },
    ],
    ["no watchlist among several", "{}", 400, { parameter: "watchlist", allowed: ["clients", "Contoso servers"] }],
    ["a mail that is not a boolean", '{"watchlist": "clients", "mail": "yes"}', 400, { parameter: "mail" }],
    ["an unknown property", '{"watchlist": "clients", "mails": true}', 400, { parameter: "mails" }],
    ["a watchlist that is not a name", '{"watchlist": 7}', 400, { parameter: "watchlist" }],
    ["a body that is not JSON", "{", 400, { title: "Bad body" }],
    ["a list", "[]", 400, { title: "Bad body" }],
    ["a huge body", " ".repeat(10_001), 413, { title: "Body too large" }],
  ])("with %s is refused with what is allowed", async (_, body, status, problem) => {
    const world = fakeWorld(two);
    const given = await post(world, body);
    expect(given.status).toBe(status);
    expect(given.headers["Content-Type"]).toContain("application/problem+json");
    expect(given.json).toMatchObject(problem);
    expect(world.ports.queue.waiting).toEqual([]);
  });

  test("with a form leads back to the page, which shows the progress", async () => {
    const given = await post(fakeWorld(two), "watchlist=Contoso+servers&code=k%2By", form);
    expect(given.status).toBe(303);
    const to = new URL(given.headers.Location ?? "", "https://kb.contoso.example");
    expect(to.pathname).toBe("/api/report");
    expect(Object.fromEntries(to.searchParams)).toEqual({
      watchlist: "Contoso servers",
      progress: "2026-11-23T05:00Z",
      format: "html",
      code: "k+y",
    });
  });

  test.each([
    ["watchlist=clients&mails=true", "mails"],
    ["watchlist=clients&mail=yes", "mail"],
    ["watchlist=clients&watchlist=servers", "watchlist"],
  ])("with the form %s is refused by the field's name", async (body, parameter) => {
    const world = fakeWorld(two);
    expect((await post(world, body, form)).json).toMatchObject({ status: 400, parameter });
    expect(world.ports.queue.waiting).toEqual([]);
  });

  test("with parameters in the address is refused, because they would not be read", async () => {
    const world = fakeWorld();
    const asked = request({ watchlist: "default" }, { method: "POST" });
    const given = await ask(asked, (one) => serveStartRun(one, world.ports));
    expect([given.status, given.json.parameter]).toEqual([400, "watchlist"]);
    expect(world.ports.queue.waiting).toEqual([]);
  });

  test("takes the watchlist's name in any case", async () => {
    expect((await post(fakeWorld(two), '{"watchlist": "CONTOSO Servers"}')).json.watchlist).toBe("Contoso servers");
  });

  test.each([
    ["a form", "watchlist=clients", form],
    ["text", '{"watchlist": "clients"}', { "content-type": "text/plain" }],
    ["JSON", '{"watchlist": "clients"}', { "content-type": "application/json" }],
  ])("by another site is refused, as %s", async (_, body, headers) => {
    const world = fakeWorld(two);
    for (const site of [{ "sec-fetch-site": "cross-site" }, { origin: "https://evil.example" }, { origin: "null" }]) {
      expect((await post(world, body, { ...headers, ...site })).status).toBe(403);
    }
    expect(world.ports.queue.waiting).toEqual([]);
  });
});
