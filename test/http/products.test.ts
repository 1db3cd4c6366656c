import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, test } from "vitest";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import { type Caller, portsOf } from "../../shared/http/caller.ts";
import { serveProducts } from "../../shared/http/products.ts";
import { DefenderError } from "../../shared/ports.ts";
import { productsColumns } from "../../shared/render/export/csv.ts";
import { jsonSchema } from "../../shared/render/export/openapi.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { aWatchlist } from "../support/builders.ts";
import { handleAll } from "../support/drive.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { stock } from "../support/inventory.ts";
import { readCsv } from "../support/read-csv.ts";
import { readHtml } from "../support/read-html.ts";

const other = "11111111-2222-3333-4444-555555555555";
const lists: Watchlist[] = [
  aWatchlist({ name: "Windows", softwareIds: ["microsoft-_-windows_11"], readerRole: "Windows.Read" }),
  aWatchlist({
    name: "All",
    softwareIds: [],
    vendor: "microsoft",
    leftOut: ["microsoft-_-teams"],
    readerRole: "All.Read",
  }),
  aWatchlist({ name: "Customer", softwareIds: ["google-_-chrome"], tenant: other, readerRole: "Customer.Read" }),
];
const everybody: Caller = { roles: null };
const readers = (...roles: string[]): Caller => ({ roles: new Set(roles) });
let world: FakeWorld;

beforeAll(async () => {
  world = fakeWorld(lists);
  stock(world, {
    "microsoft-_-windows_11": { weaknesses: 9, exposedMachines: 40 },
    "microsoft-_-edge_chromium-based": { weaknesses: 3, exposedMachines: 70 },
    "microsoft-_-teams": { weaknesses: 1, exposedMachines: 5 },
    "google-_-chrome": { weaknesses: 0, exposedMachines: 0 },
  });
  await runDay();
});

async function runDay(of = world): Promise<void> {
  await scheduleRuns(of.ports);
  await handleAll(of, of.ports.now().getTime() + 3_600_000);
}

const products = (query: string, caller = everybody, headers = {}, of = world) =>
  ask(request(query, { headers }), (asked) => serveProducts(asked, portsOf(caller, of.ports)));

interface Found {
  tenant: string;
  softwareId: string;
  watchlists: string[];
}
const idsOf = (json: Record<string, unknown>) =>
  (json.products as Found[]).map(({ tenant, softwareId }) => `${tenant === other ? "other" : tenant} ${softwareId}`);

describe("GET /api/products", () => {
  test("finds products by every word, those on most exposed machines first", async () => {
    expect(idsOf((await products("tenant=home")).json)).toEqual([
      "home microsoft-_-edge_chromium-based",
      "home microsoft-_-windows_11",
      "home microsoft-_-teams",
      "home google-_-chrome",
    ]);
    expect(idsOf((await products("tenant=home&search=EDGE%20micro")).json)).toEqual([
      "home microsoft-_-edge_chromium-based",
    ]);
    expect((await products("search=edge%20windows")).json).toMatchObject({ products: [], message: null });
  });

  test("names the watchlists that watch each, by its id or by its vendor", async () => {
    const { json } = await products("tenant=home");
    const watching = (json.products as Found[]).map(({ softwareId, watchlists }) => [softwareId, watchlists]);
    expect(Object.fromEntries(watching)).toEqual({
      "microsoft-_-edge_chromium-based": ["All"],
      "microsoft-_-windows_11": ["Windows", "All"],
      "microsoft-_-teams": [],
      "google-_-chrome": [],
    });
  });

  test("answers in each format by parameter and by Accept, as its schema says", async () => {
    const { json } = await products("");
    const validate = new Ajv2020({ strict: false }).compile(jsonSchema("Products"));
    expect([validate(json), validate.errors]).toEqual([true, null]);
    const csv = readCsv((await products("format=csv&tenant=home")).body);
    expect(csv).toHaveLength(5);
    expect(csv[0]?.join()).toBe(`\ufeff${productsColumns.join()}`);
    expect(csv[2]?.slice(0, 4)).toEqual(["microsoft-_-windows_11", "windows_11", "microsoft", "9"]);
    const page = await products("search=%3Cb%3E", everybody, { accept: "text/html" });
    expect(page.headers["Content-Type"]).toContain("text/html");
    expect(readHtml(page.body).tags.filter(({ name }) => name === "b")).toEqual([]);
    expect((await products("", everybody, { accept: "text/html" })).body).toContain("edge_chromium-based");
  });

  test("has an ETag that holds as long as nothing changes", async () => {
    const { headers } = await products("format=json");
    const again = await products("format=json", everybody, { "if-none-match": headers.ETag });
    expect(again.status).toBe(304);
  });

  test("never calls Defender", async () => {
    const before = world.ports.defender.usage("home").calls.length;
    await products("search=edge");
    expect(world.ports.defender.usage("home").calls.length).toBe(before);
  });

  test("shows a caller only the tenants and watchlists that they may read", async () => {
    const own = await products("", readers("Windows.Read"));
    expect(own.body).not.toMatch(/Customer|All|11111111/);
    expect(idsOf(own.json)).toContain("home microsoft-_-windows_11");
    expect((await products(`tenant=${other}`, readers("Windows.Read"))).status).toBe(400);
    expect((await products("", readers("Other"))).status).toBe(403);
    const both = await products("", readers("Windows.Read", "Customer.Read"));
    expect(idsOf(both.json)).toContain("other google-_-chrome");
  });

  test("refuses a tenant and a parameter that it does not know by name", async () => {
    expect((await products("tenant=contoso")).json).toMatchObject({ parameter: "tenant", allowed: ["home", other] });
    expect((await products("name=edge")).json).toMatchObject({ parameter: "name" });
  });
});

describe("before a list was read", () => {
  test("the answer is 200 and says when the next run reads it", async () => {
    const fresh = fakeWorld([aWatchlist()]);
    const { status, json } = await products("search=edge", everybody, {}, fresh);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      message:
        "Defender's list of products was not read yet. The next scheduled run reads it, at 2026-11-24T05:00:00.000Z.",
      products: [],
    });
    const page = await products("format=html", everybody, {}, fresh);
    expect([page.status, page.body.includes("was not read yet")]).toEqual([200, true]);
  });

  test("because it failed, the answer says why, and after a list since when", async () => {
    const fresh = fakeWorld([aWatchlist()]);
    fresh.inventory.products = new DefenderError("Defender returned 500.", { permanent: false });
    await runDay(fresh);
    expect((await products("", everybody, {}, fresh)).json.message).toBe(
      "Defender's list of products could not be read yet. Defender returned 500.",
    );
    fresh.inventory.products = [{ id: "a-_-b" }];
    fresh.setClock("2026-11-24T05:00:00Z");
    await runDay(fresh);
    fresh.inventory.products = [];
    fresh.setClock("2026-11-25T05:00:00Z");
    await runDay(fresh);
    expect((await products("", everybody, {}, fresh)).json).toMatchObject({
      ...{ message: null, products: [{ softwareId: "a-_-b" }] },
      lists: [{ total: 1, readAt: "2026-11-24T05:00:00.000Z", failure: { since: "2026-11-25T05:00:00.000Z" } }],
    });
    const page = await products("format=html", everybody, {}, fresh);
    expect(page.body).toContain("could not be read since 25 Nov 2026; the list of 24 Nov 2026 is used.");
  });
});
