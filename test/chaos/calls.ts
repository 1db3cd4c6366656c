import { expect } from "vitest";
import type { TenantCall } from "../../local/simulated-tenant.ts";
import type { Happening } from "./ledger.ts";
import { softwareIds, tenants } from "./watchlists.ts";
import { type ChaosWorld, quota } from "./world.ts";

/** What Defender was asked, as its tenants saw it. */
export interface CallLedger {
  look(happening: Happening): void;
  /** Begins a day in which the reads of these products, as `tenant softwareId`, fail at times. */
  beginDay(ill: ReadonlySet<string>): void;
  /** Checks that each snapshot of the day cost a read and its confirmation, and no more than what strikes explain. */
  endDay(): void;
  audit(): void;
  calls(): number;
  /** The most calls within an hour. */
  most(): number;
}

/** A process that was frozen after it was allowed a call makes it when it wakes; so many may be under way. */
const callsAtOnce = 4;
/** Products that the doctor reads in a tenant. */
const examined = 3;
const hourMs = 3_600_000;
/** Products under way at once, each with two reads: so much may be lost when a process dies. */
const underWay = 2 * 8;

/** Where the hour's calls are used up in the middle of a read, it begins anew later. */
function isUsedUp(calls: readonly TenantCall[]): boolean {
  return mostInAnHour(calls) >= quota - callsAtOnce;
}

function mostInAnHour(calls: readonly TenantCall[]): number {
  let [first, most] = [0, 0];
  for (const [last, { at }] of calls.entries()) {
    while ((calls[first]?.at ?? at) <= at - hourMs) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

export function keepCallLedger(world: ChaosWorld): CallLedger {
  let ill: ReadonlySet<string> = new Set();
  let troubles = 0;
  let examinations = 0;
  let storageFaults = 0;
  let strays = 0;
  const begun = { calls: tenants.map(() => 0), written: 0 };
  let most = 0;

  function expectReadOnce(): void {
    const written = world.record.written.slice(begun.written);
    for (const [index, tenant] of tenants.entries()) {
      const calls = world.tenants[tenant].calls.slice(begun.calls[index]);
      const extra = softwareIds.map((softwareId) => {
        if (ill.has(`${tenant} ${softwareId}`)) return 0;
        const isRead = (call: (typeof calls)[number]) =>
          call.softwareId === softwareId && call.path.endsWith("/getmissingkbs") && call.status === 200;
        const snapshots = written.filter((partition) => partition === `${tenant}|${softwareId}`).length;
        return Math.max(0, calls.filter(isRead).length - 2 * snapshots);
      });
      const reads = extra.reduce((sum, count) => sum + count, 0);
      expect(reads, `needless reads of the day in ${tenant}`).toBeLessThanOrEqual(
        examined * examinations + underWay * (troubles + (isUsedUp(calls) ? 1 : 0)),
      );
    }
  }

  function expectWithinQuota(): void {
    expect(world.throttled(), "calls that a tenant refused because its quota was used up").toBe(0);
    most = Math.max(...tenants.map((tenant) => mostInAnHour(world.tenants[tenant].calls)));
    expect(most, "calls to a tenant within an hour").toBeLessThanOrEqual(quota);
  }

  return {
    look({ outcomes, asked, isStruck, isThawed, isStorageRestarted }) {
      const faults = world.faults.storage - storageFaults;
      storageFaults += faults;
      const doctors = asked.filter(({ path }) => path === "doctor").length;
      examinations += doctors;
      const stray = world.strays.slice(strays);
      strays += stray.length;
      // The doctor asks beside the reader.
      const most = doctors > 0 ? Number.POSITIVE_INFINITY : isThawed ? callsAtOnce : 0;
      expect(stray.length, `calls without the lease: ${stray}`).toBeLessThanOrEqual(most);
      troubles += faults + outcomes.reduce((sum, { failed }) => sum + failed.length, 0);
      if (isStruck || isStorageRestarted) troubles += outcomes.length + 1;
      expect(world.throttled(), "calls that a tenant refused because its quota was used up").toBe(0);
    },
    beginDay(products) {
      ill = products;
      troubles = 0;
      examinations = 0;
      begun.calls = tenants.map((tenant) => world.tenants[tenant].calls.length);
      begun.written = world.record.written.length;
    },
    endDay: expectReadOnce,
    audit: expectWithinQuota,
    calls: () => tenants.reduce((sum, tenant) => sum + world.tenants[tenant].calls.length, 0),
    most: () => most,
  };
}
