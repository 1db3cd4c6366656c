import { type Action, type Gap, isKnownNeeded, overdueGaps } from "../core/action-list.ts";
import { isExploited } from "../core/advisory.ts";
import type { RunDate } from "../core/day.ts";
import { causeWords } from "./advisory-words.ts";
import { agree, count, listed, many, productLabel, shown } from "./words.ts";

const namedProducts = 2;

/** Where to install an update: `Windows 11`, or `3 products`. */
export function whereWords({ installs }: Pick<Action, "installs">): string {
  const names = installs.map(({ entry }) => shown(productLabel(entry.softwareId), 40));
  return names.length > namedProducts ? many(names.length, "product") : listed(names);
}

/** How many machines need an update: `at least 85 machines` where it is for several products, for one machine may have them all. */
export function neededWords({ installs, reach }: Pick<Action, "installs" | "reach">): string {
  return installs.length > 1 ? `at least ${many(reach, "machine")}` : many(reach, "machine");
}

/** The KBs that an update closes besides itself. */
function closedToo({ covers }: Pick<Action, "covers">): string[] {
  return [...new Set(covers.map(({ row }) => row.id))];
}

/** `also closes KB5066782`, or how many others; empty where there is none. */
export function alsoCloses(action: Pick<Action, "covers">): string {
  const others = closedToo(action);
  if (others.length === 0) return "";
  return `also closes ${others.length > 2 ? many(others.length, "older KB") : listed(others.map((id) => `KB${shown(id, 20)}`))}`;
}

/** Why an update comes early: exploited, and by whose word; empty where it is not. */
export function exploitedByWords(action: Pick<Action, "row" | "covers" | "exploited">): string {
  return action.exploited ? `exploited: ${exploitedCause(action)}` : "";
}

/** The same beside a mark that says exploited. */
export function exploitedCause({ row, covers }: Pick<Action, "row" | "covers">): string {
  if (isExploited(row)) return causeWords(row);
  const [older] = covers.filter((gap) => isExploited(gap.row));
  return older ? `through KB${shown(older.row.id, 20)}: ${causeWords(older.row)}` : "";
}

/** Whether an update closes something overdue. */
export function overdueWords(action: Action, day: RunDate): string {
  return overdueGaps(action, day) > 0 ? "overdue" : "";
}

/** `last known` where no product that was read misses an update. */
export function doubtWords(action: Action): string {
  return isKnownNeeded(action) ? "" : "last known";
}

/** `7 updates close all 63 gaps`. */
export function closeWords(actions: readonly Action[], gaps: number): string {
  const all = gaps === 1 ? "the only gap" : `all ${many(gaps, "gap")}`;
  return `${many(actions.length, "update")} ${agree(actions.length, "closes", "close")} ${all}`;
}

/** `Windows 11: 85`, of a gap. */
export function gapWords({ entry }: Gap): string {
  return `${shown(productLabel(entry.softwareId), 60)}: ${count(entry.current?.machineMissedOn ?? null)}`;
}
