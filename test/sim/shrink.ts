import type { StoryAnswer, StoryItem } from "../support/story.ts";
import type { Moment, Plan } from "./plan.ts";

/** Whether a plan still fails as the first one did. */
export type Fails = (plan: Plan) => Promise<boolean>;

/**
 * The plan without all that is not needed for its failure: moments, watchlists, products, KBs, and what else happened. It
 * tries the large parts first, and each part again until nothing more can go.
 */
export async function shrink(plan: Plan, fails: Fails, mostTries = 2_000): Promise<Plan> {
  let [smallest, tries] = [plan, 0];
  const attempt = async (candidate: Plan | null): Promise<boolean> => {
    if (candidate === null || tries >= mostTries) return false;
    tries += 1;
    if (!(await fails(candidate))) return false;
    smallest = candidate;
    return true;
  };
  for (let isSmaller = true; isSmaller && tries < mostTries; ) {
    isSmaller = false;
    for (const smaller of [dropMoments, dropLists, dropProducts, dropParts, dropKbs]) {
      if (await smaller(() => smallest, attempt)) isSmaller = true;
    }
  }
  return smallest;
}

type Attempt = (candidate: Plan | null) => Promise<boolean>;
type Current = () => Plan;

/** Runs of moments, halves first; the last moment is where it fails. */
async function dropMoments(current: Current, attempt: Attempt): Promise<boolean> {
  let isSmaller = false;
  for (let size = current().moments.length >> 1; size > 0; size >>= 1) {
    for (let from = 0; from < current().moments.length - 1; ) {
      if (await attempt(withoutMoments(current(), from, size))) isSmaller = true;
      else from += size;
    }
  }
  return isSmaller;
}

/** What the moments left out had changed holds from the next one on. */
function withoutMoments(plan: Plan, from: number, size: number): Plan | null {
  const dropped = plan.moments.slice(from, from + size);
  const [next, ...later] = plan.moments.slice(from + size);
  if (next === undefined) return null;
  const merge = (part: "lists" | "answers" | "weaknesses") => {
    const merged = Object.assign({}, ...dropped.map((moment) => moment[part]), next[part]);
    return Object.keys(merged).length > 0 ? { [part]: merged } : {};
  };
  const known = next.known ?? dropped.findLast((moment) => moment.known !== undefined)?.known;
  const carried = {
    ...{ ...next, ...merge("lists"), ...merge("answers"), ...merge("weaknesses") },
    ...(known && { known }),
  };
  return { ...plan, moments: [...plan.moments.slice(0, from), carried, ...later] };
}

async function dropLists(current: Current, attempt: Attempt): Promise<boolean> {
  let isSmaller = false;
  for (const name of Object.keys(current().lists)) {
    if (Object.keys(current().lists).length > 1 && (await attempt(withoutList(current(), name)))) isSmaller = true;
  }
  return isSmaller;
}

function withoutList(plan: Plan, name: string): Plan {
  const { [name]: _, ...lists } = plan.lists;
  const moments = plan.moments.flatMap((moment): Moment[] => {
    if (moment.asked?.watchlist === name) return [];
    const { [name]: _, ...changed } = moment.lists ?? {};
    return [Object.keys(changed).length > 0 ? { ...moment, lists: changed } : without(moment, "lists")];
  });
  return { ...plan, lists, moments };
}

async function dropProducts(current: Current, attempt: Attempt): Promise<boolean> {
  let isSmaller = false;
  for (const id of productsOf(current())) if (await attempt(withoutProduct(current(), id))) isSmaller = true;
  return isSmaller;
}

/** Every product of any watchlist. */
function productsOf({ lists, moments }: Plan): string[] {
  const all = [lists, ...moments.map((moment) => moment.lists ?? {})].flatMap((named) => Object.values(named));
  return [...new Set(all.flatMap(({ softwareIds }) => softwareIds))];
}

function withoutProduct(plan: Plan, id: string): Plan | null {
  const thin = (lists: Plan["lists"]) =>
    Object.fromEntries(
      Object.entries(lists).map(([name, list]) => {
        return [name, { ...list, softwareIds: list.softwareIds.filter((other) => other !== id) }];
      }),
    );
  const omit = <T>(named: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(named).filter(([name]) => name !== id));
  const moments = plan.moments.map((moment) => ({
    ...moment,
    ...(moment.lists && { lists: thin(moment.lists) }),
    ...(moment.answers && { answers: omit(moment.answers) }),
    ...(moment.weaknesses && { weaknesses: omit(moment.weaknesses) }),
  }));
  const thinner = { ...plan, lists: thin(plan.lists), moments };
  const all = [thinner.lists, ...moments.map((moment) => moment.lists ?? {})].flatMap((lists) => Object.values(lists));
  return all.every(({ softwareIds }) => softwareIds.length > 0) ? thinner : null;
}

const parts = ["known", "crashes", "mails", "back", "filter", "lists", "answers", "weaknesses"] as const;

/** Crashes, mails that are not sent, and other things that happen beside. */
async function dropParts(current: Current, attempt: Attempt): Promise<boolean> {
  let isSmaller = false;
  for (const part of parts) {
    for (let at = 0; at < current().moments.length; at++) {
      const plan = current();
      const moment = plan.moments[at];
      if (moment?.[part] === undefined) continue;
      if (await attempt({ ...plan, moments: plan.moments.with(at, without(moment, part)) })) isSmaller = true;
    }
  }
  return isSmaller;
}

function without(moment: Moment, part: keyof Moment): Moment {
  const { [part]: _, ...rest } = moment;
  return rest as Moment;
}

/** KBs, everywhere they are listed, then each answer by itself. */
async function dropKbs(current: Current, attempt: Attempt): Promise<boolean> {
  let isSmaller = false;
  for (const kb of kbsOf(current())) {
    const isOther = (item: StoryItem) => numberIn(item) !== kb;
    if (await attempt(mapAnswers(current(), (list) => list.filter(isOther)))) isSmaller = true;
  }
  return isSmaller;
}

function kbsOf({ moments }: Plan): string[] {
  const answers = moments.flatMap((moment) => Object.values(moment.answers ?? {}));
  return [...new Set(answers.flatMap(itemsOf).map(numberIn))];
}

function itemsOf(answer: StoryAnswer): StoryItem[] {
  if (Array.isArray(answer)) return answer;
  return "sequence" in answer ? answer.sequence.flatMap(itemsOf) : [];
}

/** What is the same in all spellings of a KB's id. */
function numberIn(item: StoryItem): string {
  const id = String((item as { id?: unknown } | null)?.id ?? "");
  return /\d+/.exec(id)?.[0] ?? id;
}

function mapAnswers(plan: Plan, change: (list: readonly StoryItem[]) => readonly StoryItem[]): Plan {
  const map = (answer: StoryAnswer): StoryAnswer => {
    if (Array.isArray(answer)) return change(answer);
    return "sequence" in answer ? { sequence: answer.sequence.map(map) } : answer;
  };
  const moments = plan.moments.map((moment) => ({
    ...moment,
    ...(moment.answers && {
      answers: Object.fromEntries(Object.entries(moment.answers).map(([id, answer]) => [id, map(answer)])),
    }),
  }));
  return { ...plan, moments };
}
