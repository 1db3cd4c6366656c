import { minutesUntilLate } from "../core/deadline.ts";
import type { Expected } from "../core/trouble.ts";
import type { Watchlist } from "../core/watchlist.ts";
import type { Ports } from "../ports.ts";
import { nextRun } from "../run/next-run.ts";

/** By when the runs and mails of each of the configured watchlists are expected; a tenant's are read one after another. */
export function expectations(
  list: readonly Watchlist[],
  { now, rules }: Pick<Ports, "now" | "rules">,
): (watchlist: Watchlist) => Expected {
  const products = new Map<string, Set<string>>();
  for (const { tenant, softwareIds } of list) {
    const known = products.get(tenant) ?? new Set();
    products.set(tenant, known);
    for (const softwareId of softwareIds) known.add(softwareId);
  }
  // Most watchlists' last runs were opened by the same firing of the timer.
  const found = new Map<number, Date | null>();
  const next = (after: Date) => {
    const at = after.getTime();
    const known = found.get(at);
    const run = known === undefined ? nextRun(rules.schedule, after) : known;
    found.set(at, run);
    return run;
  };
  return ({ tenant }) => ({
    now: now(),
    nextRun: next,
    minutesUntilLate: minutesUntilLate(products.get(tenant)?.size ?? 0, rules),
  });
}
