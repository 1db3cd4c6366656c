import { type Advisory, advisoryState, type ExploitedCve, isExploited } from "../core/advisory.ts";
import type { KbRow } from "../core/row.ts";
import { formatDay, listed, many, shortDay, shown } from "./words.ts";

type Advised = Pick<KbRow, "advisory">;

/** CVEs that a line names before it only counts. */
const namedCves = 2;

/** Why a KB is marked: `exploited: CVE-2026-1234 in CISA KEV since 12 Nov, used by ransomware`; empty where it is not. */
export function exploitedWords({ advisory }: Advised): string {
  if (!advisory || !isExploited({ advisory })) return "";
  const { exploited } = advisory;
  const more = exploited.length - namedCves;
  const named = exploited.slice(0, namedCves).map(cveWords);
  return `exploited: ${listed([...named, ...(more > 0 ? [many(more, "more CVE")] : [])])}`;
}

/** `CVE-2026-1234 in CISA KEV since 12 Nov, used by ransomware`. */
export function cveWords({ cve, sources, since, ransomware }: ExploitedCve): string {
  const source = sources.includes("kev") ? `in CISA KEV${since ? ` since ${shortDay(since)}` : ""}` : "by MSRC's word";
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

/** What is known of exploitation in a few words, also where nothing is; empty where the run had no facts. */
export function exploitationWords(row: Advised): string {
  switch (advisoryState(row)) {
    case "known":
      return exploitedWords(row) || "not known to be exploited";
    case "not-known":
      return "not known to MSRC";
    case "no-facts":
      return "";
  }
}

/** What a KB replaced, or what replaced it: `replaced by KB5066791`, `replaces KB5065429`. */
export function replacementWords({ entries }: Pick<KbRow, "entries">): string {
  const by = [...new Set(entries.flatMap(({ replacedBy }) => replacedBy ?? []))];
  if (by.length > 0) return `replaced by ${listed(by.map(kbWord))}`;
  const last = [...new Set(entries.flatMap(({ replaces }) => replaces?.slice(-1) ?? []))];
  return last.length > 0 ? `replaces ${listed(last.map(kbWord))}` : "";
}

function kbWord(id: string): string {
  return `KB${shown(id, 20)}`;
}
