import {
  type Advisory,
  advisoryState,
  type ExploitedCve,
  type FeedName,
  feedNames,
  isExploited,
  isStale,
  type RunFacts,
} from "../core/advisory.ts";
import type { KbRow } from "../core/row.ts";
import { formatDay, formatTime, listed, many, shortDay, shown } from "./words.ts";

type Advised = Pick<KbRow, "advisory">;

/** CVEs that a line names before it only counts. */
const namedCves = 2;

/** Why a KB is marked: `exploited: CVE-2026-1234 in CISA KEV since 12 Nov, used by ransomware`; empty where it is not. */
export function exploitedWords(row: Advised): string {
  return isExploited(row) ? `exploited: ${causeWords(row)}` : "";
}

/** The same beside a mark that says exploited: `CVE-2026-1234 in CISA KEV since 12 Nov, used by ransomware`. */
export function causeWords({ advisory }: Advised): string {
  if (!advisory) return "";
  const { exploited } = advisory;
  const more = exploited.length - namedCves;
  const named = exploited.slice(0, namedCves).map(cveWords);
  return listed([...named, ...(more > 0 ? [many(more, "more CVE")] : [])]);
}

/** `CVE-2026-1234 in CISA KEV since 12 Nov, used by ransomware`. */
export function cveWords({ cve, sources, since, ransomware }: ExploitedCve): string {
  const source = sources.includes("kev")
    ? `in CISA KEV${since ? ` since ${shortDay(since)}` : ""}`
    : "according to MSRC";
  return `${shown(cve, 20)} ${source}${ransomware ? ", used by ransomware" : ""}`;
}

/** `released 11 Nov 2026`; empty where it is not known. */
export function releasedWords({ advisory }: Advised): string {
  return advisory ? `released ${formatDay(advisory.released)}` : "";
}

const restartWords = { yes: "needs a restart", no: "needs no restart", maybe: "may need a restart" } as const;

/** Whether installing needs a restart; empty where that is not known. */
export function restartOf({ advisory }: { advisory?: Advisory | null | undefined }): string {
  if (!advisory) return "";
  if (advisory.hotpatch) return "hotpatch, needs no restart";
  return advisory.restart ? restartWords[advisory.restart] : "";
}

/** MSRC's worst rating of its CVEs: `critical`; empty where there is none. */
export function severityOf({ advisory }: Advised): string {
  return advisory?.severity?.toLowerCase() ?? "";
}

/** What is known of exploitation in a few words, also where nothing is; empty where the run had no facts. */
export function exploitationWords(row: Pick<KbRow, "advisory" | "entries">): string {
  switch (advisoryState(row)) {
    case "known":
      // What it replaced it closes, too.
      return exploitedWords(row) || (replacesExploited(row) ? "" : "not known to be exploited");
    case "not-known":
      return "not known to MSRC";
    case "no-facts":
      return "";
  }
}

/** What a KB replaced, or what replaced it: `replaced by KB5066791`, `replaces KB5065429`. */
export function replacementWords({ entries }: Pick<KbRow, "entries">): string {
  const by = replacedBy({ entries });
  if (by.length > 0) return `replaced by ${listed(by.map(kbWord))}`;
  const last = [...new Set(entries.flatMap(({ replaces }) => replaces?.slice(-1) ?? []))];
  if (last.length === 0) return "";
  const why = replacesExploited({ entries }) ? "; also closes exploited CVEs of older KBs" : "";
  return `replaces ${listed(last.map(kbWord))}${why}`;
}

function replacesExploited({ entries }: Pick<KbRow, "entries">): boolean {
  return entries.some((entry) => entry.replacesExploited);
}

/** The ids of the KBs that replaced a KB in its products. */
export function replacedBy({ entries }: Pick<KbRow, "entries">): string[] {
  return [...new Set(entries.flatMap((entry) => entry.replacedBy ?? []))];
}

function kbWord(id: string): string {
  return `KB${shown(id, 20)}`;
}

const publishers: Readonly<Record<FeedName, string>> = { msrc: "MSRC", kev: "CISA" };

/** When the feeds were read whose facts a report uses: `Facts: MSRC 23 Nov 2026, 05:17 CET, CISA never read.` */
export function factsWords({ readAt }: Pick<RunFacts, "readAt">, timeZone: string): string {
  const times = feedNames.map((feed) => (readAt[feed] === null ? "never read" : formatTime(readAt[feed], timeZone)));
  const [first, ...others] = times;
  if (first && others.every((time) => time === first)) {
    return `Facts of ${listed(feedNames.map((feed) => publishers[feed]))}: ${first}.`;
  }
  return `Facts: ${feedNames.map((feed, index) => `${publishers[feed]} ${times[index]}`).join("; ")}.`;
}

/** Whose facts were too old when a run used them, at `at`. */
export function staleWords({ readAt }: Pick<RunFacts, "readAt">, at: string): string {
  const stale = feedNames.filter((feed) => isStale(readAt[feed], at)).map((feed) => publishers[feed]);
  return stale.length > 0 ? `What ${listed(stale)} said may be out of date.` : "";
}
