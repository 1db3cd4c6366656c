import {
  type Catalogue,
  type FeedTimes,
  type KevEntry,
  type MsrcKb,
  type Restart,
  restarts,
  severities,
} from "./advisory.ts";
import { earliest } from "./day.ts";
import { compareText } from "./text.ts";

interface Collected extends Omit<MsrcKb, "cves" | "exploitedCves" | "supersedes"> {
  cves: Set<string>;
  exploitedCves: Set<string>;
  supersedes: Set<string>;
}

/**
 * What is said of KBs, each once: the earliest release, the worst severity, a restart rather than none, and all CVEs and KBs
 * that are named. The order in which it is said makes no difference.
 */
export function collectKbs(said: Iterable<MsrcKb>): MsrcKb[] {
  const byId = new Map<string, Collected>();
  for (const kb of said) {
    const known = byId.get(kb.id);
    if (known) add(known, kb);
    else byId.set(kb.id, open(kb));
  }
  return [...byId.values()].map(close).sort((a, b) => compareText(a.id, b.id));
}

function open(kb: MsrcKb): Collected {
  return {
    ...kb,
    cves: new Set(kb.cves),
    exploitedCves: new Set(kb.exploitedCves),
    supersedes: new Set(kb.supersedes),
  };
}

function add(known: Collected, kb: MsrcKb): void {
  known.released = earliest([known.released, kb.released]);
  known.severity = first(severities, known.severity, kb.severity);
  known.restart = first(byTrouble, known.restart, kb.restart);
  known.hotpatch ||= kb.hotpatch;
  for (const cve of kb.cves) known.cves.add(cve);
  for (const cve of kb.exploitedCves) known.exploitedCves.add(cve);
  for (const id of kb.supersedes) known.supersedes.add(id);
}

const byTrouble: readonly Restart[] = restarts.toSorted((a, b) => troubleOf(a) - troubleOf(b));

function troubleOf(restart: Restart): number {
  return restart === "yes" ? 0 : restart === "maybe" ? 1 : 2;
}

/** Whichever of two comes first in a list; one that is known comes before one that is not. */
function first<T>(order: readonly T[], a: T | null, b: T | null): T | null {
  if (a === null || b === null) return a ?? b;
  return order.indexOf(a) <= order.indexOf(b) ? a : b;
}

function close({ cves, exploitedCves, supersedes, ...kb }: Collected): MsrcKb {
  // A KB that names itself replaces nothing by that.
  supersedes.delete(kb.id);
  return { ...kb, cves: sorted(cves), exploitedCves: sorted(exploitedCves), supersedes: sorted(supersedes) };
}

function sorted(texts: Iterable<string>): string[] {
  return [...texts].sort(compareText);
}

/** Everything that is known, from all months that were read and CISA's catalogue. */
export function buildCatalogue(
  months: readonly { kbs: readonly MsrcKb[] }[],
  exploited: readonly KevEntry[] | null,
  readAt: FeedTimes,
): Catalogue {
  const kbs = collectKbs(months.flatMap((month) => month.kbs));
  return {
    kbs: new Map(kbs.map((kb) => [kb.id, kb])),
    kev: new Map((exploited ?? []).map((entry) => [entry.cve, entry])),
    readAt,
  };
}

/** Entries of CISA's catalogue, each CVE once: since the earliest day, used by ransomware if any of them says so. */
export function collectEntries(said: Iterable<KevEntry>): KevEntry[] {
  const byCve = new Map<string, KevEntry>();
  for (const entry of said) {
    const known = byCve.get(entry.cve);
    byCve.set(entry.cve, known ? both(known, entry) : entry);
  }
  return [...byCve.values()].sort((a, b) => compareText(a.cve, b.cve));
}

function both(a: KevEntry, b: KevEntry): KevEntry {
  return { cve: a.cve, since: earliest([a.since, b.since]), ransomware: a.ransomware || b.ransomware };
}
