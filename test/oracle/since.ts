// docs/rules.md §6: since the last digest.

import { machinesAreNotAbove } from "./changes.ts";
import { daysBetween } from "./days.ts";
import type { Counts, Entry, KbName, OracleReport, Product } from "./types.ts";

/** An entry that the report itself does not show as changed. */
export interface SinceEntry extends KbName {
  readonly softwareId: string;
  readonly kind: "resolved" | "improved";
  /** The counts that the digest of S showed. */
  readonly before: Counts;
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
}

/**
 * The section of a report's digest; null where no scheduled run passed without a digest and nothing can be read again.
 * `earlier` are the watchlist's reports before it, in order; `sent` the ids of runs whose mail was sent.
 */
export function sinceLastDigest(
  earlier: readonly OracleReport[],
  report: OracleReport,
  sent: ReadonlySet<string>,
): Since | null {
  const scheduled = earlier.filter((one) => one.scheduled);
  const index = scheduled.findLastIndex((one) => sent.has(one.runId));
  const last = scheduled[index];
  const passed = scheduled.slice(index + 1);
  if (last === undefined) return null;
  const gap = { last, passed, report };
  const products = changesOfProducts(gap);
  const { entries, cameAndWent } = changesOfEntries(gap);
  if (passed.length > 0) return { of: last.runId, entries, cameAndWent, products };
  if (products.length === 0) return null;
  // Where no run passed, the report itself shows all changes of what S read.
  const readable = new Set(products.map(({ softwareId }) => softwareId));
  return {
    of: last.runId,
    entries: entries.filter(({ softwareId }) => readable.has(softwareId)),
    cameAndWent: 0,
    products,
  };
}

function changesOfEntries({ last, passed, report }: Gap): { entries: SinceEntry[]; cameAndWent: number } {
  const claimable = new Set(report.products.filter(isReadOrEmpty).map((product) => product.softwareId));
  const today = new Map(report.entries.map((entry) => [nameOf(entry), entry]));
  const then = new Map(last.entries.filter(isListed).map((entry) => [nameOf(entry), entry]));
  const leftLately = ({ kind, goneOn }: Entry): boolean =>
    kind === "resolved" && goneOn !== null && daysBetween(goneOn, report.day) <= 90;
  const left = passed.flatMap((one) => one.entries.filter(leftLately));
  const resolved = new Map(left.map((entry) => [nameOf(entry), entry]));

  const entries: SinceEntry[] = [];
  for (const [name, entry] of today) {
    const before = then.get(name)?.current;
    if (before && entry.current && isBetter(before, entry, report.settings.minCves)) {
      entries.push({ ...namesOf(entry), kind: "improved", before, now: entry.current });
    }
  }
  let cameAndWent = 0;
  for (const [name, entry] of resolved) {
    if (today.has(name) || !claimable.has(entry.softwareId)) continue;
    const before = then.get(name)?.current;
    if (before) entries.push({ ...namesOf(entry), kind: "resolved", before, now: null });
    else cameAndWent += 1;
  }
  return { entries, cameAndWent };
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

function changesOfProducts({ last, passed, report }: Gap): Since["products"] {
  const watchedSince = new Set(
    passed.flatMap((one) => one.products.filter((product) => product.baseline)).map((product) => product.softwareId),
  );
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

function isListed(entry: Entry): boolean {
  return entry.kind !== "resolved";
}

function nameOf(entry: Entry): string {
  return `${entry.softwareId}\n${entry.key}`;
}

function namesOf({ softwareId, key, id, name, productsNames }: Entry): KbName & { softwareId: string } {
  return { softwareId, key, id, name, productsNames };
}
