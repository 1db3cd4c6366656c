// docs/rules.md §7: what is known of a KB.

import type { Advisories, AdvisoryState, Known, KnownKb } from "./types.ts";

/** The keys of the KBs that a KB supersedes by MSRC's word. */
export type Supersedes = (key: string) => readonly string[];

/** What feeds say that one KB supersedes. */
export function supersededIn(known: Known | null | undefined): Supersedes {
  return (key) => known?.kbs[key]?.supersedes ?? [];
}

/** The same of what a run knew. */
export function supersededBy(advisories: Advisories | null): Supersedes {
  return (key) => advisories?.get(key)?.supersedes ?? [];
}

/** Whether a KB replaces another: not where they supersede each other in a circle. */
export function replaces(newer: string, older: string, supersedes: Supersedes): boolean {
  return leadsTo(newer, older, supersedes) && !leadsTo(older, newer, supersedes);
}

function leadsTo(from: string, to: string, supersedes: Supersedes): boolean {
  const seen = new Set<string>();
  let edge = supersedes(from);
  while (edge.length > 0) {
    if (edge.includes(to)) return true;
    for (const key of edge) seen.add(key);
    edge = [...new Set(edge.flatMap(supersedes))].filter((key) => !seen.has(key));
  }
  return false;
}

/** What a run uses that compares KBs with these keys: also of those that they supersede, as far as MSRC knows them. */
export function advisoriesOf(keys: Iterable<string>, known: Known | null | undefined): Advisories | null {
  if (!known) return null;
  const advisories = new Map<string, ReturnType<typeof advise> | null>();
  const add = (key: string): void => {
    if (advisories.has(key)) return;
    const kb = known.kbs[key];
    advisories.set(key, kb === undefined ? null : advise(kb, known));
    for (const old of kb?.supersedes ?? []) if (known.kbs[old] !== undefined) add(old);
  };
  for (const key of keys) add(key);
  return advisories;
}

function advise({ released, supersedes, cves, exploitedCves }: KnownKb, { kev }: Known) {
  const exploited = new Set([...cves.filter((cve) => kev.includes(cve)), ...exploitedCves]);
  return { released, supersedes, exploitedCves: [...exploited].sort() };
}

/** Whether MSRC's documents have a KB. */
export function stateOf(key: string, advisories: Advisories | null): AdvisoryState {
  const advised = advisories?.get(key);
  if (advised === undefined) return "no-facts";
  return advised === null ? "not-known" : "known";
}

/** Whether a KB closes an exploited CVE; false where nothing is known. */
export function isExploited(key: string, advisories: Advisories | null): boolean {
  return (advisories?.get(key)?.exploitedCves ?? []).length > 0;
}
