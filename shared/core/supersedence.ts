import { earliest, type RunDate } from "./day.ts";
import type { MissingKb } from "./missing-kb.ts";
import { compareText } from "./text.ts";

/** Which KBs replace which, by MSRC's word. */
export interface Lineage {
  /**
   * All KBs that `id` replaces, through any number of steps and also through KBs that are not listed. Of KBs that replace each
   * other in a circle, none replaces another.
   */
  replacedBy(id: string): ReadonlySet<string>;
  /** The day on which MSRC released a KB; `null`: unknown. */
  releasedOn(id: string): RunDate | null;
}

/** What is asked of each KB; both are empty for one that MSRC does not know. */
export interface KbRelease {
  released: RunDate | null;
  supersedes: readonly string[];
}

const unknownRelease: KbRelease = { released: null, supersedes: [] };

/** The lineage of a set of facts. Each KB's line is followed once. */
export function createLineage(releaseOf: (id: string) => KbRelease | null | undefined): Lineage {
  const reached = new Map<string, ReadonlySet<string>>();
  const replaced = new Map<string, ReadonlySet<string>>();
  const release = (id: string) => releaseOf(id) ?? unknownRelease;

  /** Everything that can be reached, circles included. */
  function reach(id: string): ReadonlySet<string> {
    return remember(reached, id, () => {
      const found = new Set<string>();
      const open = [...release(id).supersedes];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        if (found.has(next)) continue;
        found.add(next);
        open.push(...release(next).supersedes);
      }
      return found;
    });
  }

  return {
    replacedBy: (id) =>
      remember(replaced, id, () => {
        const below = reach(id);
        // Only a KB that reaches itself is in a circle.
        return below.has(id) ? new Set([...below].filter((one) => !reach(one).has(id))) : below;
      }),
    releasedOn: (id) => release(id).released,
  };
}

function remember<T>(known: Map<string, T>, id: string, find: () => T): T {
  const found = known.get(id) ?? find();
  known.set(id, found);
  return found;
}

/** Nothing replaces anything: no facts are known. */
export const noLineage: Lineage = createLineage(() => null);

/** So many ids of its line a KB keeps, besides those replaced at once: more than three years of one KB a month. */
const longestLine = 40;

/** What became of a list where KBs left it that others replace. */
export interface Replacement {
  /** The KBs listed, those with a line that took over from others. */
  listed: MissingKb[];
  /** By the id of a KB that left: the one that replaced it. */
  by: ReadonlyMap<string, string>;
}

/** Lets the KBs listed now go on with the age of those that left the list and that they replace. */
export function replace(listed: readonly MissingKb[], left: readonly MissingKb[], lineage: Lineage): Replacement {
  const heirs = new Map<string, string[]>();
  if (left.length === 0) return { listed: [...listed], by: new Map() };
  const kbs = listed.map((kb) => {
    const line = lineage.replacedBy(kb.id);
    const replaced = left.filter(({ id }) => line.has(id));
    for (const { id } of replaced) heirs.set(id, [...(heirs.get(id) ?? []), kb.id]);
    return replaced.length > 0 ? inherit(kb, replaced, lineage) : kb;
  });
  return { listed: kbs, by: new Map([...heirs].map(([id, ids]) => [id, nearest(ids, lineage)])) };
}

/** Of KBs that replace the same one, one that replaces none of the others; of several the first as text. */
function nearest(ids: readonly string[], lineage: Lineage): string {
  const next = ids.filter((id) => !ids.some((other) => lineage.replacedBy(id).has(other)));
  return next.reduce((first, id) => (compareText(id, first) < 0 ? id : first));
}

function inherit(kb: MissingKb, replaced: readonly MissingKb[], lineage: Lineage): MissingKb {
  const lines = replaced.map((old) => old.line);
  const ids = [...new Set([...lines.flatMap((line) => line?.ids ?? []), ...replaced.map(({ id }) => id)])];
  const own = kb.line?.ids.filter((id) => !ids.includes(id)) ?? [];
  const since = earliest([
    ...replaced.map((old) => releasedSince(old, lineage.releasedOn(old.id))),
    ...(kb.line ? [kb.line.since] : []),
  ]);
  const listedOn = kb.line?.listedOn ?? kb.firstSeen;
  const firstSeen = earliest([kb.firstSeen, ...replaced.map((old) => old.firstSeen)]);
  const kept = Math.max(longestLine, replaced.length);
  return { ...kb, firstSeen, line: { ids: [...own, ...ids].slice(-kept), since, listedOn } };
}

type Dated = Pick<MissingKb, "firstSeen" | "line">;

/** The day from which a KB's age counts by `DUE_FROM=released`: the oldest release in its line, first sight where that is unknown. */
export function releasedSince({ firstSeen, line }: Dated, released: RunDate | null): RunDate {
  // Where MSRC dates a KB later than Defender listed it, it was missing before.
  const own = line?.listedOn ?? firstSeen;
  return earliest([own, ...(released === null ? [] : [released]), ...(line ? [line.since] : [])]);
}
