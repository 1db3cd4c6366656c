// docs/rules.md §5: when a digest comes.

import { weekdayOf } from "./days.ts";
import { worseKinds } from "./figures.ts";
import type { Entry, MailReason, OracleRun, Outcome, Product } from "./types.ts";

/** Scheduled runs in a row that could not read a product. */
export interface Misses {
  readonly inARow: number;
  readonly failedForGood: boolean;
  /** The day of the first of the answers, one after another, that were all 404 in both calls. */
  readonly notFoundSince: string | null;
}

/** Of a product that the last scheduled run read, or did not have. */
export const noMisses: Misses = { inARow: 0, failedForGood: false, notFoundSince: null };

/** The misses after one more scheduled run. */
export function countMisses(before: Misses, outcome: Outcome, day: string): Misses {
  if (outcome.state !== "not-read") return noMisses;
  return {
    inARow: before.inARow + 1,
    failedForGood: before.failedForGood || outcome.forGood,
    notFoundSince: notFoundSince(before, outcome.notFound, day),
  };
}

function notFoundSince(before: Misses, notFound: boolean | null, day: string): string | null {
  // Nothing was answered, so nothing else was.
  if (notFound === null) return before.notFoundSince;
  return notFound ? (before.notFoundSince ?? day) : null;
}

interface Findings {
  firstRun: boolean;
  day: string;
  entries: readonly Entry[];
  products: readonly Product[];
  /** Per product of the run. */
  misses: readonly { before: Misses; after: Misses }[];
}

/** Why a run mails; none: it does not. */
export function reasonsToMail(run: OracleRun, findings: Findings): MailReason[] {
  if (!run.scheduled) return run.mail === true ? ["asked-for"] : [];
  const { mailWhen, heartbeatDay } = run.settings;
  const kinds = new Set(findings.entries.map((entry) => entry.kind));
  const newlyWatched = findings.products.some((product) => product.baseline);
  const reasons: [MailReason, boolean][] = [
    ["first-run", findings.firstRun],
    ["worse", worseKinds.some((kind) => kinds.has(kind))],
    ["changed", mailWhen === "changed" && (kinds.has("improved") || kinds.has("resolved") || newlyWatched)],
    ["always", mailWhen === "always"],
    ["heartbeat", weekdayOf(findings.day).toLowerCase() === heartbeatDay.toLowerCase()],
    ["cannot-see", cannotSee(findings)],
    ["first-read", newlyWatched],
    ["refused-earlier", run.refusedEarlier === true],
  ];
  return reasons.filter(([, holds]) => holds).map(([reason]) => reason);
}

function cannotSee({ misses }: Findings): boolean {
  return (
    misses.some(({ before, after }) => after.failedForGood && !before.failedForGood) ||
    misses.some(({ after }) => !after.failedForGood && after.inARow === 2) ||
    misses.every(({ after }) => after.inARow === 1)
  );
}
