import { describe, expect, test } from "vitest";
import { serveStartRun } from "../../shared/http/start-run.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

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
    const run = {
      ...{ tenant: "home", watchlist: "Contoso servers" },
      ...{ runId: "2026-11-23T10:17Z", openedAt: "2026-11-23T10:17:42.000Z" },
    };
    expect(world.ports.queue.waiting.map(({ message }) => message)).toEqual([run]);
    expect(await world.ports.store.listRequests("home")).toEqual([{ ...run, mail: true }]);
  });

  test("twice within a minute starts it once", async () => {
    const world = fakeWorld(two);
    const first = await post(world, '{"watchlist": "clients"}');
    world.setClock("2026-11-23T05:00:59Z");
    expect((await post(world, '{"watchlist": "clients"}')).json.runId).toBe(first.json.runId);
  });

  test("is refused where the body was sent in chunks, which the host drops", async () => {
    const world = fakeWorld();
    const given = await post(world, "", { "transfer-encoding": "chunked" });
    expect([given.status, given.json.title]).toEqual([411, "Length required"]);
    expect(world.ports.queue.waiting).toEqual([]);
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

describe("asking twice within a minute", () => {
  const ask = (world: FakeWorld, mail: boolean) => post(world, JSON.stringify({ watchlist: "clients", mail }));
  const mails = async ({ ports }: FakeWorld) => (await ports.store.listRequests("home")).map(({ mail }) => mail);
  const run = { tenant: "home", watchlist: "clients" };

  test.each([
    [[false, true], true],
    [[true, false], true],
    [[true, true], true],
    [[false, false], false],
  ])("for mails %j gives one run that mails: %j", async (asked, mailed) => {
    const world = fakeWorld(two);
    for (const mail of asked) expect((await ask(world, mail)).status).toBe(202);
    expect(await mails(world)).toEqual([mailed]);
    await handleAll(world, Date.parse("2026-11-23T05:10:00Z"));
    expect(world.reads).toHaveLength(1);
    expect(world.inbox).toHaveLength(mailed ? 1 : 0);
  });

  test("for a mail after the run has finished without one is refused, and leaves nothing behind", async () => {
    const world = fakeWorld(two);
    await ask(world, false);
    await handleAll(world, world.ports.now().getTime());
    const given = await ask(world, true);
    expect([given.status, given.json.title]).toEqual([409, "Finished without a mail"]);
    expect([world.ports.queue.waiting, await mails(world)]).toEqual([[], []]);
    expect((await ask(world, false)).status).toBe(202);
  });

  test("for a mail after the run has finished with one is that run", async () => {
    const world = fakeWorld(two);
    await ask(world, true);
    await handleAll(world, world.ports.now().getTime());
    expect((await ask(world, true)).status).toBe(202);
    await handleAll(world, world.ports.now().getTime());
    expect(world.inbox).toHaveLength(1);
  });

  test("for a mail while a reader commits the run without one is refused", async () => {
    const world = fakeWorld(two);
    await ask(world, false);
    const { addRequest } = world.ports.store;
    world.ports.store.addRequest = async (request) => {
      world.ports.store.addRequest = addRequest;
      await handleAll(world, world.ports.now().getTime());
      await addRequest(request);
    };
    expect((await ask(world, true)).status).toBe(409);
    expect([world.ports.queue.waiting, await mails(world)]).toEqual([[], []]);
    expect((await world.ports.store.readRun(run, "2026-11-23T05:00Z"))?.run.mail.status).toBe("none");
  });
});

test("a mail asked for at the moment of the commit is sent", async () => {
  const world = fakeWorld(two);
  const body = (mail: boolean) => JSON.stringify({ watchlist: "clients", mail });
  await post(world, body(false));
  const { commitRun } = world.ports.store;
  world.ports.store.commitRun = async (run, follows) => {
    // The reader has already seen that no mail was asked for.
    if (run.watchlist === "clients") expect((await post(world, body(true))).status).toBe(202);
    return commitRun(run, follows);
  };
  await handleAll(world, world.ports.now().getTime());
  expect(world.inbox).toHaveLength(1);
  expect(await world.ports.store.listRequests("home")).toEqual([]);
});

describe("runs that mail", () => {
  const at = (world: FakeWorld, time: string, watchlist = "clients", mail = true) => {
    world.setClock(`2026-11-23T${time}:00Z`);
    return post(world, JSON.stringify({ watchlist, mail }));
  };

  test.each(["finished", "waiting"])(
    "are limited to four in an hour for each watchlist, those %s counted",
    async (how) => {
      const world = fakeWorld(two);
      for (const time of ["05:00", "05:10", "05:20", "05:30"]) {
        expect((await at(world, time)).status).toBe(202);
        if (how === "finished") await handleAll(world, world.ports.now().getTime());
      }
      const refused = await at(world, "05:40");
      expect([refused.status, refused.headers["Retry-After"], refused.json.retryAfterSeconds]).toEqual([
        429,
        "1200",
        1200,
      ]);
      expect((await at(world, "05:40", "Contoso servers")).status).toBe(202);
      expect((await at(world, "05:41", "clients", false)).status).toBe(202);
      // The same run once more is no further mail.
      expect((await at(world, "06:00")).status).toBe(202);
      expect((await at(world, "06:00")).status).toBe(202);
      expect((await at(world, "06:01")).status).toBe(429);
    },
  );

  test("are not limited by the scheduled ones, nor by those that mail nobody", async () => {
    const world = fakeWorld(two);
    for (const time of ["05:01", "05:02", "05:03", "05:04", "05:05"]) await at(world, time, "clients", false);
    await scheduleRuns(world.ports);
    await handleAll(world, Date.parse("2026-11-23T05:30:00Z"));
    expect((await at(world, "05:31")).status).toBe(202);
  });

  test("say to a browser on a page when to ask again", async () => {
    const world = fakeWorld(two);
    for (const time of ["05:00", "05:10", "05:20", "05:30"]) await at(world, time);
    world.setClock("2026-11-23T05:40:00Z");
    const given = await post(world, "watchlist=clients&mail=true", { ...form, accept: "text/html" });
    expect([given.status, given.headers["Retry-After"]]).toEqual([429, "1200"]);
    expect(given.headers["Content-Type"]).toContain("text/html");
  });
});
