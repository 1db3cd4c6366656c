import type { MsrcKb } from "../../shared/core/advisory.ts";
import { addDays } from "../../shared/core/day.ts";
import type { KbHistory } from "../../shared/core/kb-history.ts";
import type { MissingKb } from "../../shared/core/missing-kb.ts";
import type { Report } from "../../shared/core/report.ts";
import { filterOf, select } from "../../shared/core/selection.ts";
import type { Totals } from "../../shared/core/totals.ts";
import type { PageView } from "../../shared/render/page/view.ts";
import type { RenderOptions } from "../../shared/render/words.ts";
import { aCatalogue, aKb, aReport, type ProductStory } from "./builders.ts";

const today = "2026-11-23";

export const sampleOptions: RenderOptions = {
  timeZone: "Europe/Berlin",
  reportUrl: "https://reporter.example.com",
  portalUrl: "https://security.microsoft.com",
  nextRun: "2026-11-24T05:00:00.000Z",
  graceMinutes: 120,
};

const names = ["November", "October", "September", "August", "July"].map((month) => `${month} 2026 Security Updates`);

type KbFacts = [id: string, age: number, machines: number | null, cves: number | null, parts?: Partial<MissingKb>];

function kbsOf(facts: readonly KbFacts[], products: readonly string[]): MissingKb[] {
  return facts.map(([id, age, machineMissedOn, cveAddressed, parts]) =>
    aKb({
      id,
      name: names[Math.min(names.length - 1, Math.floor(age / 28))] ?? "",
      productsNames: products,
      firstSeen: addDays(today, -age),
      machineMissedOn,
      cveAddressed,
      peak: machineMissedOn,
      ...parts,
    }),
  );
}

function story(
  products: readonly string[],
  before: readonly KbFacts[] | null,
  now: readonly KbFacts[] | null,
): ProductStory {
  return { before: before && kbsOf(before, products), now: now && kbsOf(now, products) };
}

const serverLine = { ids: ["5066782"], since: addDays(today, -41), listedOn: addDays(today, -13) };

/** A small estate with something of everything. */
const estate: Readonly<Record<string, ProductStory>> = {
  "microsoft-_-windows_11": {
    ...story(
      ["windows_11"],
      [
        ["5068861", 13, 498, 63],
        ["5066835", 41, 132, 172, { peak: 611 }],
        ["5065426", 69, 87, 81, { peak: 92 }],
        ["5063878", 104, 12, 107, { peak: 540 }],
      ],
      [
        ["5068861", 13, 512, 63],
        ["5066835", 41, 120, 172, { peak: 611 }],
        ["5065426", 69, 87, 81, { peak: 92 }],
        ["5072033", 0, 640, 57],
        ["5062553", 132, 9, 130, { peak: 480 }],
      ],
    ),
    beforeSnapshot: {
      gone: [{ id: "5062553", firstSeen: addDays(today, -132), peak: 480, goneOn: addDays(today, -30) }],
    },
  },
  "microsoft-_-windows_10": story(
    ["windows_10"],
    [
      ["5068781", 13, 240, 60],
      ["5066791", 41, 198, 170, { peak: 203 }],
      ["5065429", 69, 44, 81, { peak: 377 }],
      ["5001716", 20, 31, null, { name: "" }],
    ],
    [
      ["5068781", 13, 252, 60],
      ["5066791", 41, 196, 170, { peak: 203 }],
      ["5065429", 69, 40, 81, { peak: 377 }],
      ["5001716", 20, null, null, { name: "" }],
      ["5072033", 0, 214, 55],
    ],
  ),
  "microsoft-_-windows_server_2022": {
    ...story(
      ["windows_server_2022"],
      [
        ["5068787", 13, 48, 61],
        ["5066782", 41, 22, 168, { peak: 51 }],
      ],
      [
        ["5068787", 13, 44, 61, { line: serverLine }],
        ["5072033", 0, 51, 55],
      ],
    ),
    snapshot: {
      gone: [{ id: "5066782", firstSeen: addDays(today, -41), peak: 51, goneOn: today, replacedBy: "5068787" }],
    },
  },
  "microsoft-_-windows_server_2019": story(
    ["windows_server_2019"],
    [
      ["5068791", 13, 36, 58],
      ["5066586", 41, 35, 160, { peak: 36 }],
      ["5065428", 69, 3, 79, { peak: 40 }],
    ],
    [
      ["5068791", 13, 33, 58],
      ["5066586", 41, 35, 160, { peak: 36 }],
      ["5065428", 69, 3, 79, { peak: 40 }],
    ],
  ),
  "microsoft-_-.net_framework": story(
    [".net_framework", "windows_10", "windows_11", "windows_server_2019", "windows_server_2022"],
    [
      ["5066130", 41, 301, 2, { peak: 420 }],
      ["5066128", 41, 77, 2, { peak: 230 }],
    ],
    [
      ["5066130", 41, 288, 2, { peak: 420 }],
      ["5066128", 41, 61, 2, { peak: 230 }],
    ],
  ),
  "microsoft-_-sql_server_2019": story(
    ["sql_server_2019"],
    [["5068404", 13, 6, 1]],
    [
      ["5068404", 13, 6, 1],
      ["5072936", 0, 7, 2],
    ],
  ),
  "microsoft-_-office": story(["office"], [["5002794", 13, 18, 9]], []),
  "microsoft-_-exchange_server_2019": {
    ...story(["exchange_server_2019"], [["5066367", 41, 2, 4, { peak: 2 }]], null),
    failure: {
      reason:
        "GET /api/Software/microsoft-_-exchange_server_2019/getmissingkbs answered 404 ResourceNotFound three times.",
      permanent: false,
    },
    failedSince: { since: "2026-11-21", misses: 3 },
  },
  "microsoft-_-sharepoint_server": {
    ...story(["sharepoint_server"], null, null),
    failure: {
      reason:
        "GET /api/Software/microsoft-_-sharepoint_server/getmissingkbs answered 403 Forbidden: the app role Software.Read.All is missing.",
      permanent: true,
    },
  },
  "microsoft-_-visual_studio_2022": story(["visual_studio_2022"], null, [["5072101", 0, 25, 3]]),
  "microsoft-_-edge_chromium-based": {
    ...story(["edge_chromium-based"], [], []),
    snapshot: { emptiness: { verdict: "not-kb-patched", checkedOn: today } },
  },
  "mozilla-_-firefox": story(["firefox"], [], []),
};

// Patch day is the 17th of 29 runs; from then on counts fall as machines are patched.
function trendBefore(last: number): Partial<Totals>[] {
  const days = Array.from({ length: 29 }, (_, index) => ({ index, age: (index + 12) % 28 }));
  return days.map(({ index, age }) => ({
    missingInstalls: Math.round(last * (0.62 + 0.75 * Math.exp(-age / 15)) + ((index * 37) % 11) * 6),
    missingKbs: 24 - Math.floor(age / 5),
    new: [7, 0, 1, 0, 0, 1, 0, 0][age % 28 < 8 ? age : 1] ?? 0,
    returned: Number(index % 13 === 6),
    resolved: [0, 1, 2, 0, 1][index % 5] ?? 0,
    ...(index === 11 ? { read: 7, notRead: 5 } : { read: 12, notRead: 0 }),
  }));
}

const unknownToMsrc = ["5001716", "5072101"];

/** What MSRC and CISA know of the small estate: each release is as old as the first sight of it; some KBs MSRC does not know. */
const catalogue = aCatalogue(
  {
    ...Object.fromEntries(
      Object.values(estate).flatMap(({ before, now }) =>
        [...(before ?? []), ...(now ?? [])]
          .filter(({ id }) => !unknownToMsrc.includes(id))
          .map((kb) => [kb.id, releasedOn(kb)]),
      ),
    ),
    "5072033": { released: today, severity: "Critical", cves: ["CVE-2026-62215"], supersedes: ["5068861", "5068781"] },
    "5068861": {
      ...{ released: "2026-11-10", severity: "Critical", cves: ["CVE-2026-60710", "CVE-2026-60709"] },
      ...{ exploitedCves: ["CVE-2026-60710"], supersedes: ["5066835"] },
    },
    "5066791": { released: "2026-10-13", supersedes: ["5065429"] },
    "5068787": { released: "2026-11-10", supersedes: ["5066782"] },
    "5068791": { released: "2026-11-10", supersedes: ["5066586", "5065428"], restart: "maybe" },
    "5066367": { released: "2026-10-13", cves: ["CVE-2026-53782"] },
  },
  [
    { cve: "CVE-2026-60709", since: "2026-11-12", ransomware: true },
    { cve: "CVE-2026-53782", since: "2026-10-20", ransomware: false },
  ],
);
function releasedOn({ firstSeen, cveAddressed }: MissingKb): Partial<MsrcKb> {
  return { released: firstSeen, severity: (cveAddressed ?? 0) > 100 ? "Critical" : "Important", cves: [] };
}

/** The report of the small estate. */
export async function sampleReport(): Promise<Report> {
  const first = await aReport({ products: estate, catalogue });
  return aReport({ products: estate, catalogue, installsBefore: trendBefore(first.totals.missingInstalls) });
}

/** A page of a report, with the entries that its query selects. */
export function aView(report: Report, parts: Partial<PageView> = {}): PageView {
  const runs = report.trend.map(({ runId }) => ({ runId, openedAt: `${runId}T05:00:00.000Z` }));
  const query: PageView["query"] = { watchlist: report.watchlist, run: "latest", ...parts.query };
  const { sort, order } = query;
  const selection = { ...filterOf(query), ...(sort && { sort }), ...(order && { order }) };
  return {
    ...select(report, selection),
    newerRuns: [],
    options: sampleOptions,
    runs,
    watchlists: ["default"],
    nonce: "c2FtcGxlLW5vbmNl",
    ...parts,
    query,
  };
}

/** The missing installs of each product of a report over 30 days; of the last one nothing is known. */
export function sampleLines({ products, day }: Report): NonNullable<PageView["lines"]> {
  const lines = products.slice(0, -1).map(({ softwareId, missingInstalls }, at) => {
    const line = Array.from({ length: 30 }, (_, index) => ({
      day: addDays(day, index - 29),
      missingInstalls: Math.round(missingInstalls * (1 + ((29 - index) * ((at % 3) - 0.6)) / 30)),
    }));
    return [softwareId, line] as const;
  });
  return new Map(lines);
}

/** One KB over 30 runs in two products, with a gap where one could not be read. */
export function sampleHistory(id = "5066835"): KbHistory {
  const points = Array.from({ length: 30 }, (_, index) => {
    const counts = (machineMissedOn: number) => ({ state: "missing" as const, machineMissedOn, cveAddressed: 172 });
    const unknown = { machineMissedOn: null, cveAddressed: null };
    return {
      runId: addDays(today, index - 29),
      day: addDays(today, index - 29),
      sightings: [
        { softwareId: "microsoft-_-windows_11", ...counts(Math.round(120 + 490 * Math.exp(-index / 8))) },
        index === 12
          ? { softwareId: "microsoft-_-windows_10", state: "not-read" as const, ...unknown }
          : index > 22
            ? { softwareId: "microsoft-_-windows_10", state: "not-missing" as const, ...unknown }
            : { softwareId: "microsoft-_-windows_10", ...counts(240 - index * 9) },
      ],
    };
  });
  return { id, points };
}

/** An estate in which every product misses its own KBs, all different. */
export async function largeReport(products: number, kbsEach: number): Promise<Report> {
  const stories = Array.from({ length: products }, (_, at): [string, ProductStory] => {
    const kb = (index: number, more: number) =>
      aKb({
        id: String(5_000_000 + at * kbsEach + index),
        firstSeen: addDays(today, -((at * 7 + index * 3) % 200)),
        machineMissedOn: Math.max(1, ((at * 31 + index * 17) % 900) + more),
        cveAddressed: (index * 7) % 120,
        peak: 1000,
      });
    const all = Array.from({ length: kbsEach }, (_, index) => index);
    const now = all.map((index) => kb(index, index % 9 === 0 ? 5 : 0));
    const before = all.filter((index) => index % 20 !== 3).map((index) => kb(index, 0));
    return [`microsoft-_-product_${String(at).padStart(4, "0")}`, { before, now }];
  });
  return aReport({ products: Object.fromEntries(stories) });
}
