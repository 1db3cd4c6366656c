import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Figure, percentile } from "./figure.ts";
import { startServedWorld } from "./served-world.ts";

const formats = ["html", "json", "csv"] as const;
const requestsEach = 6;
const concurrency = 2;

/** The report of 20,000 rows over HTTP, against a server that has the same bytes in memory. */
export async function http(): Promise<Figure[]> {
  const served = await startServedWorld({ products: 200, kbsEach: 100 });
  try {
    const run = encodeURIComponent(await served.startRun());
    const figures: Figure[] = [];
    for (const format of formats) {
      figures.push(await compare(`${served.host().url}/api/report?run=${run}&format=${format}`, format));
    }
    return figures;
  } finally {
    await served.close();
  }
}

async function compare(url: string, format: string): Promise<Figure> {
  const answer = await fetch(url);
  if (answer.status !== 200) throw new Error(`GET ${url} returned ${answer.status}: ${await answer.text()}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const memory = await serveFromMemory(bytes);
  const ours: Served = { times: [], seconds: 0 };
  const theirs: Served = { times: [], seconds: 0 };
  // The sides take turns, so that other load on the machine affects both.
  for (let sent = 0; sent < requestsEach; sent += concurrency) {
    await requestAtOnce(url, ours);
    await requestAtOnce(memory.url, theirs);
  }
  memory.close();
  return {
    what: `report of 20,000 rows as ${format} (${(bytes.length / 1_000).toFixed(0)} kB), p50 over HTTP`,
    ours: wordsOf(ours),
    theirs: `${wordsOf(theirs)}, from memory`,
    ratio: percentile(ours.times, 0.5) / percentile(theirs.times, 0.5),
  };
}

interface Served {
  /** Milliseconds of each request. */
  times: number[];
  seconds: number;
}

function wordsOf({ times, seconds }: Served): string {
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  return `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, ${(times.length / seconds).toFixed(1)}/s`;
}

async function requestAtOnce(url: string, served: Served): Promise<void> {
  const began = performance.now();
  const times = await Promise.all(Array.from({ length: concurrency }, () => timeOf(url)));
  served.seconds += (performance.now() - began) / 1_000;
  served.times.push(...times);
}

async function timeOf(url: string): Promise<number> {
  const began = performance.now();
  const answer = await fetch(url);
  await answer.arrayBuffer();
  return performance.now() - began;
}

async function serveFromMemory(bytes: Uint8Array): Promise<{ url: string; close: () => void }> {
  const server = createServer((_request, response) => response.end(bytes));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
