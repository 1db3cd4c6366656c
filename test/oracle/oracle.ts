import { compareProduct, type Held, neverRead } from "./changes.ts";
import { dayOfRun, daysBetween } from "./days.ts";
import { figuresOf } from "./figures.ts";
import { advisoriesOf } from "./known.ts";
import { countMisses, type Misses, noMisses, reasonsToMail } from "./mail.ts";
import { readProduct } from "./reading.ts";
import { type Since, sinceLastDigest } from "./since.ts";
import type { Entry, OracleReport, OracleRun, Outcome, Product, Snapshot } from "./types.ts";

const retentionDaysByDefault = 400;
const mostHeldBack = 3000;

/** What a watchlist's scheduled runs hand on. */
interface Chain {
  /** All reports in order of opening, those asked for too. */
  reports: OracleReport[];
  lastScheduled: OracleReport | null;
  products: Map<string, KeptProduct>;
}

interface Hold {
  /** By product: what the run shows of it, or what is kept of one that is off the list. */
  snapshots: ReadonlyMap<string, Snapshot | null>;
  outcomes: ReadonlyMap<string, Outcome>;
  /** By product: what the next run compares with. */
  held: ReadonlyMap<string, Held>;
}

const everyRise = { minMachines: 1, minPercent: 0, minCves: 1 };

/** A comparison with what a run read, whatever was reported of it. */
function hold(snapshot: Snapshot | null): Held {
  const kbs = [...(snapshot?.kbs.values() ?? [])];
  const reported = new Map(kbs.map(({ key, machines, cves }) => [key, { machines, cves }]));
  return { snapshot, reported, notPatchedSince: null };
}

interface KeptProduct {
  held: Held;
  misses: Misses;
  /** The day of the last scheduled run that had the product. */
  lastOn: string;
  onList: boolean;
}

/** Computes reports from docs/rules.md alone, so that the app can be tested against it. */
export interface Oracle {
  /** Takes the next run, in order of opening. */
  add(run: OracleRun): OracleReport;
  /** The section "since the last digest", given the ids of the runs whose mails were sent. */
  since(report: OracleReport, sent: ReadonlySet<string>): Since | null;
  /** The products that a digest names because none was sent before it, given the same. */
  firstDigest(report: OracleReport, sent: ReadonlySet<string>): readonly string[];
  /** What changed from one run to a later one of the same watchlist. */
  compare(report: OracleReport, from: OracleReport): Pick<OracleReport, "entries" | "products" | "rows" | "totals">;
  /** What a reader sees without `run=`, and the newer runs asked for. */
  latest(watchlist?: string): { report: OracleReport; newer: readonly string[] } | null;
  /** Run ids in order of opening. */
  runs(watchlist?: string): readonly string[];
}

/** An oracle of one tenant. */
export function createOracle(): Oracle {
  /** The newest snapshot of each product, whichever run took it. */
  const tenant = new Map<string, Snapshot>();
  /** By run and product, because the watchlists of a tenant share what is read. */
  const outcomes = new Map<string, Outcome>();
  const chains = new Map<string, Chain>();
  /** What each report holds on, for comparisons with any other. */
  const holds = new Map<OracleReport, Hold>();

  function chainOf(watchlist: string): Chain {
    const known = chains.get(watchlist);
    if (known !== undefined) return known;
    const made: Chain = { reports: [], lastScheduled: null, products: new Map() };
    chains.set(watchlist, made);
    return made;
  }

  function read(softwareId: string, run: OracleRun, day: string): Outcome {
    const name = `${run.runId}\n${softwareId}`;
    const before = outcomes.get(name);
    if (before !== undefined) return before;
    const { known = null } = run;
    const outcome = readProduct(tenant.get(softwareId) ?? null, run.answers[softwareId] ?? null, { day, known });
    // Another watchlist's run of the same id may yet read what this one could not.
    if (outcome.state === "not-read") return outcome;
    outcomes.set(name, outcome);
    tenant.set(softwareId, outcome.snapshot);
    return outcome;
  }

  /** A product taken off the list is kept for a while. */
  function forgetProducts(chain: Chain, day: string, retentionDays: number): void {
    for (const [softwareId, { onList, lastOn }] of chain.products) {
      if (onList || daysBetween(lastOn, day) <= retentionDays) continue;
      chain.products.delete(softwareId);
      if (![...chains.values()].some((other) => other.products.has(softwareId))) tenant.delete(softwareId);
    }
  }

  function add(run: OracleRun): OracleReport {
    const { watchlist = "default", settings } = run;
    const chain = chainOf(watchlist);
    const newest = chain.reports.at(-1);
    if (newest !== undefined && Date.parse(run.openedAt) < Date.parse(newest.openedAt)) {
      throw new Error(`${run.runId} was opened before ${newest.runId}; add runs in order of opening`);
    }
    const day = dayOfRun(run.runId, run.scheduled, settings.timeZone);
    forgetProducts(chain, day, settings.retentionDays ?? retentionDaysByDefault);

    const allowance = { left: mostHeldBack };
    const entries: Entry[] = [];
    const products: Product[] = [];
    const kept = new Map<string, KeptProduct>();
    const misses: { before: Misses; after: Misses }[] = [];
    const outcomesOf = new Map<string, Outcome>();
    const beforeOf = (softwareId: string) => chain.products.get(softwareId) ?? { held: neverRead, misses: noMisses };
    const softwareIds = [...new Set(run.softwareIds)];
    for (const softwareId of softwareIds) outcomesOf.set(softwareId, read(softwareId, run, day));
    const advisories = advisoriesOf(
      softwareIds.flatMap((softwareId) => keysOf(beforeOf(softwareId).held.snapshot, outcomesOf.get(softwareId))),
      run.known,
    );
    for (const softwareId of softwareIds) {
      const before = beforeOf(softwareId);
      const outcome = outcomesOf.get(softwareId) ?? read(softwareId, run, day);
      const compared = compareProduct(before.held, outcome, { softwareId, day, settings, allowance, advisories });
      const after = countMisses(before.misses, outcome, day);
      entries.push(...compared.entries);
      products.push(productOf(softwareId, outcome, { baseline: compared.baseline, misses: after, day }));
      misses.push({ before: before.misses, after });
      kept.set(softwareId, { held: compared.after, misses: after, lastOn: day, onList: true });
    }

    const firstRun = chain.lastScheduled === null;
    const mailReasons = reasonsToMail(run, { firstRun, day, entries, products, misses });
    const report: OracleReport = {
      watchlist,
      runId: run.runId,
      openedAt: run.openedAt,
      scheduled: run.scheduled,
      day,
      previousRunId: chain.lastScheduled?.runId ?? null,
      settings,
      advisories,
      entries,
      products,
      ...figuresOf(entries, products, advisories),
      mails: mailReasons.length > 0,
      mailReasons,
    };
    chain.reports.push(report);
    const snapshots = new Map([...chain.products, ...kept].map(([id, { held }]) => [id, held.snapshot]));
    const held = new Map([...kept].map(([id, product]) => [id, product.held]));
    holds.set(report, { snapshots, outcomes: outcomesOf, held });
    if (run.scheduled) {
      chain.lastScheduled = report;
      handOn(chain, kept);
    }
    return report;
  }

  return {
    add,
    since(report, sent) {
      const { reports } = chainOf(report.watchlist);
      const readNow = (softwareId: string) => {
        const outcome = holds.get(report)?.outcomes.get(softwareId);
        return outcome === undefined || outcome.state === "not-read" ? null : outcome.snapshot;
      };
      const { settings, day, advisories } = report;
      const entriesSince = (softwareId: string, last: OracleReport) => {
        const before = holds.get(last)?.held.get(softwareId);
        const snapshot = holds.get(report)?.snapshots.get(softwareId);
        // What was not read since then is as it was.
        if (!before?.snapshot || !snapshot || before.snapshot === snapshot) return [];
        const comparison = { softwareId, day, settings, advisories, allowance: { left: Number.POSITIVE_INFINITY } };
        return compareProduct(before, { state: "read", snapshot, differed: false, readsUsed: 1 }, comparison).entries;
      };
      return sinceLastDigest(reports.slice(0, reports.indexOf(report)), { report, readNow, entriesSince }, sent);
    },
    firstDigest(report, sent) {
      const { reports } = chainOf(report.watchlist);
      const earlier = reports.slice(0, reports.indexOf(report)).filter(({ scheduled }) => scheduled);
      if (report.previousRunId === null || earlier.some(({ runId }) => sent.has(runId))) return [];
      const snapshots = holds.get(report)?.snapshots;
      const ids = report.products.filter(({ baseline }) => !baseline).map(({ softwareId }) => softwareId);
      return ids.filter((softwareId) => snapshots?.get(softwareId));
    },
    compare(report, from) {
      const { outcomes: read = new Map(), snapshots: now = new Map() } = holds.get(report) ?? {};
      const settings = { ...report.settings, ...everyRise };
      const entries: Entry[] = [];
      const products = report.products.map((product) => {
        const { softwareId } = product;
        const outcome = read.get(softwareId);
        if (outcome === undefined) return product;
        const before = outcome.state === "not-read" ? now : (holds.get(from)?.snapshots ?? new Map());
        const held = hold(before.get(softwareId) ?? null);
        const { day, advisories } = report;
        const comparison = { softwareId, day, settings, advisories, allowance: { left: mostHeldBack } };
        const compared = compareProduct(held, outcome, comparison);
        entries.push(...compared.entries);
        return { ...product, baseline: compared.baseline };
      });
      return { entries, products, ...figuresOf(entries, products, report.advisories) };
    },
    latest(watchlist = "default") {
      const { reports, lastScheduled } = chainOf(watchlist);
      if (lastScheduled === null) return null;
      const newer = reports.slice(reports.indexOf(lastScheduled) + 1).map((report) => report.runId);
      return { report: lastScheduled, newer };
    },
    runs: (watchlist = "default") => chainOf(watchlist).reports.map((report) => report.runId),
  };
}

/** The KBs that a product's comparison is of. */
function keysOf(before: Snapshot | null, outcome: Outcome | undefined): string[] {
  const now = outcome === undefined || outcome.state === "not-read" ? null : outcome.snapshot;
  return [...(before?.kbs.keys() ?? []), ...(now?.kbs.keys() ?? [])];
}

function handOn(chain: Chain, kept: Map<string, KeptProduct>): void {
  for (const [softwareId, product] of chain.products) {
    if (kept.has(softwareId)) continue;
    // Of a product that was never read there is nothing to keep.
    if (product.held.snapshot !== null) kept.set(softwareId, { ...product, misses: noMisses, onList: false });
  }
  chain.products = kept;
}

function productOf(
  softwareId: string,
  outcome: Outcome,
  { baseline, misses, day }: { baseline: boolean; misses: Misses; day: string },
): Product {
  const isRead = outcome.state !== "not-read";
  const unknownId = !isRead && outcome.unknownId;
  return {
    softwareId,
    state: outcome.state,
    reason: isRead ? null : outcome.reason,
    baseline,
    unknownId,
    leftInventory: !unknownId && misses.notFoundSince !== null && daysBetween(misses.notFoundSince, day) >= 14,
    differed: isRead && outcome.differed,
    readsUsed: outcome.readsUsed,
  };
}
