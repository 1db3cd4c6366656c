import type { Chain } from "../core/message.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { summarize, type WatchlistStatus } from "../core/watchlist-status.ts";
import type { Ports } from "../ports.ts";

/** Writes what a configured watchlist's runs say of it, for overview and health; `last` is its last scheduled run. */
export async function refreshStatus(
  chain: Chain,
  { runs, last }: { runs: readonly RunSummary[]; last: Run | null },
  { store }: Pick<Ports, "store">,
): Promise<WatchlistStatus> {
  const status = summarize(chain, runs, last);
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
