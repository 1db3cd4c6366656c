import { expect, test } from "vitest";
import { findSnapshots } from "../../shared/run/snapshots.ts";
import { aKb, aSnapshot } from "../support/builders.ts";
import { createFakeStore } from "../support/fake-store.ts";

const product = { tenant: "home", softwareId: "microsoft-_-windows_10" };

/** A store with snapshots of three days, and the run ids that it was asked for. */
async function watchedStore() {
  const store = createFakeStore();
  for (const runId of ["2026-11-21", "2026-11-22", "2026-11-23"]) await store.addSnapshot(aSnapshot({ runId }));
  const asked: string[][] = [];
  const readSnapshots: typeof store.readSnapshots = (named, runIds) => {
    asked.push([...runIds]);
    return store.readSnapshots(named, runIds);
  };
  return { store: { ...store, readSnapshots }, asked };
}

test("snapshots are found in the order asked for, with null for no run and for one that does not exist", async () => {
  const { store, asked } = await watchedStore();
  const found = await findSnapshots(product, ["2026-11-23", null, "2026-11-20", "2026-11-21"], store);
  expect(found.map((snapshot) => snapshot?.runId ?? null)).toEqual(["2026-11-23", null, null, "2026-11-21"]);
  expect(await findSnapshots(product, [null, null], store)).toEqual([null, null]);
  expect(asked).toEqual([["2026-11-23", "2026-11-20", "2026-11-21"]]);
});

test("snapshots that are held are not read again, but those of the same product in another tenant are", async () => {
  const { store, asked } = await watchedStore();
  const ours = aSnapshot({ runId: "2026-11-22", missingKbs: [aKb()] });
  const theirs = aSnapshot({ tenant: "contoso", runId: "2026-11-23", missingKbs: [aKb()] });
  const held = new Map([[product.softwareId, [ours, theirs]]]);
  expect(await findSnapshots(product, ["2026-11-22", "2026-11-23"], store, held)).toEqual([
    ours,
    aSnapshot({ runId: "2026-11-23" }),
  ]);
  expect(await findSnapshots(product, ["2026-11-22"], store, held)).toEqual([ours]);
  expect(asked).toEqual([["2026-11-23"]]);
});
