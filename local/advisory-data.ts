import type { FeedName } from "../shared/core/advisory.ts";
import type { FeedFault } from "./advisory-feeds.ts";
import { dayNumber, dayText, monthOf, patchTuesday } from "./days.ts";
import { story } from "./estate.ts";
import { type EstateProduct, estateProducts, type Update, updatesOf } from "./estate-products.ts";
import type { FeedCve, FeedFacts, FeedKb } from "./feeds/facts.ts";

// ---- what CISA's catalogue has held for years

const oldKev: readonly FeedCve[] = [
  ...kevOf("2021-11-03", "CVE-2012-0158 CVE-2015-1641 CVE-2016-7255 CVE-2018-8653", "CVE-2017-11882 CVE-2020-1472"),
  ...kevOf("2023-07-11", "CVE-2023-32046 CVE-2023-32049 CVE-2023-35311 CVE-2023-36874"),
  ...kevOf("2023-07-17", "", "CVE-2023-36884"),
  ...kevOf("2023-11-14", "CVE-2023-36025 CVE-2023-36033 CVE-2023-36036"),
  ...kevOf("2024-01-10", "", "CVE-2023-29357"),
  ...kevOf("2024-02-13", "CVE-2024-21351 CVE-2024-21412"),
  ...kevOf("2024-03-26", "", "CVE-2023-24955"),
  ...kevOf("2024-05-14", "CVE-2024-30040", "CVE-2024-30051"),
  ...kevOf("2024-08-13", "CVE-2024-38106 CVE-2024-38107 CVE-2024-38178 CVE-2024-38189 CVE-2024-38193 CVE-2024-38213"),
  ...kevOf("2024-10-08", "CVE-2024-43572 CVE-2024-43573"),
  ...kevOf("2024-10-22", "", "CVE-2024-38094"),
];

function kevOf(since: string, cves: string, usedByRansomware = ""): FeedCve[] {
  const entries = (text: string, ransomware: boolean) =>
    text
      .split(" ")
      .filter(Boolean)
      .map((cve) => ({ cve, since, ransomware }));
  return [...entries(cves, false), ...entries(usedByRansomware, true)];
}

// ---- what both say of the estate

/**
 * What MSRC and CISA say of the estate's updates, for the same `today` as the estate's. Each update has one release, the one
 * that the estate lists in the month up to today, so that no KB is a year older than its name says.
 */
export function estateFacts(today: string): FeedFacts {
  const todayNumber = dayNumber(today);
  const releases = forwardOnly(mergeShared(estateProducts.flatMap((product) => releasesOf(product, todayNumber))));
  return {
    kbs: [...releases.filter(({ id }) => !unknown.has(id)), ...storyKbs(releases, todayNumber)],
    kev: [...oldKev, ...yearlyKev(releases), ...storyKev(todayNumber)],
  };
}

/**
 * Over one weekend MSRC answers with a page of its own, and on Sunday CISA's file is cut down. It is over before the KBs of
 * a Patch Tuesday are listed, and costs no pauses as a 503 would.
 */
export function estateTrouble(today: string): (feed: FeedName, day: string) => FeedFault | null {
  const number = dayNumber(today) - 4;
  // 1 January 1970 was a Thursday.
  const saturday = number - ((number - 2) % 7);
  return (feed, day) => {
    const daysAfter = dayNumber(day) - saturday;
    if (daysAfter < 0 || daysAfter > 1) return null;
    if (feed === "msrc") return maintenancePage;
    return daysAfter === 1 ? "shrunken" : null;
  };
}

const maintenancePage: FeedFault = {
  status: 200,
  headers: { "content-type": "text/html" },
  body: "<!DOCTYPE html><title>Maintenance</title><p>We'll be back soon.</p>",
};

/** What the feeds say where nothing they say matters. */
export const quietFacts: FeedFacts = { kbs: [{ id: "5034441", released: "2024-01-09" }], kev: oldKev };

// ---- the yearly waves

interface Release extends FeedKb {
  month: number;
  isForWindows: boolean;
}

// As MSRC leaves out updates of .NET and of the servicing stack.
const unknown = new Set(["5050188", "5066746"]);

const hotpatches = new Set(["5053638", "5058500", "5060525", "5063812", "5065306", "5068840", "5071413"]);

/** By MSRC's word, outside the monthly lines: some replaced KBs are on no list, and one replaces itself. */
const otherEdges: Readonly<Record<string, readonly string[]>> = {
  "5002616": ["4493154"],
  "5002730": ["5002711"],
  "5002781": ["5002756"],
  "5002792": ["5002792"],
  "5002809": ["5002792"],
  "5002819": ["5002809"],
  "5065435": ["5060996"],
};

/** CVEs that were exploited when they were closed in 2025, the days until CISA added them, and whether ransomware uses them. */
const exploitedByMonth: Readonly<Record<number, readonly { cve: string; after: number; ransomware?: true }[]>> = {
  3: [{ cve: "CVE-2025-29824", after: 0, ransomware: true }],
  4: [
    { cve: "CVE-2025-32701", after: 0 },
    { cve: "CVE-2025-32706", after: 0 },
  ],
  5: [{ cve: "CVE-2025-33053", after: 0 }],
  9: [
    { cve: "CVE-2025-24990", after: 0 },
    { cve: "CVE-2025-59230", after: 0 },
  ],
  10: [{ cve: "CVE-2025-62215", after: 1 }],
  11: [{ cve: "CVE-2025-62221", after: 0 }],
};
// These do not close the CVEs above.
const notExploited = new Set(["5068905", "5071503"]);

function releasesOf(product: EstateProduct, today: number): Release[] {
  const isForWindows = isWindows(product);
  return updatesOf(product).map((update) => {
    const { id, month, replaces } = update;
    const released = dayText(releaseIn(month, today));
    return {
      ...{ id, released, month, isForWindows, products: [product.name], hotpatch: hotpatches.has(id) },
      ...cvesOf(update, isForWindows, released),
      supersedes: [...(replaces === null ? [] : [replaces]), ...(otherEdges[id] ?? [])],
      severity: isShared(update, isForWindows) ? "Critical" : "Important",
      restart: isForWindows || product.name.startsWith("exchange") ? "yes" : "maybe",
    };
  });
}

/** Where a year's first release follows its last one, it does not replace what is released only now. */
function forwardOnly(releases: readonly Release[]): Release[] {
  const releasedOn = new Map(releases.map(({ id, released }) => [id, released]));
  return releases.map((release) => {
    const isEarlier = (old: string) => (releasedOn.get(old) ?? "") <= release.released;
    return { ...release, supersedes: release.supersedes?.filter(isEarlier) ?? [] };
  });
}

/** The release of a month's updates that the estate lists in the month up to today, or within days. */
function releaseIn(month: number, today: number): number {
  const oldest = today - playedDays - longestListed;
  const first = monthOf(oldest) + ((((month - monthOf(oldest)) % 12) + 12) % 12);
  return patchTuesday(first) >= oldest ? patchTuesday(first) : patchTuesday(first + 12);
}

const playedDays = 30;
const longestListed = Math.max(...estateProducts.map(({ supersededAfter }) => supersededAfter));

function isWindows({ name }: EstateProduct): boolean {
  return name.startsWith("windows");
}

/** Windows updates close the same CVEs, except those for a single component. */
function isShared({ cves }: Update, isForWindows: boolean): boolean {
  return isForWindows && cves >= 10;
}

/** As many as the estate says; real ones only where they are exploited, the others have numbers that CVEs never reach. */
function cvesOf(update: Update, isForWindows: boolean, released: string): Pick<FeedKb, "cves" | "exploitedCves"> {
  const { id, month, cves: count } = update;
  const shared = isShared(update, isForWindows);
  const listed = shared && !notExploited.has(id) ? (exploitedByMonth[month] ?? []) : [];
  const exploitedCves = listed.map(({ cve }) => cve);
  const others = Array.from({ length: count - exploitedCves.length }, (_, index) => sharedCve(released, index));
  return { cves: [...exploitedCves, ...(shared ? others : ownCves(update, released))], exploitedCves };
}

function ownCves({ id, cves }: Pick<Update, "id" | "cves">, released: string): string[] {
  return Array.from({ length: cves }, (_, index) => `CVE-${released.slice(0, 4)}-${id}${index + 1}`);
}

function sharedCve(released: string, index: number): string {
  const [year, month] = released.split("-");
  return `CVE-${year}-9${month}${String(index + 1).padStart(3, "0")}`;
}

/** A KB of several products closes what it closes for any of them. */
function mergeShared(releases: readonly Release[]): Release[] {
  return [...Map.groupBy(releases, ({ id }) => id).values()].flatMap((same) => {
    const [most] = same.sort((a, b) => (b.cves?.length ?? 0) - (a.cves?.length ?? 0));
    return most ? [{ ...most, products: same.flatMap(({ products = [] }) => products) }] : [];
  });
}

function yearlyKev(releases: readonly Release[]): FeedCve[] {
  return Object.entries(exploitedByMonth).flatMap(([month, exploited]) => {
    const released = releases.find((release) => release.isForWindows && release.month === Number(month))?.released;
    if (released === undefined) return [];
    return exploited.map(({ cve, after, ransomware = false }) => {
      return { cve, since: dayText(dayNumber(released) + after), ransomware };
    });
  });
}

// ---- the story of the played month

/** The flaw of WSUS that the newest update closes. CISA adds it on the same day. */
const wsusCve = "CVE-2025-59287";

type StoryUpdate = (typeof story)["new" | "returned" | "resolved"];

/** The updates outside the waves, and one that is on no list but in a line of others. */
function storyKbs(releases: readonly Release[], today: number): FeedKb[] {
  const { new: newest, returned, resolved } = story;
  const releasedOn = ({ listedFrom }: StoryUpdate) => dayText(today + listedFrom - 1);
  const outOfBand = (update: StoryUpdate, exploitedCves: readonly string[]): FeedKb => {
    const released = releasedOn(update);
    const supersedes = newestBefore(releases, update.softwareId, released);
    return { id: update.id, released, supersedes, exploitedCves, severity: "Critical" };
  };
  return [
    outOfBand(newest, [wsusCve]),
    // Only MSRC says that this one is exploited.
    outOfBand(returned, ownCves(returned, releasedOn(returned))),
    {
      id: resolved.id,
      released: releasedOn(resolved),
      restart: "maybe",
      cves: ownCves(resolved, releasedOn(resolved)),
    },
    { id: "5060996", released: dayText(releaseIn(5, today)), supersedes: ["5058380"] },
  ];
}

/** The newest cumulative update that a product had before a day. */
function newestBefore(releases: readonly Release[], softwareId: string, day: string): string[] {
  const product = estateProducts.find(({ id }) => id === softwareId);
  const own = new Set(product && updatesOf(product).flatMap(({ id, index }) => (index === 0 ? [id] : [])));
  const before = releases.filter(({ id, released }) => own.has(id) && released < day);
  return before
    .sort((a, b) => (a.released < b.released ? 1 : -1))
    .slice(0, 1)
    .map(({ id }) => id);
}

/** In the middle of the played month, a CVE that the Windows updates of some weeks ago close turns out to be used by ransomware. */
function storyKev(today: number): FeedCve[] {
  const since = today - 12;
  const month = monthOf(since - 3);
  const released = patchTuesday(month) <= since - 3 ? patchTuesday(month) : patchTuesday(month - 1);
  return [
    { cve: wsusCve, since: dayText(today + story.new.listedFrom - 1) },
    { cve: sharedCve(dayText(released), 0), since: dayText(since), ransomware: true },
  ];
}
