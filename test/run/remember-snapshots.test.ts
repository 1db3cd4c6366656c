import { describe, expect, test } from "vitest";
import type { SnapshotKey, Store } from "../../shared/ports.ts";
import { rememberSnapshots } from "../../shared/run/remember-snapshots.ts";
import { aKb, aSnapshot } from "../support/builders.ts";
import { createFakeStore } from "../support/fake-store.ts";
import { describeStore } from "../support/store-contract.ts";

describeStore("memory, remembered", () => rememberSnapshots(createFakeStore()));

/** A store that tells which snapshots it was asked for. */
function watched(): { store: Store; asked: string[] } {
  const store = createFakeStore();
  const asked: string[] = [];
  const readSnapshot = (key: SnapshotKey) => {
    asked.push(key.softwareId);
    return store.readSnapshot(key);
  };
  return { store: { ...store, readSnapshot }, asked };
}

const ofSoftware = (softwareId: string) => aSnapshot({ softwareId, missingKbs: [aKb()] });

describe("a store that remembers snapshots", () => {
  test("reads none again that it read or added", async () => {
    const { store, asked } = watched();
    await store.addSnapshot(ofSoftware("read"));
    const remembering = rememberSnapshots(store);
    await remembering.addSnapshot(ofSoftware("added"));
    for (const softwareId of ["read", "added", "read", "added"]) {
      expect(await remembering.readSnapshot(aSnapshot({ softwareId }))).toEqual(ofSoftware(softwareId));
    }
    expect(asked).toEqual(["read"]);
  });

  test("asks again for one that was not there", async () => {
    const { store } = watched();
    const remembering = rememberSnapshots(store);
    expect(await remembering.readSnapshot(ofSoftware("late"))).toBeNull();
    await store.addSnapshot(ofSoftware("late"));
    expect(await remembering.readSnapshot(ofSoftware("late"))).toEqual(ofSoftware("late"));
  });

  test("takes what another process added first for what stands", async () => {
    const { store } = watched();
    await store.addSnapshot({ ...ofSoftware("same"), unusable: 1 });
    const remembering = rememberSnapshots(store);
    expect(await remembering.addSnapshot(ofSoftware("same"))).toBe(false);
    expect((await remembering.readSnapshot(ofSoftware("same")))?.unusable).toBe(1);
  });

  test("holds no more KBs than it may, the latest ones", async () => {
    const { store, asked } = watched();
    const remembering = rememberSnapshots(store, 4);
    for (const softwareId of ["first", "second", "third"]) await remembering.addSnapshot(ofSoftware(softwareId));
    for (const softwareId of ["third", "second", "first"]) await remembering.readSnapshot(ofSoftware(softwareId));
    expect(asked).toEqual(["first"]);
  });
});
