import type { Lease, Ports, RunProgress, StoredLease, Usage } from "../ports.ts";

/** How long a lease lasts without a renewal. Longer than any pause of a step: a full quota, then a slow call. */
const leaseMs = 5 * 60_000;
/** A lease is renewed when it is this old; also how often the reader looks for runs asked for. */
const renewMs = 60_000;
/** How long a lease must still last when a call leaves: longer than two clocks differ. */
const guardMs = 60_000;
/** How long a lease must have ended before another process takes it over. */
const marginMs = 15_000;
/** No clock is this far ahead: a lease that lasts longer was written by something else. */
const farMs = 3_600_000;
/** Calls reserved at a time: at most some fifteen seconds' worth. If the process dies, so many count as made. */
const reservedCalls = 24;
/** Calls that may be under way while a renewal is written. They count as made if the process dies. */
const callsUnderWay = 4;

/** Another process reads the tenant now: nothing more may be called under this lease. */
export class LeaseLostError extends Error {
  constructor(tenant: string) {
    super(`Another process reads the tenant ${tenant} now.`);
    this.name = "LeaseLostError";
  }
}

/** The right to read a tenant. */
export interface HeldLease {
  /** Reserves one call, which must leave at once; throws a `LeaseLostError` if another process reads the tenant. */
  permit(): Promise<void>;
  /** Renews the lease if it is due, and then calls back. */
  touch(): Promise<void>;
  /** Lets others read the tenant. */
  release(): Promise<void>;
}

/** What a reader does with its lease. */
export interface Reading {
  /** How far its runs are, asked at each renewal. */
  progress: () => readonly RunProgress[];
  /** Called after each renewal. */
  renewed: () => Promise<void>;
}

/**
 * Takes the lease of a tenant, and goes on with its quotas where the last reader left off; seconds until another try where
 * somebody else holds it.
 */
export async function acquireLease(tenant: string, reading: Reading, ports: Ports): Promise<HeldLease | number> {
  const { store, defender, now, log } = ports;
  const found = await store.readLease(tenant);
  const free = found ? Date.parse(found.lease.until) + marginMs : 0;
  const wait = free - now().getTime();
  const isDamaged = found?.isDamaged || wait > farMs;
  if (wait > 0 && !isDamaged) return Math.ceil(wait / 1000);
  const lease = newLease(found, now());
  const version = await store.writeLease(tenant, lease, found?.version ?? null);
  if (version === null) return 1;
  if (isDamaged) log("warn", "damaged lease replaced", { tenant });
  defender.resume(tenant, lease.usage);
  return holdLease(tenant, { lease, version }, reading, ports);
}

function newLease(found: StoredLease | null, now: Date): Lease {
  return {
    owner: crypto.randomUUID(),
    until: endOf(now),
    usage: found
      ? { ...found.lease.usage, calls: callsOf(found.lease, now.getTime()) }
      : { calls: [], throttledUntil: null },
    reserved: reservedCalls + callsUnderWay,
    outside: [],
    progress: [],
  };
}

function endOf(now: Date): string {
  return new Date(now.getTime() + leaseMs).toISOString();
}

/** All calls that a lease knows of, oldest first; those reserved count as made at `reservedAt`: nobody knows when they were. */
export function callsOf({ usage, outside, reserved }: Lease, reservedAt: number): Usage["calls"] {
  const last: Usage["calls"] = reserved > 0 ? [[reservedAt, reserved]] : [];
  return inOrder([...usage.calls, ...outside, ...last]);
}

function inOrder(calls: Usage["calls"]): Usage["calls"] {
  return calls.toSorted(([a], [b]) => a - b);
}

function holdLease(tenant: string, taken: StoredLease, reading: Reading, ports: Ports): HeldLease {
  const { store, defender, now } = ports;
  let { lease, version } = taken;
  let budget = reservedCalls;
  let fault: unknown = null;
  let renewing: Promise<void> | null = null;

  const msLeft = () => Date.parse(lease.until) - now().getTime();

  /** Writes the lease anew; throws if another process has taken it over. */
  async function write(next: Pick<Lease, "until" | "reserved">): Promise<void> {
    for (;;) {
      const wanted: Lease = {
        ...next,
        ...{ owner: lease.owner, usage: defender.usage(tenant), outside: [], progress: reading.progress() },
      };
      const written = await store.writeLease(tenant, wanted, version);
      if (written !== null) {
        lease = wanted;
        version = written;
        return;
      }
      const found = await store.readLease(tenant);
      if (found?.lease.owner !== lease.owner) throw new LeaseLostError(tenant);
      // Only calls that others reserved can have changed it.
      const usage = defender.usage(tenant);
      defender.resume(tenant, { ...usage, calls: inOrder([...usage.calls, ...found.lease.outside]) });
      version = found.version;
    }
  }

  async function renew(): Promise<void> {
    try {
      await write({ until: endOf(now()), reserved: reservedCalls + callsUnderWay });
      budget = reservedCalls;
    } catch (error) {
      fault = error;
      throw error;
    }
    await reading.renewed();
  }

  function renewOnce(): Promise<void> {
    renewing ??= renew().finally(() => {
      renewing = null;
    });
    return renewing;
  }

  /** Waits until the lease is good for a call; throws why it never will be. */
  async function keep(isGood: () => boolean): Promise<void> {
    for (;;) {
      if (fault) throw fault;
      if (isGood()) return;
      await renewOnce();
    }
  }

  return {
    async permit() {
      await keep(() => budget > 0 && msLeft() >= guardMs);
      budget -= 1;
    },
    touch: () => keep(() => msLeft() >= leaseMs - renewMs),
    async release() {
      if (fault) return;
      await renewing;
      await write({ until: new Date(0).toISOString(), reserved: 0 });
      fault = new LeaseLostError(tenant);
    },
  };
}
