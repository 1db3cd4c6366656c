import pMap from "p-map";
import { startHost } from "../local/host.ts";
import { startWorld } from "../local/world.ts";
import { addDays } from "../shared/core/day.ts";
import { noTotals } from "../shared/core/totals.ts";
import type { WatchlistStatus } from "../shared/core/watchlist-status.ts";
import { createStore } from "../shared/io/storage/tables.ts";
import { type Figure, median } from "./figure.ts";
import { createCounter, emptyEstate } from "./served-world.ts";

const watchlists = 800;
const requestsEach = 15;
const limitMs = 1_000;
const formats = ["html", "json", "csv"] as const;

/** The overview of 800 watchlists, each of a tenant of its own, over HTTP: a second is the limit. */
export async function overview(): Promise<Figure[]> {
  const world = await startWorld({ estate: emptyEstate });
  const { MAIL_TO: _, ...settings } = world.settings;
  const counter = createCounter();
  const connectionString = await counter.countThrough(world.storageConnectionString);
  const store = createStore({ kind: "connectionString", connectionString });
  const statuses = Array.from({ length: watchlists }, (_, index) => aStatus(index));
  await pMap(statuses, (status) => store.saveStatus(status), { concurrency: 16 });
  const host = await startHost({
    appDir: process.cwd(),
    port: 0,
    hostKey: null,
    env: {
      ...settings,
      WATCHLISTS: JSON.stringify(statuses.map(configured)),
      DEFENDER_APP_ID: "00000000-1111-4222-8333-444444444444",
      REPORTER_STORAGE: connectionString,
    },
    storageConnectionString: connectionString,
    log: ({ level, message, fields }) => {
      if (level === "error" || level === "critical") console.error(message, fields);
    },
  });
  try {
    const figures: Figure[] = [];
    for (const format of formats) figures.push(await measure(`${host.url}/?format=${format}`, format, counter));
    return figures;
  } finally {
    await host.close();
    await world.close();
    counter.close();
  }
}

async function measure(url: string, format: string, counter: ReturnType<typeof createCounter>): Promise<Figure> {
  counter.take();
  const { bytes, ms: first } = await get(url);
  const operations = Object.values(counter.take()).reduce((sum, count) => sum + count, 0);
  const times: number[] = [];
  for (let request = 0; request < requestsEach; request++) times.push((await get(url)).ms);
  const p50 = median(times);
  return {
    what: `overview of ${watchlists} watchlists as ${format} (${(bytes / 1_000).toFixed(0)} kB), p50 over HTTP`,
    ours: `${p50.toFixed(0)} ms, first ${first.toFixed(0)} ms, storage operations: ${operations}`,
    theirs: `${limitMs} ms`,
    ratio: p50 / limitMs,
    bound: { atMost: 1 },
  };
}

async function get(url: string): Promise<{ bytes: number; ms: number }> {
  const began = performance.now();
  const answer = await fetch(url);
  const body = await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`GET ${url} returned ${answer.status}.`);
  return { bytes: body.byteLength, ms: performance.now() - began };
}

/** A month of runs up to today, some of which read nothing or are late. */
function aStatus(index: number): WatchlistStatus {
  const today = new Date().toISOString().slice(0, 10);
  const day = addDays(today, index % 40 === 0 ? -3 : 0);
  const isRead = index % 25 !== 0;
  const totals = { missingKbs: 20 + (index % 31), missingInstalls: 100 * (index % 97), overdue: index % 19 };
  const read = isRead ? { read: 10, notRead: 0 } : { read: 0, notRead: 10 };
  const reason = "Entra ID refused the sign-in: nobody has consented to the application in this tenant.";
  return {
    tenant: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
    watchlist: `Customer ${index}`,
    latest: {
      ...{ runId: day, day, openedAt: `${day}T05:00:00.000Z`, committedAt: `${day}T05:04:00.000Z` },
      totals: { ...noTotals, ...totals, ...read, new: index % 3, improved: index % 7 },
    },
    failing: isRead ? null : { softwareId: "microsoft-_-windows_11", reason, misses: 3, others: 9 },
    line: Array.from({ length: 30 }, (_, at) => ({
      day: addDays(day, at - 29),
      missingInstalls: 100 * ((index + at) % 97),
    })),
    lastDigest: { runId: day, at: `${day}T05:05:00.000Z` },
    ...{ open: [], removedOn: null },
  };
}

function configured({ watchlist: name, tenant: tenantId }: WatchlistStatus) {
  return { name, tenantId, softwareIds: "microsoft-_-windows_11", mailTo: "soc@contoso.example" };
}
