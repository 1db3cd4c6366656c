import { describe, expect, test } from "vitest";
import type { Lease, Ports } from "../../shared/ports.ts";
import { acquireLease, type HeldLease, LeaseLostError } from "../../shared/run/lease.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const reading = { progress: () => [], renewed: async () => {} };
const start = Date.parse("2026-11-23T05:00:00Z");

async function take(ports: Ports): Promise<HeldLease> {
  const lease = await acquireLease("home", reading, ports);
  if (typeof lease === "number") throw new Error(`The lease is held for ${lease} s.`);
  return lease;
}

/** Another process with the same storage and the same clock, and a memory of its own. */
function otherProcess(world: FakeWorld): FakeWorld {
  const other = fakeWorld();
  return { ...other, ports: { ...other.ports, store: world.ports.store, now: world.ports.now } };
}

async function rowOf({ ports }: FakeWorld): Promise<Lease | undefined> {
  return (await ports.store.readLease("home"))?.lease;
}

const countOf = (calls: Lease["usage"]["calls"]) => calls.reduce((sum, [, count]) => sum + count, 0);

describe("a tenant's lease", () => {
  test("is held by one process at a time, and free again when it is released", async () => {
    const world = fakeWorld();
    const other = otherProcess(world);
    const lease = await take(world.ports);
    expect(await acquireLease("home", reading, other.ports)).toBe(315);
    await lease.release();
    await expect(take(other.ports)).resolves.toBeDefined();
  });

  test("is held for each tenant by itself", async () => {
    const world = fakeWorld();
    await take(world.ports);
    expect(typeof (await acquireLease("contoso", reading, otherProcess(world).ports))).toBe("object");
  });

  test("of a process that died is taken over once it has ended and a margin has passed, and not before", async () => {
    const world = fakeWorld();
    const other = otherProcess(world);
    await take(world.ports);
    world.setClock(start + 314_999);
    expect(await acquireLease("home", reading, other.ports)).toBe(1);
    world.setClock(start + 315_000);
    expect(typeof (await acquireLease("home", reading, other.ports))).toBe("object");
  });

  test("that ends hours from now was written by no reader, and is taken over with all its calls", async () => {
    const world = fakeWorld();
    const { store } = world.ports;
    const calls = [[start - 1_000, 7]] as const;
    const lease = { owner: "?", usage: { calls, throttledUntil: null }, reserved: 5, outside: [], progress: [] };
    const version = await store.writeLease("home", { ...lease, until: "2026-11-23T05:15:00Z" }, null);
    expect(await acquireLease("home", reading, world.ports)).toBe(915);
    await store.writeLease("home", { ...lease, until: "2999-01-01T00:00:00Z" }, version);
    await take(world.ports);
    expect(countOf(world.ports.defender.usage("home").calls)).toBe(12);
  });

  test("is won by one of two that take it at the same moment", async () => {
    const world = fakeWorld();
    const tries = [world, otherProcess(world), otherProcess(world)].map(({ ports }) =>
      acquireLease("home", reading, ports),
    );
    const taken = (await Promise.all(tries)).filter((lease) => typeof lease === "object");
    expect(taken).toHaveLength(1);
  });

  test("lets a process that slept through its end make no call, once another reads", async () => {
    const world = fakeWorld();
    const other = otherProcess(world);
    const lease = await take(world.ports);
    await lease.permit();
    world.setClock(start + 20 * 60_000);
    await take(other.ports);
    await expect(lease.permit()).rejects.toThrow(LeaseLostError);
    await expect(lease.touch()).rejects.toThrow(LeaseLostError);
    await lease.release();
    expect(Date.parse((await rowOf(world))?.until ?? "")).toBe(start + 25 * 60_000);
  });

  test("goes on after a sleep that nobody noticed", async () => {
    const world = fakeWorld();
    const lease = await take(world.ports);
    world.setClock(start + 20 * 60_000);
    await lease.permit();
    expect(Date.parse((await rowOf(world))?.until ?? "")).toBe(start + 25 * 60_000);
  });

  test("gives no permit after its release, so that a call that comes late cannot take it back", async () => {
    const world = fakeWorld();
    const lease = await take(world.ports);
    await lease.release();
    await expect(lease.permit()).rejects.toThrow(LeaseLostError);
    expect(await rowOf(world)).toMatchObject({ until: "1970-01-01T00:00:00.000Z", reserved: 0 });
  });

  test("is renewed while calls are made, and looks for runs asked for each time", async () => {
    const world = fakeWorld();
    let renewals = 0;
    const renewed = async () => void renewals++;
    const lease = await acquireLease("home", { ...reading, renewed }, world.ports);
    if (typeof lease === "number") throw new Error("It is held.");
    for (let minute = 1; minute <= 30; minute++) {
      world.setClock(start + minute * 60_001);
      await lease.touch();
    }
    expect(renewals).toBe(30);
    expect(Date.parse((await rowOf(world))?.until ?? "")).toBeGreaterThan(start + 30 * 60_000);
  });
});

describe("the quota in a tenant's lease", () => {
  test("counts what its owner reserved as made, once another takes over", async () => {
    const world = fakeWorld();
    const other = otherProcess(world);
    const lease = await take(world.ports);
    for (let call = 0; call < 30; call++) await lease.permit();
    world.setClock(start + 400_000);
    await take(other.ports);
    const { calls } = other.ports.defender.usage("home");
    // What was reserved in the row, whether or not the calls were made.
    expect(countOf(calls)).toBeGreaterThanOrEqual(24);
    expect(calls.at(-1)?.[0]).toBe(start + 400_000);
  });

  test("never lets more calls leave than the row has reserved", async () => {
    const world = fakeWorld();
    const lease = await take(world.ports);
    for (let call = 1; call <= 100; call++) {
      await lease.permit();
      const row = await rowOf(world);
      // The fake client counts nothing, so that all calls since the last renewal are within what that one reserved.
      expect((call - 1) % 24).toBeLessThan(row?.reserved ?? 0);
    }
  });

  test("goes on in the next process where it was released", async () => {
    const world = fakeWorld();
    const usage = { calls: [[start - 60_000, 7] as const], throttledUntil: start + 90_000 };
    const lease = await take(world.ports);
    world.ports.defender.resume("home", usage);
    await lease.release();
    const other = otherProcess(world);
    await take(other.ports);
    expect(other.ports.defender.usage("home")).toEqual(usage);
  });

  test("counts calls that others reserved while it is held, and goes on", async () => {
    const world = fakeWorld();
    const lease = await take(world.ports);
    const found = await world.ports.store.readLease("home");
    if (!found) throw new Error("There is no lease.");
    const outside = [[start, 3] as const];
    await world.ports.store.writeLease("home", { ...found.lease, outside }, found.version);
    for (let call = 0; call < 30; call++) await lease.permit();
    expect(world.ports.defender.usage("home").calls).toContainEqual([start, 3]);
    expect(await rowOf(world)).toMatchObject({ outside: [] });
  });
});
