import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkHealth } from "../../../shared/http/health.ts";
import { createStore } from "../../../shared/io/storage/tables.ts";
import { createDocument } from "../../../shared/io/watchlists/document.ts";
import { createWatchlists } from "../../../shared/io/watchlists/watchlists.ts";
import { type Ports, StorageError } from "../../../shared/ports.ts";
import { advance } from "../../../shared/run/advance.ts";
import { scheduleRuns } from "../../../shared/run/schedule.ts";
import { parseEntries, parseWatchlists } from "../../../shared/settings/watchlists.ts";
import { emulator } from "../../support/azurite.ts";
import { type FakeWorld, fakeWorld } from "../../support/fake-world.ts";
import { uniqueTables } from "../../support/faulty-stores.ts";
import { type HttpServer, startHttpServer } from "../../support/http-server.ts";

const defaults = {
  thresholds: { minMachines: 1, minPercent: 0, minCves: 1 },
  ...({
    mailWhen: "always",
    heartbeatDay: "none",
    ...{ dueDays: 14, dueDaysExploited: 3, dueFrom: "released" as const, alertExploited: true },
    otherTenants: true,
    readerRoles: false,
  } as const),
};

const entry = (name: string, parts: object = {}) => ({
  ...{ name, softwareIds: ["microsoft-_-windows_11"], mailTo: ["it@contoso.example"] },
  ...parts,
});
const broken = (name: string) => entry(name, { mailTo: "nobody" });

let server: HttpServer;
let world: FakeWorld;

/** What the blob holds now: JSON, a text, or the status of a refusal. */
function put(content: unknown): void {
  const etag = `"${crypto.randomUUID()}"`;
  server.handle(({ headers }) => {
    if (typeof content === "number") return { status: content };
    if (headers["if-none-match"] === etag) return { status: 304, headers: { etag } };
    return { headers: { etag }, body: typeof content === "string" ? content : JSON.stringify(content) };
  });
}

/** A process of the app, which has read nothing yet. */
function startProcess(
  store: Pick<Ports["store"], "readLastGood" | "saveLastGood"> = world.ports.store,
): FakeWorld["ports"] {
  const read = createDocument({
    url: `${server.url}/configuration/watchlists.json`,
    token: async () => "token",
    patience: { tries: 1, tryMs: 10_000, pauseMs: 1 },
  });
  const watchlists = createWatchlists({
    ...{ read, store, now: world.ports.now },
    parse: (text) => parseWatchlists(text, defaults),
    parseEntries: (sources) => parseEntries(sources, defaults),
  });
  return { ...world.ports, watchlists };
}

async function reasonsOf(ports: Ports): Promise<string[]> {
  return (await checkHealth(ports)).map(({ sentence }) => sentence);
}

async function namesIn({ watchlists }: Ports, asOf?: Date): Promise<string[]> {
  return (await watchlists(asOf)).list.map(({ name }) => name);
}

beforeEach(async () => {
  world = fakeWorld();
  server = await startHttpServer(() => ({ status: 500 }));
});
afterEach(() => server.close());

describe("the watchlists in a blob", () => {
  test("are read at most once a minute, however many ask, and sent only if they changed", async () => {
    put([entry("A")]);
    const ports = startProcess();
    await Promise.all(Array.from({ length: 20 }, () => namesIn(ports)));
    world.setClock("2026-11-23T05:01:00Z");
    await namesIn(ports);
    expect(server.requests).toHaveLength(1);
    put([entry("B")]);
    expect(await namesIn(ports)).toEqual(["A"]);
    world.setClock("2026-11-23T05:01:00.001Z");
    expect(await Promise.all([namesIn(ports), namesIn(ports)])).toEqual([["B"], ["B"]]);
    world.setClock("2026-11-23T05:03:00Z");
    expect(await namesIn(ports)).toEqual(["B"]);
    expect(server.requests).toHaveLength(3);
    expect(server.requests[2]?.headers["if-none-match"]).toMatch(/^"[-\w]+"$/);
  });

  test("are read again for who needs them as of later, once", async () => {
    put([entry("A")]);
    const ports = startProcess();
    await namesIn(ports);
    put([entry("B")]);
    world.setClock("2026-11-23T05:00:30Z");
    expect(await namesIn(ports, new Date("2026-11-23T05:00:00Z"))).toEqual(["A"]);
    expect(await namesIn(ports, new Date("2026-11-23T05:00:10Z"))).toEqual(["B"]);
    expect(await namesIn(ports, new Date("2026-11-23T05:00:20Z"))).toEqual(["B"]);
    // Another process's clock is ahead.
    expect(await namesIn(ports, new Date("2026-11-23T06:00:00Z"))).toEqual(["B"]);
    expect(server.requests).toHaveLength(2);
  });

  test("that change take effect at the next schedule, without a restart, in every process", async () => {
    put([entry("A", { mailTo: "before@contoso.example" })]);
    const [timer, worker] = [startProcess(), startProcess()];
    await Promise.all([namesIn(timer), namesIn(worker)]);
    put([entry("A", { mailTo: "after@contoso.example" }), entry("New"), entry("Abroad", { tenantId: "fabrikam.com" })]);
    world.setClock("2026-11-23T05:00:01Z");
    await scheduleRuns(timer);
    for (const { message } of [...timer.queue.waiting]) if ("openedAt" in message) await advance(message, worker);
    for (const { message } of [...timer.queue.waiting]) if ("deliver" in message) await advance(message, worker);
    const sent = world.inbox.map(({ tenant, watchlist, to }) => [tenant, watchlist, ...to]);
    expect(sent.toSorted()).toEqual([
      ["fabrikam.com", "Abroad", "it@contoso.example"],
      ["home", "A", "after@contoso.example"],
      ["home", "New", "it@contoso.example"],
    ]);
    expect(world.logs.filter(({ message }) => message.includes("unknown watchlist"))).toEqual([]);
  });

  test("get their mails from a process that has not read them yet", async () => {
    put([entry("A")]);
    const [slow, quick] = [startProcess(), startProcess()];
    await namesIn(slow);
    put([entry("A"), entry("New")]);
    world.setClock("2026-11-23T05:00:01Z");
    await scheduleRuns(quick);
    for (const { message } of [...quick.queue.waiting]) if ("openedAt" in message) await advance(message, quick);
    for (const { message } of [...quick.queue.waiting]) if ("deliver" in message) await advance(message, slow);
    expect(world.inbox.map(({ watchlist }) => watchlist).toSorted()).toEqual(["A", "New"]);
  });

  test("lose a faulty one alone: it runs in its last good version for a day, over restarts, and health names it", async () => {
    put([entry("A", { dueDays: 7 }), entry("B")]);
    await namesIn(startProcess());
    put([broken("A"), entry("B", { dueDays: 3 })]);
    world.setClock("2026-11-23T12:00:00Z");
    expect(await namesIn(startProcess())).toEqual(["B", "A"]);
    world.setClock("2026-11-24T05:00:00Z");
    const next = startProcess();
    await scheduleRuns(next);
    expect((await next.watchlists()).list.map(({ name, dueDays }) => [name, dueDays])).toEqual([
      ["B", 3],
      ["A", 7],
    ]);
    expect(world.logs).toContainEqual({
      ...{ level: "error", message: "watchlist faulty" },
      fields: { watchlist: "A", isKept: true, message: expect.stringContaining('"nobody" is not a mail address') },
    });
    expect(await reasonsOf(next)).toContainEqual(
      expect.stringMatching(
        /^Watchlist "A": Entry 1 \(A\) mailTo: "nobody" is not a mail address\. .* Correct it at line 1, column 2\. Until then its last good version is used, for a day\.$/,
      ),
    );
    world.setClock("2026-11-24T12:00:00Z");
    const over = startProcess();
    expect(await namesIn(over)).toEqual(["B"]);
    expect(await reasonsOf(over)).toContainEqual(
      expect.stringMatching(/^Watchlist "A": .* Correct it at line 1, column 2\.$/),
    );
    put([entry("A", { dueDays: 9 }), entry("B")]);
    expect(await namesIn(over, world.ports.now())).toEqual(["B"]);
    world.setClock("2026-11-24T12:00:01Z");
    expect(await namesIn(over, world.ports.now())).toEqual(["A", "B"]);
    expect((await over.watchlists()).faults).toEqual([]);
  });

  test.each([
    ["is gone", 404, "There is no document at WATCHLISTS_URL (404)."],
    ["is not JSON", '[{"name": "A"', "The document: is not valid JSON: it ends too early."],
    ["is empty", "[]", "The document: is empty."],
  ])("all go on for a day where the document %s", async (_, content, fault) => {
    put([entry("A"), entry("B")]);
    await namesIn(startProcess());
    put(content);
    world.setClock("2026-11-23T12:00:00Z");
    const ports = startProcess();
    expect(await namesIn(ports)).toEqual(["A", "B"]);
    expect(await reasonsOf(ports)).toEqual([expect.stringMatching(/^Watchlists: .* used, for a day\.$/)]);
    expect((await ports.watchlists()).faults[0]?.message).toContain(fault);
    world.setClock("2026-11-24T12:00:00Z");
    expect(await namesIn(ports)).toEqual([]);
    expect(await namesIn(startProcess())).toEqual([]);
  });

  test("are none, with a fault, where there never was a good document", async () => {
    put(403);
    const ports = startProcess();
    expect(await ports.watchlists()).toEqual({
      list: [],
      faults: [{ watchlist: null, isKept: false, message: expect.stringContaining("Storage Blob Data Reader") }],
    });
    await scheduleRuns(ports);
    expect(ports.queue.waiting).toEqual([]);
  });

  test("have one day together, whichever process saw the fault first", async () => {
    put([entry("A")]);
    const [first, second, third] = [startProcess(), startProcess(), startProcess()];
    await Promise.all([namesIn(first), namesIn(second), namesIn(third)]);
    put([broken("A")]);
    world.setClock("2026-11-23T06:00:00Z");
    await namesIn(first);
    world.setClock("2026-11-23T18:00:00Z");
    expect(await namesIn(second)).toEqual(["A"]);
    world.setClock("2026-11-24T06:00:00Z");
    expect([await namesIn(third), await namesIn(first), await namesIn(second)]).toEqual([[], [], []]);
  });

  test("are all known while the store cannot save them, and saved later", async () => {
    put([entry("A")]);
    const { store } = world.ports;
    const outage = new StorageError("The storage account answered 503.", { status: 503, code: "ServerBusy" }, null);
    let saves = 0;
    const saveLastGood: typeof store.saveLastGood = async (good, version) => {
      saves += 1;
      if (saves === 1) throw outage;
      return store.saveLastGood(good, version);
    };
    const ports = startProcess({ readLastGood: store.readLastGood, saveLastGood });
    expect(await namesIn(ports)).toEqual(["A"]);
    expect(await store.readLastGood()).toBeNull();
    world.setClock("2026-11-23T05:02:00Z");
    expect(await namesIn(ports)).toEqual(["A"]);
    expect((await store.readLastGood())?.good).toEqual([{ source: entry("A"), since: null }]);
  });

  test("are asked for again by the next caller where the store could not be read", async () => {
    put([broken("A")]);
    const { store } = world.ports;
    await store.saveLastGood([{ source: entry("A"), since: null }], null);
    let reads = 0;
    const readLastGood: typeof store.readLastGood = async () => {
      reads += 1;
      if (reads === 1) throw new Error("No answer.");
      return store.readLastGood();
    };
    const ports = startProcess({ readLastGood, saveLastGood: store.saveLastGood });
    await expect(namesIn(ports)).rejects.toThrow("No answer.");
    expect(await namesIn(ports)).toEqual(["A"]);
  });

  test("are 2,000, and every good one of them goes on, in Table Storage too", async () => {
    const store = createStore(emulator(), uniqueTables());
    const all = Array.from({ length: 2_000 }, (_, n) => entry(`Customer ${n}`, { tenantId: `customer-${n}.example` }));
    put(all);
    expect(await namesIn(startProcess(store))).toEqual(all.map(({ name }) => name));
    put(all.map((one, n) => (n % 2 ? broken(one.name) : one)));
    world.setClock("2026-11-23T06:00:00Z");
    const { list, faults } = await startProcess(store).watchlists();
    expect(new Set(list.map(({ name, tenant }) => `${name} ${tenant}`))).toEqual(
      new Set(all.map(({ name, tenantId }: { name: string; tenantId?: string }) => `${name} ${tenantId}`)),
    );
    expect(faults).toHaveLength(1_000);
    world.setClock("2026-11-24T06:00:00Z");
    expect(await namesIn(startProcess(store))).toHaveLength(1_000);
  });
});
