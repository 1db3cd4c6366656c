import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, test } from "vitest";
import { portsOf } from "../../shared/http/caller.ts";
import { servePreview } from "../../shared/http/preview.ts";
import type { Ports, Store } from "../../shared/ports.ts";
import { jsonSchema } from "../../shared/render/export/openapi.ts";
import type { PreviewJson } from "../../shared/render/export/schemas.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { configured, fakeWorld } from "../support/fake-world.ts";
import { item, type PlayedStory, play } from "../support/story.ts";

const windows10 = "microsoft-_-windows_10";
const form = { "content-type": "application/x-www-form-urlencoded" };
const browser = { ...form, accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

let story: PlayedStory;

/** One KB whose machines rise by two a day, in twelve runs from Monday, 2 November, and that is mailed on each of them. */
beforeAll(async () => {
  story = await play({
    watchlist: { softwareIds: [windows10], dueDays: 4, dueFrom: "first-seen" },
    days: Array.from({ length: 12 }, (_, index) => {
      const date = `2026-11-${String(index + 2).padStart(2, "0")}`;
      return { date, answers: { [windows10]: index < 10 ? [item("5066835", 10 + 2 * index)] : [] } };
    }),
  });
});

function post(body: string, headers: Record<string, string> = {}, ports: Partial<Ports> = {}) {
  const all = { ...story.world.ports, ...ports };
  return ask(request({}, { method: "POST", headers, body }), (asked) => servePreview(asked, all));
}

async function preview(body: object): Promise<PreviewJson> {
  const { status, json } = await post(JSON.stringify(body));
  expect(status).toBe(200);
  return json as unknown as PreviewJson;
}

describe("a preview", () => {
  test("without settings replays the runs under the configured ones", async () => {
    const { summary, mails, runs, settings, cut } = await preview({});
    expect(summary).toBe("10 mails → 10; no overdue KB would have gone unmentioned.");
    expect([mails, cut]).toEqual([{ was: 10, would: 10 }, null]);
    expect(runs.map(({ was }) => was)).toEqual(runs.map(({ would }) => would));
    expect(runs.map(({ was }) => was.subject)).toEqual(story.mails.map((mail) => mail?.subject ?? null));
    expect(settings).toEqual({
      ...{ minMachines: 1, minPercent: 0, minCves: 1, mailWhen: "worse", heartbeatDay: "none" },
      ...{ dueDays: 4, dueDaysExploited: 3, dueFrom: "first-seen" },
    });
  });

  test("counts fewer mails where a rise must be larger, and names what would have gone unmentioned", async () => {
    // Reported on 10 machines on the 2nd, then worse on 20 on the 7th, which is not overdue before the 8th.
    const given = await preview({ minMachines: 10, dueDays: 5 });
    expect(given.summary).toBe("10 mails → 2; 1 overdue KB would have gone unmentioned.");
    expect(given.runs.filter(({ would }) => would.mails).map(({ day }) => day)).toEqual(["2026-11-02", "2026-11-07"]);
    expect(given.unmentioned).toEqual([{ id: "5066835", since: "2026-11-08", until: "2026-11-11" }]);
    expect(given.silentDays).toEqual({ was: 2, would: 6 });
  });

  test("of the last runs only begins with what the run before them reported and held back", async () => {
    const { runs, mails, cut } = await preview({ runs: 4, minMachines: 3 });
    expect(runs.map(({ day }) => day)).toEqual(["2026-11-10", "2026-11-11", "2026-11-12", "2026-11-13"]);
    expect([mails, cut]).toEqual([{ was: 2, would: 1 }, null]);
  });

  test("says which overdue KBs wait for the next mail", async () => {
    const world = await play({
      watchlist: { softwareIds: [windows10], dueDays: 1, dueFrom: "first-seen" },
      days: ["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05"].map((date) => ({
        date,
        answers: { [windows10]: [item("5066835", 10)] },
      })),
    });
    const given = await ask(request({}, { method: "POST" }), (asked) => servePreview(asked, world.world.ports));
    expect(given.json.summary).toBe(
      "1 mail → 1; no overdue KB would have gone unmentioned; 1 overdue KB waits for the next mail, since 4 Nov.",
    );
    expect(given.json.waiting).toEqual([{ id: "5066835", since: "2026-11-04", until: "2026-11-05" }]);
  });

  test("is described by its schema", async () => {
    const validate = new Ajv2020({ strict: true }).compile(jsonSchema("Preview"));
    expect([validate(await preview({ minMachines: 10 })), validate.errors]).toEqual([true, null]);
  });

  test("of a form in a browser is a page with the settings filled in and the subjects side by side", async () => {
    const given = await post("minMachines=10&mailWhen=changed&code=k%2By", browser);
    expect([given.status, given.headers["Content-Type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(given.body).toContain("10 mails → 3; no overdue KB would have gone unmentioned.");
    expect(given.body).toMatch(/<input[^>]*name="minMachines"[^>]*value="10"/);
    expect(given.body).toContain('<option value="changed" selected="">');
    expect(given.body).toContain('action="preview?code=k%2By"');
    expect(given.body).toContain("Worse: KB5066835, Windows 10, 12 machines (+2)");
    expect(given.body).toContain("No mail");
  });

  test("writes and sends nothing", async () => {
    const refuse = async () => {
      throw new Error("A preview changes nothing.");
    };
    const calls = Object.entries(story.world.ports.store).map(([name, call]) => {
      return [name, /^(read|list|latest)/.test(name) ? call : refuse];
    });
    const store: Store = Object.fromEntries(calls);
    const queue = { ...story.world.ports.queue, send: refuse };
    const given = await post('{"mailWhen": "always"}', {}, { store, queue, mailer: { send: refuse } });
    expect([given.status, given.json.mails]).toEqual([200, { was: 10, would: 12 }]);
  });
});

describe("a preview is refused", () => {
  test.each([
    ["an unknown setting", '{"minMachine": 5}', { parameter: "minMachine" }],
    ["an unknown field of a form", "minMachine=5", { parameter: "minMachine" }],
    ["a number beyond the setting's limit", '{"dueDays": 3651}', { parameter: "dueDays" }],
    ["a fraction", '{"minMachines": 1.5}', { parameter: "minMachines" }],
    ["a negative number", "minPercent=-1", { parameter: "minPercent" }],
    ["more runs than a preview replays", '{"runs": 91}', { parameter: "runs" }],
    ["no runs", '{"runs": 0}', { parameter: "runs" }],
    ["a day that is not one", '{"heartbeatDay": "Sonntag"}', { parameter: "heartbeatDay" }],
    ["a list for a number", '{"minMachines": [5]}', { parameter: "minMachines" }],
    ["an unknown watchlist", '{"watchlist": "servers"}', { parameter: "watchlist", allowed: ["default"] }],
    ["a body that is not JSON", "{", { title: "Bad body" }],
  ])("with %s, and the problem names it", async (_, body, problem) => {
    const given = await post(body, body.startsWith("{") ? {} : form);
    expect([given.status, given.json]).toEqual([400, expect.objectContaining(problem)]);
  });

  test("to callers who may not start runs", async () => {
    const ports = portsOf({ roles: new Set(["Reports.Read.All"]) }, story.world.ports);
    const given = await ask(request({}, { method: "POST" }), (asked) => servePreview(asked, ports));
    expect([given.status, given.json.detail]).toEqual([403, expect.stringContaining("Runs.Start")]);
  });

  test("of a watchlist that the caller may not read, as if there were none of that name", async () => {
    const secret = aWatchlist({ name: "secret", readerRole: "Reports.Read.Secret" });
    const all = { ...story.world.ports, watchlists: configured([aWatchlist(), secret]) };
    const ports = portsOf({ roles: new Set(["Runs.Start"]) }, all);
    const given = await ask(request({}, { method: "POST", body: '{"watchlist": "secret"}' }), (asked) =>
      servePreview(asked, ports),
    );
    expect([given.status, given.json.allowed]).toEqual([400, ["default"]]);
  });

  test("to pages of other sites", async () => {
    const given = await post("{}", { "sec-fetch-site": "cross-site" });
    expect([given.status, given.json.title]).toEqual([403, "Cross-site request"]);
  });

  test("where no scheduled run was committed yet", async () => {
    const given = await ask(request({}, { method: "POST" }), (asked) => servePreview(asked, fakeWorld().ports));
    expect([given.status, given.json]).toEqual([404, expect.objectContaining({ title: "No runs to replay" })]);
  });
});
