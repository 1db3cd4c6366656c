import type { Chain } from "../core/message.ts";
import type { Run, RunSummary } from "../core/run.ts";
import { summarize } from "../core/watchlist-status.ts";
import type { Ports } from "../ports.ts";

/** Writes what a configured watchlist's runs say of it, for overview and health; `last` is its last scheduled run. */
export async function refreshStatus(
  chain: Chain,
  { runs, last }: { runs: readonly RunSummary[]; last: Run | null },
  { store }: Pick<Ports, "store">,
): Promise<void> {
  await store.saveStatus(summarize(chain, runs, last));
}
