import { minutesUntilLate } from "../core/deadline.ts";
import { chainKey } from "../core/message.ts";
import { countWatched } from "../core/totals.ts";
import type { Expected } from "../core/trouble.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { WatchlistStatus } from "../core/watchlist-status.ts";
import type { Ports } from "../ports.ts";
import { nextRun } from "../run/next-run.ts";

/** Nobody knows how many products a first run finds: first sights take three reads each. */
const firstRun = 1_000;

/**
 * By when the runs and mails of each of the configured watchlists are expected; a tenant's are read one after another. Those
 * that a watchlist finds are as many as in its last run.
 */
export function expectations(
  list: readonly Watchlist[],
  statuses: readonly WatchlistStatus[],
  { now, rules }: Pick<Ports, "now" | "rules">,
): (watchlist: Watchlist) => Expected {
  const products = new Map<string, Set<string>>();
  const found = new Map<string, number>();
  for (const { tenant, softwareIds, vendor, name } of list) {
    const known = products.get(tenant) ?? new Set();
    products.set(tenant, known);
    for (const softwareId of softwareIds) known.add(softwareId);
    const { latest } =
      (vendor && statuses.find((one) => chainKey(one) === chainKey({ tenant, watchlist: name }))) || {};
    found.set(tenant, Math.max(found.get(tenant) ?? 0, latest ? countWatched(latest.totals) : vendor ? firstRun : 0));
  }
  // Most watchlists' last runs were opened by the same firing of the timer.
  const firings = new Map<number, Date | null>();
  const next = (after: Date) => {
    const at = after.getTime();
    const known = firings.get(at);
    const run = known === undefined ? nextRun(rules.schedule, after) : known;
    firings.set(at, run);
    return run;
  };
  return ({ tenant }) => ({
    now: now(),
    nextRun: next,
    minutesUntilLate: minutesUntilLate((products.get(tenant)?.size ?? 0) + (found.get(tenant) ?? 0), rules),
  });
}
