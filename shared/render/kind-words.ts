import { countsNowKnown, reasonsOf } from "../core/due.ts";
import { type KbEntry, type KbRow, ownEntries, type RowKind } from "../core/row.ts";
import type { ChangeFilter } from "../core/selection.ts";
import { listed, many } from "./words.ts";

/** The name of each kind, with a mark for readers who cannot see its colour. */
export const kindLabels: Readonly<Record<RowKind, { mark: string; label: string }>> = {
  new: { mark: "+", label: "New" },
  worsened: { mark: "▲", label: "Worse" },
  returned: { mark: "↩", label: "Back" },
  "more-cves": { mark: "◆", label: "More CVEs" },
  improved: { mark: "▼", label: "Better" },
  resolved: { mark: "✓", label: "Resolved" },
  baseline: { mark: "○", label: "Now watched" },
  unchanged: { mark: "=", label: "Unchanged" },
  "not-read": { mark: "?", label: "Not read" },
  replaced: { mark: "→", label: "Replaced" },
};

/** The name of each filter by change. */
export function changeLabel(filter: ChangeFilter): string {
  if (filter === "worse") return "Changed for the worse";
  return filter === "missing" ? "Missing now" : kindLabels[filter].label;
}

/** A label within a sentence: `more CVEs`. */
export function inSentence(label: string): string {
  return label.slice(0, 1).toLowerCase() + label.slice(1);
}

const nouns = { machineMissedOn: "machine", cveAddressed: "CVE" } as const;

/** Why an entry is worse: `more machines and CVEs`, `now known: 300 machines`; empty where its kind says it all. */
export function whyWords(entry: KbEntry): string {
  const known = countsNowKnown(entry).map((of) => many(entry.current?.[of] ?? null, nouns[of]));
  return whyOf(entry, known.length > 0 ? `now known: ${listed(known)}` : "now known");
}

/** The same for the entries that a row's kind is about. */
export function whyWordsOf(row: KbRow): string {
  const [only, ...others] = ownEntries(row);
  if (only && others.length === 0) return whyWords(only);
  return whyOf({ kind: row.kind, reasons: reasonsOf(row) }, "counts now known");
}

function whyOf({ kind, reasons }: Pick<KbEntry, "kind" | "reasons">, nowKnown: string): string {
  if (kind !== "worsened") return "";
  const more = reasons.flatMap((reason) => (reason === "now-known" ? [] : [reason === "cves" ? "CVEs" : "machines"]));
  const parts = [more.length > 0 && `more ${listed(more)}`, reasons.includes("now-known") && nowKnown];
  return parts.filter((part) => part !== false).join("; ");
}
