import pMap from "p-map";
import type { FeedName, FeedTimes } from "../core/advisory.ts";
import { calendarDay } from "../core/day.ts";
import { type Chain, chainKey } from "../core/message.ts";
import { feedTroubles, owedByRemoved, troublesOf, waitsSince } from "../core/trouble.ts";
import { chainOf, removalTest, type Watchlist } from "../core/watchlist.ts";
import type { WatchlistStatus } from "../core/watchlist-status.ts";
import { logTexts } from "../log.ts";
import { type FeedState, type Ports, RowError } from "../ports.ts";
import { noParameters } from "../render/parameters.ts";
import { many } from "../render/words.ts";
import { listAlerts } from "../run/alerts.ts";
import { chainEnd } from "../run/chain.ts";
import { noteAwaited, refreshStatus } from "../run/status.ts";
import { unlessDamaged } from "../run/unless-damaged.ts";
import { appRoles, type RequestPorts, readsEverything } from "./caller.ts";
import { expectations } from "./expectations.ts";
import { reasonOfFault, reasonOfFeed, reasonOfListing, reasonOfTrouble } from "./health-words.ts";
import { readQuery } from "./query.ts";
import { type HttpRequest, type HttpResponse, jsonResponse, redirect } from "./response.ts";

const concurrency = 16;
const cacheMs = 60_000;

/**
 * Whether the app is healthy, for everybody. An anonymous function cannot check a key or a sign-in, so a caller with a
 * key is redirected to the call where the platform checks it.
 */
export async function serveHealth({ query, headers }: HttpRequest, ports: Ports): Promise<HttpResponse> {
  const { code } = readQuery(query, noParameters);
  if (code ?? headers.get("x-functions-key")) {
    return redirect(307, `/api/reasons${code ? `?${new URLSearchParams({ code })}` : ""}`);
  }
  const { status } = await recentHealth(ports);
  return healthResponse({ status });
}

/** Whether the app is healthy, and the reasons why not that a caller may read; only for those whom the platform has checked. */
export async function serveReasons({ query }: HttpRequest, ports: RequestPorts): Promise<HttpResponse> {
  readQuery(query, noParameters);
  const [{ status, reasons, feeds }, { list }] = await Promise.all([
    recentHealth({ ...ports, watchlists: ports.everyWatchlist }),
    ports.watchlists(),
  ]);
  const readable = new Set(list.map((watchlist) => chainKey(chainOf(watchlist))));
  const isShown = ({ readers }: Reason) =>
    readsEverything(ports.caller) || readers === "everybody" || (readers !== null && readable.has(chainKey(readers)));
  const shown = reasons.filter(isShown).map(({ sentence }) => sentence);
  const all = shown.length < reasons.length ? [...shown, notShown] : shown;
  return healthResponse({ status, reasons: all, ...(feeds && { feeds }) });
}

const notShown = `There are reasons that only callers with the app role ${appRoles.readAll} may read.`;

/** Why a person must act. */
export interface Reason {
  sentence: string;
  /** `everybody` who may call, those of a configured watchlist, or `null`: only who may read everything. */
  readers: Chain | "everybody" | null;
}

interface Health {
  status: "healthy" | "unhealthy";
  reasons: Reason[];
  /** When each feed last answered; `null`: there are none, or that cannot be read. */
  feeds: FeedTimes | null;
}

let recent: { store: Ports["store"]; at: number; health: Promise<Health> } | undefined;

/** The health of at most a minute ago: anybody may ask, however often. */
function recentHealth(ports: Ports): Promise<Health> {
  const at = ports.now().getTime();
  const age = recent?.store === ports.store ? at - recent.at : -1;
  if (recent && age >= 0 && age < cacheMs) return recent.health;
  const health = readHealth(ports);
  recent = { store: ports.store, at, health };
  return health;
}

async function readHealth(ports: Ports): Promise<Health> {
  const feeds = readFeeds(ports);
  const [reasons, times] = await Promise.all([checkHealth(ports, feeds), feeds.then(timesOf, () => null)]);
  return { status: reasons.length === 0 ? "healthy" : "unhealthy", reasons, feeds: times };
}

type FeedStates = Readonly<Record<FeedName, FeedState>>;

/** How the feeds are; `null`: there are none. */
async function readFeeds({ feeds, store }: Ports): Promise<FeedStates | null> {
  return feeds && store.readFeeds();
}

function timesOf(states: FeedStates | null): FeedTimes | null {
  return states && { msrc: states.msrc.readAt, kev: states.kev.readAt };
}

interface HealthJson {
  status: Health["status"];
  reasons?: readonly string[];
  feeds?: FeedTimes;
}

function healthResponse(health: HealthJson): HttpResponse {
  return jsonResponse(health.status === "healthy" ? 200 : 503, health);
}

/** Every reason why a person must act. */
export async function checkHealth(ports: Ports, feeds = readFeeds(ports)): Promise<Reason[]> {
  const own = [checkWatchlists(ports), checkLists(ports), checkPoison(ports), checkFeeds(feeds, ports)];
  const checks = own.map((check) => orReason(check, ports));
  return (await Promise.all(checks)).flat();
}

/** A check that fails is itself a reason. */
async function orReason(check: Promise<Reason[]>, { log }: Ports): Promise<Reason[]> {
  try {
    return await check;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log("error", "health check failed", { reason });
    // An error may name anything.
    return [{ sentence: reason, readers: null }];
  }
}

async function checkPoison({ queue, log }: Ports): Promise<Reason[]> {
  const messages = await queue.countPoison();
  if (messages === 0) return [];
  log("error", logTexts.poison, { messages });
  const sentence = `About ${many(messages, "message")} in the queue runs-poison failed for good.`;
  return [{ sentence, readers: "everybody" }];
}

async function checkFeeds(feeds: Promise<FeedStates | null>, { now }: Ports): Promise<Reason[]> {
  const states = await feeds;
  const troubles = states ? feedTroubles(states, now()) : [];
  return troubles.map((trouble) => ({ sentence: reasonOfFeed(trouble), readers: "everybody" }));
}

async function checkWatchlists(ports: Ports): Promise<Reason[]> {
  const [configured, statuses] = await Promise.all([ports.watchlists(), ports.store.listStatuses()]);
  const { list, faults } = configured;
  const known = await repaired(list, statuses, ports);
  const expected = expectations(list, statuses, ports);
  const own = list.flatMap((watchlist) => {
    const status = known.get(chainKey(chainOf(watchlist)));
    return status ? troublesOf(status, expected(watchlist)) : [];
  });
  const today = calendarDay(ports.now(), ports.rules.timeZone);
  const removed = statuses.filter(removalTest(configured)).flatMap((status) => owedByRemoved(status, today));
  return [
    ...faults.map((fault) => ({ sentence: reasonOfFault(fault), readers: null })),
    ...own.map((trouble) => ({ sentence: reasonOfTrouble(trouble), readers: trouble })),
    ...removed.map((trouble) => ({ sentence: reasonOfTrouble(trouble), readers: null })),
  ];
}

/** The watchlists whose products are found in a list that could not be read for days, or never. */
async function checkLists({ watchlists, store, rules }: Ports): Promise<Reason[]> {
  const { list } = await watchlists();
  const finding = Map.groupBy(
    list.filter(({ vendor }) => vendor !== null),
    ({ tenant }) => tenant,
  );
  const reasons = await pMap(
    finding,
    async ([tenant, own]) => {
      const listing = await store.readListing(tenant);
      const sentence = listing && reasonOfListing(listing, rules.timeZone);
      return sentence
        ? own.map((one) => ({ sentence: `Watchlist "${one.name}": ${sentence}`, readers: chainOf(one) }))
        : [];
    },
    { concurrency },
  );
  return reasons.flat();
}

/** The statuses of configured watchlists, with those that are missing or damaged made anew from their runs. */
async function repaired(list: readonly Watchlist[], known: readonly WatchlistStatus[], ports: Ports) {
  const statuses = new Map(known.map((status) => [chainKey(status), status]));
  const chains = list.map(chainOf).filter((chain) => {
    const status = statuses.get(chainKey(chain));
    return !status || waitsSince(status) === null;
  });
  await pMap(
    chains,
    async (chain) => {
      const status = await repair(chain, statuses.get(chainKey(chain)), ports);
      statuses.set(chainKey(chain), status);
    },
    { concurrency },
  );
  return statuses;
}

/** From its runs, if it has any; otherwise it waits for its first run, or the next one, from now on. */
async function repair(chain: Chain, status: WatchlistStatus | undefined, ports: Ports): Promise<WatchlistStatus> {
  const end = status?.latest ? null : await unlessDamaged(chainEnd(ports.store, chain));
  const isKnown = end !== null && !(end instanceof RowError) && end.last !== null;
  if (!isKnown) return noteAwaited(chain, status, ports);
  const alerts = await listAlerts(chain, ports);
  return refreshStatus(chain, { runs: end.runs, last: end.last?.run ?? null, alerts }, ports);
}
