import type { ExploitedAlert } from "../core/alert.ts";
import type { Chain } from "../core/message.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { summarize, type WatchlistStatus } from "../core/watchlist-status.ts";
import type { Ports } from "../ports.ts";

/** All that a status is made of; `last` is the last scheduled run. */
interface Known {
  runs: readonly RunSummary[];
  last: Run | null;
  alerts: readonly ExploitedAlert[];
}

/** Writes what a configured watchlist's runs and alerts say of it, for overview and health. */
export async function refreshStatus(
  chain: Chain,
  { runs, last, alerts }: Known,
  { store }: Pick<Ports, "store">,
): Promise<WatchlistStatus> {
  const status = summarize(chain, runs, last, alerts);
  await store.saveStatus(status);
  return status;
}

/** Notes that a watchlist waits for its next run from now on: it is new, or it is configured again. */
export async function noteAwaited(
  chain: Chain,
  status: WatchlistStatus | undefined,
  { store, now }: Pick<Ports, "store" | "now">,
): Promise<WatchlistStatus> {
  const known = status ?? summarize(chain, [], null);
  const awaited = { ...known, removedOn: null, awaitedSince: now().toISOString() };
  await store.saveStatus(awaited);
  return awaited;
}
