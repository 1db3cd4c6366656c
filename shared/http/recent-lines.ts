import type { Run } from "../core/run.ts";
import type { Ports } from "../ports.ts";
import { loadProductLines, type ProductLine } from "../run/load-product-lines.ts";

interface Loaded {
  store: Ports["store"];
  key: string;
  lines: ReadonlyMap<string, ProductLine>;
}

/** Together about a megabyte at most. */
const maxLoaded = 8;

let recent: readonly Loaded[] = [];

/** The lines of products, from memory if they were loaded lately: what a committed run and those before it read does not change. */
export async function recentLines(
  softwareIds: readonly string[],
  run: Run,
  { store }: Pick<Ports, "store">,
): Promise<ReadonlyMap<string, ProductLine>> {
  const key = JSON.stringify([run.tenant, run.runId, run.committedAt, softwareIds]);
  const isThis = (loaded: Loaded) => loaded.key === key && loaded.store === store;
  const lines = recent.find(isThis)?.lines ?? (await loadProductLines(softwareIds, run, { store }));
  recent = [{ store, key, lines }, ...recent.filter((loaded) => !isThis(loaded))].slice(0, maxLoaded);
  return lines;
}
