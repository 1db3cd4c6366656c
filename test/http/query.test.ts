import { describe, expect, test } from "vitest";
import type { RequestPorts } from "../../shared/http/caller.ts";
import { serveHistory } from "../../shared/http/history.ts";
import { readQuery } from "../../shared/http/query.ts";
import { serveReport } from "../../shared/http/report.ts";
import type { HttpRequest, HttpResponse } from "../../shared/http/response.ts";
import { openApiDocument } from "../../shared/render/export/openapi.ts";
import { historyParameters, reportParameters } from "../../shared/render/parameters.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { fakeWorld } from "../support/fake-world.ts";

const read = (query: string) => readQuery(new URLSearchParams(query), reportParameters);

describe("a query", () => {
  test("is read into typed values", () => {
    expect(read("search=KB&change=worse&overdue=true&page=12&run=2026-11-23T10:17Z&code=k")).toMatchObject({
      ...{ search: "KB", change: "worse", overdue: true, page: 12, run: "2026-11-23T10:17Z", code: "k" },
    });
  });

  test.each(["KB5066136", "kb 5066136", "5066136", " KB005066136 "])("reads the KB %s by its number", (kb) => {
    expect(readQuery(new URLSearchParams({ kb }), reportParameters)).toMatchObject({ kb: "5066136" });
  });

  test("has defaults for what is absent or empty, and nothing for what has no default", () => {
    const defaults = {
      run: "latest",
      overdue: false,
      stalled: false,
      exploited: false,
      sort: "worst",
      page: 1,
      productPage: 1,
    };
    expect(read("")).toEqual(defaults);
    expect(read("run=&search=&change=&page=&sort=%20")).toEqual(defaults);
    expect(readQuery(new URLSearchParams(), historyParameters)).toEqual({ detail: "runs" });
  });

  test.each([
    ["change=bad", "change", /^"change" must be one of worse, missing, new, /],
    ["overdue=perhaps", "overdue", '"overdue" must be one of true, false.'],
    ["page=0", "page", '"page" must be a whole number from 1 to 999999.'],
    ["page=1e3", "page", '"page" must be a whole number from 1 to 999999.'],
    ["run=2026-02-30", "run", '"run" must be "latest" or a run id such as 2026-11-23 or 2026-11-23T10:17Z.'],
    ["progress=latest", "progress", '"progress" must be a run id such as 2026-11-23 or 2026-11-23T10:17Z.'],
    ["kb=1&kb=2", "kb", '"kb" is given 2 times. Give it once.'],
    [`kb=${"x".repeat(301)}`, "kb", '"kb" must not be longer than 300 characters.'],
    [`code=${"x".repeat(301)}`, "code", '"code" must not be longer than 300 characters.'],
    ["days=90", "days", /^There is no parameter "days". The parameters are watchlist, run, /],
    ["__proto__=1", "__proto__", /^There is no parameter "__proto__"/],
    ["Run=latest", "Run", /^There is no parameter "Run"/],
  ])("%s is refused by name, with what is allowed", (query, parameter, detail) => {
    const said = typeof detail === "string" ? detail : expect.stringMatching(detail);
    expect(() => read(query)).toThrow(
      expect.objectContaining({ status: 400, message: said, extra: expect.objectContaining({ parameter }) }),
    );
  });

  test("names an unknown parameter on one line, cut short", () => {
    const name = encodeURIComponent(`a\u202e\n${"x".repeat(500)}`);
    expect(() => read(`${name}=1`)).toThrow(
      expect.objectContaining({ extra: expect.objectContaining({ parameter: `a ${"x".repeat(58)}` }) }),
    );
  });
});

interface Described {
  name: string;
  schema: { enum?: string[]; type: string; default?: unknown; maximum?: number };
}
type Serve = (request: HttpRequest, ports: RequestPorts) => Promise<HttpResponse>;

describe.each<[path: string, serve: Serve, table: object]>([
  ["/api/report", serveReport, reportParameters],
  ["/api/history", serveHistory, historyParameters],
])("the parameters that the OpenAPI document lists for %s", (path, serve, table) => {
  const document = JSON.parse(JSON.stringify(openApiDocument("0")));
  const described: Described[] = document.paths[path].get.parameters;
  const softwareId = "microsoft-_-windows_10";
  const world = fakeWorld([aWatchlist({ softwareIds: [softwareId] })]);
  world.answers.set(softwareId, [{ id: "5041585", machineMissedOn: 4, cveAddressed: 1 }]);

  const examples: Record<string, string[]> = {
    watchlist: ["Default"],
    softwareId: [softwareId],
    run: ["latest", "2026-11-23"],
    from: ["2026-11-22"],
    to: ["2026-11-22"],
    progress: ["2026-11-22"],
    after: ["2026-11-22T05:00:00.000Z_2026-11-22_0_0"],
  };
  const statusOf = async (query: Record<string, string>, format = "json") =>
    ask(request({ format, ...query }), (asked) => serve(asked, world.ports));

  /** Every value of a choice, the ends of a range, or an example. */
  function valuesOf({ name, schema }: Described): string[] {
    if (schema.enum) return schema.enum;
    if (schema.type === "boolean") return ["true", "false"];
    if (schema.type === "integer") return ["1", String(schema.maximum)];
    return examples[name] ?? ["5041585"];
  }

  test("are all accepted, with every value that it allows, and no other is", async () => {
    for (const day of ["2026-11-22", "2026-11-23"]) {
      world.setClock(`${day}T05:00:00Z`);
      await scheduleRuns(world.ports);
      await handleAll(world, Number.POSITIVE_INFINITY);
    }
    expect(described.map(({ name }) => name)).toEqual(Object.keys(table));
    for (const parameter of described) {
      for (const value of valuesOf(parameter)) {
        const paged = ["limit", "after"].includes(parameter.name) ? { detail: "entries" } : {};
        expect([parameter.name, value, (await statusOf({ ...paged, [parameter.name]: value })).status]).toEqual([
          ...[parameter.name, value, 200],
        ]);
      }
    }
    expect((await statusOf({ code: "key" })).status).toBe(200);
    const known = new Set(described.map(({ name }) => name));
    const others = ["days", "sort", "kb", "Watchlist", "x", "constructor"].filter((name) => !known.has(name));
    for (const name of others) {
      const given = await statusOf({ [name]: "1" });
      expect([given.status, given.json.parameter]).toEqual([400, name]);
      expect(given.json.allowed).toEqual([...known]);
    }
  });
});
