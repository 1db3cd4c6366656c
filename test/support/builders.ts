import { type Catalogue, type KevEntry, type MsrcKb, openFacts, type RunFacts } from "../../shared/core/advisory.ts";
import type { CountsByKb } from "../../shared/core/change.ts";
import type { Comparison } from "../../shared/core/comparison.ts";
import { addDays, type RunDate } from "../../shared/core/day.ts";
import type { MissingKb } from "../../shared/core/missing-kb.ts";
import { buildReport, type Report, type TrendPoint } from "../../shared/core/report.ts";
import type { Compared } from "../../shared/core/row.ts";
import { closeRun, type Outcome, type ReadFailure, type Run } from "../../shared/core/run.ts";
import { dayOf, type RunId } from "../../shared/core/run-id.ts";
import type { GoneKb, Snapshot } from "../../shared/core/snapshot.ts";
import { noTotals, type Totals } from "../../shared/core/totals.ts";
import { dueRulesOf, homeTenant, type Watchlist } from "../../shared/core/watchlist.ts";

/** A missing KB, `5041585` on 240 machines unless `parts` differ. */
export function aKb(parts: Partial<MissingKb> = {}): MissingKb {
  const machineMissedOn = parts.machineMissedOn === undefined ? 240 : parts.machineMissedOn;
  const id = parts.id ?? "5041585";
  return {
    id,
    name: "August 2024 Security Updates",
    productsNames: ["windows_10"],
    url: `https://support.microsoft.com/kb/${encodeURIComponent(id.toWellFormed())}`,
    cveAddressed: 14,
    firstSeen: "2026-11-20",
    peak: machineMissedOn,
    ...parts,
    machineMissedOn,
  };
}

/** What one product missed in one run; nothing unless `parts` differ. */
export function aSnapshot(parts: Partial<Snapshot> = {}): Snapshot {
  return {
    tenant: homeTenant,
    softwareId: "microsoft-_-windows_10",
    runId: "2026-11-23",
    day: dayOf(parts.runId ?? "2026-11-23"),
    openedAt: openedAt(parts.runId ?? "2026-11-23"),
    missingKbs: [],
    gone: [],
    unusable: 0,
    ...parts,
  };
}

/** A watchlist of one product, with the defaults of the settings. */
export function aWatchlist(parts: Partial<Watchlist> = {}): Watchlist {
  return {
    name: "default",
    softwareIds: ["microsoft-_-windows_10"],
    ...{ vendor: null, leftOut: [] },
    mailTo: ["security@example.com"],
    mailTogether: false,
    tenant: homeTenant,
    thresholds: { minMachines: 1, minPercent: 0, minCves: 1 },
    mailWhen: "worse",
    heartbeatDay: "Monday",
    ...{ dueDays: 14, dueDaysExploited: 3, dueFrom: "released" },
    alertExploited: true,
    readerRole: null,
    ...parts,
  };
}

/** One product in a run: the KBs of its snapshots, or why there is none today. */
export interface ProductStory {
  /** The KBs that the last scheduled run reported; absent or `null`: never seen before. */
  before?: readonly MissingKb[] | null;
  /** What it misses today; `null`: it could not be read. */
  now: readonly MissingKb[] | null;
  /** The run of `before`, if it is not the previous run. */
  beforeRunId?: RunId;
  /** What the last run held back of it. */
  heldBack?: CountsByKb;
  /** The day of a first answer that listed no KB over open weaknesses. */
  firstEmptyOn?: RunDate;
  /** Further parts of the snapshot before, such as `gone`. */
  beforeSnapshot?: Partial<Snapshot>;
  /** Further parts of today's snapshot. */
  snapshot?: Partial<Snapshot>;
  failure?: Outcome["failure"];
  /** The first run that could not read it, if it is not this one. */
  failedSince?: Pick<ReadFailure, "since" | "misses">;
}

/** A run by its products. */
export interface RunStory {
  runId?: RunId;
  /** `null`: the first run; absent: the run of the day before. */
  previousRunId?: RunId | null;
  products?: Readonly<Record<string, ProductStory>>;
  watchlist?: Partial<Watchlist>;
  /** Missing installs of the runs before, one a day, oldest first. */
  installsBefore?: readonly (number | Partial<Totals>)[];
  /** What is known of KBs; absent: nothing. */
  catalogue?: Catalogue;
}

/** A catalogue of these KBs and exploited CVEs, read on the morning of 23 November 2026. */
export function aCatalogue(kbs: Readonly<Record<string, Partial<MsrcKb>>>, kev: readonly KevEntry[] = []): Catalogue {
  const readAt = "2026-11-23T04:17:00.000Z";
  const all = Object.entries(kbs).map(([id, parts]): [string, MsrcKb] => [id, aMsrcKb(id, parts)]);
  return { kbs: new Map(all), kev: new Map(kev.map((one) => [one.cve, one])), readAt: { msrc: readAt, kev: readAt } };
}

/** What MSRC says of a KB of the Patch Tuesday of November 2026. */
export function aMsrcKb(id: string, parts: Partial<MsrcKb> = {}): MsrcKb {
  return {
    id,
    released: "2026-11-10",
    severity: "Important",
    cves: ["CVE-2026-20001"],
    exploitedCves: [],
    restart: "yes",
    supersedes: [],
    hotpatch: false,
    ...parts,
  };
}

/** A closed run with the snapshots it compared, made by the real code. */
export async function aRun(story: RunStory = {}): Promise<{ run: Run; compared: Compared[]; facts: RunFacts | null }> {
  const { runId, previousRunId } = runIds(story);
  const day = dayOf(runId);
  const products = story.products ?? {
    "microsoft-_-windows_10": { before: [], now: [aKb({ firstSeen: day })] },
  };
  const outcomes = Object.entries(products).map(([softwareId, story]) =>
    outcomeOf(softwareId, story, runId, previousRunId ?? addDays(day, -1)),
  );
  const watchlist = aWatchlist({ softwareIds: Object.keys(products), ...story.watchlist });
  const facts = story.catalogue ? openFacts(story.catalogue) : null;
  const run = await closeRun(
    {
      facts,
      ...{ watchlist, runId, day, timeZone: "UTC", retentionDays: 400 },
      ...{ openedAt: openedAt(runId), committedAt: committedAt(runId) },
      last: lastRun(products, previousRunId),
    },
    eachOf(outcomes),
  );
  const compared = run.comparisons.map((comparison, index) => {
    const outcome = outcomes[index];
    return {
      comparison,
      previous: outcome?.previous ?? null,
      current: outcome?.current ?? outcome?.previous ?? null,
    };
  });
  return { run, compared, facts: facts?.facts ?? null };
}

/** The report of a run, built by the real code. */
export async function aReport(story: RunStory = {}): Promise<Report> {
  const { run, compared, facts } = await aRun(story);
  const { runId, day, totals, previousRunId, rules } = run;
  const trend = [...trendBefore(story, run), { runId, day, totals }];
  const previousDay = previousRunId && dayOf(previousRunId);
  return buildReport({ run, facts, previousRunId, previousDay, trend, thresholds: rules.thresholds }, eachOf(compared));
}

/** The items one after another, as from a store. */
export async function* eachOf<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

function runIds({ runId = "2026-11-23", previousRunId }: RunStory): { runId: RunId; previousRunId: RunId | null } {
  return { runId, previousRunId: previousRunId === undefined ? addDays(dayOf(runId), -1) : previousRunId };
}

function outcomeOf(softwareId: string, story: ProductStory, runId: RunId, previousRunId: RunId): Outcome {
  const { before, beforeSnapshot, now, snapshot, failure } = story;
  const beforeRunId = story.beforeRunId ?? previousRunId;
  const goneOn = new Map(beforeSnapshot?.gone?.map((kb) => [kb.id, kb]));
  const missingKbs = now?.map((kb) => ({ ...kb, ...pickGoneOn(goneOn.get(kb.id)) }));
  return {
    softwareId,
    previous: before ? aSnapshot({ softwareId, runId: beforeRunId, missingKbs: before, ...beforeSnapshot }) : null,
    current: missingKbs ? aSnapshot({ softwareId, runId, missingKbs, ...snapshot }) : null,
    ...(failure && { failure }),
  };
}

function pickGoneOn(gone: GoneKb | undefined): Pick<MissingKb, "goneOn"> {
  return gone ? { goneOn: gone.goneOn } : {};
}

// Only the parts of the run before that closing the next one needs.
function lastRun(products: Readonly<Record<string, ProductStory>>, runId: RunId | null): Run | null {
  if (runId === null) return null;
  const failures = Object.entries(products).flatMap(([softwareId, { failedSince }]) =>
    failedSince
      ? [{ softwareId, reason: "", permanent: false, since: failedSince.since, misses: failedSince.misses - 1 }]
      : [],
  );
  const comparisons = Object.entries(products).flatMap(([softwareId, story]) =>
    lastComparison(softwareId, story, runId),
  );
  const { thresholds, ...watchlist } = aWatchlist();
  const rules = { thresholds, ...dueRulesOf(watchlist), timeZone: "UTC" };
  return {
    ...{ watchlist: "default", runId, day: dayOf(runId), tenant: homeTenant },
    ...{ openedAt: openedAt(runId), committedAt: committedAt(runId), rules },
    ...{ previousRunId: null, comparisons, left: [], failures, totals: noTotals },
    mail: { status: "sent", at: committedAt(runId), attempts: 1, unknownOutcomes: 0 },
  };
}

function lastComparison(softwareId: string, story: ProductStory, runId: RunId): Comparison[] {
  const { before, beforeRunId = runId, heldBack, firstEmptyOn } = story;
  if (!before) return [];
  const carried = { ...(heldBack && { heldBack }), ...(firstEmptyOn && { firstEmptyOn }) };
  return [{ softwareId, previous: null, current: beforeRunId, ...carried }];
}

function trendBefore({ installsBefore = [] }: RunStory, { day, totals }: Run): TrendPoint[] {
  return installsBefore.map((point, index) => {
    const then = addDays(day, index - installsBefore.length);
    const changed = typeof point === "number" ? { missingInstalls: point } : point;
    return { runId: then, day: then, totals: { ...totals, baseline: 0, ...changed } };
  });
}

function openedAt(runId: RunId): string {
  return runId.includes("T") ? runId.replace("Z", ":00.000Z") : `${runId}T05:00:00.000Z`;
}

function committedAt(runId: RunId): string {
  return new Date(Date.parse(openedAt(runId)) + 4 * 60_000).toISOString();
}

/** The chain of a watchlist's runs. */
export function chainOf(watchlist = "default", tenant = "home"): { tenant: string; watchlist: string } {
  return { tenant, watchlist };
}
