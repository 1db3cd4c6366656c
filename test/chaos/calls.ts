import { expect } from "vitest";
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

const hourMs = 3_600_000;
/** Products under way at once, each with two reads: so much may be lost when a process dies. */
const underWay = 2 * 8;

export function keepCallLedger(world: ChaosWorld): CallLedger {
  let ill: ReadonlySet<string> = new Set();
  let troubles = 0;
  /** Reads of the doctor, one in each tenant. */
  let examinations = 0;
  let storageFaults = 0;
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
      expect(reads, `needless reads of the day in ${tenant}`).toBeLessThanOrEqual(examinations + underWay * troubles);
    }
  }

  function expectWithinQuota(): void {
    expect(world.throttled(), "calls that a tenant refused because its quota was used up").toBe(0);
    for (const tenant of tenants) {
      const times = world.tenants[tenant].calls.map(({ at }) => at);
      for (let [first, last] = [0, 0]; last < times.length; last++) {
        while ((times[first] ?? 0) <= (times[last] ?? 0) - hourMs) first += 1;
        most = Math.max(most, last - first + 1);
      }
    }
    expect(most, "calls to a tenant within an hour").toBeLessThanOrEqual(quota);
  }

  return {
    look({ outcomes, isStruck, isStorageRestarted }) {
      const faults = world.faults.storage - storageFaults;
      storageFaults += faults;
      const answers = outcomes.flatMap((outcome) => outcome.answers);
      examinations += answers.filter(({ ask }) => ask.path === "doctor").length;
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
