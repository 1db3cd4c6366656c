import { describe, expect, test } from "vitest";
import { DefenderError } from "../../shared/ports.ts";
import { walk } from "../../shared/run/walk.ts";
import { aKb, aSnapshot } from "../support/builders.ts";
import { fakeWorld } from "../support/fake-world.ts";

const runId = "2026-11-23";
const windows10 = "microsoft-_-windows_10";
const forever = new AbortController().signal;
const planOf = (...products: [softwareId: string, compared: string | null][]) => ({
  ...{ tenant: "home", runId, day: runId, openedAt: "2026-11-23T05:00:00.000Z" },
  products: products.map(([softwareId, compared]) => ({ softwareId, compared })),
});

describe("a walk", () => {
  test("hands on each product's snapshot with the one it is compared with", async () => {
    const world = fakeWorld();
    const yesterday = aSnapshot({ runId: "2026-11-22", missingKbs: [aKb({ id: "5066835", machineMissedOn: 12 })] });
    await world.ports.store.addSnapshot(yesterday);
    world.answers.set(windows10, [{ id: "5066835", machineMissedOn: 14, cveAddressed: 1 }]);
    const { results, held, added } = await walk(planOf([windows10, "2026-11-22"], ["new", null]), world.ports, forever);
    expect([...results]).toEqual([
      [windows10, "read"],
      ["new", "read"],
    ]);
    expect(held.get(windows10)).toEqual([yesterday, await world.ports.store.readSnapshot({ ...yesterday, runId })]);
    expect(held.get("new")).toHaveLength(1);
    expect(added).toBe(2);
  });

  test("does not read what an earlier step of the run has read, and hands it on too", async () => {
    const world = fakeWorld();
    const earlier = aSnapshot({ runId, missingKbs: [aKb()] });
    await world.ports.store.addSnapshot(earlier);
    const { results, held, added } = await walk(planOf([windows10, null]), world.ports, forever);
    expect(results.get(windows10)).toBe("read");
    expect(held.get(windows10)).toEqual([earlier]);
    expect([world.reads, added]).toEqual([[], 0]);
  });

  test("hands on the stored snapshot if another process wrote it first", async () => {
    const world = fakeWorld();
    const theirs = aSnapshot({ runId, missingKbs: [aKb({ id: "5066835", machineMissedOn: 99 })] });
    const { addSnapshot } = world.ports.store;
    world.ports.store.addSnapshot = async (ours) => {
      await addSnapshot(theirs);
      return addSnapshot(ours);
    };
    const { held } = await walk(planOf([windows10, null]), world.ports, forever);
    expect(held.get(windows10)).toEqual([theirs]);
  });

  test("names the failure of a product, and hands on what it is compared with", async () => {
    const world = fakeWorld();
    const yesterday = aSnapshot({ runId: "2026-11-22" });
    await world.ports.store.addSnapshot(yesterday);
    const broken = new DefenderError("Defender returned 500.", { permanent: false });
    world.answers.set(windows10, broken);
    const { results, held } = await walk(planOf([windows10, "2026-11-22"]), world.ports, forever);
    expect(results.get(windows10)).toBe(broken);
    expect(held.get(windows10)).toEqual([yesterday]);
  });

  test("of more KBs than fit in memory hands on no snapshots", async () => {
    const world = fakeWorld();
    const many = Array.from({ length: 1_900 }, (_, index) => ({ id: `${5_000_000 + index}`, machineMissedOn: 1 }));
    const products = Array.from({ length: 27 }, (_, index): [string, null] => [`contoso-_-product_${index}`, null]);
    for (const [softwareId] of products) world.answers.set(softwareId, many);
    const all = await walk(planOf(...products), world.ports, forever);
    expect([...all.results.values()].every((result) => result === "read")).toBe(true);
    expect(all.held.size).toBe(0);
    expect((await walk(planOf(...products.slice(1)), world.ports, forever)).held.size).toBe(26);
  });
});
