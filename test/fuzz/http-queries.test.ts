import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { serveHealth } from "../../shared/http/health.ts";
import { serveHistory } from "../../shared/http/history.ts";
import { serveHome, serveOverview } from "../../shared/http/overview.ts";
import { servePreview } from "../../shared/http/preview.ts";
import { serveReport } from "../../shared/http/report.ts";
import { respond } from "../../shared/http/respond.ts";
import type { HttpResponse } from "../../shared/http/response.ts";
import { serveRunStatus } from "../../shared/http/run-status.ts";
import { serveStartRun } from "../../shared/http/start-run.ts";
import {
  historyParameters,
  overviewParameters,
  previewParameters,
  reportParameters,
} from "../../shared/render/parameters.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { anyJson, anyText, fuzzing, fuzzRuns, mutatedText } from "../support/fuzz.ts";
import { expectHarmlessPage, invisible } from "../support/harmless.ts";
import { readCsv } from "../support/read-csv.ts";

const softwareId = "microsoft-_-windows_10";
let world: FakeWorld;

beforeAll(async () => {
  world = fakeWorld([aWatchlist({ softwareIds: [softwareId] })]);
  for (const [day, machines] of [
    ["2026-11-22", 5],
    ["2026-11-23", 9],
  ] as const) {
    world.setClock(`${day}T05:00:00Z`);
    world.answers.set(softwareId, [{ id: "5041585", name: "August", machineMissedOn: machines, cveAddressed: 1 }]);
    await scheduleRuns(world.ports);
    await handleAll(world, Number.POSITIVE_INFINITY);
  }
});

/** What each parameter accepts; the others get it too. */
const right = new Map<string, readonly string[]>(
  Object.entries({
    watchlist: ["default"],
    run: ["latest", "2026-11-22", "2026-11-23"],
    from: ["2026-11-22"],
    softwareId: [softwareId],
    search: ["August", "5041585"],
    change: ["worse", "missing", "new", "resolved"],
    overdue: ["true", "false"],
    stalled: ["true", "false"],
    sort: ["worst", "machines", "age"],
    order: ["asc", "desc"],
    page: ["1", "2", "999999"],
    productPage: ["1", "2"],
    kb: ["5041585", "KB5041585", "kb 5041585", "1"],
    progress: ["2026-11-23"],
    format: ["html", "json", "csv", "text"],
    code: ["key"],
    days: ["1", "90", "3650"],
    detail: ["runs", "entries"],
    to: ["2026-11-22", "2026-11-23"],
    limit: ["1", "10000"],
    after: ["2026-11-22T05:00:00.000Z_2026-11-22_0_1"],
    state: ["late", "not-read", "worse"],
  }),
);
const known = [...right.values()].flat();
const aValue = fc.oneof(
  fc.constantFrom(...known),
  anyText,
  fc.constantFrom(...known).chain((value) => mutatedText(value)),
);
/** Mostly parameters of one call; some are another's, some nobody's. */
function aQueryOf(names: readonly string[]): fc.Arbitrary<[string, string][]> {
  const aName = fc.oneof({ weight: 60, arbitrary: fc.constantFrom(...names) }, fc.constantFrom(...right.keys()), {
    weight: 3,
    arbitrary: anyText,
  });
  const aParameter = aName.chain((name) =>
    fc.tuple(
      fc.constant(name),
      fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...(right.get(name) ?? known)) },
        { weight: 2, arbitrary: aValue },
      ),
    ),
  );
  return fc.uniqueArray(aParameter, { maxLength: 6, selector: ([name]) => name });
}
const aReportQuery = aQueryOf([...Object.keys(reportParameters), "code"]);
const aHistoryQuery = aQueryOf([...Object.keys(historyParameters), "code"]);
const anOverviewQuery = aQueryOf([...Object.keys(overviewParameters), "code"]);
const headers = fc.record(
  {
    accept: fc.oneof(
      fc.constantFrom("text/html", "text/csv", "*/*", "image/png", "text/plain;q=0.1, */*;q=0"),
      anyText,
    ),
    "if-none-match": anyText,
    "x-functions-key": anyText,
    "content-type": fc.constantFrom("application/json", "application/x-www-form-urlencoded; charset=utf-8", ""),
    "sec-fetch-site": fc.constantFrom("cross-site", "same-origin"),
  },
  { requiredKeys: [] },
);

/** A response that a client can read as its type, of bounded size, with headers of one line each. */
function expectSound({ status, headers: given, body }: HttpResponse, statuses: readonly number[]): void {
  expect(statuses).toContain(status);
  expect(body.length).toBeLessThan(200_000);
  expect(given).toMatchObject({ "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
  for (const value of Object.values(given)) expect(value).toMatch(/^[\x20-\x7e]*$/);
  if (status >= 400 && !given["Content-Type"]?.startsWith("text/html")) {
    expect(given["Content-Type"]).toMatch(/^application\/(problem\+)?json/);
    const problem = JSON.parse(body);
    if ("detail" in problem)
      expect(problem).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
    return;
  }
  if (body === "") return;
  const type = given["Content-Type"] ?? "";
  // An error page has no script.
  if (type.startsWith("text/html")) expectHarmlessPage(body, status < 400 ? 1 : 0);
  if (type.startsWith("text/csv")) readCsv(body.replace(/^\ufeff/, ""));
  if (type.startsWith("text/plain")) expect(body).not.toMatch(invisible);
  if (type.startsWith("application/json")) JSON.parse(body);
}

describe("any query", fuzzing, () => {
  test("of the report gets a response, or is refused with a problem", async () => {
    await fc.assert(
      fc.asyncProperty(aReportQuery, headers, async (query, given) => {
        const asked = request(query, { headers: given });
        expectSound(await respond(asked, () => serveReport(asked, world.ports)), [200, 304, 400, 404, 406, 410]);
      }),
      {
        numRuns: fuzzRuns(200),
        examples: [
          [[["search", "(a+)+$".repeat(40)]], { accept: "text/html" }],
          [
            [
              ["page", "999999"],
              ["productPage", "999999"],
            ],
            { accept: "text/html" },
          ],
          [
            [
              ["kb", "__proto__"],
              ["progress", "2026-11-23"],
            ],
            { accept: "text/html" },
          ],
          [[["run", "0000-01-01"]], {}],
          [[["from", "9999-12-31"]], {}],
          [[["code", "\r\nSet-Cookie: a=b"]], { accept: "text/html" }],
          [[], { "if-none-match": `"${"x,".repeat(50_000)}"` }],
        ],
      },
    );
  });

  test("of the overview gets a response, or is refused with a problem", async () => {
    const several = { ...world.ports, watchlists: configured([aWatchlist(), aWatchlist({ name: "<b>" })]) };
    await fc.assert(
      fc.asyncProperty(anOverviewQuery, headers, async (query, given) => {
        const asked = request(query, { headers: given });
        for (const ports of [world.ports, several]) {
          expectSound(await respond(asked, () => serveOverview(asked, ports)), [200, 304, 400, 406]);
          expectSound(await respond(asked, () => serveHome(asked, ports)), [200, 304, 307, 400, 406]);
        }
      }),
      { numRuns: fuzzRuns(100), examples: [[[["code", "\r\nSet-Cookie: a=b"]], { accept: "text/html" }]] },
    );
  });

  test("of history, run status and health gets a response, or is refused with a problem", async () => {
    await fc.assert(
      fc.asyncProperty(aHistoryQuery, headers, aValue, aValue, async (query, given, name, runId) => {
        const asked = request(query, { headers: given, params: { watchlist: name, runId } });
        const bare = request([], { headers: given, params: { watchlist: name, runId } });
        expectSound(await respond(asked, () => serveHistory(asked, world.ports)), [200, 400, 406]);
        for (const each of [asked, bare]) {
          expectSound(await respond(each, () => serveRunStatus(each, world.ports)), [200, 400, 404]);
          expectSound(await respond(each, () => serveHealth(each, world.ports)), [200, 307, 400, 503]);
        }
      }),
      {
        numRuns: fuzzRuns(200),
        examples: [
          [[["days", "9999"]], {}, "default", "0000-01-01T00:00Z"],
          [
            [
              ["detail", "entries"],
              ["from", "0000-01-01"],
              ["to", "9999-12-31"],
              ["limit", "1"],
            ],
            { accept: "text/csv" },
            "default",
            "2026-11-23",
          ],
          [
            [
              ["detail", "entries"],
              ["after", "9999-12-31T23:59:59.999Z_9999-12-31_999999_999999"],
            ],
            {},
            "default",
            "2026-11-23",
          ],
          [[["<script>", "1"]], { accept: "text/html" }, "<script>", "<script>"],
        ],
      },
    );
  });

  test("with any body starts a run of a known watchlist, or is refused with a problem", async () => {
    const form = fc
      .array(fc.tuple(fc.constantFrom("watchlist", "mail", "code", "x"), aValue))
      .map((pairs) => `${new URLSearchParams(pairs)}`);
    const json = fc.oneof(fc.record({ watchlist: aValue, mail: fc.boolean() }, { requiredKeys: [] }), anyJson);
    const body = fc.oneof(
      json.map((value) => JSON.stringify(value)),
      form,
      anyText,
    );
    await fc.assert(
      fc.asyncProperty(body, headers, async (text, given) => {
        const { queue } = world.ports;
        queue.waiting.length = 0;
        const asked = request([], { method: "POST", headers: given, body: text });
        const answer = await respond(asked, () => serveStartRun(asked, world.ports));
        expectSound(answer, [202, 303, 400, 403, 413]);
        expect(queue.waiting.map(({ message }) => "watchlist" in message && message.watchlist)).toEqual(
          answer.status < 400 ? ["default"] : [],
        );
        expect(answer.headers.Location ?? "/api/").toMatch(/^\/api\/[\w%./?=&*+-]*$/);
      }),
      {
        numRuns: fuzzRuns(300),
        examples: [
          ["[".repeat(9_999), {}],
          ['{"watchlist": {"__proto__": []}}', {}],
          ['{"__proto__": {"mail": 1}}', {}],
        ],
      },
    );
  });

  test("with any body previews or is refused with a problem", async () => {
    const fields = fc
      .array(fc.tuple(fc.constantFrom(...Object.keys(previewParameters), "code", "x"), aValue))
      .map((pairs) => `${new URLSearchParams(pairs)}`);
    const body = fc.oneof(
      anyJson.map((value) => JSON.stringify(value)),
      fields,
      anyText,
    );
    await fc.assert(
      fc.asyncProperty(body, headers, async (text, given) => {
        const asked = request([], { method: "POST", headers: given, body: text });
        expectSound(await respond(asked, () => servePreview(asked, world.ports)), [200, 400, 403, 404, 406, 413]);
      }),
      {
        numRuns: fuzzRuns(300),
        examples: [
          ['{"__proto__": {"runs": 1}}', {}],
          ['{"runs": 1e400}', {}],
        ],
      },
    );
  });
});
