import { TableClient } from "@azure/data-tables";
import { beforeEach, describe, expect, test } from "vitest";
import { checkHealth } from "../../shared/http/health.ts";
import { serveReport } from "../../shared/http/report.ts";
import { serveRunStatus } from "../../shared/http/run-status.ts";
import { serveStartRun } from "../../shared/http/start-run.ts";
import { createStore } from "../../shared/io/storage/tables.ts";
import { advance } from "../../shared/run/advance.ts";
import { raiseAlerts } from "../../shared/run/raise-alerts.ts";
import { refreshAdvisories } from "../../shared/run/refresh-advisories.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "../support/ask.ts";
import { emulator } from "../support/azurite.ts";
import { aCatalogue, aMsrcKb, aWatchlist } from "../support/builders.ts";
import { fakeFeeds } from "../support/fake-feeds.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { uniqueTables } from "../support/faulty-stores.ts";

// Each remedy of docs/operate.md for a damaged row, carried out as a person would: on the row itself, in the real tables.

const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];

let world: FakeWorld;
let tables: ReturnType<typeof uniqueTables>;

beforeEach(() => {
  world = fakeWorld([aWatchlist({ softwareIds: [windows10, windows11], mailWhen: "worse", heartbeatDay: "none" })]);
  tables = uniqueTables();
  world.ports.store = createStore(emulator(), tables);
});

/** The day's runs, with these machines missing KB 5066835, until late in the evening. */
async function day(date: string, ten: number, eleven: number): Promise<void> {
  world.setClock(`${date}T05:00:00Z`);
  for (const [id, machineMissedOn] of [[windows10, ten] as const, [windows11, eleven] as const])
    world.answers.set(id, [{ id: "5066835", machineMissedOn, cveAddressed: 1 }]);
  await scheduleRuns(world.ports);
  await handleUntil(`${date}T22:00:00Z`);
}

/** Handles what is due, and brings back what fails every five minutes, as the platform does. */
async function handleUntil(time: string): Promise<void> {
  const { queue, now } = world.ports;
  for (;;) {
    const next = queue.waiting.toSorted((a, b) => a.visibleAt - b.visibleAt)[0];
    if (!next || next.visibleAt > Date.parse(time)) break;
    world.setClock(Math.max(now().getTime(), next.visibleAt));
    try {
      await advance(next.message, world.ports);
      queue.waiting.splice(queue.waiting.indexOf(next), 1);
    } catch {
      next.visibleAt = now().getTime() + 5 * 60_000;
    }
  }
  world.setClock(time);
}

type TableName = keyof ReturnType<typeof uniqueTables>;

async function keyOf(table: TableName, rowKey: string, product = ""): Promise<[TableClient, string, string]> {
  const client = TableClient.fromConnectionString(emulator().connectionString, tables[table], {
    allowInsecureConnection: true,
  });
  const rows = await Array.fromAsync(client.listEntities());
  const found = rows.find((row) => row.rowKey?.endsWith(rowKey) && row.partitionKey?.endsWith(product));
  if (!found?.partitionKey || !found.rowKey) throw new Error(`There is no row ${rowKey} of ${table}.`);
  return [client, found.partitionKey, found.rowKey];
}

async function damage(column: string, ...row: Parameters<typeof keyOf>): Promise<void> {
  const [client, partitionKey, rowKey] = await keyOf(...row);
  await client.updateEntity({ partitionKey, rowKey, [column]: "?" }, "Merge");
}

async function remove(...row: Parameters<typeof keyOf>): Promise<void> {
  const [client, partitionKey, rowKey] = await keyOf(...row);
  await client.deleteEntity(partitionKey, rowKey);
}

const reasons = async () => (await checkHealth(world.ports)).map(({ sentence }) => sentence);
const report = (query: string) => ask(request(query), (asked) => serveReport(asked, world.ports));
const mailOf = (runId: string) => world.inbox.filter((mail) => mail.runId === runId).map(({ text }) => oneLine(text));
const oneLine = (text: string) => text.replace(/\s+/g, " ");

describe("a damaged snapshot", () => {
  test("that a pending mail needs: delete it, and the next digest names the mail and brings its news", async () => {
    await day("2026-11-21", 10, 10);
    world.outcomes.push({ status: "failed", reason: "SendGrid could not accept the mail (503)." });
    world.setClock("2026-11-22T05:00:00Z");
    world.answers.set(windows10, [{ id: "5066835", machineMissedOn: 20, cveAddressed: 1 }]);
    await scheduleRuns(world.ports);
    await handleUntil("2026-11-22T05:00:00Z");
    await damage("day", "snapshotsTable", "2026-11-22", windows10);
    await handleUntil("2026-11-22T22:00:00Z");
    expect(mailOf("2026-11-22")).toEqual([]);
    expect(await reasons()).toEqual([
      expect.stringMatching(
        /the digest of 2026-11-22 was refused\. Row .*2026-11-22.* is damaged and cannot be read\. Delete it/,
      ),
    ]);
    expect((await report("format=json")).status).toBe(500);

    await remove("snapshotsTable", "2026-11-22", windows10);
    expect((await report("format=json")).status).toBe(410);
    await day("2026-11-23", 30, 10);
    expect(await reasons()).toEqual([]);
    const [digest] = mailOf("2026-11-23");
    expect(digest).toMatch(/The digest of 22 Nov was not delivered: Row .* is damaged/);
    // Compared over the head of the lost snapshot, with the one before.
    expect(digest).toMatch(/30 machines \(\+20\)/);
    expect((await report("format=json")).json.totals).toMatchObject({ worsened: 1, baseline: 0 });
  });

  test("that the next run compares with: that product alone is not read until it is deleted", async () => {
    await day("2026-11-21", 10, 10);
    await damage("day", "snapshotsTable", "2026-11-21", windows10);
    await day("2026-11-22", 20, 20);
    expect(mailOf("2026-11-22")[0]).toMatch(/Row .* is damaged and cannot be read\. Delete it/);
    expect((await report("format=json")).json.totals).toMatchObject({ read: 1, notRead: 1, worsened: 1 });

    await remove("snapshotsTable", "2026-11-21", windows10);
    await day("2026-11-23", 30, 20);
    // Of a product's first snapshot there is none before.
    expect((await report("format=json")).json.totals).toMatchObject({ read: 2, notRead: 0, baseline: 1 });
    expect(await reasons()).toEqual([]);
  });

  test("that runs passed over: once it is deleted, the product is compared with the snapshot before it", async () => {
    await day("2026-11-20", 10, 10);
    await day("2026-11-21", 15, 10);
    await damage("day", "snapshotsTable", "2026-11-21", windows10);
    await day("2026-11-22", 20, 10);
    await day("2026-11-23", 20, 10);
    await remove("snapshotsTable", "2026-11-21", windows10);
    await day("2026-11-24", 20, 10);
    expect((await report("format=json")).json.totals).toMatchObject({ worsened: 1, baseline: 0 });
    expect(mailOf("2026-11-24")[0]).toMatch(/Windows 10 20 \(\+10\)/);
  });

  test("that the last digest was made from: the next one names its product with all that it misses", async () => {
    await day("2026-11-20", 10, 10);
    await day("2026-11-21", 10, 10);
    await damage("day", "snapshotsTable", "2026-11-20", windows10);
    await day("2026-11-22", 10, 20);
    expect(await reasons()).toEqual([]);
    expect(mailOf("2026-11-22")[0]).toMatch(/KB5066835 got worse in Windows 11/);
    expect(mailOf("2026-11-22")[0]).toMatch(/ALL THAT IS MISSING: 1 PRODUCT .*- microsoft-_-windows_10: 1 KB missing/);
  });
});

describe("a damaged row of a run", () => {
  test("that is the last one: delete it, and the next run compares with the run before it", async () => {
    await day("2026-11-21", 10, 10);
    await day("2026-11-22", 20, 10);
    await damage("committedAt", "runsTable", "2026-11-22");
    await day("2026-11-23", 20, 10);
    expect(world.logs.filter(({ message }) => message === "run not opened")).toHaveLength(1);
    expect((await report("format=json")).json.detail).toMatch(/2026-11-22.* is damaged and cannot be read/);
    expect(await reasons()).toEqual([
      expect.stringContaining("the last scheduled run is 2026-11-22; the next was due at 2026-11-23T05"),
    ]);

    await remove("runsTable", "2026-11-22");
    await scheduleRuns(world.ports);
    await handleUntil("2026-11-23T23:00:00Z");
    const again = await report("format=json");
    expect(again.json).toMatchObject({ runId: "2026-11-23", previousRunId: "2026-11-21", totals: { worsened: 1 } });
    expect(mailOf("2026-11-23")).toHaveLength(1);
    expect(await reasons()).toEqual([]);
  });

  test("that is today's: delete it and fire the timer, and the day is reported again", async () => {
    await day("2026-11-21", 10, 10);
    await day("2026-11-22", 20, 10);
    await damage("committedAt", "runsTable", "2026-11-22");
    await remove("runsTable", "2026-11-22");
    await scheduleRuns(world.ports);
    await handleUntil("2026-11-22T23:00:00Z");
    const again = await report("format=json");
    expect(again.json).toMatchObject({ runId: "2026-11-22", previousRunId: "2026-11-21", totals: { worsened: 1 } });
    expect(await reasons()).toEqual([]);
  });

  test.each(["comparisons0", "committedAt"])(
    "that the last digest was made from (%s): the next one names all products, whether it is deleted or not",
    async (column) => {
      await day("2026-11-20", 10, 10);
      await day("2026-11-21", 10, 10);
      await damage(column, "runsTable", "2026-11-20");
      if (column === "committedAt") await remove("runsTable", "2026-11-20");
      await day("2026-11-22", 10, 20);
      expect(await reasons()).toEqual([]);
      expect(mailOf("2026-11-22")[0]).toMatch(/KB5066835 got worse in Windows 11/);
      expect(mailOf("2026-11-22")[0]).toMatch(/ALL THAT IS MISSING: 2 PRODUCTS/);
    },
  );

  test("stops the runs of its own watchlist alone, asked for or scheduled", async () => {
    const servers = aWatchlist({ name: "servers", softwareIds: [windows10], mailWhen: "always" });
    world.ports.watchlists = configured([aWatchlist({ softwareIds: [windows10, windows11] }), servers]);
    await day("2026-11-21", 10, 10);
    await damage("committedAt", "runsTable", "2026-11-21", "default");
    await day("2026-11-22", 20, 10);
    expect(world.inbox.map(({ watchlist, runId }) => `${watchlist} ${runId}`)).toContain("servers 2026-11-22");
    const body = '{"watchlist": "default"}';
    const { runId } = (await ask(request({}, { method: "POST", body }), (one) => serveStartRun(one, world.ports))).json;
    await handleUntil("2026-11-22T23:00:00Z");
    const params = { watchlist: "default", runId: String(runId) };
    const status = await ask(request({}, { params }), (one) => serveRunStatus(one, world.ports));
    expect(status.json).toMatchObject({ state: "dropped", reason: expect.stringContaining("is damaged") });
  });

  test("that owes a mail: delete it, and the next digest brings its news", async () => {
    await day("2026-11-21", 10, 10);
    world.outcomes.push(...Array.from({ length: 30 }, () => ({ status: "failed", reason: "No." }) as const));
    await day("2026-11-22", 20, 10);
    world.outcomes.length = 0;
    await damage("committedAt", "runsTable", "2026-11-22");
    await remove("runsTable", "2026-11-22");
    await day("2026-11-23", 20, 10);
    expect(mailOf("2026-11-22")).toEqual([]);
    expect(mailOf("2026-11-23")[0]).toMatch(/20 .*\(\+10\)/);
  });
});

test("a run's row that was deleted with its mail: the next run mails even on a quiet day, and brings its news", async () => {
  await day("2026-11-20", 10, 10);
  world.outcomes.push(
    ...Array.from({ length: 90 }, () => ({ status: "failed", isAccount: true, reason: "No." }) as const),
  );
  await day("2026-11-21", 20, 10);
  await day("2026-11-22", 20, 10);
  expect(await reasons()).toEqual([expect.stringContaining("the digest of 2026-11-21 waits for the mail account.")]);
  await remove("runsTable", "2026-11-21");
  world.outcomes.length = 0;
  await day("2026-11-23", 20, 10);
  expect(mailOf("2026-11-23")[0]).toMatch(/WORSE SINCE THE DIGEST OF 20 NOV: 1 KB .*Windows 10 20 \(\+10\)/);
  await day("2026-11-24", 20, 10);
  expect(world.inbox.map(({ runId }) => runId)).toEqual(["2026-11-20", "2026-11-23"]);
});

describe("damaged facts of KBs", () => {
  const entry = { cve: "CVE-2026-1", since: "2026-11-20", ransomware: false };
  const kb = aMsrcKb("5066835", { cves: ["CVE-2026-1"] });

  test("keep the report of their run alone from being read; once they are deleted, it shows none", async () => {
    world.ports.catalogue = async () => aCatalogue({ "5066835": kb }, [entry]);
    await day("2026-11-21", 10, 10);
    await day("2026-11-22", 20, 10);
    await damage("text0", "runsTable", "facts|2026-11-22|0");
    expect((await report("format=json")).status).toBe(500);
    await day("2026-11-23", 30, 10);
    expect((await report("format=json")).json.totals).toMatchObject({ exploited: 1, worsened: 1 });
    expect((await report("format=json&run=2026-11-22")).status).toBe(500);

    await remove("runsTable", "facts|2026-11-22|0");
    const { status, json } = await report("format=json&run=2026-11-22");
    expect([status, json.facts]).toEqual([200, null]);
    expect(await reasons()).toEqual([]);
  });

  test("that a pending mail needs refuse it, and the next digest goes out", async () => {
    world.ports.catalogue = async () => aCatalogue({ "5066835": kb }, [entry]);
    await day("2026-11-21", 10, 10);
    world.outcomes.push({ status: "failed", reason: "SendGrid could not accept the mail (503)." });
    world.setClock("2026-11-22T05:00:00Z");
    world.answers.set(windows10, [{ id: "5066835", machineMissedOn: 20, cveAddressed: 1 }]);
    await scheduleRuns(world.ports);
    await handleUntil("2026-11-22T05:00:00Z");
    await damage("text0", "runsTable", "facts|2026-11-22|0");
    await handleUntil("2026-11-22T22:00:00Z");
    expect(await reasons()).toEqual([expect.stringMatching(/the digest of 2026-11-22 was refused\. Row .*facts/)]);
    await day("2026-11-23", 30, 10);
    expect(mailOf("2026-11-23")[0]).toContain("The digest of 22 Nov was not delivered");
    expect(await reasons()).toEqual([]);
  });
});

test("damaged advisories need nothing: the next refresh replaces them", async () => {
  const feeds = fakeFeeds();
  world.ports.feeds = feeds;
  feeds.setMonth("2026-Nov", [aMsrcKb("5066835")]);
  feeds.setKev([{ cve: "CVE-2026-1", since: "2026-11-20", ransomware: false }]);
  await refreshAdvisories(world.ports);
  const before = await world.ports.store.readAdvisories();
  await damage("facts0", "advisoriesTable", "2026-Nov");
  await damage("readAt", "advisoriesTable", "state");
  await damage("entries0", "advisoriesTable", "catalogue");
  expect(await world.ports.store.readAdvisories()).toMatchObject({ months: [], exploited: null });
  await refreshAdvisories(world.ports);
  expect(await world.ports.store.readAdvisories()).toEqual(before);
});

test("a damaged status needs nothing: the next run writes it again", async () => {
  await day("2026-11-21", 10, 10);
  await damage("day", "watchlistsTable", "default");
  expect(await reasons()).toEqual([]);
  await day("2026-11-22", 10, 10);
  expect((await world.ports.store.listStatuses())[0]).toMatchObject({ latest: { runId: "2026-11-22" } });
});

test("a damaged lease needs nothing: the next reader replaces it", async () => {
  await day("2026-11-21", 10, 10);
  await damage("until", "walksTable", "reader");
  await day("2026-11-22", 20, 10);
  expect(world.logs.filter(({ message }) => message === "damaged lease replaced")).toHaveLength(1);
  expect(mailOf("2026-11-22")).toHaveLength(1);
  expect(await reasons()).toEqual([]);
});

test("a damaged request: delete it and ask again; other runs never wait for it", async () => {
  await day("2026-11-21", 10, 10);
  world.setClock("2026-11-22T04:00:00Z");
  const start = () =>
    ask(request({}, { method: "POST", body: '{"mail": true}' }), (asked) => serveStartRun(asked, world.ports));
  const { runId } = (await start()).json;
  const status = () =>
    ask(request({}, { params: { watchlist: "default", runId: String(runId) } }), (asked) =>
      serveRunStatus(asked, world.ports),
    );
  await damage("openedAt", "walksTable", String(runId));
  expect((await status()).json.detail).toMatch(/damaged and cannot be read\. Delete it, and ask for the run again/);
  await day("2026-11-22", 20, 10);
  expect(mailOf("2026-11-22")).toHaveLength(1);
  await remove("walksTable", String(runId));
  world.setClock("2026-11-22T22:30:00Z");
  const again = await start();
  await handleUntil("2026-11-22T22:40:00Z");
  expect(mailOf(String(again.json.runId))).toHaveLength(1);
});

test("a queue that somebody cleared: the next run of the watchlist, asked for or scheduled, sends the mails it owes", async () => {
  await day("2026-11-21", 10, 10);
  for (const [date, cure] of [
    ["2026-11-22", "a run asked for"],
    ["2026-11-24", "the next scheduled run"],
  ] as const) {
    world.outcomes.push({ status: "failed", reason: "No." });
    world.setClock(`${date}T05:00:00Z`);
    const machineMissedOn = Number(date.slice(-2));
    world.answers.set(windows10, [{ id: "5066835", machineMissedOn, cveAddressed: 1 }]);
    await scheduleRuns(world.ports);
    await handleUntil(`${date}T05:00:00Z`);
    world.ports.queue.waiting.length = 0;
    await handleUntil(`${date}T06:00:00Z`);
    expect(await reasons()).toEqual([expect.stringContaining(`${date} has not been sent yet. No.`)]);
    if (cure === "a run asked for") {
      await ask(request({}, { method: "POST", body: "{}" }), (asked) => serveStartRun(asked, world.ports));
      await handleUntil(`${date}T22:00:00Z`);
      expect(mailOf(date)).toHaveLength(1);
    } else {
      await day("2026-11-25", 30, 10);
      expect(mailOf("2026-11-25")).toHaveLength(1);
    }
    expect(await reasons()).toEqual([]);
  }
});

test("a damaged alert: digests are mailed, its message fails; delete it, and the other alerts are mailed with the next run", async () => {
  await day("2026-11-21", 10, 10);
  const exploited = ["CVE-2026-1", "CVE-2026-2"].map((cve) => {
    return [cve, { cve, sources: ["msrc"], since: null, ransomware: false }] as const;
  });
  await raiseAlerts(new Map(exploited), [aMsrcKb("5066835", { cves: ["CVE-2026-1", "CVE-2026-2"] })], world.ports);
  await damage("openedAt", "runsTable", "CVE-2026-1");
  await day("2026-11-22", 20, 10);
  expect(mailOf("2026-11-22")).toHaveLength(1);
  expect(world.inbox.flatMap(({ cve }) => cve ?? [])).toEqual([]);
  // The platform gives such a message up after two hours, and health counts it.
  expect(world.ports.queue.waiting.flatMap(({ message }) => ("deliver" in message ? [1] : []))).toEqual([1, 1]);
  world.ports.queue.waiting.length = 0;

  await remove("runsTable", "CVE-2026-1");
  await day("2026-11-23", 20, 10);
  expect(world.inbox.flatMap(({ cve }) => cve ?? [])).toEqual(["CVE-2026-2"]);
  expect(await reasons()).toEqual([]);
});
