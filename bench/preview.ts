import { TableClient } from "@azure/data-tables";
import pMap from "p-map";
import { startAzurite } from "../local/azurite.ts";
import { type Catalogue, openFacts } from "../shared/core/advisory.ts";
import { addDays } from "../shared/core/day.ts";
import { closeRun, type Outcome, type Run } from "../shared/core/run.ts";
import { type Snapshot, takeSnapshot } from "../shared/core/snapshot.ts";
import { homeTenant, type Watchlist } from "../shared/core/watchlist.ts";
import type { RequestPorts } from "../shared/http/caller.ts";
import { servePreview } from "../shared/http/preview.ts";
import { encodeSnapshot, snapshotPartition } from "../shared/io/storage/rows.ts";
import { createStore } from "../shared/io/storage/tables.ts";
import type { Store } from "../shared/ports.ts";
import { type Figure, median } from "./figure.ts";

const [days, watched, kbsEach, distinctKbs] = [90, 200, 40, 800];
const firstDay = "2026-08-25";
const rounds = 5;
const concurrency = 8;
const allowedMs = 5_000;

const watchlist: Watchlist = {
  ...{
    name: "default",
    tenant: homeTenant,
    mailTo: [],
    mailTogether: false,
    readerRole: null,
    alertExploited: false,
    vendor: null,
    leftOut: [],
  },
  softwareIds: Array.from({ length: watched }, (_, index) => `contoso-_-product_${index}`),
  thresholds: { minMachines: 1, minPercent: 0, minCves: 1 },
  ...{ mailWhen: "worse", heartbeatDay: "Monday", dueDays: 14, dueDaysExploited: 3, dueFrom: "released" },
};

/** A quarter of a year of 200 products under other settings, against the time allowed and against reading it alone. */
export async function preview(): Promise<Figure[]> {
  const azurite = await startAzurite();
  const { connectionString } = azurite;
  const store = createStore({ kind: "connectionString", connectionString });
  const table = TableClient.fromConnectionString(connectionString, "Snapshots", { allowInsecureConnection: true });
  await table.createTable();
  await writeHistory(store, table);
  const times: { ours: number[]; processor: number[]; reading: number[] } = { ours: [], processor: [], reading: [] };
  for (let round = 0; round <= rounds; round++) {
    times.reading.push(await timed(() => readAll(table)));
    const before = process.cpuUsage();
    times.ours.push(await timed(() => ask(store)));
    const { user, system } = process.cpuUsage(before);
    times.processor.push((user + system) / 1_000);
  }
  await azurite.close();
  // The first round warms both up.
  const of = (all: readonly number[]) => median(all.slice(1));
  const [ours, processor, reading] = [of(times.ours), of(times.processor), of(times.reading)];
  const what = `preview of ${days} runs × ${watched} products × ${kbsEach} KBs`;
  return [
    {
      what,
      ours: `${Math.round(ours)} ms, of them ${Math.round(processor)} ms of processor time`,
      theirs: `${allowedMs} ms`,
      ratio: ours / allowedMs,
      bound: { atMost: 1 },
    },
    {
      what: `${what}, against reading its rows`,
      ours: `${Math.round(ours)} ms`,
      theirs: `${Math.round(reading)} ms, bare listEntities, ${concurrency} at once`,
      ratio: ours / reading,
    },
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function readAll(table: TableClient): Promise<unknown> {
  return pMap(
    watchlist.softwareIds,
    async (softwareId) => {
      const filter = `PartitionKey eq '${snapshotPartition({ tenant: homeTenant, softwareId })}'`;
      for await (const _ of table.listEntities({ queryOptions: { filter } }));
    },
    { concurrency },
  );
}

async function ask(store: Store): Promise<void> {
  const ports = {
    ...{ store, caller: { roles: null }, rules: { retentionDays: 400 } },
    watchlists: async () => ({ list: [watchlist], faults: [] }),
  } as unknown as RequestPorts;
  const body = '{"minMachines": 10, "minPercent": 10, "heartbeatDay": "none"}';
  const headers = { get: () => null };
  const request = { method: "POST", query: new URLSearchParams(), params: {}, headers, text: async () => body };
  const { status } = await servePreview(request, ports);
  if (status !== 200) throw new Error(`The preview answered ${status}.`);
}

async function writeHistory(store: Store, table: TableClient): Promise<void> {
  const kbs = new Map(Array.from({ length: distinctKbs }, (_, index) => [kbId(index), aKbOfMsrc(index)]));
  const catalogue: Catalogue = { kbs, kev: new Map(), readAt: { msrc: null, kev: null } };
  const snapshots = new Map<string, Snapshot[]>(watchlist.softwareIds.map((softwareId) => [softwareId, []]));
  for (let index = 0, last: Run | null = null; index < days; index++) {
    const runId = addDays(firstDay, index);
    const openedAt = `${runId}T05:00:00.000Z`;
    const outcomes = watchlist.softwareIds.map((softwareId, product): Outcome => {
      const all = snapshots.get(softwareId) ?? [];
      const previous = all.at(-1) ?? null;
      const key = { tenant: homeTenant, softwareId, runId, day: runId, openedAt };
      const current = takeSnapshot(key, { missingKbs: listOf(product, index), unusable: 0 }, previous);
      all.push(current);
      return { softwareId, previous, current };
    });
    const facts = openFacts(catalogue);
    const opening = { watchlist, runId, day: runId, openedAt, committedAt: openedAt, timeZone: "UTC" };
    const run: Run = await closeRun({ ...opening, retentionDays: 400, last, facts }, each(outcomes));
    const follows = last && (await store.readRun({ tenant: homeTenant, watchlist: watchlist.name }, last.runId));
    await store.commitRun({ ...run, mail: { ...run.mail, status: mailStatus(run) } }, follows, facts.facts);
    last = run;
  }
  await pMap(
    snapshots.values(),
    (all) => table.submitTransaction(all.map((snapshot) => ["create", encodeSnapshot(snapshot)])),
    { concurrency },
  );
}

function mailStatus({ mail }: Run): Run["mail"]["status"] {
  return mail.status === "none" ? "none" : "sent";
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

function kbId(index: number): string {
  return String(5_000_000 + index);
}

function aKbOfMsrc(index: number) {
  const released = addDays(firstDay, -(index % 60));
  const rest = { cves: [], exploitedCves: [], restart: null, supersedes: [], hotpatch: false };
  return { id: kbId(index), released, severity: null, ...rest };
}

/** What a product misses on a day: one KB a week leaves, another comes, and every fifth changes its count. */
function listOf(product: number, day: number) {
  const first = product * 7 + Math.floor((day + product) / 7);
  const ids = Array.from({ length: kbsEach }, (_, at) => (first + at) % distinctKbs);
  return ids
    .map((index) => ({
      ...{ id: kbId(index), name: "November 2026 Security Updates", productsNames: ["windows_11"] },
      url: `https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB${kbId(index)}`,
      machineMissedOn: 40 + (((index + day) % 5 === 0 ? day : index) % 25),
      cveAddressed: 12,
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
