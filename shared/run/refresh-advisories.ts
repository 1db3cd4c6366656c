import type { FeedName, KevEntry } from "../core/advisory.ts";
import { buildCatalogue } from "../core/catalogue.ts";
import { hasShrunk, newlyExploited } from "../core/feed-check.ts";
import { monthsToRead } from "../core/msrc-month.ts";
import { logTexts } from "../log.ts";
import {
  FeedError,
  type FeedState,
  type Feeds,
  type MissedKb,
  type MsrcMonth,
  type Ports,
  type StoredAdvisories,
  type StoredMonth,
  TooLargeError,
  type Validators,
} from "../ports.ts";
import { raiseAlerts } from "./raise-alerts.ts";
import { lastRuns, type WatchedKbs, watchedKbs } from "./watched-kbs.ts";

/** So many months are read in one refresh at most: the newest first, the others in the next ones. */
const mostMonths = 12;
/** Within this time after its commit, a run is in the overview, which says that there is one. */
const copyMs = 10 * 60_000;

/**
 * Reads what MSRC and CISA have changed since the last refresh, and raises alerts of what became exploited. A feed that fails
 * changes nothing: the facts that were read before are kept. Throws only where something else failed, such as storage; the next
 * refresh then does the same again.
 */
export async function refreshAdvisories(ports: Ports): Promise<void> {
  const { feeds, store, now } = ports;
  if (!feeds) return;
  const refresh = { feeds, stored: await store.readAdvisories(), at: now().toISOString() };
  const results = await Promise.allSettled([readMsrc(refresh, ports), readKev(refresh)]);
  const [msrc, kev] = results.map((result) => (result.status === "fulfilled" ? result.value : null));
  const read = { months: msrc?.months ?? [], exploited: kev?.exploited ?? null };
  // Before anything is saved: a crash in between repeats the alerts, of which there is one for each CVE.
  await alertOf(refresh.stored, read, ports);
  if (msrc) await saveMsrc(msrc, refresh, ports);
  if (kev) await saveKev(kev, refresh, ports);
  const causes = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  if (causes.length > 0) throw new AggregateError(causes, `Advisories were not refreshed: ${causes.join("; ")}`);
}

interface Refresh {
  feeds: Feeds;
  /** What was known when it began. */
  stored: StoredAdvisories;
  /** When it began, ISO 8601 in UTC. */
  at: string;
}

/** How reading a feed went. */
interface Outcome {
  months: readonly StoredMonth[];
  /** `null`: not read, or not changed. */
  exploited: readonly KevEntry[] | null;
  skipped: number;
  /** What to ask the feed with next time; `null`: it did not answer. */
  validators: Validators | null;
  faults: readonly string[];
  notFound?: readonly MissedKb[];
}

const nothingRead: Outcome = { months: [], exploited: null, skipped: 0, validators: null, faults: [] };

/** What a feed answered, or why it cannot be used. */
async function orFault<T>(reading: Promise<T>): Promise<T | FeedError> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof FeedError) return error;
    throw error;
  }
}

async function readKev({ feeds, stored }: Refresh): Promise<Outcome> {
  const { kev, exploited: before } = stored;
  const answer = await orFault(feeds.readKev(kev.validators));
  if (answer instanceof FeedError) return { ...nothingRead, faults: [answer.message] };
  if (answer === null) return { ...nothingRead, validators: kev.validators };
  const { content: exploited, skipped, validators } = answer;
  if (before && hasShrunk("catalogue", before.length, exploited.length)) {
    const fault = `CISA's catalogue has shrunk from ${before.length} to ${exploited.length} entries, so it is not used.`;
    return { ...nothingRead, faults: [fault] };
  }
  return { ...nothingRead, exploited, skipped, validators };
}

async function readMsrc(refresh: Refresh, ports: Ports): Promise<Outcome> {
  const { feeds, stored } = refresh;
  const list = await orFault(feeds.readMonths(stored.msrc.validators));
  if (list instanceof FeedError) return { ...nothingRead, faults: [list.message] };
  const unchanged: Outcome = { ...nothingRead, validators: stored.msrc.validators, ...missedBefore(stored) };
  const runs = await lastRuns(ports);
  if (list === null && !runs.some(({ committedAt }) => isSince(stored.msrc.readAt, committedAt))) return unchanged;
  const watched = await watchedKbs(runs, monthsByKb(stored), ports);
  const needed = new Set([...watched.values()].flat());
  const known = new Set(stored.months.map(({ id }) => id));
  if (list === null && [...needed].every((id) => known.has(id)))
    return { ...unchanged, ...missed(watched, stored.months) };
  const complete = list ?? (await orFault(feeds.readMonths({})));
  if (complete instanceof FeedError) return { ...nothingRead, faults: [complete.message] };
  if (complete === null) return unchanged;
  const changed = changedMonths(complete.content, needed, stored);
  const outcome = await readMonths(changed.slice(0, mostMonths), refresh);
  const isDone = outcome.faults.length === 0 && changed.length <= mostMonths;
  return {
    ...{ ...outcome, skipped: outcome.skipped + complete.skipped },
    // Without validators, the list comes again next time, and with it another try at what is left.
    validators: isDone ? complete.validators : {},
    ...(isDone ? missed(watched, [...stored.months, ...outcome.months]) : missedBefore(stored)),
  };
}

/** Whether a run may not have been looked at when MSRC last answered. */
function isSince(readAt: string | null, committedAt: string): boolean {
  return readAt === null || Date.parse(committedAt) + copyMs >= Date.parse(readAt);
}

/** Where each KB is, or was looked for in vain. */
function monthsByKb({ months, msrc }: StoredAdvisories): WatchedKbs {
  const known = new Map<string, string[]>((msrc.notFound ?? []).map(({ id, months: possible }) => [id, [...possible]]));
  for (const { id: month, kbs } of months) {
    for (const { id } of kbs) known.set(id, [...(known.get(id) ?? []), month]);
  }
  return known;
}

/** The watched KBs that are in none of these months, which are all that could have them. */
function missed(watched: WatchedKbs, months: readonly StoredMonth[]): Pick<Outcome, "notFound"> {
  const found = new Set(months.flatMap(({ kbs }) => kbs.map(({ id }) => id)));
  const notFound = [...watched].filter(([id]) => !found.has(id)).map(([id, possible]) => ({ id, months: possible }));
  return notFound.length > 0 ? { notFound } : {};
}

function missedBefore({ msrc: { notFound } }: StoredAdvisories): Pick<Outcome, "notFound"> {
  return notFound ? { notFound } : {};
}

/** The months to read that have changed since they were read, or never were. */
function changedMonths(
  listed: readonly MsrcMonth[],
  needed: ReadonlySet<string>,
  { months }: StoredAdvisories,
): MsrcMonth[] {
  const [byId, read] = [listed, months].map((list) => new Map(list.map((month) => [month.id, month])));
  return monthsToRead([...(byId?.keys() ?? [])], needed).flatMap((id) => {
    const month = byId?.get(id);
    return month && read?.get(id)?.changedAt !== month.changedAt ? [month] : [];
  });
}

/** One after another, because each may be large. A month that fails keeps none of the others from being read. */
async function readMonths(changed: readonly MsrcMonth[], { feeds, stored }: Refresh): Promise<Outcome> {
  const months: StoredMonth[] = [];
  const faults: string[] = [];
  let skipped = 0;
  for (const { id, changedAt } of changed) {
    const answer = await orFault(feeds.readMonth(id));
    const before = stored.months.find((month) => month.id === id)?.kbs.length ?? 0;
    if (answer instanceof FeedError) faults.push(answer.message);
    else if (hasShrunk("month", before, answer.content.length)) {
      const now = answer.content.length;
      faults.push(`MSRC's document of ${id} has shrunk from ${before} to ${now} KBs, so it is not used.`);
    } else {
      months.push({ id, changedAt, kbs: answer.content });
      skipped += answer.skipped;
    }
  }
  return { ...nothingRead, months, faults, skipped };
}

async function alertOf(
  stored: StoredAdvisories,
  read: Pick<Outcome, "months" | "exploited">,
  ports: Ports,
): Promise<void> {
  const exploited = newlyExploited(stored, read, stored.msrc.fault?.since);
  if (exploited.size === 0) return;
  ports.log("info", "CVEs became exploited", { cves: [...exploited.keys()] });
  const readAgain = new Set(read.months.map(({ id }) => id));
  const months = [...stored.months.filter(({ id }) => !readAgain.has(id)), ...read.months];
  const { kbs } = buildCatalogue(months, null, { msrc: null, kev: null });
  await raiseAlerts(exploited, kbs.values(), ports);
}

async function saveMsrc(outcome: Outcome, { stored, at }: Refresh, ports: Ports): Promise<void> {
  const faults = [...outcome.faults];
  for (const month of outcome.months) {
    const fault = await orTooLarge(ports.store.saveMonth(month));
    if (fault !== null) faults.push(fault);
  }
  const { validators, notFound, months, skipped } = outcome;
  if (months.length > 0) {
    ports.log("info", "advisories read", { feed: "msrc", months: months.map(({ id }) => id), skipped });
  }
  // A month that was not saved is asked for again.
  const asked = faults.length > outcome.faults.length ? {} : validators;
  await saveState("msrc", { before: stored.msrc, validators: asked, faults, at, ...(notFound && { notFound }) }, ports);
}

async function saveKev({ exploited, validators, faults, skipped }: Outcome, { stored, at }: Refresh, ports: Ports) {
  const after = { before: stored.kev, validators, faults, at };
  if (exploited === null) return saveState("kev", after, ports);
  const fault = await orTooLarge(ports.store.saveKev(exploited, stateAfter(after)));
  if (fault !== null) return saveState("kev", { ...after, validators: null, faults: [fault] }, ports);
  ports.log("info", "advisories read", { feed: "kev", cves: exploited.length, skipped });
}

/** Why something cannot be saved; `null`: it was. */
async function orTooLarge(saving: Promise<void>): Promise<string | null> {
  try {
    await saving;
    return null;
  } catch (error) {
    if (error instanceof TooLargeError) return error.message;
    throw error;
  }
}

interface After extends Pick<Outcome, "validators" | "faults" | "notFound"> {
  before: FeedState;
  at: string;
}

function stateAfter({ before, validators, faults, notFound, at }: After): FeedState {
  const since = before.fault?.since ?? at;
  const fault = faults.length > 0 ? { fault: { reason: faults.join(" "), since } } : {};
  const { fault: _, ...known } = before;
  if (validators === null) return { ...known, ...fault };
  return { validators, readAt: at, ...(notFound && { notFound }), ...fault };
}

async function saveState(feed: FeedName, after: After, { store, log }: Ports): Promise<void> {
  const state = stateAfter(after);
  if (state.fault) log("warn", logTexts.feedFault, { feed, ...state.fault });
  await store.saveFeed(feed, state);
}
