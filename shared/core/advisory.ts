import type { RunDate } from "./day.ts";
import { createLineage, type Lineage } from "./supersedence.ts";

/** MSRC's words for how bad a vulnerability is, the worst first. */
export const severities = ["Critical", "Important", "Moderate", "Low"] as const;
export type Severity = (typeof severities)[number];

/** Whether installing needs a restart, as MSRC says it. */
export const restarts = ["yes", "no", "maybe"] as const;
export type Restart = (typeof restarts)[number];

/** A KB in MSRC's documents. */
export interface MsrcKb {
  /** The KB's number without `KB`. */
  id: string;
  /** The day of its earliest release in the months that were read. */
  released: RunDate;
  /** The worst of its CVEs; `null` where MSRC rates none. */
  severity: Severity | null;
  cves: readonly string[];
  /** Those that MSRC calls exploited. */
  exploitedCves: readonly string[];
  restart: Restart | null;
  /** KBs that it replaces by MSRC's word, itself never among them. */
  supersedes: readonly string[];
  hotpatch: boolean;
}

/** A CVE in CISA's catalogue of known exploited vulnerabilities (KEV). */
export interface KevEntry {
  cve: string;
  /** The day on which CISA added it. */
  since: RunDate;
  /** Whether ransomware is known to use it. */
  ransomware: boolean;
}

/** All that is known of KBs, from both feeds. */
export interface Catalogue {
  /** By KB id. */
  kbs: ReadonlyMap<string, MsrcKb>;
  /** By CVE. */
  kev: ReadonlyMap<string, KevEntry>;
  /** When each feed last answered, ISO 8601 in UTC; `null`: never. */
  readAt: FeedTimes;
}

/** The two feeds. */
export const feedNames = ["msrc", "kev"] as const;
export type FeedName = (typeof feedNames)[number];
export type FeedTimes = Readonly<Record<FeedName, string | null>>;

/** A CVE that is exploited, and who says so; both where `sources` has both. */
export interface ExploitedCve {
  cve: string;
  sources: readonly FeedName[];
  /** The day on which CISA added it; `null` where only MSRC says so. */
  since: RunDate | null;
  ransomware: boolean;
}

/** What the feeds say of one KB. */
export interface Advisory extends Omit<MsrcKb, "id" | "cves" | "exploitedCves"> {
  /** In the order of `since`, those without a day last. */
  exploited: readonly ExploitedCve[];
}

/** What a feed says may be this old before a reader is warned. */
const freshDays = 2;

/** Whether what a feed said was more than two days old at an instant, or was never read. */
export function isStale(readAt: string | null, at: string): boolean {
  return readAt === null || Date.parse(at) - Date.parse(readAt) > freshDays * 86_400_000;
}

/** The facts that one run's report uses, frozen with it. */
export interface RunFacts {
  /** By KB id, also of KBs that only lie between two listed ones; `null`: MSRC does not know this KB, which is not the same as not exploited. */
  advisories: ReadonlyMap<string, Advisory | null>;
  readAt: FeedTimes;
}

/** Which KBs replace which; nothing replaces anything where nothing is known. */
export function lineageOf(catalogue: Catalogue | null): Lineage {
  return createLineage((id) => catalogue?.kbs.get(id));
}

/** The facts of a run that is being closed: they hold what was added. */
export interface OpenFacts {
  facts: RunFacts;
  /** Adds these KBs, and those that they replace through any number of steps. */
  add(ids: Iterable<string>): void;
}

/** Facts without any KB yet. */
export function openFacts(catalogue: Catalogue): OpenFacts {
  const advisories = new Map<string, Advisory | null>();
  const add = (ids: Iterable<string>) => {
    const open = [...ids];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (advisories.has(id)) continue;
      const advisory = advisoryOf(catalogue, id);
      advisories.set(id, advisory);
      open.push(...(advisory?.supersedes ?? []).filter((old) => catalogue.kbs.has(old)));
    }
  };
  return { facts: { advisories, readAt: catalogue.readAt }, add };
}

/** What the feeds say of a KB; `null`: MSRC does not know it. */
function advisoryOf({ kbs, kev }: Catalogue, id: string): Advisory | null {
  const kb = kbs.get(id);
  if (!kb) return null;
  const { id: _, cves, exploitedCves, ...facts } = kb;
  return { ...facts, exploited: exploitedAmong([...cves, ...exploitedCves], kev, exploitedCves) };
}

function exploitedAmong(
  cves: readonly string[],
  kev: Catalogue["kev"],
  exploitedCves: readonly string[],
): ExploitedCve[] {
  const byMsrc = new Set(exploitedCves);
  const exploited = [...new Set(cves)].flatMap((cve): ExploitedCve[] => {
    const listed = kev.get(cve);
    const sources = feedNames.filter((feed) => (feed === "kev" ? listed !== undefined : byMsrc.has(cve)));
    if (sources.length === 0) return [];
    return [{ cve, sources, since: listed?.since ?? null, ransomware: listed?.ransomware ?? false }];
  });
  return exploited.sort((a, b) => compareExploited(a, b));
}

function compareExploited(a: ExploitedCve, b: ExploitedCve): number {
  if (a.since !== b.since) return (a.since ?? "~") < (b.since ?? "~") ? -1 : 1;
  return a.cve < b.cve ? -1 : a.cve > b.cve ? 1 : 0;
}

/** Whether MSRC knows a KB, as far as its run had any facts. */
export function advisoryState({ advisory }: Advised): "known" | "not-known" | "no-facts" {
  if (advisory === undefined) return "no-facts";
  return advisory === null ? "not-known" : "known";
}

/** What has an advisory: `null` where MSRC does not know the KB, absent where its run had no facts. */
type Advised = { advisory?: Advisory | null | undefined };

/** Whether a CVE that a KB closes is known to be exploited; false where MSRC does not know the KB. */
export function isExploited({ advisory }: Advised): boolean {
  return advisory !== null && advisory !== undefined && advisory.exploited.length > 0;
}
