import type { Report } from "./report.ts";

/**
 * The same function, which computes once for each report in memory: people filter, sort and page through one report, and
 * none ever changes.
 */
export function oncePerReport<T>(compute: (report: Report) => T): (report: Report) => T {
  const known = new WeakMap<Report, { result: T }>();
  return (report) => {
    const found = known.get(report) ?? { result: compute(report) };
    known.set(report, found);
    return found.result;
  };
}
