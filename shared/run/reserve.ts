import type { Lease, Ports, Usage } from "../ports.ts";
import { callsOf } from "./lease.ts";

const minuteMs = 60_000;
const hourMs = 3_600_000;
const tries = 5;

/** Defender must not be asked now. `message` says why and what to do. */
export class NotReservedError extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(`Defender was not asked, because ${why}`, options);
    this.name = "NotReservedError";
  }
}

/**
 * Reserves calls to a tenant beside those of its reader, before they are made; throws a `NotReservedError` where the quota has no
 * room for them. The reader counts them from its next renewal on.
 */
export async function reserveOutside(tenant: string, calls: number, ports: Ports): Promise<void> {
  const { store, now, rules } = ports;
  for (let tried = 0; tried < tries; tried++) {
    const found = await store.readLease(tenant);
    const lease = found?.lease ?? noLease;
    const at = now().getTime();
    const why = refusal(lease, calls, { at, rules });
    if (why) throw new NotReservedError(`${why}. Try again later.`);
    const outside = [...lease.outside.filter(([end]) => end > at - hourMs), [at, calls] as const];
    if ((await store.writeLease(tenant, { ...lease, outside }, found?.version ?? null)) !== null) return;
  }
  throw new NotReservedError("others reserve the tenant's calls at the same time. Try again later.");
}

/** Ended before anybody held it. */
const noLease: Lease = {
  ...{ owner: "", until: new Date(0).toISOString(), usage: { calls: [], throttledUntil: null } },
  ...{ reserved: 0, outside: [], progress: [] },
};

/** Why the calls must not be made; `null` if they may. */
function refusal(lease: Lease, calls: number, { at, rules }: { at: number; rules: Ports["rules"] }): string | null {
  const { throttledUntil } = lease.usage;
  if (throttledUntil !== null && throttledUntil > at) return `it throttles the tenant until ${timeOf(throttledUntil)}`;
  // Its owner may make the calls that it reserved until the lease ends.
  const counted = callsOf(lease, Math.min(at, Date.parse(lease.until)));
  if (countSince(counted, at - minuteMs) + calls > rules.callsPerMinute) return "this minute's calls are used up";
  if (countSince(counted, at - hourMs) + calls > rules.callsPerHour) return "this hour's calls are used up";
  return null;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}

function countSince(calls: Usage["calls"], from: number): number {
  return calls.reduce((sum, [end, count]) => sum + (end > from ? count : 0), 0);
}

/** A permit for single calls that reserves each of them, one after another. */
export function outsidePermit(tenant: string, ports: Ports): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return () => {
    last = last.catch(() => {}).then(() => reserveOne(tenant, ports));
    return last;
  };
}

async function reserveOne(tenant: string, ports: Ports): Promise<void> {
  try {
    await reserveOutside(tenant, 1, ports);
  } catch (error) {
    if (error instanceof NotReservedError) throw error;
    const said = error instanceof Error ? error.message : String(error);
    throw new NotReservedError(`its calls could not be counted: ${said}`, { cause: error });
  }
}
