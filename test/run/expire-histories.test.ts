import fc from "fast-check";
import { expect, test } from "vitest";
import type { Comparison } from "../../shared/core/comparison.ts";
import { addDays, calendarDay } from "../../shared/core/day.ts";
import type { Mail } from "../../shared/core/mail.ts";
import type { Run } from "../../shared/core/run.ts";
import { isScheduled, onDemandRunId, type RunId, runDay, scheduledRunId } from "../../shared/core/run-id.ts";
import { isPastRetention } from "../../shared/core/run-list.ts";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import type { SnapshotKey } from "../../shared/ports.ts";
import { expire } from "../../shared/run/expire.ts";
import { aWatchlist, chainOf } from "../support/builders.ts";
import { Crash, type CrashPoint, crashingAt } from "../support/drive.ts";
import {
  commitRun,
  configure,
  expireAll,
  type KeptWorld,
  keptWorld,
  readRuns,
  setMail,
  takeSnapshots,
} from "../support/retention.ts";

const products = ["edge", "office", "windows_10", "windows_11"];
const names = ["first", "second"];
const retentionDays = 5;
const hour = 3_600_000;

/** What happens to a watchlist on one day. */
interface WatchlistDay {
  isConfigured: boolean;
  softwareIds: string[];
  /** When its scheduled run commits, seen from retention. */
  commits: "before" | "after" | "never";
  mail: Mail["status"];
  /** A run asked for, this many hours before or after the scheduled one; it never commits where it is `null`. */
  asked: { hours: number; mail: Mail["status"]; commits: "before" | "after" | "never" } | undefined;
}

interface Day {
  watchlists: WatchlistDay[];
  /** What can be read. */
  readable: string[];
  /** Whether all mails that are owed go out first. */
  isSent: boolean;
  /** Where retention's first step crashes. */
  crash: CrashPoint | undefined;
  isHurried: boolean;
}

const usually = <T>(value: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constant(value), weight: 4 }, { arbitrary: other, weight: 1 });
const commits = usually<WatchlistDay["commits"]>("before", fc.constantFrom("after", "never"));
const aMail = fc.constantFrom<Mail["status"]>("none", "none", "none", "sent", "pending", "refused");
const aWatchlistDay: fc.Arbitrary<WatchlistDay> = fc.record({
  isConfigured: usually(true, fc.constant(false)),
  softwareIds: fc.subarray(products, { minLength: 1 }),
  commits,
  mail: aMail,
  asked: usually<WatchlistDay["asked"]>(
    undefined,
    fc.record({ hours: fc.integer({ min: 1, max: 11 }), mail: aMail, commits }),
  ),
});
const aDay: fc.Arbitrary<Day> = fc.record({
  watchlists: fc.tuple(aWatchlistDay, aWatchlistDay),
  readable: usually(products, fc.subarray(products)),
  isSent: fc.boolean(),
  crash: usually<CrashPoint | undefined>(
    undefined,
    fc.record({ call: fc.integer({ min: 1, max: 60 }), after: fc.boolean() }),
  ),
  isHurried: fc.boolean(),
});

/** A day repeated for a while, so that lists last longer than the retention at times. */
const aHistory = fc
  .array(fc.tuple(aDay, usually(1, fc.integer({ min: 2, max: 9 }))), { minLength: 4, maxLength: 14 })
  .map((days) => days.flatMap(([day, times]) => Array<Day>(times).fill(day)));

test("no kept run loses a snapshot, and nothing that is too old stays", { timeout: 60_000 }, async () => {
  const timeZones = fc.constantFrom("UTC", "America/Los_Angeles", "Pacific/Kiritimati");
  await fc.assert(
    fc.asyncProperty(aHistory, timeZones, async (days, timeZone) => {
      const world = keptWorld([], retentionDays, timeZone);
      const named = new Map<string, string>();
      let noon = Date.parse("2026-11-02T12:00:00Z");
      for (const day of days) {
        await live(world, day, noon, named);
        noon += 24 * hour;
      }
      // Both are removed; what they leave behind goes in time.
      configure(world, [aWatchlist({ name: "third" })]);
      for (let left = 0; left < 30; left++) {
        world.setClock(noon);
        await expireAll(world);
        await checkKept(world, named);
        noon += 24 * hour;
      }
      for (const name of names) expect(await world.ports.store.listRuns(chainOf(name))).toEqual([]);
      expect(await world.ports.store.listStatuses()).toEqual([]);
      // What no run ever named, or was read after the last run that did, leads nobody there.
      const left = await existing(world);
      expect(left.filter(({ softwareId, runId }) => runDay(runId, timeZone) <= (named.get(softwareId) ?? ""))).toEqual(
        [],
      );
    }),
    { numRuns: 40 },
  );
});

/** One day: runs that commit before and after retention, or never. */
async function live(world: KeptWorld, day: Day, noon: number, named: Map<string, string>): Promise<void> {
  const { store, rules } = world.ports;
  const all = day.watchlists.map(({ softwareIds }, index) => aWatchlist({ name: names[index] ?? "", softwareIds }));
  const runs = day.watchlists.flatMap((one, index) => planned(one, all[index] ?? aWatchlist(), noon, rules.timeZone));
  const present = all.filter((_, index) => day.watchlists[index]?.isConfigured);
  configure(world, [...present, aWatchlist({ name: "third" })]);
  const readable = new Set(day.readable);
  for (const { watchlist, runId, at } of runs) {
    world.setClock(at);
    await takeSnapshots(
      world,
      runId,
      watchlist.softwareIds.filter((id) => readable.has(id)),
    );
  }
  const commitThose = async (when: "before" | "after") => {
    for (const run of runs.filter(({ commits }) => commits === when)) {
      world.setClock(run.at);
      await commitRun(world, run.watchlist, run.runId, run.mail);
    }
  };
  await commitThose("before");
  if (day.isSent) await sendAll(world);
  world.setClock(noon + hour / 3);
  await crashOnce(world, day.crash);
  await expireAll(world, day.isHurried);
  expect(await store.readBookmark("home")).toMatchObject({ isDone: true });
  await checkRuns(world, present);
  await checkKept(world, named);
  await commitThose("after");
}

interface Planned extends Pick<WatchlistDay, "commits" | "mail"> {
  watchlist: Watchlist;
  runId: RunId;
  at: number;
}

function planned(one: WatchlistDay, watchlist: Watchlist, noon: number, timeZone: string): Planned[] {
  if (!one.isConfigured) return [];
  const runId = scheduledRunId(new Date(noon), timeZone);
  const scheduled = { watchlist, runId, at: noon, commits: one.commits, mail: one.mail };
  if (!one.asked) return [scheduled];
  const { hours, ...asked } = one.asked;
  const at = noon + (asked.commits === "before" ? -hours : hours) * hour;
  const run = { ...asked, watchlist, runId: onDemandRunId(new Date(at)), at };
  return [scheduled, run].sort((a, b) => a.at - b.at);
}

async function sendAll({ ports: { store } }: KeptWorld): Promise<void> {
  for (const name of names) {
    for (const { runId, mail } of await store.listRuns(chainOf(name))) {
      if (mail.status === "pending") await setMail(store, chainOf(name), runId, "sent");
    }
  }
}

async function crashOnce({ ports }: KeptWorld, crash: CrashPoint | undefined): Promise<void> {
  if (!crash) return;
  const day = calendarDay(ports.now(), ports.rules.timeZone);
  try {
    await expire({ tenant: "home", day }, crashingAt(crash, ports), new AbortController().signal);
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
}

/** Whether no young run went, and no old one of a configured watchlist stayed that the rules do not keep. */
async function checkRuns({ ports, committed }: KeptWorld, watchlists: readonly Watchlist[]): Promise<void> {
  const first = addDays(calendarDay(ports.now(), ports.rules.timeZone), -retentionDays);
  for (const run of committed.filter(({ day }) => day >= first)) {
    expect(await ports.store.readRun(run, run.runId)).not.toBeNull();
  }
  for (const { name } of watchlists) {
    const runs = await ports.store.listRuns(chainOf(name));
    const scheduled = runs.filter(({ runId }) => isScheduled(runId));
    const sent = scheduled.map(({ mail }) => mail.status).lastIndexOf("sent");
    const sinceDigest = scheduled.slice(sent < 0 ? scheduled.length - 1 : sent);
    const old = runs.filter((run) => run.day < first && run.mail.status !== "pending" && !sinceDigest.includes(run));
    expect(old.map(({ runId }) => runId)).toEqual([]);
  }
}

/** Reads all that is kept; `named` remembers the last day on which a run named a product. */
async function checkKept(world: KeptWorld, named: Map<string, string>): Promise<void> {
  const { rules, now } = world.ports;
  const runs = (await Promise.all(names.map((name) => readRuns(world.ports, chainOf(name))))).flat();
  const left = await existing(world);
  const exist = new Set(left.map(nameOf));
  const needed = new Set<string>();
  for (const run of runs) {
    for (const { softwareId, previous } of run.comparisons)
      if (previous) needed.add(nameOf({ softwareId, runId: previous }));
    for (const { softwareId, current } of [...run.comparisons, ...run.left]) {
      if (run.day > (named.get(softwareId) ?? "")) named.set(softwareId, run.day);
      if (current) needed.add(nameOf({ softwareId, runId: current }));
    }
  }
  expect([...needed].filter((name) => !exist.has(name))).toEqual([]);
  const today = calendarDay(now(), rules.timeZone);
  const old = left.filter(({ runId }) => isPastRetention(runId, today, rules));
  expect(old.filter((key) => !needed.has(nameOf(key)) && isFound(key, runs) && !isKeptWithRun(key, runs))).toEqual([]);
}

function nameOf({ softwareId, runId }: Pick<SnapshotKey, "softwareId" | "runId">): string {
  return `${runId} ${softwareId}`;
}

/**
 * Whether a kept scheduled run leads to the product. One that could not be read, or that only a run asked for had, is found
 * when that run goes.
 */
function isFound({ softwareId }: SnapshotKey, runs: readonly Run[]): boolean {
  const scheduled = runs.filter(({ runId }) => isScheduled(runId));
  return comparisonsOf(softwareId, scheduled).some(({ current }) => current !== null);
}

/** A snapshot may stay with a kept run of its id, where the watchlist has the product in another run. */
function isKeptWithRun({ softwareId, runId }: SnapshotKey, runs: readonly Run[]): boolean {
  const owners = new Set(runs.filter((run) => run.runId === runId).map(({ watchlist }) => watchlist));
  const theirs = runs.filter(({ watchlist }) => owners.has(watchlist));
  return comparisonsOf(softwareId, theirs).length > 0;
}

function comparisonsOf(softwareId: string, runs: readonly Run[]): Comparison[] {
  return runs.flatMap((run) => [...run.comparisons, ...run.left]).filter((one) => one.softwareId === softwareId);
}

async function existing({ ports, taken }: KeptWorld): Promise<SnapshotKey[]> {
  const found = await Promise.all(taken.map(async (key) => ((await ports.store.readSnapshot(key)) ? [key] : [])));
  return found.flat();
}
