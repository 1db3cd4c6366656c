import { calendarDay } from "../core/day.ts";
import type { ListReport } from "../core/list-report.ts";
import { agree, formatDay, many } from "./words.ts";

/** That the product list is an older one, or that there is none; `null`: it is of the run itself. */
export function listFailureWords(
  { readAt, failure }: Pick<ListReport, "readAt" | "failure">,
  timeZone: string,
): string | null {
  if (!failure) return null;
  const day = (at: string) => formatDay(calendarDay(new Date(at), timeZone));
  const used = readAt === null ? "no products are found by their vendor" : `the list of ${day(readAt)} is used`;
  return `The product list could not be read since ${day(failure.since)}; ${used}. ${failure.reason}`;
}

/** What a watchlist finds besides the products of its run; `null`: nothing. */
export function notInRunWords({ found }: Pick<ListReport, "found">): string | null {
  if (!found) return null;
  const { withoutWeaknesses, beyond } = found;
  const words = [
    withoutWeaknesses > 0 &&
      `${many(withoutWeaknesses, "more product")} ${agree(withoutWeaknesses, "has", "have")} no weaknesses and ${agree(withoutWeaknesses, "is", "are")} not read.`,
    beyond > 0 &&
      `${many(beyond, "more product")} ${agree(beyond, "is", "are")} not read: a run has no room for ${agree(beyond, "it", "them")}.`,
  ];
  return words.filter((part) => part !== false).join(" ") || null;
}

/** When the list was read. */
export function listReadWords(readAt: string, products: number, timeZone: string): string {
  return `Defender's list of ${formatDay(calendarDay(new Date(readAt), timeZone))}: ${many(products, "product")}.`;
}

/** `on 463 exposed machines`. */
export function exposedWords(machines: number): string {
  return `on ${many(machines, "exposed machine")}`;
}
