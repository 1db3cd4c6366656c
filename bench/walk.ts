import { Buffer } from "node:buffer";
import { setTimeout as sleep } from "node:timers/promises";
import pMap from "p-map";
import { defenderAudience, type SimulatedTenant, startTenant } from "../local/simulated-tenant.ts";
import { createDefender } from "../shared/io/defender/defender.ts";
import type { Figure } from "./figure.ts";

/** Simulated seconds in a real one. */
const scale = 20;
const callsPerMinute = 100;
/** Calls at once, which is also what the quota keeps in hand. */
const concurrency = 4;
/** Products that a walk looks at together. */
const products = 8;
/** As many as fill 15 windows of the quota: an hour's. */
const ids = Array.from({ length: 15 * (callsPerMinute - concurrency) }, (_, index) => `contoso-_-software_${index}`);
/** The ids of the naive walks. */
const sample = ids.slice(0, 500);
const estate = {
  software: (id: string) => ({
    id,
    name: id,
    vendor: "contoso",
    weaknesses: 0,
    publicExploit: false,
    activeAlert: false,
    installedMachines: 0,
    exposedMachines: 0,
    impactScore: 0,
  }),
  missingKbs: () => [],
  trouble: () => ({ statuses: [], allDay: false }),
};

/** 0.2 to 1.5 s, different for each product and the same in every run. */
function latencySeconds(softwareId: string): number {
  const number = Number(softwareId.split("_").at(-1));
  return 0.2 + (((number * 7_919) % 1_000) / 1_000) * 1.3;
}

/** A walk over 1,440 products of a tenant with Defender's quota, against the scripts that people use today. */
export async function walk(): Promise<Figure[]> {
  const [parallel, few] = await Promise.all([
    onTenant(scale, (tenant) => walkNaively(tenant, sample, 50)),
    onTenant(1, (tenant) => walkPaced(tenant, 1, ids.slice(0, 20))),
  ]);
  // Side by side: each has its own tenant, and both mostly wait.
  const [paced, sequential] = await Promise.all([
    onTenant(scale, walkPaced),
    onTenant(scale, (tenant) => walkNaively(tenant, sample, 1)),
  ]);
  const sequentialSeconds = sequential.seconds * (ids.length / sample.length);
  const windows = Math.ceil(ids.length / callsPerMinute);
  const lastWindow = lowerBound(ids.slice((windows - 1) * callsPerMinute));
  const bound = 60 * (windows - 1) + lastWindow;
  const slowest = ids
    .slice(0, 20)
    .map(latencySeconds)
    .toSorted((a, b) => b - a);
  const slowestReads = slowest.slice(0, 5).reduce((sum, seconds) => sum + seconds, 0);
  const ours = `${paced.seconds.toFixed(0)} s`;
  return [
    {
      what: "walk of 1,440 ids, against the strictest sliding bound",
      ours,
      theirs: `${bound.toFixed(0)} s: 14 minutes and the last 40 reads, 4 at once`,
      ratio: paced.seconds / bound,
      bound: { atMost: 1.07 },
    },
    {
      what: "walk of 1,440 ids, against 14.4 windows of a minute",
      ours,
      theirs: `${(ids.length / callsPerMinute) * 60} s`,
      ratio: paced.seconds / ((ids.length / callsPerMinute) * 60),
      bound: { atMost: 1.05 },
    },
    {
      what: "walk, 429s in 1,440 reads",
      ours: `${paced.throttled}`,
      theirs: "0 allowed",
      ratio: paced.throttled,
      bound: { atMost: 0 },
    },
    {
      what: "walk, against a sequential script",
      ours,
      theirs: `${sequentialSeconds.toFixed(0)} s, scaled from 500 ids`,
      ratio: paced.seconds / sequentialSeconds,
    },
    {
      what: "walk, 429s a read, against 50 reads at once that obey Retry-After",
      ours: (paced.throttled / ids.length).toFixed(2),
      theirs: `${(parallel.throttled / sample.length).toFixed(2)} (${parallel.seconds.toFixed(0)} s for 500 ids)`,
      ratio: paced.throttled / ids.length / (parallel.throttled / sample.length),
    },
    {
      what: "walk of 20 ids, against their five slowest reads",
      ours: `${few.seconds.toFixed(2)} s`,
      theirs: `${slowestReads.toFixed(2)} s`,
      ratio: few.seconds / slowestReads,
      bound: { atMost: 1 },
    },
  ];
}

/** The least time that these reads take at this concurrency. */
function lowerBound(softwareIds: readonly string[]): number {
  return softwareIds.reduce((sum, id) => sum + latencySeconds(id), 0) / concurrency;
}

interface Walked {
  /** In simulated time. */
  seconds: number;
  throttled: number;
}

async function onTenant(
  speed: number,
  read: (tenant: SimulatedTenant, speed: number) => Promise<unknown>,
): Promise<Walked> {
  const start = Date.now();
  const tenant = await startTenant({
    estate,
    now: () => start + (performance.now() - began) * speed,
    latencyMs: (id) => (latencySeconds(id) * 1_000) / speed,
    callsPerMinute,
    callsPerHour: 1_500,
  });
  const began = performance.now();
  await read(tenant, speed);
  const seconds = ((performance.now() - began) / 1_000) * speed;
  const throttled = tenant.calls.filter(({ status }) => status === 429).length;
  await tenant.close();
  return { seconds, throttled };
}

async function walkPaced(tenant: SimulatedTenant, speed: number, softwareIds = ids): Promise<void> {
  const defender = createDefender({
    credential: () => ({ getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) }),
    baseUrl: tenant.url,
    scope: `${defenderAudience}/.default`,
    callsPerMinute,
    callsPerHour: 1_500,
    timing: { minute: 60_000 / speed, hour: 3_600_000 / speed },
  });
  await pMap(softwareIds, (id) => defender.getMissingKbs("home", id), { concurrency: products });
}

async function walkNaively(tenant: SimulatedTenant, softwareIds: readonly string[], atOnce: number): Promise<void> {
  await pMap(
    softwareIds,
    async (id) => {
      for (;;) {
        const answer = await fetch(`${tenant.url}/api/Software/${id}/getmissingkbs`, {
          headers: { authorization: `Bearer ${token}` },
        });
        await answer.arrayBuffer();
        if (answer.status === 200) return;
        if (answer.status !== 429) throw new Error(`The simulated tenant returned ${answer.status}.`);
        await sleep((Number(answer.headers.get("retry-after")) * 1_000) / scale);
      }
    },
    { concurrency: atOnce },
  );
}

/** An unsigned token, which the simulated tenant accepts, valid for a day of its time. */
const claims = { aud: defenderAudience, exp: Date.now() / 1_000 + 86_400, roles: ["Software.Read.All"] };
const token = `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.`;
