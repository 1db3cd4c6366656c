import { pMapIterable } from "p-map";
import type { RunFacts } from "../core/advisory.ts";
import { isRead } from "../core/comparison.ts";
import { lastDigest } from "../core/mail.ts";
import { overdueIds } from "../core/preview.ts";
import type { Report } from "../core/report.ts";
import type { KbRows } from "../core/row.ts";
import { closeRun, type Outcome, type Run, type RunSummary } from "../core/run.ts";
import type { RunId } from "../core/run-id.ts";
import type { SinceDigest } from "../core/since.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports, Store } from "../ports.ts";
import { loadReport, loadSince } from "./load-report.ts";
import type { PastRuns } from "./past-runs.ts";

/** How many runs' facts are read ahead. */
const readAhead = 4;

/** What a run's digest shows. */
export interface DigestOf {
  report: Report;
  since: SinceDigest | null;
}

/** A past run, and what it would have been under other settings. */
export interface ReplayedRun {
  run: Run;
  replayed: Run;
  /** `null` where the run owed no mail. */
  was: DigestOf | null;
  would: DigestOf | null;
  /** The ids of the KBs that are overdue in `replayed`. */
  overdue: readonly string[];
}

/**
 * Closes past runs again, each with what it read and the facts that it had, under the settings that `settingsOf` gives for
 * it; its products stay those that it had. Every digest counts as delivered, so that no run owes one for another. Writes nothing.
 */
export async function* replay(
  past: PastRuns,
  settingsOf: (run: Run) => Watchlist,
  ports: Pick<Ports, "store" | "rules">,
): AsyncGenerator<ReplayedRun> {
  const { retentionDays } = ports.rules;
  const replayed = new Map<RunId, Run>();
  const before: RunSummary[] = past.summaries.filter(({ runId }) => runId < (past.runs[0]?.runId ?? ""));
  let last = past.before;
  let since: RunSummary | null = lastDigest(past.summaries, past.runs[0]?.runId ?? "");
  const withFacts = pMapIterable(past.runs, async (run) => ({ run, facts: await ports.store.readFacts(run) }), {
    concurrency: readAhead,
  });
  for await (const { run, facts } of withFacts) {
    const softwareIds = run.comparisons.map(({ softwareId }) => softwareId);
    const { runId, day, openedAt, committedAt, rules } = run;
    const rows: KbRows = new Map();
    const closed = await closeRun(
      {
        ...{ runId, day, openedAt, committedAt, timeZone: rules.timeZone, retentionDays, last, rows },
        watchlist: { ...settingsOf(run), name: run.watchlist, tenant: run.tenant, softwareIds },
        // What the run knew is all that there is.
        facts: facts && { facts, add() {} },
      },
      outcomesOf(run, past),
    );
    replayed.set(runId, closed);
    const own = { past, facts, store: ports.store };
    const summaries = [...before, ...replayed.values()];
    const mails = closed.mail.status !== "none";
    yield {
      ...{ run, replayed: closed, overdue: overdueIds(rows.values(), day) },
      was: await digestOf(run, sinceOf(run, past.summaries), memory({ ...own, summaries: past.summaries })),
      would: await digestOf(closed, since, memory({ ...own, summaries, replayed }), rows),
    };
    if (mails) since = closed;
    last = closed;
  }
}

/** What a run read, and could not read, as it was when the run was closed. */
async function* outcomesOf({ comparisons, failures }: Run, { snapshot }: PastRuns): AsyncGenerator<Outcome> {
  const failed = new Map(failures.map((failure) => [failure.softwareId, failure]));
  for (const comparison of comparisons) {
    const { softwareId, previous, current } = comparison;
    const { reason = "", permanent = false, unknownSince } = failed.get(softwareId) ?? {};
    const failure = failed.has(softwareId) && { reason, permanent, isUnknown: unknownSince !== undefined };
    yield {
      softwareId,
      previous: snapshot(softwareId, previous),
      current: isRead(comparison) ? snapshot(softwareId, current) : null,
      ...(failure && { failure }),
    };
  }
}

/** The run of the last digest before a run's own. */
function sinceOf({ runId, mail }: Run, summaries: readonly RunSummary[]): RunSummary | null {
  // A mail that no process composed yet has none.
  if (mail.since === undefined) return lastDigest(summaries, runId);
  return summaries.find((run) => run.runId === mail.since) ?? null;
}

async function digestOf(run: Run, since: RunSummary | null, store: Store, rows?: KbRows): Promise<DigestOf | null> {
  if (run.mail.status === "none") return null;
  const report = await loadReport(run, { store }, { rows });
  return { report, since: since && (await loadSince(report, since, { store })) };
}

interface Remembered {
  past: PastRuns;
  /** Of the run whose digest is loaded. */
  facts: RunFacts | null;
  summaries: readonly RunSummary[];
  /** Runs that replace those of the same id. */
  replayed?: ReadonlyMap<RunId, Run>;
  store: Store;
}

/** A store with these runs, over the real one, which is asked for what is older only. */
function memory({ past, facts, summaries, replayed, store }: Remembered): Store {
  return {
    ...store,
    listRuns: async (_chain, from = "") => summaries.filter(({ runId }) => runId >= from),
    readFacts: async () => facts,
    async readRun(chain, runId) {
      const run = replayed?.get(runId) ?? [...past.runs, past.before].find((one) => one?.runId === runId);
      return run ? { run, version: "" } : store.readRun(chain, runId);
    },
    async readSnapshots(product, runIds) {
      const known = runIds.map((runId) => past.snapshot(product.softwareId, runId)).filter((one) => one !== null);
      if (known.length === runIds.length) return known;
      const ids = new Set(known.map(({ runId }) => runId));
      const missing = runIds.filter((runId) => !ids.has(runId));
      return [...known, ...(await store.readSnapshots(product, missing))];
    },
  };
}
