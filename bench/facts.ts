import { actionList } from "../shared/core/action-list.ts";
import { type Catalogue, type MsrcKb, openFacts, type RunFacts } from "../shared/core/advisory.ts";
import { addDays } from "../shared/core/day.ts";
import type { MissingKb } from "../shared/core/missing-kb.ts";
import { buildReport, type Report } from "../shared/core/report.ts";
import type { Compared } from "../shared/core/row.ts";
import type { Run } from "../shared/core/run.ts";
import { noTotals } from "../shared/core/totals.ts";
import { type Figure, median } from "./figure.ts";

const day = "2026-11-23";
const kbsEach = 40;
/** Each line of updates has one a month. */
const months = 10;
/** Lines that all products draw from: 1,600 different KBs. */
const linesInAll = 160;
const rounds = 7;
const products = { few: 20, many: 2_000 };

/** What the facts of a run and its list of actions cost a KB of a product, and whether that grows with the estate. */
export async function facts(): Promise<Figure[]> {
  const [few, many] = [worldOf(products.few), worldOf(products.many)];
  const reports = { few: await few.report(), many: await many.report() };
  const grows = (what: string, ofFew: () => unknown, ofMany: () => unknown, atMost: number): Figure => {
    const small = nanosecondsEach(ofFew, products.few, products.many / products.few);
    const large = nanosecondsEach(ofMany, products.many, 1);
    return {
      what: `${what} of ${products.many * kbsEach} KBs of products, cost of one (100×)`,
      ours: `${Math.round(large)} ns a KB`,
      theirs: `${Math.round(small)} ns a KB of ${products.few * kbsEach} (1×)`,
      ratio: large / small,
      bound: { atMost },
    };
  };
  return [
    grows("facts", few.facts, many.facts, 2),
    grows(
      "what to install",
      () => actionList(reports.few),
      () => actionList(reports.many),
      // What each action closes is sorted.
      3,
    ),
  ];
}

/** The median of several rounds, each of which repeats the work until it takes about as long as the large one. */
function nanosecondsEach(work: () => unknown, count: number, repeats: number): number {
  const times = Array.from({ length: rounds }, () => {
    const began = performance.now();
    for (let again = 0; again < repeats; again++) work();
    return ((performance.now() - began) * 1e6) / (repeats * count * kbsEach);
  });
  return median(times);
}

/** Products that miss four lines of ten monthly updates each; a quarter of the lines is not known to MSRC. */
function worldOf(count: number) {
  const estate = Array.from({ length: count }, (_, product) => missingIn(product));
  const catalogue = catalogueOf(estate.flat());
  const frozen = (): RunFacts => {
    const open = openFacts(catalogue);
    for (const missing of estate) open.add(missing.map(({ id }) => id));
    return open.facts;
  };
  return { facts: frozen, report: () => reportOf(estate, frozen()) };
}

function missingIn(product: number): MissingKb[] {
  return Array.from({ length: kbsEach }, (_, at) => {
    const line = (product * 7 + Math.floor(at / months) * 41) % linesInAll;
    const id = String(5_000_000 + line * months + (at % months));
    const counts = { machineMissedOn: 1 + ((product + at * 31) % 900), cveAddressed: 12, peak: 900 };
    return {
      id,
      name: "November 2026 Security Updates",
      productsNames: [],
      url: null,
      ...counts,
      firstSeen: "2026-11-01",
    };
  });
}

function catalogueOf(missing: readonly MissingKb[]): Catalogue {
  const different = [...new Map(missing.map((kb) => [kb.id, kb])).values()];
  const known = different.filter(({ id }) => Math.floor(Number(id) / months) % 4 < 3);
  const kbs = known.map(({ id }): [string, MsrcKb] => {
    const month = Number(id) % months;
    const rest = { severity: "Important", exploitedCves: [], restart: "yes", hotpatch: false } as const;
    const supersedes = month > 0 ? [String(Number(id) - 1)] : [];
    return [id, { id, released: addDays("2026-01-13", month * 28), cves: [`CVE-2026-${id}`], supersedes, ...rest }];
  });
  return { kbs: new Map(kbs), kev: new Map(), readAt: { msrc: `${day}T04:17:00.000Z`, kev: `${day}T04:17:00.000Z` } };
}

function reportOf(estate: readonly MissingKb[][], known: RunFacts): Promise<Report> {
  const thresholds = { minMachines: 1, minPercent: 0, minCves: 1 };
  const at = `${day}T05:00:00.000Z`;
  const run: Run = {
    ...{ watchlist: "default", runId: day, tenant: "home", day, openedAt: at, committedAt: at, previousRunId: null },
    ...{ comparisons: [], left: [], failures: [], totals: noTotals },
    rules: { thresholds, dueDays: 14, dueDaysExploited: 3, dueFrom: "released", timeZone: "UTC" },
    mail: { status: "none", at, attempts: 0, unknownOutcomes: 0 },
  };
  async function* compared(): AsyncGenerator<Compared> {
    for (const [product, missingKbs] of estate.entries()) {
      const softwareId = `contoso-_-product_${product}`;
      const current = { tenant: "home", softwareId, runId: day, day, openedAt: at, missingKbs, gone: [], unusable: 0 };
      yield { comparison: { softwareId, previous: null, current: day }, previous: null, current };
    }
  }
  return buildReport({ run, facts: known, previousRunId: null, previousDay: null, trend: [], thresholds }, compared());
}
