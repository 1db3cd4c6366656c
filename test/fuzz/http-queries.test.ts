import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, answering } from "../../shared/http/answer.ts";
import { routeHealth } from "../../shared/http/health.ts";
import { serveHistory } from "../../shared/http/history.ts";
import { serveReport } from "../../shared/http/report.ts";
import { serveRunStatus } from "../../shared/http/run-status.ts";
import { startRun } from "../../shared/http/start-run.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";
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

/** What each parameter takes; the others get it too. */
const right = new Map<string, readonly string[]>(
  Object.entries({
    watchlist: ["default"],
    run: ["latest", "2026-11-22", "2026-11-23"],
    from: ["2026-11-22"],
    softwareId: [softwareId],
    search: ["August", "5041585"],
    change: ["worse", "missing", "new", "resolved"],
    overdue: ["true", "on", "false"],
    stalled: ["true", "false"],
    sort: ["worst", "machines", "age"],
    order: ["asc", "desc"],
    page: ["1", "2", "999999"],
    softwarePage: ["1", "2"],
    kb: ["5041585"],
    progress: ["2026-11-23"],
    format: ["html", "json", "csv", "text"],
    code: ["key"],
    days: ["1", "90", "3650"],
  }),
);
const known = [...right.values()].flat();
const aValue = fc.oneof(
  fc.constantFrom(...known),
  anyText,
  fc.constantFrom(...known).chain((value) => mutatedText(value)),
);
const aParameter: fc.Arbitrary<[string, string]> = fc
  .oneof({ weight: 20, arbitrary: fc.constantFrom(...right.keys()) }, anyText)
  .chain((name) =>
    fc.tuple(
      fc.constant(name),
      fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...(right.get(name) ?? known)) },
        { weight: 2, arbitrary: aValue },
      ),
    ),
  );
const aQuery = fc.uniqueArray(aParameter, { maxLength: 6, selector: ([name]) => name });
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

type Headers = Readonly<Record<string, string | undefined>>;
const question = (query: [string, string][], given: Headers) => ({
  query: new URLSearchParams(query),
  header: (name: string) => given[name] ?? null,
});

/** An answer that a client can read for what it says it is, of bounded size, with nothing in its headers but one line each. */
function expectSound({ status, headers: given, body }: Answer, statuses: readonly number[]): void {
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
  if (type.startsWith("text/html")) expectHarmlessPage(body);
  if (type.startsWith("text/csv")) readCsv(body.replace(/^\ufeff/, ""));
  if (type.startsWith("text/plain")) expect(body).not.toMatch(invisible);
  if (type.startsWith("application/json")) JSON.parse(body);
}

describe("any query", fuzzing, () => {
  test("of the report is answered, or refused with a problem", async () => {
    await fc.assert(
      fc.asyncProperty(aQuery, headers, async (query, given) => {
        const answer = await answering(() => serveReport(question(query, given), world.ports));
        expectSound(answer, [200, 304, 400, 404, 406]);
      }),
      {
        numRuns: fuzzRuns(200),
        examples: [
          [[["search", "(a+)+$".repeat(40)]], { accept: "text/html" }],
          [
            [
              ["page", "999999"],
              ["softwarePage", "999999"],
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

  test("of history, run status and health is answered, or refused with a problem", async () => {
    await fc.assert(
      fc.asyncProperty(aQuery, headers, aValue, aValue, async (query, given, name, runId) => {
        const asked = question(query, given);
        expectSound(await answering(() => serveHistory(asked, world.ports)), [200, 400]);
        expectSound(await answering(() => serveRunStatus(name, runId, world.ports)), [200, 400, 404]);
        expectSound(await answering(() => routeHealth(asked, world.ports)), [200, 307, 400, 503]);
      }),
      { numRuns: fuzzRuns(200), examples: [[[["days", "9999"]], {}, "default", "0000-01-01T00:00Z"]] },
    );
  });

  test("with any body starts a run of a watchlist there is, or is refused with a problem", async () => {
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
        const answer = await answering(() => startRun({ body: text, header: question([], given).header }, world.ports));
        expectSound(answer, [202, 303, 400, 403, 413]);
        expect(queue.waiting.map(({ message }) => message.watchlist)).toEqual(answer.status < 400 ? ["default"] : []);
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
});
