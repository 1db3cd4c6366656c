import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TableServiceClient } from "@azure/data-tables";
import { QueueServiceClient } from "@azure/storage-queue";
import { type Azurite, startAzurite } from "../../local/azurite.ts";
import type { DefenderKb } from "../../local/estate.ts";
import { startIdentityEndpoint } from "../../local/identity-endpoint.ts";
import { type Inbox, type InboxFault, startInbox } from "../../local/inbox.ts";
import { type SimulatedTenant, startTenant } from "../../local/simulated-tenant.ts";
import { createStore } from "../../shared/io/storage/tables.ts";
import type { Store } from "../../shared/ports.ts";
import { createDice, type Dice } from "./dice.ts";
import { createKillableApp, type KillableApp } from "./killable-app.ts";
import { sendFault, storageFault } from "./sickness.ts";
import { openStorageGate, type StorageGate, type StoragePlace } from "./storage-gate.ts";

/** Where a process can be killed: at a call to the outside world. */
export type Place = StoragePlace | "Defender asked" | "mail sent";

/** `before`: the call has no effect; `after`: it has, but no answer comes. */
export interface Moment {
  place: Place;
  when: "before" | "after";
  /** At which call, from 1. */
  nth: number;
}

/** When the process dies next: at a moment, or this long after it started to work. */
export type Plan = Moment | { afterMs: number };

export interface ChaosWorld {
  app: KillableApp;
  tenant: SimulatedTenant;
  inbox: Inbox;
  gate: StorageGate;
  /** The storage itself, without the gate. */
  store(): Store;
  /** When Defender last gave each answer, by software id and `contentOf` the answer. */
  answers: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Sends with an answer that was lost on purpose, by watchlist and run. */
  lost: ReadonlyMap<string, number>;
  /** Whether storage and mail fail at times. */
  sick: boolean;
  /** The next kill, which uses it up. */
  plan: Plan | null;
  /** Where the process was killed, in order. */
  kills: readonly string[];
  /** How many faults storage and mail had. */
  faults: { storage: number; mail: number };
  now(): number;
  turnTo(instant: number): Promise<void>;
  /** Closes the emulator properly and starts it again from its files. */
  restartStorage(): Promise<void>;
  /** Kills the emulator once its files have all confirmed writes, and starts it again from them. */
  cutStoragePower(): Promise<void>;
  /** Resolves once no request of a dead process is in flight. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

interface WatchlistSetting {
  name: string;
  softwareIds: readonly string[];
  mailTo: readonly string[];
}

export const softwareIds = Array.from({ length: 6 }, (_, index) => `contoso-_-product_${index + 1}`);
/** Two teams of one tenant, which share two of their products. */
export const watchlists: readonly [WatchlistSetting, WatchlistSetting] = [
  { name: "clients", softwareIds: softwareIds.slice(0, 4), mailTo: ["clients@contoso.example"] },
  { name: "servers", softwareIds: softwareIds.slice(2), mailTo: ["servers@contoso.example"] },
];

const apiKey = "SG.chaos";
const sender = "kb-reporter@contoso.example";

export async function startChaosWorld(dice: Dice): Promise<ChaosWorld> {
  let instant = Date.parse("2026-01-01T00:00:00Z");
  const now = () => new Date(instant);
  const dir = await mkdtemp(join(tmpdir(), "chaos-"));
  let azurite = await startAzurite({ dir });
  let store = createStore({ kind: "connectionString", connectionString: azurite.connectionString });

  const answers = new Map<string, Map<string, number>>();
  const lost = new Map<string, number>();
  const kills: string[] = [];
  const faults = { storage: 0, mail: 0 };
  let clock: NodeJS.Timeout | undefined;

  const strike = (where: string): boolean => {
    clearTimeout(clock);
    clock = undefined;
    world.plan = null;
    if (!app.kill()) return false;
    kills.push(where);
    return true;
  };
  const reach = (place: Place, when: "before" | "after"): boolean => {
    const { plan } = world;
    if (!plan) return false;
    if ("afterMs" in plan) {
      clock ??= setTimeout(() => strike("at a random time"), plan.afterMs);
      return false;
    }
    if (plan.place !== place || plan.when !== when) return false;
    plan.nth -= 1;
    return plan.nth === 0 && strike(`${place}, ${when}`);
  };

  const takeSend = (body: unknown): InboxFault | null => {
    if (reach("mail sent", "before")) return { kept: false, connection: "hang" };
    if (reach("mail sent", "after")) return { kept: true, connection: "hang" };
    const key = runOf(body);
    const fault = world.sick ? sendFault(dice, lost.get(key) ?? 0) : null;
    if (fault) faults.mail += 1;
    if (fault && "kept" in fault) lost.set(key, (lost.get(key) ?? 0) + 1);
    return fault;
  };

  const [gate, tenant, identity, inbox] = await Promise.all([
    openStorageGate(azurite.connectionString, {
      reach,
      fault: (place) => {
        const fault = world.sick ? storageFault(dice, place) : "pass";
        if (fault !== "pass") faults.storage += 1;
        return fault;
      },
    }),
    startTenant({
      estate: restlessEstate(createDice(dice.below(2 ** 31)), (softwareId, kbs) => {
        const given = answers.get(softwareId) ?? new Map<string, number>();
        answers.set(softwareId, given.set(contentOf(kbs), instant));
      }),
      now: () => instant,
      callsPerMinute: 1_000_000,
      callsPerHour: 1_000_000,
      latencyMs: () => {
        reach("Defender asked", "before");
        return 1 + dice.below(8);
      },
    }),
    startIdentityEndpoint({ now }),
    startInbox({ apiKey, verifiedSenders: [sender], now, fault: ({ body }) => takeSend(body) }),
  ]);

  const app = createKillableApp({
    NODE_COMPILE_CACHE: join(dir, "compiled"),
    WATCHLISTS: JSON.stringify(watchlists),
    MAIL_FROM: `Missing KBs <${sender}>`,
    REPORTER_STORAGE: gate.connectionString,
    REPORT_GRACE_MINUTES: "60",
    RETENTION_DAYS: "40",
    DEFENDER_URL: tenant.url,
    DEFENDER_CALLS_PER_MINUTE: "10000",
    DEFENDER_CALLS_PER_HOUR: "100000",
    SENDGRID_URL: inbox.url,
    SENDGRID_API_KEY: apiKey,
    IDENTITY_ENDPOINT: identity.url,
    IDENTITY_HEADER: identity.header,
  });

  const startStorage = async () => {
    azurite = await startAzurite({ dir });
    await azurite.turnClock(now());
    gate.leadTo(azurite.connectionString);
    store = createStore({ kind: "connectionString", connectionString: azurite.connectionString });
  };

  const world: ChaosWorld = {
    ...{ app, tenant, inbox, gate, answers, lost, kills, faults, sick: false, plan: null },
    store: () => store,
    now: () => instant,
    turnTo: async (next) => {
      instant = next;
      await azurite.turnClock(now());
    },
    restartStorage: async () => {
      await azurite.close();
      await startStorage();
    },
    cutStoragePower: async () => {
      await untilOnDisk(azurite, dir);
      await azurite.kill();
      await startStorage();
    },
    quiet: async () => {
      clearTimeout(clock);
      clock = undefined;
      await gate.quiet();
      // Requests that a dead process left on the wire arrive before two later calls are answered.
      for (let calls = 0; calls < 2; calls++) await (await fetch(`${inbox.url}/style.css`)).text();
      await gate.quiet();
    },
    close: async () => {
      await app.close();
      await Promise.all([gate, tenant, identity, inbox, azurite].map((neighbour) => neighbour.close()));
      await rm(dir, { recursive: true, force: true });
    },
  };
  return world;
}

/** The watchlist and the run of a mail. */
export function runOf(body: unknown): string {
  const { personalizations } = body as {
    personalizations: { custom_args?: { watchlist?: string; run_id?: string } }[];
  };
  const args = personalizations[0]?.custom_args;
  return `${args?.watchlist} ${args?.run_id}`;
}

/** The counts in an answer, in a fixed order. */
export function contentOf(
  kbs: readonly { id: string | null; machineMissedOn: number | null; cveAddressed: number | null }[],
): string {
  return JSON.stringify(kbs.map((kb) => [kb.id, kb.machineMissedOn, kb.cveAddressed]).toSorted());
}

/** Lists are never the same twice, except empty ones, so that a stored answer can be traced to its read. */
function restlessEstate(dice: Dice, note: (softwareId: string, kbs: readonly DefenderKb[]) => void) {
  return {
    software: (id: string) => {
      const flags = { publicExploit: false, activeAlert: false, installedMachines: 99, exposedMachines: 0 };
      const weaknesses = dice.chance(0.3) ? 3 : 0;
      return { id, name: id, vendor: "contoso", weaknesses, impactScore: 0, ...flags };
    },
    missingKbs: (id: string): DefenderKb[] => {
      const number = softwareIds.indexOf(id) + 1;
      // All products share the fifth KB.
      const ids = [1, 2, 3, 4].map((kb) => `50${number}000${kb}`).concat("5099999");
      const missing = dice.chance(0.05) ? [] : ids.filter(() => dice.chance(0.75));
      const kbs = missing.map((kb) => ({
        ...{ id: kb, name: "January 2026 Security Updates", productsNames: [], url: null },
        ...{ machineMissedOn: 1 + dice.below(90), cveAddressed: 1 + dice.below(5) },
      }));
      note(id, kbs);
      return kbs;
    },
    trouble: () => ({ statuses: [], allDay: false }),
  };
}

/** The emulator confirms a write up to five seconds before its files, saved one by one, contain it. */
async function untilOnDisk({ connectionString }: Azurite, dir: string): Promise<void> {
  const marker = `marker${crypto.randomUUID().replaceAll("-", "")}`;
  const began = Date.now();
  await TableServiceClient.fromConnectionString(connectionString, { allowInsecureConnection: true }).createTable(
    marker,
  );
  const queue = QueueServiceClient.fromConnectionString(connectionString).getQueueClient(marker);
  await queue.create();
  await queue.sendMessage(marker);
  const holds = async (file: string) => (await readFile(join(dir, file), "utf8")).includes(marker);
  const saved = async (file: string) => (await stat(join(dir, file))).mtimeMs > began;
  const done = async () =>
    (await holds("__azurite_db_table__.json")) &&
    (await holds("__azurite_db_queue__.json")) &&
    (await saved("__azurite_db_queue_extent__.json"));
  while (!(await done())) await sleep(100);
}
