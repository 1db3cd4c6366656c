import pMap from "p-map";
import type { ExploitedAlert } from "../core/alert.ts";
import type { RunDate } from "../core/day.ts";
import type { Chain } from "../core/message.ts";
import { decidingRuns, keptOfRemoved, keptRuns } from "../core/retention.ts";
import type { Run, RunSummary } from "../core/run.ts";
import type { RunId } from "../core/run-id.ts";
import { isPastRetention } from "../core/run-list.ts";
import { type Ports, RowError } from "../ports.ts";
import { cancelAlerts, listAlerts } from "./alerts.ts";
import { cancelMails, isLetGo, type Known, knownWatchlists, noteState, refresh } from "./known-watchlists.ts";
import { unlessDamaged } from "./unless-damaged.ts";

const concurrency = 8;

/** What of a tenant goes. */
export interface ExpiryPlan {
  watchlists: readonly WatchlistPlan[];
  /** The products whose old snapshots go, each with the runs whose snapshots stay. */
  products: ReadonlyMap<string, ReadonlySet<RunId>>;
}

interface WatchlistPlan {
  chain: Chain;
  /** Runs to delete. */
  expired: readonly RunSummary[];
  /** Alerts to delete. */
  alerts: readonly ExploitedAlert[];
  /** Whether nothing is left of it then. */
  isOver: boolean;
}

/** A day's retention of a tenant. */
interface Pass {
  tenant: string;
  day: RunDate;
  /** The first day whose runs are kept. */
  since: RunDate;
}

/** The products of a tenant whose snapshots are looked through. */
interface Products {
  /** Each with the runs whose snapshots a kept run names. */
  needed: Map<string, Set<RunId>>;
  /** Those of which a damaged row may name any snapshot. */
  frozen: Set<string>;
}

/**
 * Finds what of a tenant goes. On the way it repairs the watchlists' statuses, notes which ones were removed, and cancels the
 * mails that these have owed for too long.
 */
export async function planExpiry(pass: Pass, ports: Ports): Promise<ExpiryPlan> {
  const products: Products = { needed: new Map(), frozen: new Set() };
  const known = await knownWatchlists(pass.tenant, ports);
  const watchlists = await pMap(known, (one) => planWatchlist(one, pass, products, ports), { concurrency });
  for (const softwareId of products.frozen) products.needed.delete(softwareId);
  return { watchlists, products: products.needed };
}

async function planWatchlist(known: Known, pass: Pass, products: Products, ports: Ports): Promise<WatchlistPlan> {
  const { chain, status } = known;
  const { since, day } = pass;
  const isNoted = await noteState(known, day, ports);
  const listed = await unlessDamaged(ports.store.listRuns(chain));
  if (listed instanceof RowError) {
    const last = await readRuns(chain, status?.latest ? [status.latest] : [], productsOf, ports);
    return keepAll(known, { named: last.found.flat(), damage: listed }, products, ports);
  }
  const isGone = isLetGo(known, day);
  const runs = isGone ? await cancelMails(chain, listed, ports) : listed;
  const kept = new Set(isGone ? keptOfRemoved(runs, since) : keptRuns(runs, since));
  const deciding = decidingRuns([...kept], { since, days: ports.rules.retentionDays });
  const read = await readRuns(chain, deciding, (run) => run, ports);
  if (known.state === "removed") await cancelAlerts(chain, ports);
  const alerts = await listAlerts(chain, ports);
  if (!isNoted) await refresh(known, { runs: [...kept], alerts }, read.found, ports);
  const expired = runs.filter((run) => !kept.has(run));
  // Some products may be named by these alone.
  const going = await readRuns(chain, expired, productsOf, ports);
  const named = new Set([...read.found.flatMap(productsOf), ...going.found.flat()]);
  if (read.damage) return keepAll(known, { named, damage: read.damage }, products, ports);
  const isOld = ({ runId }: RunSummary) => isPastRetention(runId, day, ports.rules);
  noteNeeded(read.found, [...kept].filter(isOld), named, products);
  const isOver = isGone && kept.size === 0;
  return { chain, expired, alerts: alerts.filter(({ openedAt }) => isOver || openedAt < since), isOver };
}

/** Nobody knows what a damaged row names: everything of its watchlist stays until it is restored, deleted or too old. */
function keepAll(
  { chain, softwareIds }: Known,
  { named, damage }: { named: Iterable<string>; damage: RowError },
  { frozen }: Products,
  { log }: Ports,
): WatchlistPlan {
  for (const softwareId of [...softwareIds, ...named]) frozen.add(softwareId);
  log("error", "runs kept because of a damaged row", { ...chain, reason: damage.message });
  return { chain, expired: [], alerts: [], isOver: false };
}

/** `read`: the deciding runs. `old`: the kept runs whose own snapshots could go. `named`: all products of the watchlist. */
function noteNeeded(
  read: readonly Run[],
  old: readonly RunSummary[],
  named: ReadonlySet<string>,
  { needed }: Products,
): void {
  for (const softwareId of named) if (!needed.has(softwareId)) needed.set(softwareId, new Set());
  const oldIds = old.map(({ runId }) => runId);
  for (const { softwareId, runIds } of read.flatMap(namesOf)) {
    for (const runId of [...runIds, ...oldIds]) if (runId !== null) needed.get(softwareId)?.add(runId);
  }
}

/** The snapshots that a run's report shows, and those that products which left the list are compared with when they return. */
function namesOf({ comparisons, left }: Run): { softwareId: string; runIds: (RunId | null)[] }[] {
  return [
    ...comparisons.map(({ softwareId, previous, current }) => ({ softwareId, runIds: [previous, current] })),
    ...left.map(({ softwareId, current }) => ({ softwareId, runIds: [current] })),
  ];
}

function productsOf({ comparisons, left }: Run): string[] {
  return [...comparisons, ...left].map(({ softwareId }) => softwareId);
}

/** What `pick` takes of the runs that exist, and the first damage among them. */
async function readRuns<T>(
  chain: Chain,
  runs: readonly Pick<Run, "runId">[],
  pick: (run: Run) => T,
  { store }: Pick<Ports, "store">,
): Promise<{ found: T[]; damage: RowError | undefined }> {
  const read = await pMap(
    runs,
    async ({ runId }) => {
      const stored = await unlessDamaged(store.readRun(chain, runId));
      return stored instanceof RowError ? stored : stored && [pick(stored.run)];
    },
    { concurrency },
  );
  return {
    found: read.flatMap((one) => (one instanceof RowError || one === null ? [] : one)),
    damage: read.find((one) => one instanceof RowError),
  };
}
