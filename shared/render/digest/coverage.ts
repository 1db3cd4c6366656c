import { hasCoverage, isOfNewWeek, withoutKbs } from "../../core/coverage.ts";
import { coverageWords } from "../coverage-words.ts";
import { linesShown } from "../limits.ts";
import { listFailureWords, notInRunWords } from "../list-words.ts";
import type { Context } from "./material.ts";
import type { Point, Remark } from "./remarks.ts";

/** That the products were found in an older list, or in none; nothing where the list is of the run. */
export function listRemark({ report }: Context): Remark | null {
  const words = report.productList && listFailureWords(report.productList, report.timeZone);
  return words ? { ...remark("Product list", [{ text: words, products: [], more: 0 }]), tone: "caution" } : null;
}

/** What the watchlist covers and what it does not: with the first digest of each week. */
export function coverageRemark({ report, since, undelivered, room }: Context): Remark | null {
  const last = since?.day ?? (undelivered.isFirst ? null : report.previousDay);
  if (!isOfNewWeek(report.day, last)) return null;
  const notRead = report.productList && notInRunWords(report.productList);
  const points = coverageWords(report, withoutKbs(report)).map(({ text, lines, more }): Point => {
    const kept = linesShown("names", lines.length, room);
    return { text, products: lines.slice(0, kept), more: more + lines.length - Math.min(kept, lines.length) };
  });
  const all = notRead ? [...points, { text: notRead, products: [], more: 0 }] : points;
  return hasCoverage(report) || notRead ? remark("Coverage", all) : null;
}

function remark(title: string, points: Point[]): Remark {
  return { type: "remark", title, tone: "plain", points, rest: null };
}
