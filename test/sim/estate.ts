import { calendarDay } from "../../shared/core/day.ts";
import { weekdays } from "../../shared/core/watchlist.ts";
import { createDice, type Dice } from "../chaos/dice.ts";
import type { StoryAnswer, StoryItem } from "../support/story.ts";
import { doesReplace, type Feeds, knownNow, liveFeeds, makeFeeds } from "./feeds.ts";
import type { Moment, Plan, PlannedFilter, PlannedList, PlannedMail, PlannedWeaknesses } from "./plan.ts";

/** How much happens: chances per day, and per KB of a day. */
interface Temper {
  /** That a KB's counts move. */
  moves: number;
  /** That a KB comes, goes, or loses a count. */
  turns: number;
  /** That a product gets into trouble. */
  trouble: number;
  /** That a first answer is short, or two differ. */
  short: number;
  /** That Defender writes an item as it should not. */
  odd: number;
  /** That somebody changes a watchlist, asks for a run or for another report. */
  people: number;
  /** That a mail is not sent at once. */
  mail: number;
  /** That a process dies. */
  crash: number;
  /** That the timer does not fire on some days. */
  pause: number;
  /** That a KB of a product is replaced by the next. */
  replaced: number;
  /** That the feeds have something new. */
  news: number;
}

const tempers: readonly [Temper, ...Temper[]] = [
  {
    ...{ moves: 0.02, turns: 0.01, trouble: 0.01, short: 0.01, odd: 0, people: 0.02, mail: 0, crash: 0, pause: 0.01 },
    ...{ replaced: 0.05, news: 0.01 },
  },
  {
    ...{ moves: 0.1, turns: 0.03, trouble: 0.03, short: 0.03, odd: 0.01, people: 0.1, mail: 0.1, crash: 0.02 },
    ...{ pause: 0.02, replaced: 0.1, news: 0.03 },
  },
  {
    ...{ moves: 0.3, turns: 0.1, trouble: 0.1, short: 0.1, odd: 0.03, people: 0.2, mail: 0.3, crash: 0.1, pause: 0.03 },
    ...{ replaced: 0.3, news: 0.1 },
  },
  {
    ...{ moves: 0.1, turns: 0.1, trouble: 0.25, short: 0.2, odd: 0.1, people: 0.1, mail: 0.05, crash: 0, pause: 0.1 },
    ...{ replaced: 0.2, news: 0.05 },
  },
  {
    ...{ moves: 0.5, turns: 0.02, trouble: 0.02, short: 0, odd: 0, people: 0.3, mail: 0.5, crash: 0.3, pause: 0 },
    ...{ replaced: 0.4, news: 0.02 },
  },
];

const timeZones: readonly [string, ...string[]] = [
  ...(["UTC", "UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo", "Asia/Kathmandu"] as const),
  ...(["Pacific/Auckland", "Pacific/Kiritimati", "America/St_Johns", "Pacific/Pago_Pago"] as const),
];

/** Products whose labels in mails differ from each other. */
export const products: readonly [string, ...string[]] = [
  ...(["microsoft-_-windows_10", "microsoft-_-windows_11", "microsoft-_-windows_server_2019"] as const),
  ...(["microsoft-_-.net_framework", "microsoft-_-edge", "microsoft-_-office", "microsoft-_-sql_server_2019"] as const),
];

interface Kb {
  /** As Defender writes it. */
  id: unknown;
  name: string;
  machines: unknown;
  cves: unknown;
  isListed: boolean;
}

/** Something that lasts for some days. */
interface Trouble {
  kind: "500" | "403" | "404" | "404 of the list" | "empty" | "no such item" | "second read fails" | "recovers";
  days: number;
}

interface Product {
  id: string;
  kbs: Kb[];
  trouble: Trouble | null;
  weaknesses: PlannedWeaknesses;
  /** Whether the answer of the last moment must be replaced. */
  isStale: boolean;
}

interface Estate {
  dice: Dice;
  /** All that has to do with feeds has its own dice, so that it does not change what else happens. */
  feedDice: Dice;
  /** Null: the app reads none. */
  feeds: Feeds | null;
  temper: Temper;
  retentionDays: number;
  products: Product[];
  lists: Record<string, PlannedList>;
  /** When a product was last on any list. */
  lastOn: Map<string, number>;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** What happens to one tenant on so many days: the same for the same seed. */
export function planOf(seed: number, days: number): Plan {
  const dice = createDice(seed);
  const retentionDays = dice.chance(0.1) ? 20 + dice.below(20) : 400;
  const estate = makeEstate(dice, createDice(seed ^ feedSalt), retentionDays);
  const timeZone = dice.pick(timeZones);
  const lists = { ...estate.lists };
  const start = Date.parse("2026-01-01") + dice.below(700) * dayMs + dice.below(24 * 12) * 5 * 60_000;
  estate.feeds = startFeeds(estate, new Date(start).toISOString().slice(0, 10));
  const moments: Moment[] = [];
  let at = start;
  let lastDay = "";
  while (moments.length < days) {
    // Around a change of clocks a schedule may meet a day twice, or none.
    const day = calendarDay(new Date(at), timeZone);
    if (day !== lastDay) moments.push(scheduled(estate, at, lastDay === "" || dice.chance(estate.temper.people)));
    lastDay = day;
    if (asks(estate)) moments.push(askedFor(estate, at + dice.pick([3, 9, 15, 22]) * hourMs));
    at += dayMs * (dice.chance(estate.temper.pause) ? dice.pick([2, 7, 8, 14, 15, 30, 90, 91]) : 1);
  }
  return { timeZone, graceMinutes: dice.pick([0, 5, 10, 60]), retentionDays, lists, moments };
}

// How long a snapshot of a run asked for outlives what it says is a matter of when runs expire, which no rule says.
function asks({ dice, temper, retentionDays }: Estate): boolean {
  return retentionDays === 400 && dice.chance(temper.people);
}

/** So chosen that the first four of `seedsOfFaults`, which are older than feeds, have none. */
const feedSalt = 897;

function startFeeds({ feedDice, products: all }: Estate, start: string): Feeds | null {
  if (!feedDice.chance(0.75)) return null;
  const ids = new Set(all.flatMap(({ kbs }) => kbs.map(({ id }) => String(id))));
  return makeFeeds([...ids].filter((id) => /^\d+$/.test(id)).sort(), start, feedDice);
}

function makeEstate(dice: Dice, feedDice: Dice, retentionDays: number): Estate {
  const temper = dice.pick(tempers);
  const count = dice.pick([1, 2, 2, 3, 3, 4, 6]);
  const all = products.slice(0, count).map((id): Product => {
    return { id, kbs: [], trouble: null, weaknesses: dice.pick([0, 0, 3]), isStale: true };
  });
  const pool = Array.from({ length: 2 + dice.below(8) }, (_, index) => aKb(dice, index, temper));
  for (const product of all) {
    const share = dice.pick([0.3, 0.6, 1]);
    product.kbs = pool
      .filter(() => dice.chance(share))
      .map((kb) => ({ ...kb, machines: dice.below(100), cves: dice.below(9), isListed: dice.chance(0.6) }));
  }
  const names = dice.pick([["default"], ["default"], ["default", "servers"], ["a", "b", "c"]]);
  const lists = Object.fromEntries(names.map((name) => [name, aList({ dice, feedDice }, all)]));
  return { dice, feedDice, feeds: null, temper, retentionDays, products: all, lists, lastOn: new Map() };
}

function aKb(dice: Dice, index: number, { odd }: Temper): Omit<Kb, "machines" | "cves" | "isListed"> {
  const month = dice.pick(["May", "June", "July"]);
  if (dice.chance(odd)) return { id: "SSU", name: month };
  return { id: String(5_060_000 + 37 * index), name: `${month} 2026 Security Updates` };
}

function aList({ dice, feedDice }: Pick<Estate, "dice" | "feedDice">, all: readonly Product[]): PlannedList {
  const share = dice.pick([0.5, 1, 1]);
  const watched = all.filter(() => dice.chance(share)).map(({ id }) => id);
  return {
    softwareIds: watched.length > 0 ? watched : all.slice(0, 1).map(({ id }) => id),
    minMachines: dice.pick([1, 1, 1, 3, 10]),
    minPercent: dice.pick([0, 0, 5, 20]),
    minCves: dice.pick([1, 1, 0, 2, 3]),
    mailWhen: dice.pick(["worse", "worse", "worse", "changed", "always"]),
    heartbeatDay: dice.pick(["none", "none", ...weekdays]),
    dueDays: dice.pick([14, 14, 0, 3, 30]),
    dueDaysExploited: feedDice.pick([3, 3, 0, 14]),
    dueFrom: feedDice.pick(["released", "released", "first-seen"]),
  };
}

function scheduled(estate: Estate, at: number, isBusy: boolean): Moment {
  const { dice, temper } = estate;
  const lists = isBusy && dice.chance(0.3) ? changeLists(estate, at) : null;
  for (const id of watched(estate)) estate.lastOn.set(id, at);
  return {
    at: new Date(at).toISOString(),
    ...(lists && { lists }),
    ...news(estate),
    ...newAnswers(estate),
    ...faults(estate),
    ...(dice.chance(temper.people) && { back: 1 + dice.below(12) }),
    ...(dice.chance(temper.people) && { filter: aFilter(estate) }),
  };
}

/** What the feeds say from then on, where they can be read. */
function news({ feeds, feedDice: dice, temper }: Estate): Pick<Moment, "known"> {
  if (feeds === null) return {};
  liveFeeds(feeds, { dice, news: temper.news });
  return feeds.down > 0 ? {} : { known: knownNow(feeds) };
}

function askedFor(estate: Estate, at: number): Moment {
  const { dice, lists } = estate;
  const watchlist = dice.pick(Object.keys(lists) as [string, ...string[]]);
  const changed = dice.chance(0.5) ? newAnswers(estate) : {};
  const asked = { watchlist, mail: dice.chance(0.3) };
  return { at: new Date(at).toISOString(), asked, ...changed, ...faults(estate) };
}

function faults({ dice, temper }: Estate): Pick<Moment, "mails" | "crashes"> {
  const outcome = (): PlannedMail => dice.pick(["sent", "failed", "refused", "unknown", "unknown, arrived"]);
  const crash = () => (dice.chance(0.6) ? { call: 1 + dice.below(30), after: dice.chance(0.5) } : null);
  return {
    ...(dice.chance(temper.mail) && { mails: Array.from({ length: 1 + dice.below(4) }, outcome) }),
    ...(dice.chance(temper.crash) && { crashes: Array.from({ length: 1 + dice.below(3) }, crash) }),
  };
}

function watched({ lists }: Estate): string[] {
  return Object.values(lists).flatMap(({ softwareIds }) => softwareIds);
}

function changeLists(estate: Estate, at: number): Record<string, PlannedList> {
  const { dice, retentionDays, products: every, lists, lastOn } = estate;
  // What is still known of a product that was off every list for as long as runs are kept, no rule says.
  const isKnown = ({ id }: Product) => at - (lastOn.get(id) ?? at) < (retentionDays - 2) * dayMs;
  const all = every.filter(isKnown);
  if (all.length === 0) return {};
  const name = dice.pick(Object.keys(lists) as [string, ...string[]]);
  const before = lists[name] ?? aList(estate, all);
  const after = dice.chance(0.3)
    ? aList(estate, all)
    : { ...before, softwareIds: editIds(dice, before.softwareIds, all) };
  lists[name] = after;
  return { [name]: after };
}

function editIds(dice: Dice, ids: readonly string[], all: readonly Product[]): readonly string[] {
  const { id } = dice.pick(all as [Product, ...Product[]]);
  const others = ids.filter((other) => other !== id);
  if (!ids.includes(id)) return dice.chance(0.5) ? [...ids, id] : [id, ...ids];
  return others.length > 0 ? others : ids;
}

function aFilter({ dice, feedDice, products: all }: Estate): PlannedFilter {
  const { id, kbs } = dice.pick(all as [Product, ...Product[]]);
  const kb = kbs[dice.below(Math.max(1, kbs.length))];
  const change = ["worse", "missing", "new", "worsened", "returned", "more-cves", "improved", "unchanged", "not-read"];
  return {
    ...(dice.chance(0.5) && { change: dice.pick(["resolved", "replaced", "baseline", ...change]) }),
    ...(dice.chance(0.3) && { softwareId: id }),
    ...(dice.chance(0.3) &&
      kb && { search: dice.chance(0.5) ? `KB${String(kb.id)}` : `${kb.name.slice(0, 3)} windows` }),
    ...(dice.chance(0.2) && { overdue: "true" }),
    ...(dice.chance(0.2) && { stalled: "true" }),
    ...(feedDice.chance(0.2) && { exploited: "true" }),
  };
}

/** Lives a day, and says what Defender answers from then on where that differs. */
function newAnswers(estate: Estate): Pick<Moment, "answers" | "weaknesses"> {
  const answers: Record<string, StoryAnswer> = {};
  const weaknesses: Record<string, PlannedWeaknesses> = {};
  for (const product of estate.products) {
    const known = product.weaknesses;
    const isChanged = liveProduct(product, estate);
    const answer = answerOf(product, estate);
    const isPassing = "sequence" in answer;
    if (isChanged || isPassing || product.isStale) answers[product.id] = answer;
    product.isStale = isPassing;
    const weak = product.trouble?.kind === "404" ? null : product.weaknesses;
    if (weak !== known || product.trouble?.kind === "404" || isChanged) weaknesses[product.id] = weak;
  }
  return {
    ...(Object.keys(answers).length > 0 && { answers }),
    ...(Object.keys(weaknesses).length > 0 && { weaknesses }),
  };
}

function liveProduct(product: Product, estate: Estate): boolean {
  const { dice, temper } = estate;
  let isChanged = false;
  if (product.trouble !== null) {
    product.trouble.days -= 1;
    if (product.trouble.days <= 0) {
      product.trouble = null;
      isChanged = true;
    }
  } else if (dice.chance(temper.trouble)) {
    product.trouble = { kind: dice.pick(troubles), days: dice.pick([1, 1, 2, 3, 7, 8, 9, 16]) };
    isChanged = true;
  }
  if (dice.chance(temper.trouble)) {
    product.weaknesses = dice.pick([0, 0, 3, 5, "unsaid", { status: 500 }]);
    isChanged = true;
  }
  for (const kb of product.kbs) isChanged = liveKb(kb, dice, temper) || isChanged;
  return replaceKb(product, estate) || isChanged;
}

/** The next month: another KB is listed in the place of one, or of several, mostly on as many machines. */
function replaceKb({ kbs }: Product, { feeds, feedDice: dice, temper }: Estate): boolean {
  if (feeds === null || !dice.chance(temper.replaced)) return false;
  const idOf = (kb: Kb) => String(kb.id).replace(/\D/g, "").replace(/^0+/, "");
  const pairs = kbs.flatMap((newer) =>
    kbs
      .filter((older) => older.isListed && older !== newer && doesReplace(feeds, idOf(newer), idOf(older)))
      .map((older) => ({ newer, older })),
  );
  if (pairs.length === 0) return false;
  const { newer } = dice.pick(pairs as [(typeof pairs)[number], ...typeof pairs]);
  for (const pair of pairs) {
    if (pair.newer !== newer || dice.chance(0.2)) continue;
    pair.older.isListed = false;
    if (!newer.isListed || dice.chance(0.5)) newer.machines = pair.older.machines;
  }
  newer.isListed = true;
  if (dice.chance(0.3)) newer.machines = moved(newer.machines, dice, [1, 1, 2, 5]);
  return true;
}

const troubles = [
  ...(["500", "500", "403", "404", "404 of the list", "empty", "empty", "no such item"] as const),
  ...(["second read fails", "recovers"] as const),
] as const satisfies readonly Trouble["kind"][];

function liveKb(kb: Kb, dice: Dice, { moves, turns, odd }: Temper): boolean {
  const isMoved = dice.chance(moves);
  if (isMoved) kb.machines = moved(kb.machines, dice, [1, 1, 2, 5, 20]);
  if (isMoved && dice.chance(0.4)) kb.cves = moved(kb.cves, dice, [1, 1, 2, 4]);
  const isTurned = dice.chance(turns);
  if (isTurned) turn(kb, dice);
  if (dice.chance(odd)) {
    const number = String(kb.id).replace(/\D/g, "");
    if (number !== "") kb.id = dice.pick([number, ...spellingsOf(number), Number(number)]);
  }
  return isMoved || isTurned;
}

function spellingsOf(number: string): string[] {
  return ["KB", "kb ", "KB-", "KB#", "kb_0", "00", " "].map((before) => `${before}${number} `);
}

function moved(count: unknown, dice: Dice, steps: readonly [number, ...number[]]): number {
  const by = dice.pick(steps) * (dice.chance(0.5) ? 1 : -1);
  return Math.max(0, (typeof count === "number" && count > 0 ? Math.floor(count) : 5) + by);
}

function turn(kb: Kb, dice: Dice): void {
  const kind = dice.below(6);
  if (kind <= 2) kb.isListed = !kb.isListed;
  else if (kind === 3) kb.machines = dice.pick([null, undefined, -1, 1.5, 0, 0, 7, -0, "12", " 7 ", "0", "many"]);
  else if (kind === 4) kb.cves = dice.pick([null, undefined, -2, 0, 3, "3", "x"]);
  else [kb.machines, kb.cves] = [dice.pick([null, 9]), dice.pick([null, 2])];
}

function answerOf({ kbs, trouble }: Product, { dice, temper }: Estate): StoryAnswer {
  const list = kbs.filter(({ isListed }) => isListed).map(itemOf);
  switch (trouble?.kind) {
    case "500":
    case "403":
      return { status: Number(trouble.kind) };
    case "404":
    case "404 of the list":
      return { status: 404 };
    case "empty":
      return [];
    case "no such item":
      return list.length > 0
        ? [...list.slice(1), { ...itemOf(kbs[0]), id: dice.pick([null, "KB", "9".repeat(41)]) }]
        : [{ id: "" }];
    case "second read fails":
      return { sequence: [list.slice(1), { status: 500 }] };
    case "recovers":
      return { sequence: [{ status: dice.pick([500, 404]) }, list] };
    default:
      return dice.chance(temper.short) ? inTwo(list, dice) : dice.chance(temper.odd) ? doubled(list, dice) : list;
  }
}

function itemOf(kb: Kb | undefined): { id: unknown } & Record<string, unknown> {
  const { id = null, name = "", machines, cves } = kb ?? {};
  return { id, name, productsNames: ["windows"], url: null, machineMissedOn: machines, cveAddressed: cves };
}

function inTwo(list: readonly StoryItem[], dice: Dice): StoryAnswer {
  const part = () => list.filter(() => dice.chance(0.7));
  const second = dice.chance(0.5) ? list : part();
  return { sequence: dice.chance(0.2) ? [[], second] : [part(), second] };
}

function doubled(list: readonly StoryItem[], dice: Dice): StoryAnswer {
  const twins = list
    .filter(() => dice.chance(0.5))
    .map((item) => ({ ...(item as object), machineMissedOn: dice.below(50) }));
  return dice.chance(0.5) ? [...list, ...twins] : [...twins, ...list];
}
