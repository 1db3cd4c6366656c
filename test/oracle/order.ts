// docs/rules.md §3: the order of rows.

import { isExploited } from "./known.ts";
import type { Advisories, Kind, Row } from "./types.ts";

/** The kinds in the order in which a row takes that of its worst entry. */
export const worstFirst: readonly Kind[] = [
  "new",
  "worsened",
  "returned",
  "more-cves",
  "improved",
  "baseline",
  "unchanged",
  "not-read",
  "resolved",
  "replaced",
];

/** Numbers by size, then texts. */
export function byNumber(one: string, other: string): number {
  const [isText, isOtherText] = [one.includes("\n"), other.includes("\n")];
  if (isText !== isOtherText) return isText ? 1 : -1;
  if (!isText && one.length !== other.length) return one.length - other.length;
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Rows with the counts that they show, in the order of a report. */
export function inOrder(
  rows: readonly (Row & { shownReach: number | null; shownCves: number | null })[],
  advisories: Advisories | null,
): typeof rows {
  const exploited = ({ key }: Row) => Number(isExploited(key, advisories));
  return rows.toSorted((one, other) => {
    return (
      worstFirst.indexOf(one.kind) - worstFirst.indexOf(other.kind) ||
      exploited(other) - exploited(one) ||
      (other.shownReach ?? -1) - (one.shownReach ?? -1) ||
      (other.shownCves ?? -1) - (one.shownCves ?? -1) ||
      (one.since < other.since ? -1 : one.since > other.since ? 1 : byNumber(one.key, other.key))
    );
  });
}
