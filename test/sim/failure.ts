import { calendarDay } from "../../shared/core/day.ts";
import { onDemandRunId } from "../../shared/core/run-id.ts";
import type { Story, StoryDay } from "../support/story.ts";
import type { Moment, Plan, PlannedList } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { type Simulation, simulate } from "./simulate.ts";

/** What a failed simulation says to anyone who will look for the fault: the seed, what disagrees, and the shortest story of it. */
export async function describeFailure(seed: number, plan: Plan, { moments, failures }: Simulation): Promise<string> {
  const kind = kindOf(failures);
  const failed = { ...plan, moments: plan.moments.slice(0, moments) };
  const fails = async (candidate: Plan) => kindOf((await simulate(candidate)).failures) === kind;
  const smallest = await shrink(failed, fails);
  const { failures: left } = await simulate(smallest);
  const { story, unsaid } = storyOf(smallest);
  const beside =
    unsaid.length > 0 ? [`A story cannot say ${unsaid.join(", ")}. The plan:`, JSON.stringify(smallest)] : [];
  return [
    `Seed ${seed} fails at moment ${moments}:`,
    ...failures.slice(0, 10),
    "",
    `The shortest story found (${smallest.moments.length} of ${moments} moments):`,
    ...left.slice(0, 10),
    JSON.stringify(story, null, 1),
    ...beside,
  ].join("\n");
}

/** The first failure without its numbers and names, so that another one is not taken for it. */
function kindOf([first = ""]: readonly string[]): string {
  return first
    .split("\n", 1)
    .join("")
    .replace(/^.*?: /, "")
    .replace(/microsoft-_-[\w.]+|SSU \(\w+\)/g, "x")
    .replace(/\d+|none|true|false/g, "n");
}

/** A plan of one watchlist in the form that `play` of test/support/story.ts takes, and what that form has no words for. */
function storyOf(plan: Plan): { story: Story; unsaid: string[] } {
  const { timeZone, graceMinutes, retentionDays, lists, moments } = plan;
  const [[name, list] = ["", undefined], ...others] = Object.entries(lists);
  const unsaid = new Set(others.length > 0 ? ["several watchlists"] : []);
  const days = moments.map((moment) => dayOf(moment, { timeZone, name, list, unsaid }));
  const watchlist = list === undefined ? {} : { name, ...watchlistOf(list) };
  return { story: { watchlist, rules: { timeZone, graceMinutes, retentionDays }, days }, unsaid: [...unsaid] };
}

function watchlistOf({ minMachines, minPercent, minCves, ...list }: PlannedList): Story["watchlist"] {
  return { ...list, thresholds: { minMachines, minPercent, minCves } };
}

interface Played {
  timeZone: string;
  name: string;
  list: PlannedList | undefined;
  unsaid: Set<string>;
}

function dayOf(moment: Moment, { timeZone, name, list, unsaid }: Played): StoryDay {
  const { at, asked, lists, answers, weaknesses = {}, crashes, mails, back, filter } = moment;
  const opened = new Date(at);
  const changed = lists?.[name];
  const { softwareIds: _ids, ...settings } = changed ?? { softwareIds: [] };
  const { softwareIds: _before, ...before } = list ?? { softwareIds: [] };
  if (changed && JSON.stringify(settings) !== JSON.stringify(before)) unsaid.add("other settings");
  if (asked?.mail) unsaid.add("a run asked for with its mail");
  if (crashes) unsaid.add("crashes");
  if (mails) unsaid.add("mails that are not sent");
  if (back !== undefined) unsaid.add("a comparison with a run so many before");
  if (moment.known) unsaid.add("what is known of KBs");
  if (filter) unsaid.add(`the filter ${JSON.stringify(filter)}`);
  const said = Object.entries(weaknesses).filter(([, count]) => typeof count === "number" || count === null);
  if (said.length < Object.keys(weaknesses).length) unsaid.add("weaknesses that Defender does not say");
  return {
    date: calendarDay(opened, timeZone),
    at,
    ...(asked && { onDemand: onDemandRunId(opened) }),
    ...(changed && { software: changed.softwareIds }),
    ...(answers && { answers }),
    ...(said.length > 0 && { weaknesses: Object.fromEntries(said) as Record<string, number | null> }),
  };
}
