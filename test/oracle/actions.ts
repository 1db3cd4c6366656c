// docs/rules.md §7: what to install.

import { isMissing, largestOf } from "./figures.ts";
import { isExploited, replaces, supersededBy } from "./known.ts";
import { byNumber } from "./order.ts";
import type { Action, Entry, OracleReport } from "./types.ts";

/** What closes every missing entry of a report, the most urgent first. */
export function actionsOf({ entries, advisories }: Pick<OracleReport, "entries" | "advisories">): Action[] {
  const missing = entries.filter(isMissing);
  const closing = missing.map((entry) => {
    const there = missing.filter(({ softwareId }) => softwareId === entry.softwareId);
    return {
      entry,
      key: keyToInstall(entry, there, (newer, older) => replaces(newer, older, supersededBy(advisories))),
    };
  });
  const actions = [...Map.groupBy(closing, ({ key }) => key)].map(([key, closed]): Action => {
    const own = closed.map(({ entry }) => entry);
    const installs = own.filter((entry) => entry.key === key);
    return {
      key,
      installs,
      covers: own.filter((entry) => entry.key !== key),
      exploited: own.some((entry) => isExploited(entry.key, advisories)),
      machines: largestOf(installs, "machines"),
      since: own.map(({ since }) => since).sort()[0] ?? "",
    };
  });
  return actions.sort((one, other) => {
    return (
      Number(other.exploited) - Number(one.exploited) ||
      (other.machines ?? -1) - (one.machines ?? -1) ||
      (one.since < other.since ? -1 : one.since > other.since ? 1 : byNumber(one.key, other.key))
    );
  });
}

function keyToInstall(
  entry: Entry,
  there: readonly Entry[],
  replaced: (newer: string, older: string) => boolean,
): string {
  const newest = there.filter(({ key }) => replaced(key, entry.key) && !there.some((one) => replaced(one.key, key)));
  const [best] = newest.sort((one, other) => {
    return (other.current?.machines ?? -1) - (one.current?.machines ?? -1) || byNumber(one.key, other.key);
  });
  return best?.key ?? entry.key;
}
