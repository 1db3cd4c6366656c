import { pMapIterable } from "p-map";
import type { RunFacts } from "../core/advisory.ts";
import type { Comparison } from "../core/comparison.ts";
import type { EntryPosition } from "../core/entry-position.ts";
import type { Report } from "../core/report.ts";
import { compareOpened, type Run, type RunSummary } from "../core/run.ts";
import { type Ports, RowError, type Store } from "../ports.ts";
import { loadProductReport, SnapshotGoneError } from "./load-report.ts";
import { unlessDamaged } from "./unless-damaged.ts";

const concurrency = 16;

/** What one product of a run brings to an export of entries. */
export interface EntryPart {
  run: RunSummary;
  /** Where it begins, or where it goes on after the page before. */
  at: EntryPosition;
  /** `null` where nothing of the run is left. */
  softwareId: string | null;
  /** The run's report of this product alone, or why it cannot be read any more. */
  found: Report | { lost: string };
}

/**
 * The entries of runs, product by product in the runs' own order, from a position on. What cannot be read any more is a part
 * of its own. At most as many products are in memory as are read at once.
 */
export function loadEntries(
  runs: readonly RunSummary[],
  after: EntryPosition | undefined,
  { store }: Pick<Ports, "store">,
): AsyncIterable<EntryPart> {
  const left = runs.filter((run) => !after || compareOpened(run, after) >= 0);
  return pMapIterable(eachProduct(left, after, store), (read) => read(), { concurrency });
}

/** The reads of the parts, in order. */
async function* eachProduct(
  runs: readonly RunSummary[],
  after: EntryPosition | undefined,
  store: Store,
): AsyncGenerator<() => Promise<EntryPart>> {
  for (const summary of runs) {
    const { runId, openedAt } = summary;
    const first = after?.runId === runId ? after : { runId, openedAt, product: 0, entries: 0 };
    const stored = await readRun(summary, store);
    if ("lost" in stored) {
      yield async () => ({ run: summary, at: first, softwareId: null, found: stored });
      continue;
    }
    const { run, facts } = stored;
    for (const [product, comparison] of run.comparisons.entries()) {
      if (product < first.product) continue;
      const at = product === first.product ? first : { runId, openedAt, product, entries: 0 };
      yield async () => {
        return { run, at, softwareId: comparison.softwareId, found: await find(run, comparison, { store, facts }) };
      };
    }
  }
}

/** A run with its facts, without which its ages and due days would not be those of its report; or why they cannot be read. */
async function readRun(
  summary: RunSummary,
  store: Store,
): Promise<{ run: Run; facts: RunFacts | null } | { lost: string }> {
  const stored = await unlessDamaged(store.readRun(summary, summary.runId));
  const facts = await unlessDamaged(store.readFacts(summary));
  if (stored instanceof RowError) return { lost: stored.message };
  if (facts instanceof RowError) return { lost: facts.message };
  return stored ? { run: stored.run, facts } : { lost: "The run was deleted while it was read." };
}

async function find(
  run: Run,
  comparison: Comparison,
  known: { store: Store; facts: RunFacts | null },
): Promise<EntryPart["found"]> {
  try {
    return await loadProductReport(run, comparison, known);
  } catch (error) {
    if (error instanceof SnapshotGoneError || error instanceof RowError) return { lost: error.message };
    throw error;
  }
}
