import { Buffer } from "node:buffer";
import { setTimeout as sleep } from "node:timers/promises";
import { defenderAudience, type SimulatedTenant, startTenant } from "../local/simulated-tenant.ts";
import type { QueueMessage } from "../shared/core/message.ts";
import { scheduledRunId } from "../shared/core/run-id.ts";
import type { Watchlist } from "../shared/core/watchlist.ts";
import { createDefender } from "../shared/io/defender/defender.ts";
import { type Defender, DefenderError, type Ports, type Store } from "../shared/ports.ts";
import { advance } from "../shared/run/advance.ts";
import { aWatchlist } from "../test/support/builders.ts";
import { createFakeStore } from "../test/support/fake-store.ts";
import type { Figure } from "./figure.ts";

const callsPerMinute = 100;
const callsPerHour = 1_500;
/** What the quota keeps in hand: our walk uses 96 of 100 calls a minute. */
const inHand = 4;
/** Messages that one instance works on at once, as in host.json. */
const batch = 8;
const start = Date.parse("2026-11-23T05:00:00Z");

/** A fleet of instances and what it watches, all in one process: each instance has a client and quotas of its own. */
interface Fleet {
  watchlists: readonly Watchlist[];
  instances: number;
  /** Simulated seconds in a real one. */
  speed: number;
}

interface Walked {
  reads: number;
  throttled: number;
  /** Minutes from the timer to the median and the last commit, simulated. */
  median: number;
  last: number;
  /** Calls to storage. */
  operations: number;
}

/** How a day's runs get along with Defender's quotas, at any number of instances. */
export async function scale(): Promise<Figure[]> {
  const figures: Figure[] = [];
  const wide = (instances: number) => ({ watchlists: lists(200, 2_000, 10), instances, speed: 300 });
  for (const instances of [1, 4, 10, 40]) {
    // An hour's calls at once, then the rest when the first of them are an hour old.
    const bound = 60 + (2_000 - callsPerHour) / callsPerMinute;
    figures.push(...(await figuresOf("200 watchlists of 2,000 ids", wide(instances), { ids: 2_000, minutes: bound })));
  }
  const narrow = (instances: number) => ({ watchlists: lists(500, 60, 12), instances, speed: 4 });
  for (const instances of [1, 10, 40]) {
    // Within a minute's calls, so that only their own time counts, and a minute for 500 commits.
    const bound = { ids: 60, minutes: (60 * 0.6) / inHand / 60 + 1 };
    figures.push(...(await figuresOf("500 watchlists of the same 60 ids", narrow(instances), bound)));
  }
  const long = { watchlists: lists(500, 5_000, 10), instances: 40, speed: 120 };
  const hours = Math.floor(5_000 / callsPerHour);
  const minutes = hours * 60 + (5_000 - hours * callsPerHour) / callsPerMinute;
  figures.push(...(await figuresOf("500 watchlists of 5,000 ids", long, { ids: 5_000, minutes })));
  figures.push(...(await manyTenants()));
  return figures;
}

async function figuresOf(what: string, fleet: Fleet, bound: { ids: number; minutes: number }): Promise<Figure[]> {
  const walked = await walkDay(fleet);
  const name = `${what}, ${fleet.instances} ${fleet.instances === 1 ? "instance" : "instances"}`;
  const ours = `${walked.reads} reads, ${walked.throttled} of them 429; commits after ${walked.median.toFixed(1)} and ${walked.last.toFixed(1)} min (median, last)`;
  return [
    {
      what: `${name}: last commit`,
      ours,
      theirs: `${bound.minutes.toFixed(1)} min, what the quota allows`,
      ratio: walked.last / bound.minutes,
      bound: { atMost: 1.05 },
    },
    {
      what: `${name}: 429s`,
      ours: `${walked.throttled}`,
      theirs: "0 allowed",
      ratio: walked.throttled,
      bound: { atMost: 0 },
    },
    {
      what: `${name}: reads`,
      ours: `${walked.reads}`,
      theirs: `${bound.ids + 1}: ${bound.ids} ids and the list of products`,
      ratio: walked.reads / (bound.ids + 1),
      bound: { atMost: 1 },
    },
  ];
}

/** Instances share the tenants: what one of them cannot do in time, ten can. */
async function manyTenants(): Promise<Figure[]> {
  const watchlists = Array.from({ length: 500 }, (_, index) =>
    aWatchlist({ name: `customer ${index}`, tenant: `tenant-${index}`, softwareIds: idsFrom(0, 10) }),
  );
  const one = await walkDay({ watchlists, instances: 1, speed: 4 });
  const ten = await walkDay({ watchlists, instances: 10, speed: 4 });
  return [
    {
      what: "500 tenants of 10 ids: last commit with 10 instances, against 1",
      ours: `${ten.last.toFixed(2)} min, ${ten.throttled} 429s`,
      theirs: `${one.last.toFixed(2)} min, ${one.throttled} 429s`,
      ratio: ten.last / one.last,
      bound: { atMost: 1 },
    },
    {
      what: "500 tenants of 10 ids: storage calls a tenant",
      ours: (ten.operations / 500).toFixed(1),
      theirs: (one.operations / 500).toFixed(1),
      ratio: ten.operations / one.operations,
    },
  ];
}

/** Watchlists with so many products each, of so many different ones. */
function lists(count: number, ids: number, each: number): Watchlist[] {
  return Array.from({ length: count }, (_, index) =>
    aWatchlist({ name: `team ${index}`, softwareIds: idsFrom((index * each) % ids, each, ids), heartbeatDay: "none" }),
  );
}

function idsFrom(first: number, count: number, of = Number.POSITIVE_INFINITY): string[] {
  return Array.from({ length: count }, (_, index) => `contoso-_-product_${(first + index) % of}`);
}

async function walkDay({ watchlists, instances, speed }: Fleet): Promise<Walked> {
  const began = performance.now();
  const now = () => new Date(start + (performance.now() - began) * speed);
  const tenants = new Set(watchlists.map(({ tenant }) => tenant));
  // One service for all tenants; each has quotas of its own, because the token names it.
  const service = await startService(speed, () => now().getTime());
  const { store, counted } = countedStore();
  const queue = createQueue(() => now().getTime());
  const runId = scheduledRunId(now(), "UTC");
  for (const tenant of tenants) queue.add({ tenant, runId, openedAt: now().toISOString() });
  const commits: number[] = [];
  const committing: Store = {
    ...store,
    commitRun: async (run, follows) => {
      const isFirst = await store.commitRun(run, follows);
      if (isFirst) commits.push((now().getTime() - start) / 60_000);
      return isFirst;
    },
  };
  const works = Array.from({ length: instances }, () => {
    const ports = portsOf({ service, speed, now, store: committing, watchlists, queue });
    return work(queue, ports, speed, () => commits.length === watchlists.length);
  });
  await Promise.all(works);
  const reads = service.calls.length;
  const throttled = service.calls.filter(({ status }) => status === 429).length;
  await service.close();
  const sorted = commits.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return { reads, throttled, median, last: sorted.at(-1) ?? Number.NaN, operations: counted.calls };
}

function startService(speed: number, now: () => number): Promise<SimulatedTenant> {
  return startTenant({
    estate: {
      software: (id) => ({
        ...{ id, name: id, vendor: "contoso", weaknesses: 0, publicExploit: false, activeAlert: false },
        ...{ installedMachines: 10, exposedMachines: 0, impactScore: 0 },
      }),
      missingKbs: (id) => [
        {
          id: `50${id.replace(/\D/g, "")}`,
          name: "",
          productsNames: [],
          url: null,
          machineMissedOn: 1,
          cveAddressed: 1,
        },
      ],
      trouble: () => ({ statuses: [], allDay: false }),
    },
    now,
    // 0.2 to 1 s, as the documentation's examples take.
    latencyMs: (id) => (200 + ((Number(id.split("_").at(-1)) * 7_919) % 800)) / speed,
    callsPerMinute,
    callsPerHour,
  });
}

function countedStore(): { store: Store; counted: { calls: number } } {
  const counted = { calls: 0 };
  const counting = Object.entries(createFakeStore()).map(([name, call]) => [
    name,
    (...args: unknown[]) => {
      counted.calls += 1;
      return call(...args);
    },
  ]);
  return { store: Object.fromEntries(counting), counted };
}

interface Queue {
  add(message: QueueMessage, delaySeconds?: number): void;
  take(): QueueMessage | undefined;
}

function createQueue(now: () => number): Queue {
  const waiting: { message: QueueMessage; visibleAt: number }[] = [];
  return {
    add: (message, delaySeconds = 0) => void waiting.push({ message, visibleAt: now() + delaySeconds * 1_000 }),
    take() {
      const index = waiting.findIndex(({ visibleAt }) => visibleAt <= now());
      return index < 0 ? undefined : waiting.splice(index, 1)[0]?.message;
    },
  };
}

interface Instance {
  service: SimulatedTenant;
  speed: number;
  now: () => Date;
  store: Store;
  watchlists: readonly Watchlist[];
  queue: Queue;
}

function tokenOf(tenant: string): string {
  const claims = { aud: defenderAudience, appid: "app", tid: tenant, roles: ["Software.Read.All"], exp: 4e9 };
  return `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
}

/** The client counts real seconds; those that it asks to wait for are simulated ones. */
function inSimulatedTime(defender: Defender, speed: number): Defender {
  return {
    ...defender,
    async getMissingKbs(...asked) {
      try {
        return await defender.getMissingKbs(...asked);
      } catch (error) {
        if (!(error instanceof DefenderError) || error.retryAfterSeconds === null) throw error;
        const { message, permanent, retryAfterSeconds } = error;
        throw new DefenderError(message, { permanent, retryAfterSeconds: retryAfterSeconds * speed });
      }
    },
  };
}

function portsOf({ service, speed, now, store, watchlists, queue }: Instance): Ports {
  return {
    defender: inSimulatedTime(
      createDefender({
        credential: (tenant) => ({ getToken: async () => ({ token: tokenOf(tenant), expiresOnTimestamp: 4e12 }) }),
        baseUrl: service.url,
        scope: `${defenderAudience}/.default`,
        callsPerMinute,
        callsPerHour,
        timing: { minute: 60_000 / speed, hour: 3_600_000 / speed, patience: 60_500 / speed },
      }),
      speed,
    ),
    store,
    mailer: { send: async () => ({ status: "sent", messageId: "1" }) },
    queue: { send: async (message, delay) => queue.add(message, delay), countPoison: async () => 0 },
    now,
    log: () => {},
    feeds: null,
    catalogue: async () => null,
    watchlists: async () => ({ list: watchlists, faults: [] }),
    rules: {
      ...{ timeZone: "UTC", graceMinutes: 120, retentionDays: 400, schedule: "0 0 5 * * *", reportUrl: null },
      ...{ portalUrl: "https://security.microsoft.com", callsPerMinute, callsPerHour },
    },
  };
}

/** One instance: it works on a batch of messages at a time until all runs are committed. */
async function work(queue: Queue, ports: Ports, speed: number, isOver: () => boolean): Promise<void> {
  const running = new Set<Promise<void>>();
  while (!isOver()) {
    const message = running.size < batch ? queue.take() : undefined;
    if (message && !("expire" in message)) {
      const step = advance(message, ports, AbortSignal.timeout(1_200_000 / speed)).finally(() => running.delete(step));
      running.add(step);
    } else await sleep(Math.max(1, 500 / speed));
  }
  await Promise.all(running);
}
