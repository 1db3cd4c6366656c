import { type Advisory, isExploited, type RunFacts } from "./advisory.ts";
import { areSame, type ChangeKind, countsOf, noReasons, type WorseReason } from "./change.ts";
import { type Comparison, changesOf, isBaseline, isRead } from "./comparison.ts";
import { addDays, earliest, type RunDate } from "./day.ts";
import type { Counts, MissingKb } from "./missing-kb.ts";
import type { Snapshot } from "./snapshot.ts";
import { releasedSince } from "./supersedence.ts";
import { compareText } from "./text.ts";
import type { DueRules, Thresholds } from "./watchlist.ts";

/** What a report says of an entry: how it changed, or why nothing is said. Worst first. */
export const rowKinds = [
  "new",
  "worsened",
  "returned",
  "more-cves",
  "improved",
  "baseline",
  "unchanged",
  "not-read",
  "resolved",
  "replaced",
] as const satisfies readonly (ChangeKind | "baseline" | "not-read")[];
export type RowKind = (typeof rowKinds)[number];

/** One KB of one product. Its counts hold for that product alone and are never added to another's. */
export interface KbEntry {
  softwareId: string;
  kind: RowKind;
  /** Why it is worse; empty where it is not, and where it is new or back. */
  reasons: readonly WorseReason[];
  /** The counts last reported; `null` where there were none. */
  previous: Counts | null;
  /** `null` where it is no longer missing; of a product that was not read, the last known counts. */
  current: Counts | null;
  /** Of the KB, or of the oldest in its line of replaced ones. */
  firstSeen: RunDate;
  /** The day that its age counts from, by the run's rules. */
  since: RunDate;
  /** The last day on which it is not overdue. */
  dueOn: RunDate;
  peak: number | null;
  /** The day on which the KB itself was first seen, where it replaced older ones. */
  listedOn?: RunDate;
  /** The ids of the KBs that it replaced. */
  replaces?: readonly string[];
  /** Set where one of these closes an exploited CVE, which this one then closes too. */
  replacesExploited?: true;
  /** Of a replaced one: the id of the KB listed in its place. */
  replacedBy?: string;
}

/** What is the same of a KB for every product. */
interface KbFacts {
  id: string;
  name: string;
  url: string | null;
  productsNames: readonly string[];
  /** `null`: MSRC does not know the KB; absent: the run used no facts of it. */
  advisory?: Advisory | null;
}

/** One KB over all products that miss it, or did. */
export interface KbRow extends KbFacts {
  /** That of its worst entry; `resolved` or `replaced` only where no product misses it any more. */
  kind: RowKind;
  /** The earliest of its entries of that kind, as `since` and `dueOn`. */
  firstSeen: RunDate;
  since: RunDate;
  dueOn: RunDate;
  entries: readonly KbEntry[];
}

/** Rows under construction, by KB id. */
export type KbRows = Map<string, KbFacts & { entries: KbEntry[] }>;

/** A comparison with the snapshots it names. */
export interface Compared {
  comparison: Comparison;
  previous: Snapshot | null;
  /** The snapshot that the report shows: today's, or the last one where the product was not read. */
  current: Snapshot | null;
}

/** What entries depend on besides the snapshots. */
export interface EntryRules {
  thresholds: Thresholds;
  due: DueRules;
  facts: RunFacts | null;
}

/** Adds the entries of one product to the rows. */
export function addEntries(rows: KbRows, { comparison, previous, current }: Compared, rules: EntryRules): void {
  const { softwareId, lastReported = {} } = comparison;
  const { thresholds } = rules;
  if (isRead(comparison) && !isBaseline(comparison)) {
    for (const { kind, kb, previous: last, reasons, replacedBy } of changesOf(
      comparison,
      thresholds,
      previous,
      current,
    )) {
      const now = isGone({ kind }) ? null : countsOnce(kb, last);
      const entry = entryOf({ softwareId, kind, reasons, previous: last, current: now }, datesOf(kb, rules));
      addEntry(rows, kb, replacedBy === undefined ? entry : { ...entry, replacedBy }, rules.facts);
    }
    return;
  }
  const kind = isBaseline(comparison) ? "baseline" : "not-read";
  for (const kb of current?.missingKbs ?? []) {
    const previous = kind === "baseline" ? null : countsOf({ ...kb, ...lastReported[kb.id] });
    const now = countsOnce(kb, previous);
    const change = { softwareId, kind, reasons: noReasons, previous, current: now } as const;
    addEntry(rows, kb, entryOf(change, datesOf(kb, rules)), rules.facts);
  }
}

type EntryDates = Pick<
  KbEntry,
  "firstSeen" | "since" | "dueOn" | "peak" | "listedOn" | "replaces" | "replacesExploited"
>;

/** An entry without room for what most have not: a large report keeps a million, and spread properties take twice the memory. */
function entryOf(change: Omit<KbEntry, keyof EntryDates>, dates: EntryDates): KbEntry {
  const { softwareId, kind, reasons, previous, current } = change;
  const { firstSeen, since, dueOn, peak } = dates;
  if (dates.replaces) return { ...change, ...dates };
  return { softwareId, kind, reasons, previous, current, firstSeen, since, dueOn, peak };
}

/** When a KB was first seen, how old it counts as, and when it is due. */
export function datesOf(kb: MissingKb, { due, facts }: Omit<EntryRules, "thresholds">): EntryDates {
  const { firstSeen, peak, line } = kb;
  const advisory = facts?.advisories.get(kb.id);
  const since = due.dueFrom === "released" ? releasedSince(kb, advisory?.released ?? null) : firstSeen;
  const dates = { firstSeen, since, dueOn: dueOn(since, isExploited({ advisory }), due), peak };
  if (!line) return dates;
  const isMarked = line.ids.some((id) => isExploited({ advisory: facts?.advisories.get(id) }));
  return { ...dates, listedOn: line.listedOn, replaces: line.ids, ...(isMarked && { replacesExploited: true }) };
}

/** By the number of days, then by the day they count from. */
const dueDates = new Map<number, Map<RunDate, RunDate>>();

/** The last day on which something that counts from `since` is not overdue. A large report has few different ones. */
function dueOn(since: RunDate, exploited: boolean, { dueDays, dueDaysExploited }: DueRules): RunDate {
  const days = exploited ? Math.min(dueDays, dueDaysExploited) : dueDays;
  const known = dueDates.get(days) ?? new Map<RunDate, RunDate>();
  dueDates.set(days, known);
  const due = known.get(since) ?? addDays(since, days);
  known.set(since, due);
  return due;
}

/** The counts of a KB, as the same object as those before where they are the same: a large report keeps a million. */
function countsOnce(kb: Counts, before: Counts | null): Counts {
  return before && areSame(before, kb) ? before : countsOf(kb);
}

/** Adds one entry to the rows, under its KB. */
export function addEntry(rows: KbRows, kb: MissingKb, entry: KbEntry, facts: RunFacts | null): void {
  const row = rows.get(kb.id);
  if (!row) {
    const { id, name, url, productsNames } = kb;
    const advisory = facts?.advisories.get(id);
    // Of a KB that only an older run listed, this run's facts say nothing.
    rows.set(id, { id, name, url, productsNames, ...(advisory !== undefined && { advisory }), entries: [entry] });
    return;
  }
  row.entries.push(entry);
  row.name ||= kb.name;
  row.url ??= kb.url;
  if (kb.productsNames.some((name) => !row.productsNames.includes(name))) {
    row.productsNames = [...new Set([...row.productsNames, ...kb.productsNames])].sort(compareText);
  }
}

/** A row of these entries, of which there is at least one. */
export function toRow({ id, name, url, productsNames, advisory }: KbFacts, entries: readonly KbEntry[]): KbRow {
  const kind = rowKinds.find((one) => entries.some((entry) => entry.kind === one)) ?? "unchanged";
  const own = ownEntries({ kind, entries });
  const first = (of: "firstSeen" | "since" | "dueOn") => earliest(own.map((entry) => entry[of]));
  const dates = { firstSeen: first("firstSeen"), since: first("since"), dueOn: first("dueOn") };
  return { id, name, url, productsNames, ...(advisory !== undefined && { advisory }), kind, ...dates, entries };
}

/** The rows with those of their entries that pass; a row without any is left out. Every filter and section is one of these. */
export function narrow(rows: Iterable<KbRow>, passes: (entry: KbEntry, row: KbRow) => boolean): KbRow[] {
  const narrowed: KbRow[] = [];
  for (const row of rows) {
    const entries = row.entries.filter((entry) => passes(entry, row));
    if (entries.length === row.entries.length) narrowed.push(row);
    else if (entries.length > 0) narrowed.push(toRow(row, entries));
  }
  return narrowed;
}

/** The entries that a row's kind and the figures beside it are about. */
export function ownEntries({ kind, entries }: Pick<KbRow, "kind" | "entries">): readonly KbEntry[] {
  return entries.filter((entry) => entry.kind === kind);
}

/** The products that the row's software ids do not already name. */
export function otherProducts({ productsNames, entries }: KbRow): string[] {
  const named = new Set(entries.map(({ softwareId }) => softwareId.split("-_-").at(-1)));
  return productsNames.filter((name) => !named.has(name));
}

/** Whether any product misses the KB now, as far as is known. */
export function isMissing({ kind }: Pick<KbRow, "kind">): boolean {
  return !isGone({ kind });
}

/** Whether it left the list: because it was installed, or because another is listed in its place. */
function isGone({ kind }: Pick<KbRow, "kind">): boolean {
  return kind === "resolved" || kind === "replaced";
}
