import { TableClient } from "@azure/data-tables";
import pMap from "p-map";
import { startAzurite } from "../local/azurite.ts";
import type { Snapshot } from "../shared/core/snapshot.ts";
import { encodeSnapshot } from "../shared/io/storage/rows.ts";
import { createStore } from "../shared/io/storage/tables.ts";
import { type Figure, median } from "./figure.ts";
import { startServedWorld } from "./served-world.ts";

const concurrency = 8;
const writesEach = 300;
const rounds = 15;
const kbsEach = 60;
const watched = 200;

/** What the store adds to a bare insert, and how many operations a run of 200 products makes. */
export async function store(): Promise<Figure[]> {
  return [await compareWrites(), ...(await countOperations())];
}

async function compareWrites(): Promise<Figure> {
  const azurite = await startAzurite();
  const { connectionString } = azurite;
  const ours = createStore({ kind: "connectionString", connectionString });
  const bare = TableClient.fromConnectionString(connectionString, "Bare", { allowInsecureConnection: true });
  await bare.createTable();
  const rates: { ours: number[]; bare: number[] } = { ours: [], bare: [] };
  for (let round = 0; round <= rounds; round++) {
    const snapshots = Array.from({ length: writesEach }, (_, index) => aSnapshot(round * writesEach + index));
    const rows = snapshots.map(encodeSnapshot);
    const sides = [
      async () => rates.ours.push(await writesPerSecond(snapshots, (snapshot) => ours.addSnapshot(snapshot))),
      async () => rates.bare.push(await writesPerSecond(rows, (row) => bare.createEntity(row))),
    ];
    // The two take turns in going first.
    for (const side of round % 2 === 0 ? sides : sides.reverse()) await side();
  }
  await azurite.close();
  // The first round warms both up.
  const [rate, bareRate] = [median(rates.ours.slice(1)), median(rates.bare.slice(1))];
  return {
    what: `snapshots of ${kbsEach} KBs written, ${concurrency} at once`,
    ours: `${rate.toFixed(0)} a second`,
    theirs: `${bareRate.toFixed(0)} a second, bare createEntity`,
    ratio: rate / bareRate,
    bound: { atLeast: 0.9 },
  };
}

async function writesPerSecond<T>(items: readonly T[], write: (item: T) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await pMap(items, write, { concurrency });
  return items.length / ((performance.now() - began) / 1_000);
}

function aSnapshot(index: number): Snapshot {
  const missingKbs = Array.from({ length: kbsEach }, (_, at) => {
    const id = String(5_000_000 + index * kbsEach + at);
    return {
      ...{ id, name: "November 2026 Security Updates", productsNames: ["windows_11"] },
      url: `https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB${id}`,
      ...{ machineMissedOn: at * 3, cveAddressed: at, firstSeen: "2026-11-01", peak: at * 3 },
    };
  });
  return {
    ...{ tenant: "home", softwareId: `contoso-_-product_${index}`, runId: "2026-11-23", day: "2026-11-23" },
    ...{ openedAt: "2026-11-23T05:00:00.000Z", missingKbs, gone: [], unusable: 0 },
  };
}

/** The second day's run, mail included: each day after it costs the same. */
async function countOperations(): Promise<Figure[]> {
  const served = await startServedWorld({ products: watched, kbsEach: 20 });
  await served.play("2026-11-22");
  // Between two days the platform stops an idle app.
  await served.restart();
  served.takeOperations();
  await served.play("2026-11-23");
  const operations = served.takeOperations();
  await served.close();
  return ["table", "queue"].map((service) => {
    const mine = Object.entries(operations).filter(([operation]) => operation.startsWith(service));
    const total = mine.reduce((sum, [, count]) => sum + count, 0);
    const methods = mine.map(([operation, count]) => `${operation.slice(service.length + 1)} ${count}`).toSorted();
    return {
      what: `${service} operations of a daily run of ${watched} ids, with its mail`,
      ours: `${total} (${methods.join(", ")})`,
      theirs: `${watched} ids`,
      ratio: total / watched,
    };
  });
}
