/** Which KBs a KB replaces by MSRC's word, directly; empty for one that MSRC does not know. */
export type Supersedes = (id: string) => readonly string[];

/** Which KBs replace which, through any number of steps, also through KBs that are not listed. */
export interface Supersedence {
  /** All KBs that `id` replaces. Of KBs that replace each other in a circle none replaces another. */
  replacedBy(id: string): ReadonlySet<string>;
}

/** For one set of facts; each KB's line is followed once. */
export function createSupersedence(supersedes: Supersedes): Supersedence {
  const reached = new Map<string, ReadonlySet<string>>();
  const lines = new Map<string, ReadonlySet<string>>();

  /** Everything that can be reached, circles included. */
  function reach(id: string): ReadonlySet<string> {
    const known = reached.get(id);
    if (known) return known;
    const found = new Set<string>();
    const open = [...supersedes(id)];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(...supersedes(next));
    }
    reached.set(id, found);
    return found;
  }

  return {
    replacedBy(id) {
      const known = lines.get(id);
      if (known) return known;
      const below = reach(id);
      // Only a KB that reaches itself is in a circle.
      const line = below.has(id) ? new Set([...below].filter((one) => one !== id && !reach(one).has(id))) : below;
      lines.set(id, line);
      return line;
    },
  };
}

/** Nothing replaces anything: no facts are known. */
export const noSupersedence: Supersedence = createSupersedence(() => []);
