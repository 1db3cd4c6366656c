import { type Action, actionList, closedBy, type Gap } from "../../core/action-list.ts";
import { isKnownMissing, isOverdue } from "../../core/due.ts";
import { exploitedWords, restartOf } from "../advisory-words.ts";
import { linesShown } from "../limits.ts";
import { count, listed, many, productLabel, shown } from "../words.ts";
import { kbTitle } from "./kb-line.ts";
import { type Context, type Rest, restAt } from "./material.ts";

/** What to install, most urgent first. */
export interface Actions {
  type: "actions";
  title: string;
  steps: Step[];
  rest: Rest | null;
}

/** One update to install. */
export interface Step {
  number: string;
  link: string | null;
  /** `on Windows 11`. */
  where: string;
  /** `at least 85 machines`, what else it closes, whether it needs a restart. */
  facts: string[];
  /** Exploited, overdue. */
  warnings: string[];
}

/** What to install first; `null` where nothing is missing. */
export function actionsOf(context: Context): Actions | null {
  const { actions, gaps } = actionList(context.report);
  const lines = linesShown("actions", actions.length, context.room);
  if (lines === 0 || actions.length === 0) return null;
  const first = actions.slice(0, lines);
  return {
    type: "actions",
    title: titleOf(actions, first, gaps),
    steps: first.map((action) => stepOf(action, context)),
    rest: lines < actions.length ? restAt(`${count(actions.length - lines)} more updates`, context.linkTo()) : null,
  };
}

function titleOf(actions: readonly Action[], first: readonly Action[], gaps: number): string {
  const closed = `${count(closedBy(first))} of ${many(gaps, "gap")}`;
  if (actions.length === 1) return `Install this update: it closes ${closed}`;
  return first.length === actions.length
    ? `Install these ${count(actions.length)} updates: they close ${closed}`
    : `Install first: ${count(first.length)} of ${count(actions.length)} updates close ${closed}`;
}

function stepOf({ row, installs, covers, exploited, reach }: Action, { report: { day } }: Context): Step {
  const { number, link } = kbTitle(row);
  const overdue = [...installs, ...covers].filter(({ entry }) => isOverdue(entry, day)).length;
  const own = exploitedWords(row);
  return {
    ...{ number, link, where: whereOf(installs) },
    facts: [
      installs.length > 1 ? `at least ${many(reach, "machine")}` : many(reach, "machine"),
      alsoCloses(covers),
      installs.some(({ entry }) => isKnownMissing(entry)) ? "" : "last known",
      restartOf(row),
    ].filter(Boolean),
    warnings: [own || (exploited ? "exploited: through what it replaces" : ""), overdue > 0 ? "overdue" : ""].filter(
      Boolean,
    ),
  };
}

const namedProducts = 2;

function whereOf(installs: readonly Gap[]): string {
  const names = installs.map(({ entry }) => shown(productLabel(entry.softwareId), 40));
  return names.length > namedProducts ? many(names.length, "product") : listed(names);
}

/** `also closes KB5066782`, or how many others it closes. */
function alsoCloses(covers: readonly Gap[]): string {
  const others = [...new Set(covers.map(({ row }) => row.id))];
  if (others.length === 0) return "";
  return `also closes ${others.length > 2 ? many(others.length, "older KB") : listed(others.map((id) => `KB${shown(id, 20)}`))}`;
}
