import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, test } from "vitest";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import { type Caller, portsOf } from "../../shared/http/caller.ts";
import { serveHome, serveOverview } from "../../shared/http/overview.ts";
import { serveReport } from "../../shared/http/report.ts";
import { DefenderError } from "../../shared/ports.ts";
import { overviewColumns } from "../../shared/render/export/csv.ts";
import { jsonSchema } from "../../shared/render/export/openapi.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { readCsv } from "../support/read-csv.ts";

const [windows10, windows11, edge] = ["microsoft-_-windows_10", "microsoft-_-windows_11", "microsoft-_-edge"];
const watchlists = [
  aWatchlist({ name: "Contoso", softwareIds: [windows10], readerRole: "Contoso.Read" }),
  aWatchlist({ name: "Fabrikam", softwareIds: [windows11], readerRole: "Fabrikam.Read" }),
  aWatchlist({ name: "Tailspin", softwareIds: [edge], readerRole: "Tailspin.Read" }),
];
const anybody: Caller = { roles: null };

let world: FakeWorld;

/** Contoso is read and gets worse, Fabrikam cannot be read, Tailspin misses nothing; after them, Proseware is configured. */
beforeAll(async () => {
  world = fakeWorld(watchlists);
  await day("2026-11-22", 10);
  await day("2026-11-23", 25);
  world.ports.watchlists = configured(
    [...watchlists, aWatchlist({ name: "Proseware", readerRole: "Proseware.Read" })],
    [
      { watchlist: "Adventure <Works>", message: "softwareIds: missing.", isKept: false },
      { watchlist: null, message: "entry 7: no name.", isKept: false },
    ],
  );
});

async function day(date: string, machines: number): Promise<void> {
  world.setClock(`${date}T05:00:00Z`);
  world.answers.set(windows10, [{ id: "5066835", machineMissedOn: machines, cveAddressed: 1 }]);
  world.answers.set(windows11, new DefenderError("Defender answered 403.", { permanent: true }));
  await scheduleRuns(world.ports);
  await handleAll(world, world.ports.now().getTime() + 3 * 3_600_000);
}

interface Call {
  headers?: Record<string, string>;
  caller?: Caller;
  ports?: FakeWorld["ports"];
}
const overview = (query: string, { headers = {}, caller = anybody, ports = world.ports }: Call = {}) =>
  ask(request(query, { headers }), (asked) => serveOverview(asked, portsOf(caller, ports)));
const home = (query: string, { headers = {}, caller = anybody, ports = world.ports }: Call = {}) =>
  ask(request(query, { headers }), (asked) => serveHome(asked, portsOf(caller, ports)));
const report = (query: string, headers: Record<string, string> = {}) =>
  ask(request(query, { headers }), (asked) => serveReport(asked, world.ports));

const named = (json: Record<string, unknown>) =>
  (json.watchlists as { watchlist: string; states: string[] }[]).map(({ watchlist, states }) => [watchlist, states]);

describe("the overview", () => {
  test("has every configured watchlist, what is not known of it first", async () => {
    const { json } = await overview("format=json");
    expect(named(json)).toEqual([
      ["Adventure <Works>", ["faulty", "no-run"]],
      ["Proseware", ["no-run"]],
      ["Fabrikam", ["not-read"]],
      ["Contoso", ["worse"]],
      ["Tailspin", []],
    ]);
    expect(json).toMatchObject({ total: 5, faults: ["entry 7: no name."], filter: null });
  });

  test("is described by its schema", async () => {
    const validate = new Ajv2020({ strict: true }).compile(jsonSchema("Overview"));
    for (const query of ["format=json", "format=json&state=late&search=x"]) {
      expect(validate((await overview(query)).json), JSON.stringify(validate.errors)).toBe(true);
    }
  });

  test("takes one query of the store, and no run or snapshot", async () => {
    const calls: string[] = [];
    const store = new Proxy(world.ports.store, {
      get: (target, name, receiver) => {
        calls.push(String(name));
        return Reflect.get(target, name, receiver);
      },
    });
    for (const format of ["html", "json", "csv"])
      await overview(`format=${format}`, { ports: { ...world.ports, store } });
    expect(calls).toEqual(["listStatuses", "listStatuses", "listStatuses"]);
  });

  test("comes as a page, JSON or CSV, by format or by Accept", async () => {
    const typeOf = async (query: string, accept?: string) =>
      (await overview(query, { headers: accept ? { accept } : {} })).headers["Content-Type"];
    expect(await typeOf("")).toContain("application/json");
    expect(await typeOf("", "text/html,*/*;q=0.8")).toContain("text/html");
    expect(await typeOf("", "text/csv")).toContain("text/csv");
    expect(await typeOf("format=csv", "text/html")).toContain("text/csv");
    expect((await overview("", { headers: { accept: "image/png" } })).status).toBe(406);
    expect((await overview("format=csv")).headers["Content-Disposition"]).toBe(
      'attachment; filename="missing-kbs-overview-2026-11-23.csv"',
    );
  });

  test("has one line per watchlist in CSV, empty where nobody knows", async () => {
    const [head, ...lines] = readCsv((await overview("format=csv&sort=watchlist")).body.slice(1));
    expect(head).toEqual([...overviewColumns]);
    const cell = (line: string[] | undefined, column: (typeof overviewColumns)[number]) =>
      line?.[overviewColumns.indexOf(column)];
    expect(lines.map((line) => [cell(line, "watchlist"), cell(line, "missingKbs"), cell(line, "day")])).toEqual([
      ...[
        ["Adventure <Works>", "", ""],
        ["Contoso", "1", "2026-11-23"],
        ["Fabrikam", "0", "2026-11-23"],
      ],
      ...[
        ["Proseware", "", ""],
        ["Tailspin", "0", "2026-11-23"],
      ],
    ]);
    expect(cell(lines[2], "failingReason")).toBe("Defender answered 403.");
  });

  test("selects and sorts all formats alike", async () => {
    const query = "search=T%20N&sort=watchlist&order=desc";
    const { json } = await overview(`format=json&${query}`);
    expect(named(json).map(([name]) => name)).toEqual(["Tailspin", "Contoso", "Adventure <Works>"]);
    const csv = readCsv((await overview(`format=csv&${query}`)).body).slice(1);
    expect(csv.map(([name]) => name)).toEqual(named(json).map(([name]) => name));
    expect(json).toMatchObject({ filter: { search: "T N" }, total: 5 });
    expect(named((await overview("format=json&state=worse")).json).map(([name]) => name)).toEqual(["Contoso"]);
  });

  test("is not sent again to a caller who has it, until a run is late", async () => {
    for (const query of ["format=json", "format=html", "format=csv"]) {
      const { ETag = "" } = (await overview(query)).headers;
      expect((await overview(query, { headers: { "if-none-match": ETag } })).status).toBe(304);
      const later = { ...world.ports, now: () => new Date("2026-11-24T23:00:00Z") };
      expect((await overview(query, { headers: { "if-none-match": ETag }, ports: later })).status).toBe(200);
    }
  });

  test.each([
    ["state=bad", "state"],
    ["sort=bad", "sort"],
    ["order=up", "order"],
    ["format=text", "format"],
    ["page=0", "page"],
    ["watchlist=Contoso", "watchlist"],
    ["change=worse", "change"],
    [`search=${"x".repeat(301)}`, "search"],
    ["state=late&state=late", "state"],
  ])("asked for with %j is refused by the parameter's name", async (query, parameter) => {
    for (const serve of [overview, home]) {
      const given = await serve(query);
      expect([given.status, given.json.parameter]).toEqual([400, parameter]);
    }
  });
});

describe("a reader", () => {
  const ofTailspin: Caller = { roles: new Set(["Tailspin.Read"]) };

  test("sees nothing of watchlists that others may read, in no format and by no search", async () => {
    for (const format of ["html", "json", "csv"]) {
      const { body } = await overview(`format=${format}`, { caller: ofTailspin });
      expect(body).toContain("Tailspin");
      expect(body).not.toMatch(/Contoso|Fabrikam|Proseware|Adventure|entry 7/);
    }
    const { json } = await overview("format=json&search=contoso", { caller: ofTailspin });
    expect(json).toMatchObject({ watchlists: [], total: 1, states: { worse: 0, faulty: 0 } });
  });

  test("of one watchlist alone is led from the start to its report", async () => {
    const { status, headers } = await home("", { caller: ofTailspin });
    expect([status, headers.Location]).toEqual([307, "/api/report?watchlist=Tailspin"]);
  });

  test("of several sees those", async () => {
    const caller = { roles: new Set(["Tailspin.Read", "Contoso.Read"]) };
    const { json } = await overview("format=json", { caller });
    expect(named(json).map(([name]) => name)).toEqual(["Contoso", "Tailspin"]);
  });

  test("of none is refused", async () => {
    for (const serve of [overview, home]) {
      expect((await serve("", { caller: { roles: new Set() } })).status).toBe(403);
    }
  });

  test("sees no fault of the configuration, for nobody knows who may read an entry that is faulty", async () => {
    const faults = watchlists.map(({ name }) => ({ watchlist: name, message: `${name} is faulty.`, isKept: true }));
    const ports = { ...world.ports, watchlists: configured(watchlists, faults) };
    const { json } = await overview("format=json", { caller: ofTailspin, ports });
    expect(json.watchlists).toMatchObject([{ watchlist: "Tailspin", faults: [] }]);
    expect(JSON.stringify(json)).not.toContain("is faulty");
  });
});

describe("the start page", () => {
  test("is the overview, as a page unless another format is asked for", async () => {
    expect((await home("")).headers["Content-Type"]).toContain("text/html");
    expect((await home("", { headers: { accept: "*/*" } })).headers["Content-Type"]).toContain("text/html");
    expect((await home("", { headers: { accept: "application/json" } })).json.total).toBe(5);
    expect((await home("format=csv")).headers["Content-Type"]).toContain("text/csv");
  });

  test("leads to its own calls from where it is", async () => {
    expect((await home("")).body).toContain('href="api/report?watchlist=Contoso"');
    expect((await overview("format=html")).body).toContain('href="report?watchlist=Contoso"');
  });

  const alone = (list: Watchlist[]) => ({ ports: { ...world.ports, watchlists: configured(list) } });

  test("of a single watchlist is its report, with the key of the address", async () => {
    const one = alone([aWatchlist({ name: "A&B servers" })]);
    const { status, headers, body } = await home("code=k%26y&search=x", one);
    expect([status, headers.Location, body]).toEqual([307, "/api/report?watchlist=A%26B+servers&code=k%26y", ""]);
    expect((await home("format=json", one)).json.total).toBe(1);
    expect((await overview("format=html", one)).status).toBe(200);
  });

  test("of a single watchlist stays the overview where something is faulty", async () => {
    const faults = [{ watchlist: null, message: "The file cannot be read.", isKept: false }];
    const { status, body } = await home("", {
      ports: { ...world.ports, watchlists: configured([aWatchlist()], faults) },
    });
    expect([status, body.includes("The file cannot be read.")]).toEqual([200, true]);
  });

  test("without any watchlist says so", async () => {
    const { status, body } = await home("", alone([]));
    expect([status, body.includes("There is no watchlist to show.")]).toEqual([200, true]);
  });
});

describe("a report without a name, where there are several watchlists", () => {
  test("leads browsers to the overview, with the key of the address", async () => {
    const browser = { accept: "text/html,*/*;q=0.8" };
    expect(await report("", browser)).toMatchObject({ status: 307, headers: { Location: "/api/overview" } });
    expect((await report("format=html&code=k%26y")).headers.Location).toBe("/api/overview?format=html&code=k%26y");
  });

  test.each(["", "format=json", "format=html&run=2026-11-23", "format=html&search=x"])(
    "stays an error for scripts and for those who name anything else: %j",
    async (query) => {
      const given = await report(query);
      expect([given.status, given.json.parameter]).toEqual([400, "watchlist"]);
    },
  );
});

test("names are shown as text, whatever is in them", async () => {
  const { body } = await overview("format=html&code=%22%3E%3Cscript%3E");
  expect(body).toContain("Adventure &lt;Works&gt;");
  expect(body).not.toMatch(/<Works>|"><script>/);
});
