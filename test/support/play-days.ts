import { type Catalogue, lineageOf, openFacts, type RunFacts } from "../../shared/core/advisory.ts";
import { everyRise } from "../../shared/core/change.ts";
import { isRead } from "../../shared/core/comparison.ts";
import { readMissingKbs } from "../../shared/core/missing-kb.ts";
import { buildReport, type Report } from "../../shared/core/report.ts";
import { closeRun, lastComparison, type Outcome, type Run } from "../../shared/core/run.ts";
import { type RunId, runDay } from "../../shared/core/run-id.ts";
import { changesSince, type SinceDigest } from "../../shared/core/since.ts";
import { lacksKbs, mergeReadings, type Snapshot, takeSnapshot } from "../../shared/core/snapshot.ts";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import { aWatchlist, eachOf } from "./builders.ts";

/**
 * What Defender answers for a product: the items of one list, or of the first and the second read; with `open`, weaknesses
 * are open behind an empty list. A failure: it could not be read.
 */
export type Answer = readonly unknown[] | { reads: readonly (readonly unknown[])[]; open?: true } | Failure;

type Failure = NonNullable<Outcome["failure"]>;

/** Defender answers with an error that may pass. */
export const failed: Failure = { reason: "Defender answered 500.", permanent: false };

/** An empty list while weaknesses are open. */
export const emptyOverWeaknesses: Answer = { reads: [[], []], open: true };

/** An item of Defender's answer. */
export function anItem(
  id: unknown,
  machineMissedOn: number | null,
  cveAddressed: number | null = 10,
  name = "October",
) {
  return { id, name, productsNames: ["windows_10"], url: null, machineMissedOn, cveAddressed };
}

interface Played {
  run: Run;
  report: Report;
}

/** Runs of one watchlist, one after another. An answer holds until it is replaced. */
export interface Days {
  /** A run under this id; a scheduled one is what the next run follows. */
  play(runId: RunId, answers?: Readonly<Record<string, Answer>>, parts?: Partial<Watchlist>): Promise<Played>;
  /** What MSRC and CISA say from now on. */
  learn(catalogue: Catalogue): void;
  /** A report compared with an earlier run, where every change counts. */
  from(runId: RunId, run: Run): Promise<Report>;
  /** What happened since the digest of one run, said in the report of another. */
  since(digestOf: RunId, report: Report): Promise<SinceDigest>;
}

/** Plays runs through the core as the app does, on snapshots in memory. */
export function startDays(settings: Partial<Watchlist> & { timeZone?: string; retentionDays?: number } = {}): Days {
  const { timeZone = "UTC", retentionDays = 400, ...parts } = settings;
  let watchlist = aWatchlist({ heartbeatDay: "none", ...parts });
  const answers: Record<string, Answer> = {};
  const newest = new Map<string, Snapshot>();
  const snapshots = new Map<string, Snapshot>();
  const runs = new Map<RunId, Run>();
  const facts = new Map<RunId, RunFacts | null>();
  let last: Run | null = null;
  let catalogue: Catalogue | null = null;

  const snapshotAt = (softwareId: string, runId: RunId | null) => snapshots.get(`${softwareId} ${runId}`) ?? null;
  const read = (softwareId: string, runId: RunId): Snapshot | Failure => {
    const answer = answers[softwareId] ?? [];
    if ("reason" in answer) return answer;
    const { reads, open = false } = "reads" in answer ? answer : { reads: [answer, answer] };
    const before = newest.get(softwareId) ?? null;
    const [first, second] = reads.map(readMissingKbs);
    if (!first || !second) throw new Error("an answer has two reads");
    const reading = lacksKbs(first, before) ? mergeReadings(first, second) : first;
    const day = runDay(runId, timeZone);
    const key = { tenant: watchlist.tenant, softwareId, runId, day, openedAt: openedAt(runId) };
    const verdict = open ? "not-kb-patched" : "clean";
    const isEmpty = reading.missingKbs.length === 0;
    const emptiness = isEmpty ? ({ verdict, checkedOn: day } as const) : undefined;
    return takeSnapshot(key, reading, before, { emptiness, lineage: lineageOf(catalogue) });
  };
  const outcomeOf = (softwareId: string, runId: RunId): Outcome => {
    const previous = snapshotAt(softwareId, lastComparison(last, softwareId)?.current ?? null);
    const current = read(softwareId, runId);
    if ("reason" in current) return { softwareId, previous, current: null, failure: current };
    newest.set(softwareId, current);
    snapshots.set(`${softwareId} ${runId}`, current);
    return { softwareId, previous, current };
  };

  return {
    async play(runId, changed = {}, changes = {}) {
      Object.assign(answers, changed);
      watchlist = { ...watchlist, ...changes };
      const day = runDay(runId, timeZone);
      const at = { openedAt: openedAt(runId), committedAt: openedAt(runId) };
      const opening = { watchlist, runId, day, ...at, timeZone, retentionDays, last };
      const open = catalogue && openFacts(catalogue);
      const run = await closeRun(
        { ...opening, facts: open },
        eachOf(watchlist.softwareIds.map((id) => outcomeOf(id, runId))),
      );
      const compared = run.comparisons.map((comparison) => {
        const [previous, current] = [comparison.previous, comparison.current].map((id) =>
          snapshotAt(comparison.softwareId, id),
        );
        return { comparison, previous: previous ?? null, current: current ?? null };
      });
      const { previousRunId } = run;
      const compares = { previousRunId, previousDay: last?.day ?? null, thresholds: watchlist.thresholds };
      const report = await buildReport({ run, ...compares, trend: [], facts: open?.facts ?? null }, eachOf(compared));
      runs.set(runId, run);
      facts.set(runId, open?.facts ?? null);
      if (!runId.includes("T")) last = run;
      return { run, report };
    },
    learn(known) {
      catalogue = known;
    },
    async from(earlier, run) {
      const then = runs.get(earlier);
      const compared = run.comparisons.map(({ softwareId, current }) => {
        const before = then?.comparisons.find((one) => one.softwareId === softwareId)?.current ?? null;
        const [previous, now] = [before, current].map((id) => snapshotAt(softwareId, id));
        return {
          comparison: { softwareId, previous: before, current },
          previous: previous ?? null,
          current: now ?? null,
        };
      });
      const compares = { previousRunId: earlier, previousDay: then?.day ?? null, thresholds: everyRise };
      return buildReport({ run, ...compares, trend: [], facts: facts.get(run.runId) ?? null }, eachOf(compared));
    },
    since(digestOf, report) {
      const digest = runs.get(digestOf);
      if (!digest) throw new Error(`there is no run ${digestOf}`);
      const products = report.products.map(({ softwareId, current }) => {
        const compared = digest.comparisons.find((comparison) => comparison.softwareId === softwareId);
        return {
          softwareId,
          last: snapshotAt(softwareId, compared?.current ?? null),
          heldBack: compared?.heldBack,
          firstEmptyOn: compared?.firstEmptyOn,
          wasRead: compared !== undefined && isRead(compared),
          now: snapshotAt(softwareId, current),
        };
      });
      return changesSince(report, { runId: digestOf, day: digest.day }, eachOf(products));
    },
  };
}

function openedAt(runId: RunId): string {
  return new Date(runId.includes("T") ? runId : `${runId}T05:00Z`).toISOString();
}

/** The entries of a report in short: `windows_10 5066835 worsened 5/10 was 3/10`; `?` is unknown, `-` is none. */
export function entriesOf({ rows }: Pick<Report, "rows">): string[] {
  const counts = (of: { machineMissedOn: number | null; cveAddressed: number | null } | null) =>
    of ? `${of.machineMissedOn ?? "?"}/${of.cveAddressed ?? "?"}` : "-";
  return rows
    .flatMap(({ id, entries }) =>
      entries.map(({ softwareId, kind, current, previous }) => {
        return `${softwareId.split("-_-").at(-1)} ${id} ${kind} ${counts(current)} was ${counts(previous)}`;
      }),
    )
    .sort();
}
