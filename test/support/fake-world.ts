import type { QueueMessage } from "../../shared/core/message.ts";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import type { RequestPorts } from "../../shared/http/caller.ts";
import {
  type Calling,
  type ConfiguredWatchlists,
  type Defender,
  DefenderError,
  type Mailer,
  type OutgoingMail,
  type Ports,
  type RunQueue,
  type SendOutcome,
  type Usage,
} from "../../shared/ports.ts";
import { aWatchlist } from "./builders.ts";
import { createFakeStore } from "./fake-store.ts";

/** Defender's answer for one product: its items, or why it cannot be read. */
export type Answered = readonly unknown[] | DefenderError;

/** A queue in memory: a message is handled when it is due and stays until it is done. */
export interface FakeQueue extends RunQueue {
  waiting: { message: QueueMessage; visibleAt: number }[];
}

/** Everything outside the app, in memory, with a clock that moves only when it is set, and a caller who may do everything. */
export interface FakeWorld {
  ports: RequestPorts & { queue: FakeQueue };
  /** By software id; any other product has an empty list and no weaknesses. */
  answers: Map<string, Answered>;
  weaknesses: Map<string, number | null>;
  /** Defender's product list: its items, or why it cannot be read. */
  inventory: { products: Answered };
  /** Software ids in the order of their reads. */
  reads: string[];
  /** Every mail that arrived. */
  inbox: OutgoingMail[];
  /** Outcomes of the next sends; later ones are sent. `arrives`: whether a mail of unknown outcome arrived. */
  outcomes: (SendOutcome & { arrives?: boolean })[];
  logs: { level: string; message: string; fields: Readonly<Record<string, unknown>> | undefined }[];
  setClock: (instant: string | number) => void;
}

/** A port with these watchlists. */
export function configured(
  list: readonly Watchlist[],
  faults: ConfiguredWatchlists["faults"] = [],
): Ports["watchlists"] {
  return async () => ({ list, faults });
}

/** A world with one watchlist, on 23 November 2026 at five in the morning UTC. */
export function fakeWorld(watchlists: readonly Watchlist[] = [aWatchlist()]): FakeWorld {
  const state = { now: Date.parse("2026-11-23T05:00:00Z") };
  const now = () => new Date(state.now);
  const answers: FakeWorld["answers"] = new Map();
  const weaknesses: FakeWorld["weaknesses"] = new Map();
  const inventory: FakeWorld["inventory"] = { products: [] };
  const reads: string[] = [];
  const inbox: OutgoingMail[] = [];
  const outcomes: FakeWorld["outcomes"] = [];
  const logs: FakeWorld["logs"] = [];
  const ports: FakeWorld["ports"] = {
    defender: fakeDefender({ answers, weaknesses, inventory, reads }, now),
    store: createFakeStore(),
    mailer: fakeMailer(inbox, outcomes),
    queue: fakeQueue(now),
    now,
    feeds: null,
    catalogue: async () => null,
    log: (level: string, message: string, fields?: Readonly<Record<string, unknown>>) =>
      void logs.push({ level, message, fields }),
    watchlists: configured(watchlists),
    everyWatchlist: () => ports.watchlists(),
    caller: { roles: null },
    rules: {
      callsPerMinute: 100,
      callsPerHour: 1_500,
      timeZone: "UTC",
      graceMinutes: 120,
      retentionDays: 400,
      schedule: "0 0 5 * * *",
      reportUrl: "https://kb.contoso.example",
      portalUrl: "https://security.microsoft.com",
    },
  };
  const setClock = (instant: string | number) => {
    state.now = typeof instant === "number" ? instant : Date.parse(instant);
  };
  return { ports, answers, weaknesses, inventory, reads, inbox, outcomes, logs, setClock };
}

function fakeDefender(
  { answers, weaknesses, inventory, reads }: Pick<FakeWorld, "answers" | "weaknesses" | "inventory" | "reads">,
  now: () => Date,
): Defender {
  const usages = new Map<string, Usage>();
  const usage = (tenant: string) => usages.get(tenant) ?? { calls: [], throttledUntil: null };
  async function call(tenant: string, { signal, permit }: Calling): Promise<void> {
    signal?.throwIfAborted();
    await permit?.();
    const { calls, throttledUntil } = usage(tenant);
    usages.set(tenant, { calls: [...calls, [now().getTime(), 1]], throttledUntil });
  }
  return {
    getMissingKbs: async (tenant, softwareId, calling = {}) => {
      await call(tenant, calling);
      reads.push(softwareId);
      const answered = answers.get(softwareId) ?? [];
      if (answered instanceof DefenderError) throw answered;
      return answered;
    },
    getSoftware: async (tenant, id, calling = {}) => {
      await call(tenant, calling);
      return { id, weaknesses: weaknesses.get(id) ?? 0, exposedMachines: null };
    },
    listSoftware: async (tenant, calling = {}) => {
      await call(tenant, calling);
      if (inventory.products instanceof DefenderError) throw inventory.products;
      return inventory.products;
    },
    usage,
    resume: (tenant, given) => void usages.set(tenant, given),
  };
}

function fakeMailer(inbox: OutgoingMail[], outcomes: FakeWorld["outcomes"]): Mailer {
  return {
    send: async (mail) => {
      const outcome = outcomes.shift() ?? { status: "sent", messageId: "1" };
      if (outcome.status === "sent" || outcome.arrives) inbox.push(mail);
      return outcome;
    },
  };
}

function fakeQueue(now: () => Date): FakeQueue {
  const waiting: FakeQueue["waiting"] = [];
  return {
    waiting,
    send: async (message, delaySeconds = 0) => {
      waiting.push({ message, visibleAt: now().getTime() + delaySeconds * 1000 });
    },
    countPoison: async () => 0,
  };
}
