import { larger } from "./counts.ts";
import { daysBetween, type RunDate } from "./day.ts";
import type { Counts, KbLine, MissingKb, Reading, ReadKb } from "./missing-kb.ts";
import type { RunId } from "./run-id.ts";
import { type Lineage, noLineage, replace } from "./supersedence.ts";
import { compareText } from "./text.ts";

/** A KB that left a product's list recently: if it comes back, it is `returned` and keeps its age. */
export interface GoneKb {
  id: string;
  firstSeen: RunDate;
  peak: number | null;
  goneOn: RunDate;
  /** Set where weaknesses stayed open when it left: nobody knows what became of it. */
  unexplained?: true;
  /** The KB that replaced it on the list: it was not installed. */
  replacedBy?: string;
  /** What it had replaced. */
  line?: KbLine;
}

/** Why a list is empty: no open weaknesses at all, or only some that Defender ties to no KB. */
export interface Emptiness {
  verdict: "clean" | "not-kb-patched";
  /** The day on which Defender was last asked. */
  checkedOn: RunDate;
}

/** What one product missed in one run. Written once, never changed. */
export interface Snapshot {
  tenant: string;
  softwareId: string;
  runId: RunId;
  /** The day of the run that took it. */
  day: RunDate;
  /** When that run was opened, ISO 8601 in UTC: the order of snapshots, for run ids do not sort by time. */
  openedAt: string;
  /** Those on at least one machine, or on unknown machines; sorted by id. */
  missingKbs: readonly MissingKb[];
  gone: readonly GoneKb[];
  /** How many items of Defender's answer had no usable id. */
  unusable: number;
  /** Set where two reads in one run listed different KBs: then `missingKbs` has what either listed. */
  differed?: true;
  /** Only where Defender listed nothing. */
  emptiness?: Emptiness;
}

/** How long, and for how many KBs of a product, a KB that left the list is remembered. */
export const goneMemory = { days: 90, kbs: 500 };

/** What else a snapshot depends on. */
export interface Circumstances {
  /** Only where Defender listed nothing. */
  emptiness?: Emptiness | undefined;
  lineage?: Lineage | undefined;
}

/**
 * The snapshot of a reading: each KB keeps the day and the peak that the snapshot before knew of it, one that replaced others
 * goes on with theirs, and what left the list is remembered for 90 days, the latest 500.
 */
export function takeSnapshot(
  key: Pick<Snapshot, "tenant" | "softwareId" | "runId" | "day" | "openedAt">,
  reading: Reading,
  before: Snapshot | null,
  { emptiness, lineage = noLineage }: Circumstances = {},
): Snapshot {
  const { day } = key;
  const remembered = before ? goneLately(before, day) : [];
  const known = new Map([...remembered, ...(before?.missingKbs ?? [])].map((kb) => [kb.id, kb]));
  const missingKbs = [...listedIn(reading), ...possiblyUnusable(reading, before)].map((kb): MissingKb => {
    const earlier = known.get(kb.id);
    const { firstSeen = day, peak = null, goneOn, line } = earlier ?? {};
    const isBack = goneOn !== undefined && isLately(goneOn, day);
    return {
      ...kb,
      firstSeen,
      peak: larger(peak, kb.machineMissedOn),
      ...(isBack && { goneOn }),
      ...(line && { line }),
    };
  });
  missingKbs.sort((a, b) => compareText(a.id, b.id));
  const listed = new Set(missingKbs.map((kb) => kb.id));
  const vanished = (before?.missingKbs ?? []).filter((kb) => !listed.has(kb.id));
  const replacement = replace(missingKbs, vanished, lineage);
  const isUnexplained = emptiness?.verdict === "not-kb-patched";
  const left = vanished.map(({ id, firstSeen, peak, line }): GoneKb => {
    const replacedBy = replacement.by.get(id);
    const why = replacedBy ? { replacedBy } : isUnexplained ? ({ unexplained: true } as const) : {};
    return { id, firstSeen, peak, goneOn: day, ...why, ...(line && { line }) };
  });
  const gone = latest([...left, ...remembered.filter((kb) => !listed.has(kb.id))]);
  const { unusable, differed } = reading;
  const kbs = replacement.listed;
  return { ...key, missingKbs: kbs, gone, unusable, ...(differed && { differed }), ...(emptiness && { emptiness }) };
}

/** The snapshot of a product that Defender's list shows to be without weaknesses. */
export function emptySnapshot(key: Parameters<typeof takeSnapshot>[0], before: Snapshot | null): Snapshot {
  return takeSnapshot(key, { missingKbs: [], unusable: 0 }, before, {
    emptiness: { verdict: "clean", checkedOn: key.day },
  });
}

/** The KBs of a reading that are missing on some machine; on unknown machines they may be. */
function listedIn({ missingKbs }: Reading): ReadKb[] {
  return missingKbs.filter(({ machineMissedOn }) => machineMissedOn !== 0);
}

/**
 * KBs that an unusable item may be. They may still be missing, on an unknown number of machines. These are all KBs that
 * were absent when an item became unusable, for as long as any item is unusable.
 */
function possiblyUnusable(reading: Reading, before: Snapshot | null): ReadKb[] {
  if (!before || reading.unusable === 0) return [];
  const read = new Set(listedIn(reading).map((kb) => kb.id));
  const absent = before.missingKbs.filter((kb) => !read.has(kb.id));
  const doubted = reading.unusable > before.unusable ? absent : absent.filter(isUnknown);
  return doubted.map(({ id, name, productsNames, url }) => {
    return { id, name, productsNames, url, machineMissedOn: null, cveAddressed: null };
  });
}

function isUnknown({ machineMissedOn, cveAddressed }: Counts): boolean {
  return machineMissedOn === null && cveAddressed === null;
}

/** The KBs that had left a snapshot's list, and whose leaving is still remembered on a later day. */
function goneLately({ gone }: Pick<Snapshot, "gone">, day: RunDate): GoneKb[] {
  return gone.filter(({ goneOn }) => isLately(goneOn, day));
}

function isLately(goneOn: RunDate, today: RunDate): boolean {
  return daysBetween(goneOn, today) <= goneMemory.days;
}

function latest(gone: readonly GoneKb[]): GoneKb[] {
  return gone.toSorted((a, b) => compareText(b.goneOn, a.goneOn) || compareText(a.id, b.id)).slice(0, goneMemory.kbs);
}

/** The last of the KBs that replaced a KB one after another, as far as that is remembered; itself where none did. */
export function lastOfLine(id: string, gone: ReadonlyMap<string, GoneKb>): string {
  const line = new Set<string>();
  for (let next: string | undefined = id; next !== undefined && !line.has(next); next = gone.get(next)?.replacedBy)
    line.add(next);
  return [...line].at(-1) ?? id;
}

/** Whether a reading lacks a KB of the snapshot before, or has it on 0 machines: it is to be read again before that is believed. */
export function lacksKbs(reading: Reading, before: Snapshot | null): boolean {
  if (!before) return false;
  const listed = new Set(listedIn(reading).map((kb) => kb.id));
  return before.missingKbs.some((kb) => !listed.has(kb.id));
}

/** Two readings in one run: what either lists is listed; where both list a KB, the second one's counts hold. */
export function mergeReadings(first: Reading, second: Reading): Reading {
  const [before, after] = [listedIn(first), listedIn(second)];
  const kbs = new Map([...before, ...after].map((kb) => [kb.id, kb]));
  const differed = kbs.size !== before.length || kbs.size !== after.length;
  const missingKbs = [...kbs.values()].sort((a, b) => compareText(a.id, b.id));
  return { missingKbs, unusable: Math.max(first.unusable, second.unusable), ...(differed && { differed }) };
}
