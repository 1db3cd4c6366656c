import { type Action, closedBy, type Gap } from "../../core/action-list.ts";
import { fewestDaysLeft, mostDaysOverdue } from "../../core/due.ts";
import type { Report } from "../../core/report.ts";
import { isPartial } from "../../core/totals.ts";
import { alsoCloses, closeWords, doubtWords, exploitedByWords, neededWords, whereWords } from "../action-words.ts";
import { restartOf } from "../advisory-words.ts";
import { linesShown } from "../limits.ts";
import { agree, count, many } from "../words.ts";
import { kbTitle } from "./kb-line.ts";
import { type Context, type OneLine, type Rest, restAt } from "./material.ts";

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

/** What to install, or only how much it is; `null` where nothing is missing. */
export function actionsOf(context: Context): Actions | OneLine | null {
  const { outline, room, report, linkTo } = context;
  const { actions, gaps } = context.actions;
  if (actions.length === 0) return null;
  const lines = linesShown(outline.actions === "all" ? "actions" : "firstActions", actions.length, room);
  const first = outline.actions === "counted" ? [] : actions.slice(0, lines);
  if (first.length === 0) {
    // Of the one KB that got worse its own lines say what to do.
    const text = outline.only && !isPartial(report.totals) ? "Nothing else got worse." : "";
    return { type: "line", title: "", text, rest: restAt(closeWords(actions, gaps), linkTo()) };
  }
  const [shown, all] = [first.length, actions.length];
  const closed = `${count(closedBy(first))} of ${many(gaps, "gap")}`;
  const these = agree(shown, "This one", `These ${count(shown)}`);
  return {
    type: "actions",
    title:
      shown === all
        ? `Install ${agree(all, "this update: it closes", `these ${count(all)} updates: they close`)} ${closed}`
        : "Install first",
    steps: first.map((action) => stepOf(action, report)),
    rest:
      shown === all
        ? null
        : restAt(`${these} of ${many(all, "update")} ${agree(shown, "closes", "close")} ${closed}`, linkTo()),
  };
}

function stepOf(action: Action, report: Report): Step {
  const { number, link } = kbTitle(action.row);
  return {
    ...{ number, link, where: whereWords(action) },
    facts: [neededWords(action), alsoCloses(action), doubtWords(action), restartOf(action.row)].filter(Boolean),
    warnings: [exploitedByWords(action), dueWords(action, report)].filter(Boolean),
  };
}

/** `2 days overdue`; of what is exploited also `due in 1 day`. */
function dueWords({ installs, covers, exploited }: Action, report: Report): string {
  const entries = [...installs, ...covers].map(({ entry }: Gap) => entry);
  const overdue = mostDaysOverdue(entries, report);
  if (overdue > 0) return `${many(overdue, "day")} overdue`;
  const left = exploited ? fewestDaysLeft(entries, report) : null;
  if (left === null) return "";
  return left === 0 ? "due today" : `due in ${many(left, "day")}`;
}
