import { calendarDay } from "../../shared/core/day.ts";
import type { Mail } from "../../shared/core/mail.ts";
import type { Chain } from "../../shared/core/message.ts";
import { closeRun, lastComparisons, type Outcome, type Run } from "../../shared/core/run.ts";
import { isScheduled, type RunId, runDay } from "../../shared/core/run-id.ts";
import type { Watchlist } from "../../shared/core/watchlist.ts";
import type { SnapshotKey, Store } from "../../shared/ports.ts";
import { chainEnd } from "../../shared/run/chain.ts";
import { expire } from "../../shared/run/expire.ts";
import { refreshStatus } from "../../shared/run/status.ts";
import { aSnapshot, eachOf } from "./builders.ts";
import { configured, type FakeWorld, fakeWorld } from "./fake-world.ts";

/** A world in which runs are written straight into the store, and all snapshots and runs that it ever had. */
export interface KeptWorld extends FakeWorld {
  taken: SnapshotKey[];
  committed: Run[];
}

/** Watchlists of the home tenant, with a short retention. */
export function keptWorld(watchlists: readonly Watchlist[], retentionDays = 5, timeZone = "UTC"): KeptWorld {
  const world = fakeWorld(watchlists);
  world.ports.rules = { ...world.ports.rules, retentionDays, timeZone };
  return { ...world, taken: [], committed: [] };
}

/** Configures these watchlists from now on. */
export function configure({ ports }: KeptWorld, ...given: Parameters<typeof configured>): void {
  ports.watchlists = configured(...given);
}

/** Stores a run's snapshots of products. */
export async function takeSnapshots(world: KeptWorld, runId: RunId, softwareIds: Iterable<string>): Promise<void> {
  const day = runDay(runId, world.ports.rules.timeZone);
  for (const softwareId of softwareIds) {
    const isNew = await world.ports.store.addSnapshot(aSnapshot({ softwareId, runId, day }));
    if (isNew) world.taken.push({ tenant: "home", softwareId, runId });
  }
}

/** Commits a run of a watchlist over the snapshots that were taken, with its mail in this status. */
export async function commitRun(
  { ports, committed }: KeptWorld,
  watchlist: Watchlist,
  runId: RunId,
  status: Mail["status"] = "sent",
): Promise<void> {
  const { store, rules, now } = ports;
  const { tenant, name, softwareIds } = watchlist;
  const chain = { tenant, watchlist: name };
  const { last } = await chainEnd(store, chain);
  const before = lastComparisons(last?.run ?? null);
  const at = now().toISOString();
  const opening = {
    ...{ watchlist, runId, day: runDay(runId, rules.timeZone), openedAt: at, committedAt: at },
    ...{ timeZone: rules.timeZone, retentionDays: rules.retentionDays, last: last?.run ?? null },
  };
  const outcomes = softwareIds.map(async (softwareId): Promise<Outcome> => {
    const compared = before.get(softwareId)?.current;
    const previous = compared ? await store.readSnapshot({ tenant, softwareId, runId: compared }) : null;
    return { softwareId, previous, current: await store.readSnapshot({ tenant, softwareId, runId }) };
  });
  const run = await closeRun(opening, eachOf(await Promise.all(outcomes)));
  const mail = { ...run.mail, status, at };
  const isCommitted = await store.commitRun({ ...run, mail }, isScheduled(runId) ? last : null);
  if (!isCommitted) throw new Error(`${runId} of ${name} was not committed.`);
  committed.push(run);
  const end = await chainEnd(store, chain);
  await refreshStatus(chain, { runs: end.runs, last: end.last?.run ?? null, alerts: [] }, ports);
}

/** Gives a run's mail another status. */
export async function setMail(store: Store, chain: Chain, runId: RunId, status: Mail["status"]): Promise<void> {
  const stored = await store.readRun(chain, runId);
  if (!stored) throw new Error(`There is no run ${runId}.`);
  await store.updateMail(stored.run, stored.version, { ...stored.run.mail, status });
}

/** The scheduled run of a day at noon UTC: reads the products of all these watchlists, and commits. */
export async function play(
  world: KeptWorld,
  day: string,
  watchlists: readonly Watchlist[],
  status?: Mail["status"],
): Promise<void> {
  world.setClock(`${day}T12:00:00Z`);
  await takeSnapshots(world, day, new Set(watchlists.flatMap(({ softwareIds }) => softwareIds)));
  for (const watchlist of watchlists) await commitRun(world, watchlist, day, status);
}

/** Finishes a day's retention, in steps of the shortest time if `isHurried`; returns how many it took. */
export async function expireAll({ ports }: Pick<KeptWorld, "ports">, isHurried = false): Promise<number> {
  const day = calendarDay(ports.now(), ports.rules.timeZone);
  const signal = isHurried ? AbortSignal.abort() : new AbortController().signal;
  for (let steps = 1; steps < 1_000; steps++)
    if ((await expire({ tenant: "home", day }, ports, signal)) === null) return steps;
  throw new Error("Retention does not come to an end.");
}

/** The ids of a watchlist's runs. */
export async function runIdsOf({ ports }: KeptWorld, watchlist = "default"): Promise<RunId[]> {
  return (await ports.store.listRuns({ tenant: "home", watchlist })).map(({ runId }) => runId);
}

/** The runs that took the snapshots of a product that exist. */
export async function snapshotsOf({ ports, taken }: KeptWorld, softwareId: string): Promise<RunId[]> {
  const all = taken.filter((key) => key.softwareId === softwareId);
  const found = await Promise.all(all.map(async (key) => ((await ports.store.readSnapshot(key)) ? [key.runId] : [])));
  return found.flat().sort();
}

/** All that a watchlist's runs are: read one by one. */
export async function readRuns({ store }: Pick<FakeWorld["ports"], "store">, chain: Chain): Promise<Run[]> {
  const runs: Run[] = [];
  for (const { runId } of await store.listRuns(chain)) {
    const stored = await store.readRun(chain, runId);
    if (stored) runs.push(stored.run);
  }
  return runs;
}
