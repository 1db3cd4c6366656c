import type { Lease, Ports, Usage } from "../ports.ts";

const minuteMs = 60_000;
const hourMs = 3_600_000;
const tries = 5;

/** Defender must not be asked now. `message` says why and what to do. */
export class QuotaFullError extends Error {
  constructor(why: string) {
    super(`Defender was not asked, because ${why}. Try again later.`);
    this.name = "QuotaFullError";
  }
}

/**
 * Reserves calls to a tenant beside those of its reader, before they are made; throws a `QuotaFullError` where the quota has no
 * room for them. The reader counts them from its next renewal on.
 */
export async function reserveOutside(tenant: string, calls: number, ports: Ports): Promise<void> {
  const { store, now, rules } = ports;
  for (let tried = 0; tried < tries; tried++) {
    const found = await store.readLease(tenant);
    const lease = found?.lease ?? noLease;
    const at = now().getTime();
    const why = refusal(lease, calls, { at, rules });
    if (why) throw new QuotaFullError(why);
    const outside = [...lease.outside.filter(([end]) => end > at - hourMs), [at, calls] as const];
    if ((await store.writeLease(tenant, { ...lease, outside }, found?.version ?? null)) !== null) return;
  }
  throw new Error("The tenant's quota could not be reserved, because others reserve it at the same time. Try again.");
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
  const counted = countedCalls(lease, at);
  if (countSince(counted, at - minuteMs) + calls > rules.callsPerMinute) return "this minute's calls are used up";
  if (countSince(counted, at - hourMs) + calls > rules.callsPerHour) return "this hour's calls are used up";
  return null;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}

/** All calls that a lease knows of. Those its owner reserved may be made until the lease ends. */
function countedCalls({ usage, outside, reserved, until }: Lease, now: number): Usage["calls"] {
  return [...usage.calls, ...outside, [Math.min(now, Date.parse(until)), reserved]];
}

function countSince(calls: Usage["calls"], from: number): number {
  return calls.reduce((sum, [end, count]) => sum + (end > from ? count : 0), 0);
}
