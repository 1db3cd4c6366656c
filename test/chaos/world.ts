import { chmod, mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TableClient, TableServiceClient } from "@azure/data-tables";
import { QueueServiceClient } from "@azure/storage-queue";
import { type Azurite, startAzurite } from "../../local/azurite.ts";
import type { ReceivedMail } from "../../local/inbox/mail.ts";
import { type InboxFault, startInbox } from "../../local/inbox.ts";
import { defenderAudience, type SimulatedTenant, startTenant } from "../../local/simulated-tenant.ts";
import { createStore } from "../../shared/io/storage/tables.ts";
import type { Store } from "../../shared/ports.ts";
import { openDefenderGate, tokenFor } from "./defender-gate.ts";
import { createDice, type Dice } from "./dice.ts";
import { contentOf, restlessEstate } from "./estate.ts";
import { createKillableApp, type KillableApp } from "./killable-app.ts";
import { type MailService, sendFault, storageFault } from "./sickness.ts";
import { openStorageGate, type StoragePlace, type StorageRecord } from "./storage-gate.ts";
import { configuredOf, firstOwnership, type Ownership, settingOf, type Tenant, tenants } from "./watchlists.ts";

/** Where a process can be killed or frozen: at a call to the outside world. */
export type Place = StoragePlace | "Defender asked" | "mail sent";

/** `before`: the call has no effect; `after`: it has, but no answer comes, or not before the process is thawed. */
export interface Moment {
  place: Place;
  when: "before" | "after";
  /** At which call, from 1. */
  nth: number;
}

/** What happens to a process next, at a moment or this long after it started to work. */
export type Plan = (Moment | { afterMs: number }) & { strike: "kill" | "freeze" };

/** A process of the app with its own way to each neighbour, so that it is known who calls. */
export interface Instance {
  app: KillableApp;
  /** The next strike, which uses it up. */
  plan: Plan | null;
  isFrozen: boolean;
  /** Resolves when it is frozen next. */
  frozen(): Promise<void>;
  thaw(): void;
}

export interface ChaosWorld {
  instances: readonly [Instance, ...Instance[]];
  tenants: Readonly<Record<Tenant, SimulatedTenant>>;
  /** What the readers got, in order of arrival. */
  mails: readonly ReceivedMail[];
  record: StorageRecord;
  /** The chains whose status a person deleted. */
  deletedStatuses: Set<string>;
  /** The storage itself, without a gate. */
  store(): Store;
  /** When Defender last gave each answer, by tenant and software id and by `contentOf` the answer. */
  answers: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Sends with an answer that was lost on purpose, by chain and run. */
  lost: ReadonlyMap<string, number>;
  /** Whether storage fails at times. */
  sick: boolean;
  mailService: MailService;
  /** What is configured; it holds for processes that start from now on. */
  ownership: Ownership;
  /** Where processes were killed, and where frozen, in order. */
  kills: readonly string[];
  freezes: readonly string[];
  /** How many faults storage and mail had. */
  faults: { storage: number; mail: number };
  /** Calls to a tenant by a process that did not hold its lease, in order. */
  strays: readonly string[];
  /** How many calls a tenant refused because its quota was used up. */
  throttled(): number;
  now(): number;
  turnTo(instant: number): Promise<void>;
  /** Deletes a row as a person would, by mistake or on advice; false if there is none. */
  deleteRow(table: string, partitionKey: string, rowKey: string): Promise<boolean>;
  /** Closes the emulator properly and starts it again from its files. */
  restartStorage(): Promise<void>;
  /** Kills the emulator once its files have all confirmed writes, and starts it again from them. */
  cutStoragePower(): Promise<void>;
  /** Resolves once no request of a dead process is in flight. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

/** Calls to a tenant in a minute and in an hour: fewer than a day's walk needs, and than a process reserves. */
export const quota = 16;

const apiKey = "SG.chaos";
const sender = "kb-reporter@contoso.example";

export async function startChaosWorld(dice: Dice, processes: number): Promise<ChaosWorld> {
  const dir = await mkdtemp(join(tmpdir(), "chaos-"));
  const clock = await startClock(join(dir, "clock"));
  await signIn(dir);
  let azurite = await startAzurite({ dir });
  let store = createStore({ kind: "connectionString", connectionString: azurite.connectionString });

  const answers = new Map<string, Map<string, number>>();
  const lost = new Map<string, number>();
  const record: StorageRecord = {
    ...{ messages: new Map(), writes: new Map(), leases: new Map() },
    ...{ changes: 0, written: [] },
  };
  const mails: ReceivedMail[] = [];
  const [kills, freezes]: [string[], string[]] = [[], []];
  const faults = { storage: 0, mail: 0 };

  const startDefender = (tenant: Tenant) =>
    startTenant({
      estate: restlessEstate(tenant, createDice(dice.below(2 ** 31)), (softwareId, kbs) => {
        const key = `${tenant} ${softwareId}`;
        const given = answers.get(key) ?? new Map<string, number>();
        answers.set(key, given.set(contentOf(kbs), clock.now()));
      }),
      now: clock.now,
      callsPerMinute: quota,
      callsPerHour: quota,
      latencyMs: () => 1 + dice.below(8),
    });
  const [own, customer] = await Promise.all([startDefender(tenants[0]), startDefender(tenants[1])]);
  const defenders = { [tenants[0]]: own, [tenants[1]]: customer };

  const strays: string[] = [];
  const startInstance = async (_: unknown, index: number) => {
    // Its settings are read when it starts.
    const app = createKillableApp(() => environment());
    const { instance, reach, rest } = createStriker(app, { kills, freezes });
    const takeSend = (body: unknown): InboxFault | null => {
      if (reach("mail sent", "before")) return { kept: false, connection: "hang" };
      if (reach("mail sent", "after")) return { kept: true, connection: "hang" };
      const key = runOf(body);
      const fault = sendFault(dice, world.mailService, lost.get(key) ?? 0);
      if (fault) faults.mail += 1;
      if (fault && "kept" in fault) lost.set(key, (lost.get(key) ?? 0) + 1);
      return fault;
    };
    const [gate, defender, inbox] = await Promise.all([
      openStorageGate(azurite.connectionString, record, {
        ...{ process: index, reach },
        fault: (place) => {
          const fault = world.sick ? storageFault(dice, place) : "pass";
          if (fault !== "pass") faults.storage += 1;
          return fault;
        },
      }),
      openDefenderGate(
        (tenant) => {
          const holder = record.leases.get(tenant)?.holder;
          if (holder !== index) strays.push(`process ${index} asks ${tenant}, which process ${holder} reads`);
          return defenders[tenant as Tenant].url;
        },
        (when) => reach("Defender asked", when),
      ),
      startInbox({
        apiKey,
        verifiedSenders: [sender],
        now: () => new Date(clock.now()),
        fault: ({ body }) => takeSend(body),
      }),
    ]);
    const environment = () => ({
      CHAOS_CLOCK: clock.path,
      NODE_COMPILE_CACHE: join(dir, "compiled"),
      PATH: `${join(dir, "bin")}${delimiter}${process.env.PATH}`,
      WATCHLISTS: settingOf(configuredOf(world.ownership)),
      MAIL_FROM: `Missing KBs <${sender}>`,
      REPORTER_STORAGE: gate.connectionString,
      REPORT_GRACE_MINUTES: "60",
      RETENTION_DAYS: "40",
      DEFENDER_URL: defender.url,
      DEFENDER_CALLS_PER_MINUTE: String(quota),
      DEFENDER_CALLS_PER_HOUR: String(quota),
      SENDGRID_URL: inbox.url,
      SENDGRID_API_KEY: apiKey,
    });
    return { instance, rest, gate, defender, inbox };
  };

  const parts = await Promise.all(Array.from({ length: processes }, startInstance));
  const collected = parts.map(() => 0);
  const collectMails = () => {
    const arrived = parts.flatMap(({ inbox }, index) => {
      const fresh = inbox.mails.slice(collected[index]);
      collected[index] = inbox.mails.length;
      return fresh;
    });
    mails.push(...arrived.toSorted((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime()));
  };

  const startStorage = async () => {
    azurite = await startAzurite({ dir });
    await azurite.turnClock(new Date(clock.now()));
    for (const { gate } of parts) gate.leadTo(azurite.connectionString);
    store = createStore({ kind: "connectionString", connectionString: azurite.connectionString });
  };

  const [first, ...others] = parts.map(({ instance }) => instance);
  if (!first) throw new Error("There must be a process.");
  const world: ChaosWorld = {
    instances: [first, ...others],
    ...{ tenants: defenders, mails, record, deletedStatuses: new Set(), strays, answers, lost, kills, freezes, faults },
    ...{ sick: false, mailService: "well", ownership: firstOwnership },
    store: () => store,
    throttled: () => parts.reduce((sum, { defender }) => sum + defender.throttled(), 0),
    now: clock.now,
    turnTo: async (next) => {
      await clock.turnTo(next);
      await azurite.turnClock(new Date(next));
    },
    deleteRow: async (table, partitionKey, rowKey) => {
      const client = TableClient.fromConnectionString(azurite.connectionString, table, {
        allowInsecureConnection: true,
      });
      try {
        await client.deleteEntity(partitionKey, rowKey);
      } catch {
        return false;
      }
      record.writes.delete(`${partitionKey} ${rowKey}`);
      record.changes += 1;
      return true;
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
      for (const { rest, gate, defender, inbox } of parts) {
        rest();
        await Promise.all([gate.quiet(), defender.quiet()]);
        // Requests that a dead process left on the wire arrive before two later calls are answered.
        for (let calls = 0; calls < 2; calls++) await (await fetch(`${inbox.url}/style.css`)).text();
        await Promise.all([gate.quiet(), defender.quiet()]);
      }
      collectMails();
    },
    close: async () => {
      await Promise.all(parts.map(({ instance }) => instance.app.close()));
      const neighbours = parts.flatMap(({ gate, defender, inbox }) => [gate, defender, inbox]);
      await Promise.all([...neighbours, own, customer, azurite].map((neighbour) => neighbour.close()));
      await clock.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return world;
}

/** Kills or freezes a process as its plan says. */
function createStriker(app: KillableApp, struck: { kills: string[]; freezes: string[] }) {
  let timer: NodeJS.Timeout | undefined;
  let whenFrozen = Promise.withResolvers<void>();

  const rest = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  /** Whether the process is dead: one that is frozen still gets the answers to what it has asked. */
  const strike = ({ strike: how }: Plan, where: string): boolean => {
    rest();
    instance.plan = null;
    if (!app[how]()) return false;
    struck[how === "kill" ? "kills" : "freezes"].push(where);
    if (how === "kill") return true;
    instance.isFrozen = true;
    whenFrozen.resolve();
    return false;
  };
  const reach = (place: Place, when: "before" | "after"): boolean => {
    const { plan } = instance;
    if (!plan) return false;
    if ("afterMs" in plan) {
      timer ??= setTimeout(() => strike(plan, "at a random time"), plan.afterMs);
      return false;
    }
    if (plan.place !== place || plan.when !== when) return false;
    plan.nth -= 1;
    return plan.nth === 0 && strike(plan, `${place}, ${when}`);
  };
  const instance: Instance = {
    app,
    plan: null,
    isFrozen: false,
    frozen: () => whenFrozen.promise,
    thaw() {
      instance.isFrozen = false;
      whenFrozen = Promise.withResolvers<void>();
      app.thaw();
    },
  };
  return { instance, reach, rest };
}

/** A clock that all processes read from one file: it runs at the real pace from where it is turned to. */
async function startClock(path: string) {
  const file = await open(path, "w");
  let ahead = 0;
  const turnTo = async (instant: number) => {
    ahead = instant - Date.now();
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(ahead);
    await file.write(bytes, 0, 8, 0);
  };
  await turnTo(Date.parse("2026-01-01T00:00:00Z"));
  return { path, turnTo, now: () => Date.now() + ahead, close: () => file.close() };
}

/** An Azure CLI that is signed in to each tenant. */
async function signIn(dir: string): Promise<void> {
  const bin = join(dir, "bin");
  await mkdir(bin);
  const expires = Date.parse("2037-01-01T00:00:00Z");
  for (const tenant of tenants) {
    const accessToken = tokenFor(tenant, defenderAudience, expires);
    await writeFile(join(bin, `${tenant}.json`), JSON.stringify({ accessToken, expires_on: expires / 1_000 }));
  }
  // Only calls for a foreign tenant name it, and then last.
  const script = `#!/bin/sh
tenant=${tenants[0]}
case "$*" in *--tenant*) for tenant; do :; done;; esac
cat "${bin}/$tenant.json"
`;
  await writeFile(join(bin, "az"), script);
  await chmod(join(bin, "az"), 0o755);
}

/** The chain and the run of a mail. */
export function runOf(body: unknown): string {
  const { personalizations } = body as {
    personalizations: { custom_args?: { tenant?: string; watchlist?: string; run_id?: string } }[];
  };
  const { tenant = "", watchlist = "", run_id: runId = "" } = personalizations[0]?.custom_args ?? {};
  return nameOf({ tenant, watchlist, runId });
}

/** One name for each run. */
export function nameOf({ tenant, watchlist, runId }: { tenant: string; watchlist: string; runId: string }): string {
  return `${tenant} ${watchlist} ${runId}`;
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
