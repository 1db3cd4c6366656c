import type { Report } from "./report.ts";
import { countBetter, countWorse, isNothingRead } from "./totals.ts";

/**
 * What a report amounts to, worst first. `not-read`: nothing could be read. `joined`: products joined the watchlist, and
 * nothing else changed.
 */
export type Verdict = "worse" | "not-read" | "first" | "better" | "joined" | "quiet";

/** A report's verdict. */
export function verdictOf({ totals, previousRunId }: Pick<Report, "totals" | "previousRunId">): Verdict {
  if (isNothingRead(totals)) return "not-read";
  if (countWorse(totals) > 0) return "worse";
  if (previousRunId === null) return "first";
  if (countBetter(totals) > 0) return "better";
  return totals.baseline > 0 ? "joined" : "quiet";
}
