import { expect, test } from "vitest";
import { RowError, type Store } from "../../shared/ports.ts";
import { loadProductLines } from "../../shared/run/load-product-lines.ts";
import { aKb, aRun, aSnapshot } from "../support/builders.ts";
import { createFakeStore } from "../support/fake-store.ts";

const [windows10, windows11, edge] = ["windows_10", "windows_11", "edge"];

async function storeOf(...snapshots: Parameters<typeof aSnapshot>[0][]): Promise<Store> {
  const store = createFakeStore();
  for (const parts of snapshots) await store.addSnapshot(aSnapshot(parts));
  return store;
}

const missing = (...machines: (number | null)[]) =>
  machines.map((machineMissedOn, index) => aKb({ id: String(index), machineMissedOn }));

test("a product's line has the scheduled runs of 30 days that read it, oldest first", async () => {
  const store = await storeOf(
    { softwareId: windows10, runId: "2026-10-24", missingKbs: missing(99) },
    { softwareId: windows10, runId: "2026-10-25", missingKbs: missing(10, 5, null) },
    { softwareId: windows10, runId: "2026-11-22", missingKbs: [] },
    { softwareId: windows10, runId: "2026-11-22T10:17Z", missingKbs: missing(77) },
    { softwareId: windows10, runId: "2026-11-23", missingKbs: missing(7) },
    { softwareId: windows10, runId: "2026-11-24", missingKbs: missing(88) },
    { softwareId: windows11, runId: "2026-11-23", missingKbs: missing(3) },
  );
  const { run } = await aRun({ runId: "2026-11-23" });
  const lines = await loadProductLines([windows10, windows11, edge], run, { store });
  expect([...lines]).toEqual([
    [
      windows10,
      [
        { day: "2026-10-25", missingInstalls: 15 },
        { day: "2026-11-22", missingInstalls: 0 },
        { day: "2026-11-23", missingInstalls: 7 },
      ],
    ],
    [windows11, [{ day: "2026-11-23", missingInstalls: 3 }]],
  ]);
});

test("a product with a damaged row has no line, and the others have theirs", async () => {
  const store = await storeOf({ softwareId: windows11, runId: "2026-11-23", missingKbs: missing(3) });
  const damaged: Store = {
    ...store,
    listSnapshots: async (product, from, to) => {
      if (product.softwareId === windows10) throw new RowError("damaged");
      return store.listSnapshots(product, from, to);
    },
  };
  const { run } = await aRun({ runId: "2026-11-23" });
  const lines = await loadProductLines([windows10, windows11], run, { store: damaged });
  expect([...lines.keys()]).toEqual([windows11]);
});
