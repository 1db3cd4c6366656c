import { isWorse } from "./due.ts";
import type { Report } from "./report.ts";
import type { SinceDigest } from "./since.ts";
import { countBetter, countWatched, countWorse, isNothingRead, isPartial } from "./totals.ts";

/**
 * What a report amounts to, the worst first. `not-read`: nothing could be read, or not even the list that products are found in. `partly-read`: some products could not be read and
 * nothing that could got worse. `joined`: new products on the list and nothing else.
 */
export type Verdict = "worse" | "not-read" | "partly-read" | "first" | "better" | "joined" | "quiet";

/** A report's verdict. */
export function verdictOf(report: Pick<Report, "totals" | "previousRunId" | "productList">): Verdict {
  const { totals, previousRunId } = report;
  if (isNothingRead(totals) || isNothingFound(report)) return "not-read";
  if (countWorse(totals) > 0) return "worse";
  if (isPartial(totals)) return "partly-read";
  if (previousRunId === null) return "first";
  if (countBetter(totals) > 0) return "better";
  return totals.baseline > 0 ? "joined" : "quiet";
}

/** Whether nothing is watched because the list that products are found in could never be read. */
function isNothingFound({ totals, productList }: Pick<Report, "totals" | "productList">): boolean {
  return countWatched(totals) === 0 && productList?.readAt === null;
}

/** A digest's verdict: its report's, or `worse` where it is the first to bring what an earlier one did not deliver. */
export function digestVerdict(report: Report, since: SinceDigest | null): Verdict {
  return since?.rows.some(({ kind }) => isWorse(kind)) ? "worse" : verdictOf(report);
}

/** Whether a report's news is that something could not be read. */
export function isAboutReading(verdict: Verdict): boolean {
  return verdict === "not-read" || verdict === "partly-read";
}
