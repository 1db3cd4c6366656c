import { availableParallelism, cpus, loadavg } from "node:os";
import { type Figure, isMet, tableOf } from "./figure.ts";

const benchmarks: Readonly<Record<string, () => Promise<Figure[]>>> = {
  "cold-start": async () => (await import("./cold-start.ts")).coldStart(),
  diff: async () => (await import("./diff.ts")).diff(),
  facts: async () => (await import("./facts.ts")).facts(),
  walk: async () => (await import("./walk.ts")).walk(),
  store: async () => (await import("./store.ts")).store(),
  http: async () => (await import("./http.ts")).http(),
  overview: async () => (await import("./overview.ts")).overview(),
  entries: async () => (await import("./entries.ts")).allEntries(),
  preview: async () => (await import("./preview.ts")).preview(),
  scale: async () => (await import("./scale.ts")).scale(),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in benchmarks));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(", ")}. The benchmarks: ${Object.keys(benchmarks).join(", ")}.`);
  process.exit(1);
}

const figures: Figure[] = [];
for (const [name, measure] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const began = performance.now();
  figures.push(...(await measure()));
  console.error(`${name}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
}

const model = cpus()[0]?.model ?? "unknown processor";
console.log(
  `\nNode ${process.version}, ${availableParallelism()} cores of ${model}, load ${loadavg()[0]?.toFixed(1)}\n`,
);
console.log(tableOf(figures));
const missed = figures.filter((figure) => !isMet(figure));
console.log(missed.length === 0 ? "\nAll bounds are met." : `\nMissed: ${missed.map(({ what }) => what).join("; ")}.`);
process.exit(0);
