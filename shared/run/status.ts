import type { Chain } from "../core/message.ts";
import { summarize } from "../core/watchlist-status.ts";
import type { Ports } from "../ports.ts";
import type { ChainEnd } from "./chain.ts";

/** Writes what a configured watchlist's runs say of it, for overview and health. */
export async function refreshStatus(
  chain: Chain,
  { runs, last }: Pick<ChainEnd, "runs" | "last">,
  { store }: Pick<Ports, "store">,
): Promise<void> {
  await store.saveStatus(summarize(chain, runs, last?.run ?? null));
}
