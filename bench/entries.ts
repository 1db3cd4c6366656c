import pMap from "p-map";
import { startAzurite } from "../local/azurite.ts";
import { everyRise } from "../shared/core/change.ts";
import { addDays } from "../shared/core/day.ts";
import type { Run } from "../shared/core/run.ts";
import type { Snapshot } from "../shared/core/snapshot.ts";
import { noTotals } from "../shared/core/totals.ts";
import { serveHistory } from "../shared/http/history.ts";
import { createStore } from "../shared/io/storage/tables.ts";
import type { StoredRun } from "../shared/ports.ts";
import { aKb, aWatchlist } from "../test/support/builders.ts";
import { configured, fakeWorld } from "../test/support/fake-world.ts";
import { readCsv } from "../test/support/read-csv.ts";
import { type Figure, percentile } from "./figure.ts";
import { callInChild, heapMb, limitMb } from "./in-child.ts";

const runs = 50;
const products = 200;
const kbsEach = 100;
const entries = runs * products * kbsEach;
const firstDay = "2026-10-01";
const formats = ["csv", "json"] as const;
const limitMs = 2_000;

/** All entries of fifty runs over an emulator, followed page by page: how long a page takes, and how much memory. */
export async function allEntries(): Promise<Figure[]> {
  const azurite = await startAzurite();
  try {
    await fill(azurite.connectionString);
    const figures: Figure[] = [];
    for (const format of formats) {
      const followed = await callInChild<Followed>(import.meta.url, "followPages", azurite.connectionString, format);
      figures.push(...figuresOf(format, followed));
    }
    return figures;
  } finally {
    await azurite.close();
  }
}

function figuresOf(format: string, { pages, times, bytes, peakMb, bareMb }: Followed): Figure[] {
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  const what = `${entries.toLocaleString("en")} entries as ${format} (${pages} pages, ${(bytes / 1e6).toFixed(0)} MB)`;
  return [
    {
      what: `${what}, p50 of a page`,
      ours: `${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`,
      theirs: `${limitMs} ms`,
      ratio: p50 / limitMs,
      bound: { atMost: 1 },
    },
    {
      what: `${what}, peak resident memory`,
      ours: `${peakMb.toFixed(0)} MB, of them ${bareMb.toFixed(0)} MB Node (heap held to ${heapMb} MB)`,
      theirs: `${limitMb} MB allowed`,
      ratio: peakMb / limitMb,
      bound: { atMost: 1 },
    },
  ];
}

// ---- the store

const watchlist = aWatchlist({ softwareIds: Array.from({ length: products }, (_, index) => idOf(index)) });

function idOf(product: number): string {
  return `contoso-_-product_${product}`;
}

async function fill(connectionString: string): Promise<void> {
  const store = createStore({ kind: "connectionString", connectionString });
  let last: StoredRun | null = null;
  for (let index = 0; index < runs; index++) {
    const day = addDays(firstDay, index);
    const snapshots = watchlist.softwareIds.map((_, product) => aSnapshot(product, day, index));
    await pMap(snapshots, (snapshot) => store.addSnapshot(snapshot), { concurrency: 8 });
    const run = aRun(day, last?.run.runId ?? null);
    if (!(await store.commitRun(run, last))) throw new Error(`The run of ${day} was not committed.`);
    last = await store.readRun(run, day);
  }
}

function aSnapshot(product: number, runId: string, run: number): Snapshot {
  const missingKbs = Array.from({ length: kbsEach }, (_, at) =>
    aKb({
      id: String(5_000_000 + at),
      machineMissedOn: 1 + ((product * 31 + at * 7 + (at % 10 === 0 ? run : 0)) % 900),
    }),
  );
  const { tenant } = watchlist;
  const openedAt = `${runId}T05:00:00.000Z`;
  return { tenant, softwareId: idOf(product), runId, day: runId, openedAt, missingKbs, gone: [], unusable: 0 };
}

function aRun(runId: string, previousRunId: string | null): Run {
  const at = `${runId}T05:00:00.000Z`;
  const { name, tenant, softwareIds } = watchlist;
  return {
    ...{ watchlist: name, tenant, runId, day: runId, openedAt: at, committedAt: at, previousRunId },
    rules: { thresholds: everyRise, dueDays: 14, dueDaysExploited: 3, dueFrom: "released", timeZone: "UTC" },
    comparisons: softwareIds.map((softwareId) => ({ softwareId, previous: previousRunId, current: runId })),
    ...{ left: [], failures: [], totals: noTotals },
    mail: { status: "none", at, attempts: 0, unknownOutcomes: 0 },
  };
}

// ---- following the pages

interface Followed {
  pages: number;
  /** Milliseconds of each page. */
  times: number[];
  bytes: number;
  peakMb: number;
  bareMb: number;
}

/** Follows the links from page to page, and fails unless they bring every entry once. */
export async function followPages(connectionString: string, format: "csv" | "json"): Promise<Followed> {
  const bareMb = process.memoryUsage().rss / 2 ** 20;
  const store = createStore({ kind: "connectionString", connectionString });
  const ports = { ...fakeWorld([]).ports, store, watchlists: configured([watchlist]) };
  const times: number[] = [];
  const seen = new Map<string, { entries: number; sum: number }>();
  let bytes = 0;
  let next: string | undefined = `?detail=entries&format=${format}`;
  while (next !== undefined) {
    const query: URLSearchParams = new URL(next, "http://localhost").searchParams;
    const began = performance.now();
    const { status, headers, body } = await serveHistory({ ...request, query }, ports);
    times.push(performance.now() - began);
    if (status !== 200) throw new Error(`${next} returned ${status}: ${body}`);
    bytes += body.length;
    for (const [product, kb] of format === "csv" ? keysOfCsv(body) : keysOfJson(body)) {
      const one = seen.get(product) ?? { entries: 0, sum: 0 };
      seen.set(product, { entries: one.entries + 1, sum: one.sum + Number(kb) });
    }
    next = /<(.*)>; rel="next"/.exec(headers.Link ?? "")?.[1];
  }
  const sum = (kbsEach * (2 * 5_000_000 + kbsEach - 1)) / 2;
  const wrong = [...seen].filter(([, one]) => one.entries !== kbsEach || one.sum !== sum);
  if (seen.size !== runs * products || wrong.length > 0) throw new Error(`Not every entry came once: ${wrong[0]}`);
  return { pages: times.length, times, bytes, peakMb: process.resourceUsage().maxRSS / 2 ** 10, bareMb };
}

const request = { method: "GET", params: {}, headers: { get: () => null }, text: async () => "" };

function keysOfCsv(body: string): [product: string, kb: string][] {
  const [head = [], ...lines] = readCsv(body.slice(1));
  const [run, softwareId, id] = ["run", "softwareId", "id"].map((column) => head.indexOf(column));
  return lines.map((cells) => [`${cells[run ?? -1]} ${cells[softwareId ?? -1]}`, cells[id ?? -1] ?? ""]);
}

function keysOfJson(body: string): [product: string, kb: string][] {
  const { rows } = JSON.parse(body) as { rows: { run: string; softwareId: string; id: string }[] };
  return rows.map(({ run, softwareId, id }) => [`${run} ${softwareId}`, id]);
}
