import { addDays } from "../../shared/core/day.ts";
import type { Dice } from "../chaos/dice.ts";
import type { Known, KnownKb } from "../oracle/types.ts";

/** What MSRC and CISA know and what of it the app has heard. */
export interface Feeds {
  /** By number, of each KB that MSRC will ever know. */
  kbs: Map<string, KnownKb>;
  /** KBs whose month the app has read. */
  heard: Set<string>;
  /** CVEs that MSRC calls exploited. */
  exploited: Set<string>;
  kev: Set<string>;
  /** Days for which nothing can be read. */
  down: number;
}

const cves = Array.from({ length: 12 }, (_, index) => `CVE-2026-${20_000 + index}`) as [string, ...string[]];

/** Feeds about KBs with these numbers, the older ones first: each may replace others, also through KBs that no product lists. */
export function makeFeeds(numbers: readonly string[], start: string, dice: Dice): Feeds {
  const kbs = new Map<string, KnownKb>();
  const known = numbers.filter(() => dice.chance(0.85));
  for (const [index, id] of known.entries()) {
    const before = known[index - 1];
    const supersedes: string[] = [];
    if (before !== undefined && dice.chance(0.7))
      supersedes.push(dice.chance(0.2) ? addGhost(before, kbs, dice) : before);
    if (dice.chance(0.2)) supersedes.push(dice.pick(known as [string, ...string[]]));
    if (dice.chance(0.05)) supersedes.push(id);
    const closes = cves.filter(() => dice.chance(0.15));
    const released = addDays(start, dice.below(160) - 80);
    kbs.set(id, { released, supersedes: [...new Set(supersedes)], cves: closes, exploitedCves: [] });
  }
  const all = [...kbs.keys()];
  const heard = new Set(all.filter(() => dice.chance(0.7)));
  const kev = new Set(cves.filter(() => dice.chance(0.05)));
  return { kbs, heard, exploited: new Set(), kev, down: 0 };
}

/** A KB between two that Defender lists, which it never lists itself. */
function addGhost(before: string, kbs: Map<string, KnownKb>, dice: Dice): string {
  const id = `7${before.slice(1)}`;
  const supersedes = dice.chance(0.9) ? [before] : [before, id];
  kbs.set(id, { released: "2026-02-10", supersedes, cves: [], exploitedCves: [] });
  return id;
}

/** Lives a day of the feeds: months that come late, CVEs that become exploited, days on which nothing can be read. */
export function liveFeeds(feeds: Feeds, { dice, news }: { dice: Dice; news: number }): void {
  if (feeds.down > 0) feeds.down -= 1;
  else if (dice.chance(news / 2)) feeds.down = 1 + dice.below(6);
  const late = [...feeds.kbs.keys()].filter((id) => !feeds.heard.has(id));
  for (const id of late) if (dice.chance(news)) feeds.heard.add(id);
  if (dice.chance(news)) (dice.chance(0.6) ? feeds.kev : feeds.exploited).add(dice.pick(cves));
}

/** What the app knows after it has read them. */
export function knownNow({ kbs, heard, exploited, kev }: Feeds): Known {
  const read = [...kbs].filter(([id]) => heard.has(id));
  const said = read.map(([id, kb]): [string, KnownKb] => [
    id,
    { ...kb, exploitedCves: kb.cves.filter((cve) => exploited.has(cve)) },
  ]);
  return { kbs: Object.fromEntries(said), kev: [...kev].sort() };
}

/** Whether one KB replaces another, by all that MSRC knows. */
export function doesReplace({ kbs }: Feeds, newer: string, older: string): boolean {
  const seen = new Set<string>();
  const open = [newer];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const next of kbs.get(id)?.supersedes ?? []) {
      if (next === older) return true;
      if (!seen.has(next)) open.push(next);
      seen.add(next);
    }
  }
  return false;
}
