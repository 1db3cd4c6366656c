import { changesBetween, everyRise } from "../shared/core/change.ts";
import type { Comparison } from "../shared/core/comparison.ts";
import type { MissingKb } from "../shared/core/missing-kb.ts";
import { buildReport, type Report } from "../shared/core/report.ts";
import type { Compared } from "../shared/core/row.ts";
import type { Run } from "../shared/core/run.ts";
import type { Snapshot } from "../shared/core/snapshot.ts";
import { noTotals } from "../shared/core/totals.ts";
import { decodeSnapshot, encodeSnapshot } from "../shared/io/storage/rows.ts";
import { loadReport } from "../shared/run/load-report.ts";
import { createFakeStore } from "../test/support/fake-store.ts";
import { type Figure, median } from "./figure.ts";
import { callInChild, heapMb, limitMb } from "./in-child.ts";

const kbsEach = 100;
const productsInAll = 10_000;
/** Different KBs that all products draw from. */
const kbsInAll = 2_000;
const [yesterday, today] = ["2026-11-22", "2026-11-23"];

/** What comparing two days costs, against a bare loop over a Map; how it grows; how much memory a large report takes. */
export async function diff(): Promise<Figure[]> {
  const pairs = Array.from({ length: productsInAll }, (_, index) => pairOf(index));
  return [comparePairs(pairs), await measureGrowth(pairs), await measureMemory()];
}

// ---- an estate, the same in every run

interface Pair {
  previous: Snapshot;
  current: Snapshot;
}

/** A product's two days: of a hundred KBs five got worse, two better, one is gone and one is new. */
function pairOf(index: number): Pair {
  const numbers = Array.from({ length: kbsEach + 1 }, (_, at) => (index * 37 + at * 7) % kbsInAll).sort(
    (a, b) => a - b,
  );
  const before = numbers.slice(0, kbsEach).map((number) => kbOf(number, machinesOf(number, index)));
  const now = numbers.slice(1).map((number, at) => kbOf(number, machinesOf(number, index) + riseOf(at)));
  return { previous: snapshotOf(index, yesterday, before), current: snapshotOf(index, today, now) };
}

function machinesOf(number: number, index: number): number {
  return 1 + ((number * 31 + index) % 900);
}

function riseOf(at: number): number {
  if (at % 20 === 0) return 3;
  return at % 50 === 7 ? -1 : 0;
}

function kbOf(number: number, machineMissedOn: number): MissingKb {
  const id = String(5_000_000 + number);
  return {
    id,
    name: "November 2026 Security Updates",
    productsNames: ["windows_11"],
    url: `https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB${id}`,
    machineMissedOn,
    cveAddressed: number % 40,
    firstSeen: "2026-11-01",
    peak: machineMissedOn,
  };
}

function snapshotOf(index: number, runId: string, missingKbs: readonly MissingKb[]): Snapshot {
  const softwareId = softwareIdOf(index);
  return { tenant: "home", softwareId, runId, day: runId, openedAt: runId, missingKbs, gone: [], unusable: 0 };
}

function softwareIdOf(index: number): string {
  return `contoso-_-product_${index}`;
}

// ---- ns per pair, against the least that any comparison does

const rules = { thresholds: everyRise };

function comparePairs(pairs: readonly Pair[]): Figure {
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < 5; round++) {
    theirs.push(nsPerPair(pairs, ({ previous, current }) => bareLoop(previous.missingKbs, current.missingKbs)));
    ours.push(nsPerPair(pairs, ({ previous, current }) => changesBetween(previous, current, rules).length));
  }
  return {
    what: "comparing 1,000,000 KB pairs",
    ours: `${median(ours).toFixed(0)} ns a pair`,
    theirs: `${median(theirs).toFixed(0)} ns, bare Map loop`,
    ratio: median(ours) / median(theirs),
    bound: { atMost: 3 },
  };
}

function nsPerPair(pairs: readonly Pair[], compare: (pair: Pair) => number): number {
  const began = process.hrtime.bigint();
  let changes = 0;
  for (const pair of pairs) changes += compare(pair);
  const ns = Number(process.hrtime.bigint() - began);
  if (changes === 0) throw new Error("The days that were compared do not differ.");
  return ns / (pairs.length * kbsEach);
}

function bareLoop(previous: readonly MissingKb[], current: readonly MissingKb[]): number {
  const left = new Map<string, MissingKb>();
  for (const kb of previous) left.set(kb.id, kb);
  let changes = 0;
  for (const kb of current) {
    const before = left.get(kb.id);
    if (!before || before.machineMissedOn !== kb.machineMissedOn || before.cveAddressed !== kb.cveAddressed) {
      changes += 1;
    }
    left.delete(kb.id);
  }
  return changes + left.size;
}

// ---- growth

async function measureGrowth(pairs: readonly Pair[]): Promise<Figure> {
  const sizes = [100, 1_000, productsInAll];
  const times = new Map(sizes.map((size): [number, number[]] => [size, []]));
  await report(eachOf(pairs.slice(0, 2_000)));
  for (let round = 0; round < 2; round++) {
    for (const size of sizes) {
      const repeats = Math.min(20, productsInAll / size);
      const began = performance.now();
      for (let repeat = 0; repeat < repeats; repeat++) await report(eachOf(pairs.slice(0, size)));
      times.get(size)?.push(((performance.now() - began) * 1e6) / (repeats * size * kbsEach));
    }
  }
  const [small = 0, middle = 0, large = 0] = sizes.map((size) => median(times.get(size) ?? []));
  return {
    what: "report of 1,000,000 KB pairs, cost of a pair (100×)",
    ours: `${large.toFixed(0)} ns a pair (10×: ${middle.toFixed(0)} ns)`,
    theirs: `${small.toFixed(0)} ns a pair of 10,000 (1×)`,
    ratio: large / small,
    bound: { atMost: 2 },
  };
}

async function* eachOf(pairs: Iterable<Pair>): AsyncGenerator<Compared> {
  for (const { previous, current } of pairs) {
    yield { comparison: comparisonOf(current.softwareId), previous, current };
  }
}

function comparisonOf(softwareId: string): Comparison {
  return { softwareId, previous: yesterday, current: today };
}

const at = `${today}T05:00:00.000Z`;
const run: Run = {
  ...{ watchlist: "default", runId: today, tenant: "home", day: today, openedAt: at, committedAt: at },
  ...{ previousRunId: yesterday, comparisons: [], left: [], failures: [], totals: noTotals },
  rules: { ...rules, dueDays: 14, dueDaysExploited: 3, dueFrom: "released", timeZone: "UTC" },
  mail: { status: "none", at, attempts: 0, unknownOutcomes: 0 },
};

function report(compared: AsyncIterable<Compared>): Promise<Report> {
  return buildReport({ run, previousRunId: yesterday, previousDay: yesterday, trend: [], ...rules }, compared);
}

// ---- memory

async function measureMemory(): Promise<Figure> {
  const { peakMb, bareMb } = await callInChild<LargeReport>(import.meta.url, "loadLargeReport");
  return {
    what: "report of 10,000 products × 100 KBs, peak resident memory",
    ours: `${peakMb.toFixed(0)} MB, of them ${bareMb.toFixed(0)} MB Node (heap held to ${heapMb} MB)`,
    theirs: `${limitMb} MB allowed`,
    ratio: peakMb / limitMb,
    bound: { atMost: 1 },
  };
}

interface LargeReport {
  peakMb: number;
  bareMb: number;
}

/** Loads the report of the complete estate from snapshots that come and go: a run of this size keeps none in memory. */
export async function loadLargeReport(): Promise<LargeReport> {
  const bareMb = process.memoryUsage().rss / 2 ** 20;
  const pairs = storedPairs();
  const readSnapshots = async () => {
    const { value: pair } = pairs.next();
    return pair ? [pair.previous, pair.current] : [];
  };
  const store = { ...createFakeStore(), readSnapshots };
  const comparisons = Array.from({ length: productsInAll }, (_, index) => comparisonOf(softwareIdOf(index)));
  const report = await loadReport({ ...run, comparisons }, { store });
  if (report.products.length !== productsInAll) throw new Error("The report is not of the complete estate.");
  return { peakMb: process.resourceUsage().maxRSS / 2 ** 10, bareMb };
}

/** Pairs read from rows as the store reads them, so that they share no more strings than real ones. */
function* storedPairs(): Generator<Pair> {
  for (let index = 0; index < productsInAll; index++) {
    const { previous, current } = pairOf(index);
    yield { previous: storedOnce(previous), current: storedOnce(current) };
  }
}

function storedOnce(snapshot: Snapshot): Snapshot {
  const row = JSON.parse(JSON.stringify(encodeSnapshot(snapshot)));
  return decodeSnapshot(snapshot, row, { table: "Snapshots", ...row });
}
