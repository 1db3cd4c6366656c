// docs/rules.md §6: since the last digest.

import { endOfLine, goingOnWith, machinesAreNotAbove, machinesBefore } from "./changes.ts";
import { isMissing, worseKinds } from "./figures.ts";
import type { Counts, Entry, KbName, Kind, OracleReport, Product, Snapshot, SnapshotKb } from "./types.ts";

/** An entry that the report itself does not show as changed. */
export interface SinceEntry extends KbName {
  readonly softwareId: string;
  readonly kind: Kind;
  /** The counts that the digest of S showed, or last reported of what is worse; null: none. */
  readonly before: Counts | null;
  readonly now: Counts | null;
}

/** The section "since the digest of S". */
export interface Since {
  /** The run id of S. */
  readonly of: string;
  readonly entries: readonly SinceEntry[];
  readonly products: readonly { softwareId: string; kind: "readable-again" | "newly-watched" }[];
  /** How many entries came and went in between. */
  readonly cameAndWent: number;
}

/** A report, S, and the scheduled reports between them. */
interface Gap {
  last: OracleReport;
  passed: readonly OracleReport[];
  report: OracleReport;
  /** What was read of a product; null where it was not. */
  readNow: (softwareId: string) => Snapshot | null;
  /** The entries of a product as §2 has them, if S had been the run before. */
  entriesSince: (softwareId: string, last: OracleReport) => readonly Entry[];
}

/**
 * The section of a report's digest; null where no scheduled run passed without a digest and nothing can be read again.
 * `earlier` are the watchlist's reports before it, in order; `sent` the ids of runs whose mail was sent.
 */
export function sinceLastDigest(
  earlier: readonly OracleReport[],
  { report, readNow, entriesSince }: Pick<Gap, "report" | "readNow" | "entriesSince">,
  sent: ReadonlySet<string>,
): Since | null {
  const scheduled = earlier.filter((one) => one.scheduled);
  const index = scheduled.findLastIndex((one) => sent.has(one.runId));
  const last = scheduled[index];
  const passed = scheduled.slice(index + 1);
  if (last === undefined) return null;
  const gap = { last, passed, report, readNow, entriesSince };
  const products = changesOfProducts(gap);
  // Where no run passed, the report itself shows all changes of what S read.
  if (passed.length === 0 && products.length === 0) return null;
  const all = passed.length > 0 ? report.products : products;
  const softwareIds = new Set(all.map(({ softwareId }) => softwareId));
  return { of: last.runId, ...changesOfEntries(gap, softwareIds), products };
}

function changesOfEntries(gap: Gap, softwareIds: ReadonlySet<string>): { entries: SinceEntry[]; cameAndWent: number } {
  const { last, report } = gap;
  const then = new Map(last.entries.filter(isMissing).map((entry) => [nameOf(entry), entry]));
  const worse = worseSince(gap, softwareIds);
  const isSaid = new Set(worse.map(nameOf));
  const improved = report.entries.flatMap((entry): SinceEntry[] => {
    const shown = softwareIds.has(entry.softwareId) && shownThen(entry, then, gap);
    if (!shown || isSaid.has(nameOf(entry)) || !entry.current) return [];
    if (!isBetter(shown.compared, entry, report.settings.minCves)) return [];
    return [{ ...namesOf(entry), kind: "improved", before: shown.before, now: entry.current }];
  });
  const left = leftSince(gap, softwareIds, then);
  const resolved = left.flatMap(({ name }): SinceEntry[] => {
    const entry = then.get(name);
    return entry?.current ? [{ ...namesOf(entry), kind: "resolved", before: entry.current, now: null }] : [];
  });
  // What was off the list then and came back to it was not shown, and is not new to it.
  const shown = new Set([...last.products, ...baselinesOf(gap)].map(({ softwareId }) => softwareId));
  const passed = left.filter(({ name, softwareId, kb }) => {
    return !then.has(name) && shown.has(softwareId) && (kb.goneOn ?? "") > last.day;
  });
  return { entries: [...worse, ...improved, ...resolved], cameAndWent: passed.length };
}

/** What S showed of an entry and of what it has replaced since; null: nothing, or nothing that can be called better. */
function shownThen(
  { softwareId, key, replaces, current }: Entry,
  then: ReadonlyMap<string, Entry>,
  { readNow }: Gap,
): { before: Counts; compared: Counts } | null {
  const own = then.get(nameOf({ softwareId, key }))?.current ?? null;
  const snapshot = readNow(softwareId);
  const replaced = replaces.filter((old) => then.has(nameOf({ softwareId, key: old })) && !snapshot?.kbs.has(old));
  if (replaced.length === 0) return own && { before: own, compared: own };
  if (snapshot === null || replaced.some((old) => goingOnWith(old, snapshot).length > 1)) return null;
  const counts = replaced.map((old) => then.get(nameOf({ softwareId, key: old }))?.current?.machines ?? null);
  const machines = machinesBefore(own === null ? counts : [own.machines, ...counts], current?.machines ?? null);
  const cves = own === null ? (current?.cves ?? null) : own.cves;
  return { before: { machines, cves: own?.cves ?? null }, compared: { machines, cves } };
}

/** What a digest in between said that was not delivered: worse by what S last reported, and not called worse today. */
function worseSince(gap: Gap, softwareIds: ReadonlySet<string>): SinceEntry[] {
  const { last, report, entriesSince } = gap;
  const today = new Map(report.entries.map((entry) => [nameOf(entry), entry]));
  const begun = new Set([...baselinesOf(gap), ...report.products.filter(({ baseline }) => baseline)].map(idOf));
  const onList = new Set(last.products.map(idOf));
  const compared = [...softwareIds].filter((id) => onList.has(id) && !begun.has(id));
  return compared.flatMap((softwareId) => {
    const worse = entriesSince(softwareId, last).filter(({ kind }) => isWorse(kind));
    return worse.flatMap((entry): SinceEntry[] => {
      const said = today.get(nameOf(entry));
      if (!said || isWorse(said.kind)) return [];
      return [{ ...namesOf(said), kind: entry.kind, before: entry.previous, now: said.current }];
    });
  });
}

function isWorse(kind: Kind): boolean {
  return worseKinds.some((worse) => worse === kind);
}

function idOf({ softwareId }: Product): string {
  return softwareId;
}

/** What left the tenant's list, is not mentioned today, and can be said to be resolved. */
function leftSince({ report, readNow }: Gap, softwareIds: ReadonlySet<string>, then: ReadonlyMap<string, Entry>) {
  const today = new Set(report.entries.map(nameOf));
  const claimable = report.products.filter((product) => {
    return isReadOrEmpty(product) && !product.baseline && softwareIds.has(product.softwareId);
  });
  return claimable.flatMap(({ softwareId }) => {
    const snapshot = readNow(softwareId);
    if (snapshot === null) return [];
    const { gone } = snapshot;
    const isShown = (key: string) => then.has(nameOf({ softwareId, key }));
    const isResolved = (kb: SnapshotKb | undefined) => {
      return (
        kb !== undefined &&
        !kb.isUnexplained &&
        kb.replacedBy === null &&
        !today.has(nameOf({ softwareId, key: kb.key }))
      );
    };
    const lastOfShown = new Set([...gone.keys()].filter(isShown).map((key) => endOfLine(key, gone)));
    const left = [...gone.values()].filter((kb) => {
      if (kb.replacedBy === null) return isResolved(kb) && (isShown(kb.key) || !lastOfShown.has(kb.key));
      const isLeft = !today.has(nameOf({ softwareId, key: kb.key })) && goingOnWith(kb.key, snapshot).length === 0;
      return isShown(kb.key) && isLeft && isResolved(gone.get(endOfLine(kb.key, gone)));
    });
    return left.map((kb) => ({ softwareId, kb, name: nameOf({ softwareId, key: kb.key }) }));
  });
}

function baselinesOf({ passed }: Gap): Product[] {
  return passed.flatMap((one) => one.products.filter((product) => product.baseline));
}

function isBetter(before: Counts, { kind, current: now, previous: reported }: Entry, minCves: number): boolean {
  // Not while machines are above what was last reported.
  if (kind !== "unchanged" || now === null || reported === null || !machinesAreNotAbove(reported, now)) return false;
  if (before.machines !== null && now.machines !== null && now.machines < before.machines) return true;
  return (
    minCves > 0 &&
    now.machines === before.machines &&
    before.cves !== null &&
    now.cves !== null &&
    now.cves < before.cves
  );
}

function changesOfProducts(gap: Gap): Since["products"] {
  const { last, report } = gap;
  const watchedSince = new Set(baselinesOf(gap).map((product) => product.softwareId));
  const notReadThen = new Set(last.products.filter(isNotRead).map((product) => product.softwareId));
  const products: { softwareId: string; kind: "readable-again" | "newly-watched" }[] = [];
  for (const product of report.products) {
    const { softwareId } = product;
    if (watchedSince.has(softwareId)) products.push({ softwareId, kind: "newly-watched" });
    else if (notReadThen.has(softwareId) && !isNotRead(product) && !product.baseline) {
      products.push({ softwareId, kind: "readable-again" });
    }
  }
  return products;
}

function isNotRead(product: Product): boolean {
  return product.state === "not-read";
}

function isReadOrEmpty(product: Product): boolean {
  return product.state === "read" || product.state === "empty";
}

function nameOf(entry: Pick<Entry, "softwareId" | "key">): string {
  return `${entry.softwareId}\n${entry.key}`;
}

function namesOf({ softwareId, key, id, name, productsNames }: Entry): KbName & { softwareId: string } {
  return { softwareId, key, id, name, productsNames };
}
