import type { Catalogue } from "../../shared/core/advisory.ts";
import { homeTenant, type Watchlist } from "../../shared/core/watchlist.ts";
import { serveReport } from "../../shared/http/report.ts";
import { type Defender, DefenderError, type OutgoingMail } from "../../shared/ports.ts";
import { scheduleRuns } from "../../shared/run/schedule.ts";
import { ask, request } from "./ask.ts";
import { aWatchlist } from "./builders.ts";
import { askFor, handleAll } from "./drive.ts";
import { configured, type FakeWorld, fakeWorld } from "./fake-world.ts";

/** One item of Defender's answer, or anything that it should not answer. */
export type StoryItem = unknown;

/** What Defender answers for a product: a list, a refusal, or one after the other, the last one for good. */
export type StoryAnswer = readonly StoryItem[] | { status: number } | { sequence: readonly StoryAnswer[] };

/** One run of a story; what is absent stays as it was the day before. */
export interface StoryDay {
  /** The day of the run, at 05:00 UTC unless `at` says otherwise. */
  date: string;
  at?: string;
  /** A run asked for under this id instead. */
  onDemand?: string;
  /** Replaces the watchlist's products from this day on. */
  software?: readonly string[];
  answers?: Readonly<Record<string, StoryAnswer>>;
  /** What MSRC and CISA say from this day on; before the first of these nothing is known. */
  catalogue?: Catalogue;
  /** Open weaknesses; 0 if absent, `null` if Defender knows no such product. */
  weaknesses?: Readonly<Record<string, number | null>>;
}

/** A few days of a watchlist, as people report them. */
export interface Story {
  watchlist: Partial<Omit<Watchlist, "thresholds">> & { thresholds?: Partial<Watchlist["thresholds"]> };
  /** Further watchlists, with the same settings but for these. */
  others?: readonly Partial<Watchlist>[];
  rules?: Partial<FakeWorld["ports"]["rules"]>;
  /** What is known of KBs; absent: nothing. */
  catalogue?: Catalogue;
  days: readonly StoryDay[];
}

/** What a story's watchlist shows after a run. */
export interface PlayedStory {
  world: FakeWorld;
  /** The digest of each day, in order; `null` where none came. */
  mails: (OutgoingMail | null)[];
  /** How many calls of getmissingkbs each day cost. */
  reads: number[];
  report: (query: string, accept?: string) => ReturnType<typeof ask>;
}

/** Plays a story through the timer, the queue and the endpoints, over fakes of the neighbours. */
export async function play({ watchlist, others = [], rules, catalogue, days }: Story): Promise<PlayedStory> {
  const world = fakeWorld([]);
  const { ports } = world;
  Object.assign(ports.rules, rules);
  if (catalogue) ports.catalogue = async () => catalogue;
  const answers: Record<string, StoryAnswer> = {};
  const weaknesses: Record<string, number | null> = {};
  const defender = storyDefender(answers, weaknesses, world.reads);
  const base = aWatchlist();
  let softwareIds = watchlist.softwareIds ?? base.softwareIds;
  const mails: PlayedStory["mails"] = [];
  const reads: number[] = [];
  for (const day of days) {
    Object.assign(answers, day.answers);
    Object.assign(weaknesses, day.weaknesses);
    softwareIds = day.software ?? softwareIds;
    const thresholds = { minMachines: 1, minPercent: 0, minCves: 1, ...watchlist.thresholds };
    const list: Watchlist = {
      ...base,
      heartbeatDay: "none",
      ...watchlist,
      softwareIds,
      thresholds,
      tenant: homeTenant,
    };
    const lists = [list, ...others.map((parts) => ({ ...list, ...parts }))];
    Object.assign(ports, { watchlists: configured(lists), defender: { ...ports.defender, ...defender } });
    const { catalogue } = day;
    if (catalogue) ports.catalogue = async () => catalogue;
    const at = Date.parse(day.at ?? `${day.date}T05:00:00Z`);
    world.setClock(at);
    const [before, readBefore] = [world.inbox.length, world.reads.length];
    if (day.onDemand === undefined) await scheduleRuns(ports);
    else {
      const openedAt = new Date(at).toISOString();
      await askFor(world, { watchlist: list.name, runId: day.onDemand, openedAt, mail: false });
    }
    await handleAll(world, at + 6 * 3_600_000);
    mails.push(world.inbox.slice(before).at(-1) ?? null);
    reads.push(world.reads.length - readBefore);
  }
  const report = (query: string, accept = "*/*") =>
    ask(request(query, { headers: { accept } }), (asked) => serveReport(asked, ports));
  return { world, mails, reads, report };
}

/** Gives an answer as it is, or the next of a sequence. */
export function answersInTurn(): (answer: StoryAnswer) => StoryAnswer {
  const played = new Map<StoryAnswer, number>();
  return (answer) => {
    if (!("sequence" in answer)) return answer;
    const index = played.get(answer) ?? 0;
    played.set(answer, index + 1);
    return answer.sequence[Math.min(index, answer.sequence.length - 1)] ?? [];
  };
}

function storyDefender(
  answers: Readonly<Record<string, StoryAnswer>>,
  weaknesses: Readonly<Record<string, number | null>>,
  reads: string[],
): Pick<Defender, "getMissingKbs" | "getSoftware"> {
  const next = answersInTurn();
  return {
    getMissingKbs: async (_tenant, softwareId, calling) => {
      await calling?.permit?.();
      reads.push(softwareId);
      const answer = next(answers[softwareId] ?? []);
      if (Array.isArray(answer)) return answer;
      const status = "status" in answer ? answer.status : 500;
      const message = `Defender returned ${status} several times in a row for getmissingkbs.`;
      throw new DefenderError(message, { permanent: status === 403, notFound: status === 404 });
    },
    getSoftware: async (_tenant, id, calling) => {
      await calling?.permit?.();
      const count = id in weaknesses ? weaknesses[id] : 0;
      const unknown = count === null || count === undefined;
      return unknown ? null : { id, weaknesses: count, exposedMachines: null };
    },
  };
}

/** One item of an answer as Defender gives it. */
export function item(id: string, machineMissedOn: number | null, cveAddressed: number | null = 10): StoryItem {
  const url = `https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB${id}`;
  return {
    id,
    name: "October 2026 Security Updates",
    productsNames: ["windows_10"],
    url,
    machineMissedOn,
    cveAddressed,
  };
}
