import { describe, expect, test } from "vitest";
import type { Lease } from "../../shared/ports.ts";
import { acquireLease } from "../../shared/run/lease.ts";
import { NotReservedError, reserveOutside } from "../../shared/run/reserve.ts";
import { type FakeWorld, fakeWorld } from "../support/fake-world.ts";

const start = Date.parse("2026-11-23T05:00:00Z");
const minutes = (count: number) => start + count * 60_000;

async function leaseOf({ ports }: FakeWorld): Promise<Lease | undefined> {
  return (await ports.store.readLease("home"))?.lease;
}

async function planted(parts: Partial<Lease>): Promise<FakeWorld> {
  const world = fakeWorld();
  const usage = { calls: [], throttledUntil: null };
  const ended = { owner: "a", until: "2026-11-23T04:00:00.000Z" };
  await world.ports.store.writeLease(
    "home",
    { ...ended, usage, reserved: 0, outside: [], progress: [], ...parts },
    null,
  );
  return world;
}

describe("reserving calls outside a tenant's reader", () => {
  test("leaves a lease that anybody may take, which counts them", async () => {
    const world = fakeWorld();
    await reserveOutside("home", 3, world.ports);
    expect((await leaseOf(world))?.outside).toEqual([[start, 3]]);
    world.setClock(start + 1);
    expect(await acquireLease("home", { progress: () => [], renewed: async () => {} }, world.ports)).toBeTypeOf(
      "object",
    );
    expect(world.ports.defender.usage("home").calls).toEqual([[start, 3]]);
  });

  test("keeps what its reader wrote, and the reader counts them from its next renewal on", async () => {
    const world = fakeWorld();
    const lease = await acquireLease("home", { progress: () => [], renewed: async () => {} }, world.ports);
    if (typeof lease === "number") throw new Error("The lease is held.");
    const { owner, until } = (await leaseOf(world)) ?? {};
    await reserveOutside("home", 2, world.ports);
    expect(await leaseOf(world)).toMatchObject({ owner, until, outside: [[start, 2]] });
    for (let calls = 0; calls < 25; calls++) await lease.permit();
    expect((await leaseOf(world))?.outside).toEqual([]);
    expect(world.ports.defender.usage("home").calls).toContainEqual([start, 2]);
  });

  test.each([
    ["made by the reader", { usage: { calls: [[minutes(-0.5), 97] as const], throttledUntil: null } }],
    ["reserved by the reader", { until: "2026-11-23T05:04:00.000Z", reserved: 97 }],
    ["reserved by others", { outside: [[minutes(-0.5), 97] as const] }],
  ])("is refused where this minute's calls are used up, those %s counted", async (_, parts) => {
    const world = await planted(parts);
    await reserveOutside("home", 3, world.ports);
    await expect(reserveOutside("home", 1, world.ports)).rejects.toThrow(NotReservedError);
    await expect(reserveOutside("home", 1, world.ports)).rejects.toThrow(/this minute's calls are used up. Try again/);
    await expect(reserveOutside("contoso", 1, world.ports)).resolves.toBeUndefined();
  });

  test("is refused where this hour's calls are used up, until the hour is over", async () => {
    const world = await planted({ usage: { calls: [[minutes(-50), 1_500]], throttledUntil: null } });
    await expect(reserveOutside("home", 1, world.ports)).rejects.toThrow("this hour's calls are used up");
    world.setClock(minutes(10));
    await expect(reserveOutside("home", 1, world.ports)).resolves.toBeUndefined();
  });

  test("is refused as long as Defender throttles the tenant", async () => {
    const world = await planted({ usage: { calls: [], throttledUntil: minutes(5) } });
    await expect(reserveOutside("home", 1, world.ports)).rejects.toThrow(
      "throttles the tenant until 2026-11-23T05:05:00",
    );
    world.setClock(minutes(5));
    await expect(reserveOutside("home", 1, world.ports)).resolves.toBeUndefined();
  });

  test("at the same moment as others counts all of them", async () => {
    const world = fakeWorld();
    await Promise.all([1, 2, 3, 4].map((calls) => reserveOutside("home", calls, world.ports)));
    const counts = (await leaseOf(world))?.outside.map(([, count]) => count) ?? [];
    expect(counts.toSorted()).toEqual([1, 2, 3, 4]);
  });

  test("gives up where the row never stops changing", async () => {
    const world = fakeWorld();
    world.ports.store.writeLease = async () => null;
    await expect(reserveOutside("home", 1, world.ports)).rejects.toThrow(
      "others reserve the tenant's calls at the same time",
    );
  });
});
