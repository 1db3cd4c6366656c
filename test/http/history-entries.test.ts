import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { noTotals } from "../../shared/core/totals.ts";
import { serveHistory } from "../../shared/http/history.ts";
import { maxProductsOfPage } from "../../shared/http/history-entries.ts";
import { RowError, type Store } from "../../shared/ports.ts";
import { reportColumns } from "../../shared/render/export/csv.ts";
import { jsonSchema } from "../../shared/render/export/openapi.ts";
import { ask, request } from "../support/ask.ts";
import { aKb, aRun, aSnapshot, aWatchlist, chainOf } from "../support/builders.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { readCsv } from "../support/read-csv.ts";
import { item, type PlayedStory, play } from "../support/story.ts";

type Row = Record<string, string | number | boolean | null>;
type World = Pick<FakeWorld, "ports">;

const windows10 = "microsoft-_-windows_10";
const windows11 = "microsoft-_-windows_11";

/** Four days and a run asked for, with every change in them. */
function fiveRuns(): Promise<PlayedStory> {
  return play({
    watchlist: { softwareIds: [windows10, windows11] },
    days: [
      {
        date: "2026-11-20",
        answers: { [windows10]: [item("1", 5), item("2", 9), item("3", null)], [windows11]: [item("2", 7)] },
      },
      { date: "2026-11-21", answers: { [windows10]: [item("1", 50), item("2", 3), item("4", 1)] } },
      { date: "2026-11-21", onDemand: "2026-11-21T09:30Z", at: "2026-11-21T09:30:00Z" },
      { date: "2026-11-22", answers: { [windows11]: { status: 500 } } },
      { date: "2026-11-23", answers: { [windows10]: [item("2", 3)], [windows11]: [] } },
    ],
  });
}

const get = (query: string, { ports }: World) => ask(request(query), (asked) => serveHistory(asked, ports));

/** The page of a query, which must be there. */
async function pageOf(query: string, world: World): Promise<{ rows: Row[]; next: string | null }> {
  const { status, json, headers } = await get(query, world);
  expect([query, status]).toEqual([query, 200]);
  const { rows, next } = json as { rows: Row[]; next: string | null };
  expect(headers.Link).toBe(next === null ? undefined : `<${next}>; rel="next"`);
  return { rows, next };
}

/** All pages from a query on, as their links lead to them. */
async function pagesFrom(query: string, world: World): Promise<Row[][]> {
  const pages: Row[][] = [];
  for (let next: string | null = `?${query}`; next !== null; ) {
    const page = await pageOf(next.slice(next.indexOf("?") + 1), world);
    pages.push(page.rows);
    next = page.next;
  }
  return pages;
}

/** The lines of a CSV by column name. */
function readLines(csv: string): Record<string, string>[] {
  const [head = [], ...lines] = readCsv(csv.replace(/^\ufeff/, ""));
  expect(head).toEqual(reportColumns);
  return lines.map((cells) => Object.fromEntries(head.map((column, index) => [column, cells[index] ?? ""])));
}

const inCells = (row: Row) =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? "" : String(value)]));
const keyOf = ({ run, softwareId, id }: Record<string, unknown>) => [run, softwareId, id].join(" ");
const keysOf = (rows: readonly Record<string, unknown>[]) => rows.map(keyOf);
const byKey = (a: Record<string, unknown>, b: Record<string, unknown>) => (keyOf(a) < keyOf(b) ? -1 : 1);

/** Puts another store in a world's place. */
function withStore(world: World, store: Partial<Store>): World {
  return { ports: { ...world.ports, store: { ...world.ports.store, ...store } } };
}

describe("the entries of all runs", () => {
  test.each([1, 2, 3, 4, 7, 100])("come once each, as in the reports of the runs, on pages of %i", async (limit) => {
    const { world, report } = await fiveRuns();
    const pages = await pagesFrom(`detail=entries&limit=${limit}`, world);
    const rows = pages.flat();
    const runs = ["2026-11-20", "2026-11-21", "2026-11-21T09:30Z", "2026-11-22", "2026-11-23"];
    expect([...new Set(rows.map(({ run }) => run))]).toEqual(runs);
    for (const run of runs) {
      const lines = readLines((await report(`format=csv&run=${encodeURIComponent(run)}`)).body);
      const own = rows.filter((row) => row.run === run).map(inCells);
      expect(own.sort(byKey)).toEqual(lines.sort(byKey));
    }
    expect(new Set(keysOf(rows)).size).toBe(rows.length);
    for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
  });

  test("are the same in CSV, where each page has the columns and the link", async () => {
    const { world } = await fiveRuns();
    const rows = (await pagesFrom("detail=entries", world)).flat();
    const lines: Record<string, string>[] = [];
    for (let next: string | undefined = "detail=entries&format=csv&limit=4"; next !== undefined; ) {
      const page = await get(next, world);
      expect(page.headers).toMatchObject({
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": 'attachment; filename="missing-kbs-default-entries-2026-11-23.csv"',
      });
      lines.push(...readLines(page.body));
      next = /^<.*\?(.*)>; rel="next"$/.exec(page.headers.Link ?? "")?.[1];
    }
    expect(lines).toEqual(rows.map(inCells));
  });

  test("have the shape that the schema says", async () => {
    const { world } = await fiveRuns();
    const validate = new Ajv2020({ strict: true }).compile(jsonSchema("HistoryEntries"));
    for (const query of ["detail=entries", "detail=entries&limit=2", "detail=entries&from=2026-12-01"]) {
      const { json } = await get(query, world);
      expect([validate(json), validate.errors]).toEqual([true, null]);
    }
  });

  test("are of the days asked for", async () => {
    const { world } = await fiveRuns();
    const runsOf = async (query: string) => [
      ...new Set((await pagesFrom(`detail=entries&${query}`, world)).flat().map(({ run }) => run)),
    ];
    expect(await runsOf("from=2026-11-22")).toEqual(["2026-11-22", "2026-11-23"]);
    expect(await runsOf("to=2026-11-20")).toEqual(["2026-11-20"]);
    expect(await runsOf("from=2026-11-21&to=2026-11-21&limit=1")).toEqual(["2026-11-21", "2026-11-21T09:30Z"]);
    expect(await runsOf("days=1&limit=1")).toEqual(["2026-11-22", "2026-11-23"]);
    expect(await runsOf("from=2026-11-24")).toEqual([]);
  });

  test("go on where a page ended although runs were added and deleted meanwhile", async () => {
    const { world } = await fiveRuns();
    const { store } = world.ports;
    const all = (await pagesFrom("detail=entries", world)).flat();
    const first = await pageOf("detail=entries&limit=6", world);
    // The page ends inside the second run.
    expect(new Set(first.rows.map(({ run }) => run))).toEqual(new Set(["2026-11-20", "2026-11-21"]));
    await store.deleteRun({ ...chainOf(), runId: "2026-11-20" });
    const { run } = await aRun({ runId: "2026-11-24", previousRunId: "2026-11-23" });
    await store.commitRun(run, await store.readRun(chainOf(), "2026-11-23"));
    await store.addSnapshot(aSnapshot({ runId: "2026-11-24", missingKbs: [aKb({ id: "9" })] }));
    const rest = (await pagesFrom(first.next?.split("?")[1] ?? "", world)).flat();
    const ofOld = rest.filter((row) => row.run !== "2026-11-24");
    expect(keysOf([...first.rows, ...ofOld])).toEqual(keysOf(all));
    expect(rest.some((row) => row.run === "2026-11-24")).toBe(true);
    // The run in which a page ended may be the one that is deleted.
    await store.deleteRun({ ...chainOf(), runId: "2026-11-21" });
    const later = (await pagesFrom(first.next?.split("?")[1] ?? "", world)).flat();
    expect(later[0]?.run).toBe("2026-11-21T09:30Z");
  });
});

describe("what cannot be read any more", () => {
  test("is a row that names the product and says why, and the other rows are there", async () => {
    const { world } = await fiveRuns();
    const before = (await pagesFrom("detail=entries", world)).flat();
    await world.ports.store.deleteSnapshot({ tenant: "home", softwareId: windows10, runId: "2026-11-22" });
    for (const limit of [1, 2, 100]) {
      const rows = (await pagesFrom(`detail=entries&limit=${limit}`, world)).flat();
      const lost = rows.filter(({ change }) => change === "lost");
      // One run reported the snapshot, the next compared with it.
      expect(lost).toMatchObject(
        ["2026-11-22", "2026-11-23"].map((run) => ({
          ...{ run, runDay: run, softwareId: windows10, id: null, machineMissedOn: null, watchlist: "default" },
          why: `The snapshot of ${windows10} from 2026-11-22 is no longer kept (RETENTION_DAYS).`,
        })),
      );
      const others = before.filter(({ run, softwareId }) => softwareId !== windows10 || String(run) < "2026-11-22");
      expect(keysOf(rows.filter(({ change }) => change !== "lost"))).toEqual(keysOf(others));
    }
  });

  test("is a row that names the run where nothing is left of it", async () => {
    const { world } = await fiveRuns();
    const { store } = world.ports;
    const all = (await pagesFrom("detail=entries", world)).flat();
    const readRun: Store["readRun"] = async (chain, runId) => {
      if (runId === "2026-11-21") throw new RowError("Row 2026-11-21 of table Runs is damaged.");
      return runId === "2026-11-22" ? null : store.readRun(chain, runId);
    };
    for (const limit of [1, 100]) {
      const rows = (await pagesFrom(`detail=entries&limit=${limit}`, withStore(world, { readRun }))).flat();
      expect(rows.filter(({ change }) => change === "lost")).toMatchObject([
        { run: "2026-11-21", softwareId: null, why: "Row 2026-11-21 of table Runs is damaged." },
        { run: "2026-11-22", softwareId: null, why: "The run was deleted while it was read." },
      ]);
      const others = all.filter(({ run }) => run !== "2026-11-21" && run !== "2026-11-22");
      expect(keysOf(rows.filter(({ change }) => change !== "lost"))).toEqual(keysOf(others));
    }
  });

  test("is a row that names the run where its facts are damaged: its due days would not be those of its report", async () => {
    const { world } = await fiveRuns();
    const { store } = world.ports;
    const readFacts: Store["readFacts"] = async (run) => {
      if (run.runId === "2026-11-22") throw new RowError("Row facts|2026-11-22|0 of table Runs is damaged.");
      return store.readFacts(run);
    };
    const rows = (await pagesFrom("detail=entries", withStore(world, { readFacts }))).flat();
    expect(rows.filter(({ run }) => run === "2026-11-22")).toMatchObject([
      { change: "lost", softwareId: null, why: "Row facts|2026-11-22|0 of table Runs is damaged." },
    ]);
  });

  test("is named once where it is lost between two pages", async () => {
    const { world } = await fiveRuns();
    const first = await pageOf("detail=entries&limit=1", world);
    await world.ports.store.deleteSnapshot({ tenant: "home", softwareId: windows10, runId: "2026-11-20" });
    const rest = (await pagesFrom(first.next?.split("?")[1] ?? "", world)).flat();
    expect(rest.filter(({ run, softwareId }) => run === "2026-11-20" && softwareId === windows10)).toMatchObject([
      { change: "lost", id: null },
    ]);
  });

  test("does not hide that storage cannot be reached", async () => {
    const { world } = await fiveRuns();
    const readSnapshots = async () => Promise.reject(new Error("Azure Storage does not answer."));
    await expect(get("detail=entries", withStore(world, { readSnapshots }))).rejects.toThrow("does not answer");
  });
});

test("a page of products without KBs ends after so many of them, and the next one goes on", async () => {
  const softwareIds = Array.from({ length: 2 * maxProductsOfPage + 1 }, (_, index) => `a-_-${index}`);
  const world = fakeWorld([aWatchlist({ softwareIds })]);
  const runId = "2026-11-23";
  const { run } = await aRun({ runId, previousRunId: null, products: {} });
  const comparisons = softwareIds.map((softwareId) => ({ softwareId, previous: null, current: runId }));
  await world.ports.store.commitRun({ ...run, comparisons, totals: noTotals }, null);
  const last = aSnapshot({ softwareId: softwareIds.at(-1) ?? "", runId, missingKbs: [aKb()] });
  let reads = 0;
  const readSnapshots: Store["readSnapshots"] = async ({ softwareId }) => {
    reads += 1;
    return [softwareId === last.softwareId ? last : aSnapshot({ softwareId, runId })];
  };
  const counted = withStore(world, { readSnapshots });
  const first = await pageOf("detail=entries", counted);
  expect([first.rows, first.next === null]).toEqual([[], false]);
  expect(reads).toBeLessThan(maxProductsOfPage + 100);
  const rest = await pagesFrom(first.next?.split("?")[1] ?? "", counted);
  expect(rest.map((rows) => rows.length)).toEqual([0, 1]);
});

describe("texts from Defender", () => {
  test("run no formula in a spreadsheet, and are unchanged in JSON", async () => {
    const kb = { ...(item("1", 5) as object), name: "=1+1", productsNames: ["@SUM(1)", "b"] };
    const { world } = await play({ watchlist: {}, days: [{ date: "2026-11-23", answers: { [windows10]: [kb] } }] });
    const [row] = (await pagesFrom("detail=entries", world)).flat();
    expect(row).toMatchObject({ name: "=1+1", productsNames: "@SUM(1); b" });
    const [line] = readLines((await get("detail=entries&format=csv", world)).body);
    expect(line).toMatchObject({ name: "'=1+1", productsNames: "'@SUM(1); b" });
  });
});

describe("a link to the next page", () => {
  test("has all that was asked for, but not the key", async () => {
    const { world } = await fiveRuns();
    const { next } = await pageOf("detail=entries&from=2026-11-20&to=2026-11-22&limit=2&code=secret", world);
    const query = new URLSearchParams(next?.split("?")[1]);
    expect(Object.fromEntries(query)).toEqual({
      ...{ watchlist: "default", detail: "entries", format: "json", from: "2026-11-20", to: "2026-11-22", limit: "2" },
      after: "2026-11-20T05:00:00.000Z_2026-11-20_0_2",
    });
    expect(next?.startsWith("/api/history?")).toBe(true);
  });

  test("has the format that Accept asked for, and the first day instead of a number of days", async () => {
    const { world } = await fiveRuns();
    const asked = request("detail=entries&days=3&limit=1", { headers: { accept: "text/csv" } });
    const { headers } = await ask(asked, (one) => serveHistory(one, world.ports));
    expect(headers.Link).toContain("format=csv&from=2026-11-20&limit=1&after=");
  });
});

test.each([
  ["detail=all", "detail", '"detail" must be one of runs, entries.'],
  ["detail=entries&from=2026-02-30", "from", '"from" must be a day such as 2026-11-23.'],
  ["detail=entries&to=yesterday", "to", '"to" must be a day such as 2026-11-23.'],
  ["from=2026-11-23&to=2026-11-22", "to", '"to" must not be before "from".'],
  ["from=2026-11-23&days=3", "days", '"days" and "from" both say where the history begins. Give one of them.'],
  ["detail=entries&limit=0", "limit", '"limit" must be a whole number from 1 to 10000.'],
  ["detail=entries&limit=10001", "limit", '"limit" must be a whole number from 1 to 10000.'],
  ["limit=5", "limit", '"limit" needs detail=entries: only entries have pages.'],
  ["after=2026-11-23T05:00:00.000Z_2026-11-23_0_0", "after", '"after" needs detail=entries: only entries have pages.'],
  [
    "detail=entries&after=2",
    "after",
    '"after" must be the position that the "next" link of a page has. Follow that link.',
  ],
  [
    "detail=entries&page=2",
    "page",
    /^There is no parameter "page"\. The parameters are watchlist, detail, days, from, /,
  ],
])("refuses %s by the parameter's name", async (query, parameter, detail) => {
  const said = typeof detail === "string" ? detail : expect.stringMatching(detail);
  expect((await get(query, fakeWorld([aWatchlist()]))).json).toMatchObject({ status: 400, parameter, detail: said });
});

test("entries of a watchlist that the caller may not read are not shown", async () => {
  const { world } = await fiveRuns();
  const watchlists = configured([]);
  const given = await ask(request("detail=entries&watchlist=default"), (one) =>
    serveHistory(one, { ...world.ports, watchlists, caller: { roles: new Set() } }),
  );
  expect(given.status).toBe(403);
});
