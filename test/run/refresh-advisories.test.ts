import { beforeEach, describe, expect, it, test } from "vitest";
import { startAdvisoryFeeds } from "../../local/advisory-feeds.ts";
import type { KevEntry } from "../../shared/core/advisory.ts";
import { openFacts } from "../../shared/core/advisory.ts";
import { buildCatalogue } from "../../shared/core/catalogue.ts";
import type { MissingKb } from "../../shared/core/missing-kb.ts";
import { dayOf, type RunId } from "../../shared/core/run-id.ts";
import { chainOf, type Watchlist } from "../../shared/core/watchlist.ts";
import { summarize } from "../../shared/core/watchlist-status.ts";
import { createFeeds } from "../../shared/io/advisories/feeds.ts";
import { logTexts } from "../../shared/log.ts";
import { FeedError, RowError, StorageError, type Store } from "../../shared/ports.ts";
import { refreshAdvisories } from "../../shared/run/refresh-advisories.ts";
import { aKb, aMsrcKb, aSnapshot, aWatchlist } from "../support/builders.ts";
import { type FakeFeeds, fakeFeeds } from "../support/fake-feeds.ts";
import { configured, type FakeWorld, fakeWorld } from "../support/fake-world.ts";
import { aStoredRun } from "../support/store-contract.ts";

const [november, october, september] = ["2026-Nov", "2026-Oct", "2026-Sep"] as const;

let world: FakeWorld;
let feeds: FakeFeeds;

beforeEach(() => {
  world = fakeWorld();
  feeds = fakeFeeds();
  world.ports.feeds = feeds;
  feeds.setMonth(november, [aMsrcKb("5070001"), aMsrcKb("5070002")]);
  feeds.setMonth(october, [aMsrcKb("5066001", { released: "2026-10-13" })]);
  feeds.setMonth(september, [aMsrcKb("5064001", { released: "2026-09-08" })]);
  feeds.setMonth("2025-Jan", [aMsrcKb("5049001", { released: "2025-01-14" })]);
  feeds.setKev([entry("CVE-2020-0601")]);
});

function entry(cve: string, parts: Partial<KevEntry> = {}): KevEntry {
  return { cve, since: "2026-11-23", ransomware: false, ...parts };
}

/** Refreshes at this time on 23 November 2026; returns what the feeds were asked for. */
async function refreshAt(time: string): Promise<string[]> {
  world.setClock(`2026-11-23T${time}Z`);
  feeds.calls.length = 0;
  await refreshAdvisories(world.ports);
  return [...feeds.calls].sort();
}

const stored = () => world.ports.store.readAdvisories();
const monthsOf = async () => (await stored()).months.map(({ id }) => id).sort();
const faults = () => world.logs.filter(({ message }) => message === logTexts.feedFault).map(({ fields }) => fields);

interface Committed {
  watchlist?: Watchlist;
  runId?: RunId;
  committedAt?: string;
  withFacts?: boolean;
}

/** Commits a scheduled run in which these KBs are missing, with what the store knows of them. */
async function commit(kbs: readonly Partial<MissingKb>[], parts: Committed = {}): Promise<void> {
  const { watchlist = aWatchlist(), runId = "2026-11-23", withFacts = true } = parts;
  const { committedAt = `${runId}T05:04:00.000Z` } = parts;
  const { store } = world.ports;
  const chain = chainOf(watchlist);
  const softwareId = watchlist.softwareIds[0] ?? "";
  const missingKbs = kbs.map((kb) => aKb({ name: "", firstSeen: "2026-11-23", ...kb }));
  await store.addSnapshot(aSnapshot({ tenant: chain.tenant, softwareId, runId, day: dayOf(runId), missingKbs }));
  const comparisons = [{ softwareId, previous: null, current: runId }];
  const run = aStoredRun({ ...chain, runId, day: dayOf(runId), comparisons, committedAt });
  const { months, exploited, msrc, kev } = await store.readAdvisories();
  const open = openFacts(buildCatalogue(months, exploited, { msrc: msrc.readAt, kev: kev.readAt }));
  open.add(missingKbs.map(({ id }) => id));
  const last = (await store.listRuns(chain)).at(-1);
  const follows = last ? await store.readRun(chain, last.runId) : null;
  expect(await store.commitRun(run, follows, withFacts ? open.facts : null)).toBe(true);
  await store.saveStatus(summarize(chain, await store.listRuns(chain), run));
}

describe("the first refresh", () => {
  it("reads the two newest months and CISA's catalogue", async () => {
    expect(await refreshAt("04:17:00")).toEqual([october, november, "kev", "list"].sort());
    const { months, msrc, kev, exploited } = await stored();
    expect(months).toHaveLength(2);
    expect(months.find(({ id }) => id === november)?.kbs).toEqual([aMsrcKb("5070001"), aMsrcKb("5070002")]);
    expect([msrc.readAt, kev.readAt]).toEqual(["2026-11-23T04:17:00.000Z", "2026-11-23T04:17:00.000Z"]);
    expect(exploited).toEqual([entry("CVE-2020-0601")]);
  });

  it("is not made where there are no feeds", async () => {
    world.ports.feeds = null;
    await refreshAdvisories(world.ports);
    expect(await stored()).toMatchObject({ months: [], exploited: null });
  });
});

describe("a later refresh", () => {
  beforeEach(async () => {
    await refreshAt("04:17:00");
  });

  it("makes two conditional requests where nothing has changed, and four calls to the store", async () => {
    const calls: string[] = [];
    const counted = Object.entries(world.ports.store).map(([name, call]) => [
      name,
      (...args: never[]) => {
        calls.push(name);
        return (call as (...given: never[]) => unknown)(...args);
      },
    ]);
    world.ports.store = Object.fromEntries(counted) as Store;
    expect(await refreshAt("05:17:00")).toEqual(["kev?", "list?"]);
    expect(calls.sort()).toEqual(["listStatuses", "readAdvisories", "saveFeed", "saveFeed"]);
    const { msrc, kev } = await stored();
    expect([msrc.readAt, kev.readAt]).toEqual(["2026-11-23T05:17:00.000Z", "2026-11-23T05:17:00.000Z"]);
  });

  it("reads what has changed, and nothing else", async () => {
    feeds.setMonth(november, [aMsrcKb("5070001", { severity: "Critical" }), aMsrcKb("5070002")]);
    expect(await refreshAt("05:17:00")).toEqual([november, "kev?", "list?"]);
    const { months } = await stored();
    expect(months.find(({ id }) => id === november)?.kbs[0]?.severity).toBe("Critical");
    feeds.setMonth(september, []);
    expect(await refreshAt("06:17:00")).toEqual(["kev?", "list?"]);
    feeds.setKev([entry("CVE-2020-0601"), entry("CVE-2026-1")]);
    expect(await refreshAt("07:17:00")).toEqual(["kev?", "list?"]);
    expect((await stored()).exploited).toHaveLength(2);
  });

  it("reads a month as soon as there is one", async () => {
    feeds.setMonth("2026-Dec", [aMsrcKb("5072001")]);
    expect(await refreshAt("05:17:00")).toEqual(["2026-Dec", "kev?", "list?"]);
    expect(await monthsOf()).toEqual(["2026-Dec", november, october].sort());
  });
});

describe("the months that watched KBs need", () => {
  beforeEach(async () => {
    await refreshAt("04:17:00");
  });

  it("are that of Defender's bundle, with those in between of two years, once a run has such a KB", async () => {
    await commit([{ id: "5049001", name: "January 2025 Security Updates" }, { id: "5070001" }]);
    const calls = await refreshAt("05:17:00");
    expect(calls).toEqual([september, "2025-Jan", "kev?", "list", "list?"].sort());
    expect(await monthsOf()).toEqual([november, october, september, "2025-Jan"].sort());
    expect(await refreshAt("06:17:00")).toEqual(["kev?", "list?"]);
  });

  it("are that of first sight and the one before, where the name says nothing", async () => {
    await commit([{ id: "5064001", firstSeen: "2026-10-02" }]);
    expect(await refreshAt("05:17:00")).toEqual([september, "kev?", "list", "list?"].sort());
  });

  it("are found where the overview heard of a run minutes after its commit", async () => {
    await commit([{ id: "5064001", firstSeen: "2026-10-02" }], { committedAt: "2026-11-23T04:12:00.000Z" });
    expect(await refreshAt("05:17:00")).toContain(september);
  });

  it("are not looked for in a run that was looked at", async () => {
    await commit([{ id: "5064001", firstSeen: "2026-10-02" }], { committedAt: "2026-11-23T04:06:00.000Z" });
    expect(await refreshAt("05:17:00")).toEqual(["kev?", "list?"]);
  });

  it("are none where all KBs are known", async () => {
    await commit([{ id: "5070001" }, { id: "5066001" }]);
    expect(await refreshAt("05:17:00")).toEqual(["kev?", "list?"]);
  });

  it("are found by the snapshots of a run that has no facts", async () => {
    await commit([{ id: "5049001", name: "January 2025 Security Updates" }], { withFacts: false });
    expect(await refreshAt("05:17:00")).toContain("2025-Jan");
  });

  it("are read again when they change, for as long as such a KB is missing", async () => {
    await commit([{ id: "5064001", name: "September 2026 Security Updates" }]);
    await refreshAt("05:17:00");
    feeds.setMonth(september, [aMsrcKb("5064001"), aMsrcKb("5064002")]);
    expect(await refreshAt("06:17:00")).toEqual([september, "kev?", "list?"]);
    await commit([{ id: "5070001" }], { runId: "2026-11-24", committedAt: "2026-11-23T06:30:00.000Z" });
    feeds.setMonth(september, []);
    expect(await refreshAt("07:17:00")).toEqual(["kev?", "list?"]);
  });

  it("are not looked for again where MSRC does not know the KB, until its month changes", async () => {
    const snapshots: string[] = [];
    const { store } = world.ports;
    world.ports.store = {
      ...store,
      readSnapshot: (key) => {
        snapshots.push(key.runId);
        return store.readSnapshot(key);
      },
    };
    const dotnet = { id: "5049622", name: "January 2025 Security Updates" };
    await commit([dotnet]);
    await refreshAt("05:17:00");
    expect((await stored()).msrc.notFound).toEqual([{ id: "5049622", months: ["2025-Jan"] }]);
    expect(snapshots).toEqual(["2026-11-23"]);
    await commit([dotnet], { runId: "2026-11-24", committedAt: "2026-11-23T05:30:00.000Z" });
    expect(await refreshAt("06:17:00")).toEqual(["kev?", "list?"]);
    expect(snapshots).toEqual(["2026-11-23"]);
    feeds.setMonth("2025-Jan", [aMsrcKb("5049622")]);
    expect(await refreshAt("07:17:00")).toContain("2025-Jan");
    expect((await stored()).msrc).not.toHaveProperty("notFound");
  });

  it("are not looked for where MSRC lists no such month, until it does", async () => {
    await commit([{ id: "5072001", name: "December 2026 Security Updates" }]);
    expect(await refreshAt("05:17:00")).toEqual(["kev?", "list", "list?"]);
    expect(await refreshAt("06:17:00")).toEqual(["kev?", "list?"]);
    for (const id of ["2026-Dec", "2027-Jan", "2027-Feb"]) feeds.setMonth(id, [aMsrcKb(`${id}`)]);
    expect(await refreshAt("07:17:00")).toEqual(["2026-Dec", "2027-Feb", "2027-Jan", "kev?", "list?"]);
  });

  it("are those of every configured watchlist, and of none that was removed", async () => {
    const [servers, removed] = [aWatchlist({ name: "Servers", softwareIds: ["a-_-b"] }), aWatchlist({ name: "Old" })];
    world.ports.watchlists = configured([aWatchlist(), servers]);
    await commit([{ id: "5070001" }]);
    await commit([{ id: "5064001", name: "September 2026 Security Updates" }], { watchlist: servers });
    await commit([{ id: "5049001", name: "January 2025 Security Updates" }], { watchlist: removed });
    expect(await refreshAt("05:17:00")).toEqual([september, "kev?", "list", "list?"].sort());
  });

  it("are read twelve at a time, the newest first", async () => {
    const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug"].map((name) => `2026-${name}`);
    const years = ["2023", "2024", "2025"].flatMap((year) => [`${year}-Mar`, `${year}-Jul`]);
    const kbs = [...years, ...names].map((id, n) => ({ id: `50000${n}`, name: `${id.slice(5)} ${id.slice(0, 4)}` }));
    for (const [n, id] of [...years, ...names].entries()) feeds.setMonth(id, [aMsrcKb(`50000${n}`)]);
    await commit(kbs);
    const first = (await refreshAt("05:17:00")).filter((call) => /^\d/.test(call));
    expect(first).toEqual([september, ...names, "2025-Jan", "2025-Jul", "2025-Mar"].sort());
    const second = (await refreshAt("06:17:00")).filter((call) => /^\d/.test(call));
    expect(second).toEqual(years.slice(0, 4).sort());
    expect(await refreshAt("07:17:00")).toEqual(["kev?", "list?"]);
    expect((await stored()).msrc).not.toHaveProperty("fault");
  });

  test.each(["readFacts", "readRun", "readSnapshot"] as const)(
    "are found in spite of a damaged row: %s",
    async (name) => {
      const servers = aWatchlist({ name: "Servers", softwareIds: ["a-_-b"] });
      world.ports.watchlists = configured([aWatchlist(), servers]);
      await commit([{ id: "5049001", name: "January 2025 Security Updates" }]);
      await commit([{ id: "5064001", name: "September 2026 Security Updates" }], { watchlist: servers });
      const { store } = world.ports;
      const call = store[name] as (
        key: { watchlist?: string; softwareId?: string },
        ...rest: never[]
      ) => Promise<unknown>;
      const damaged = async (key: { watchlist?: string; softwareId?: string }, ...rest: never[]) => {
        if (key.watchlist !== "Servers" && key.softwareId !== "a-_-b") throw new RowError("It is damaged.");
        return call(key, ...rest);
      };
      world.ports.store = { ...store, [name]: damaged };
      expect(await refreshAt("05:17:00")).toContain(september);
    },
  );
});

describe("a feed that fails", () => {
  const down = new FeedError("MSRC's list of months could not be read: its host answered 503.");

  beforeEach(async () => {
    await refreshAt("04:17:00");
  });

  it.each([
    ["msrc", (fault: FeedError | null) => feeds.setListFault(fault)],
    ["kev", (fault: FeedError | null) => feeds.setKev(fault ?? [entry("CVE-2020-0601")])],
  ] as const)("changes nothing, and says since when: %s", async (name, setFault) => {
    const before = await stored();
    setFault(down);
    await refreshAt("05:17:00");
    await refreshAt("06:17:00");
    const fault = { reason: down.message, since: "2026-11-23T05:17:00.000Z" };
    expect((await stored())[name]).toEqual({ ...before[name], fault });
    expect(faults()).toEqual([
      { feed: name, ...fault },
      { feed: name, ...fault },
    ]);
    expect(await monthsOf()).toEqual([november, october]);
    expect((await stored()).exploited).toEqual(before.exploited);
    const other = name === "msrc" ? "kev" : "msrc";
    expect((await stored())[other]).toEqual({ ...before[other], readAt: "2026-11-23T06:17:00.000Z" });
    setFault(null);
    await refreshAt("07:17:00");
    expect((await stored())[name]).not.toHaveProperty("fault");
    expect((await stored())[name].readAt).toBe("2026-11-23T07:17:00.000Z");
  });

  it("says so from its first answer on that never came", async () => {
    world = fakeWorld();
    world.ports.feeds = feeds;
    feeds.setListFault(down);
    await refreshAt("05:17:00");
    const fault = { reason: down.message, since: "2026-11-23T05:17:00.000Z" };
    expect((await stored()).msrc).toEqual({ validators: {}, readAt: null, fault });
  });

  it("in one month is read in the others, and tried again with each refresh", async () => {
    feeds.setMonth(october, new FeedError("MSRC's document of 2026-Oct is not JSON in UTF-8."));
    feeds.setMonth(november, [aMsrcKb("5070001"), aMsrcKb("5070002"), aMsrcKb("5070003")]);
    expect(await refreshAt("05:17:00")).toEqual([november, october, "kev?", "list?"].sort());
    const { months, msrc } = await stored();
    expect(months.find(({ id }) => id === november)?.kbs).toHaveLength(3);
    expect(months.find(({ id }) => id === october)?.kbs).toHaveLength(1);
    expect(msrc).toMatchObject({ readAt: "2026-11-23T05:17:00.000Z", fault: { since: "2026-11-23T05:17:00.000Z" } });
    expect(await refreshAt("06:17:00")).toEqual([october, "kev?", "list"].sort());
    expect((await stored()).msrc.fault).toEqual({
      ...{ reason: "MSRC's document of 2026-Oct is not JSON in UTF-8.", since: "2026-11-23T05:17:00.000Z" },
    });
    feeds.setMonth(october, [aMsrcKb("5066001")]);
    expect(await refreshAt("07:17:00")).toEqual([october, "kev?", "list"].sort());
    expect((await stored()).msrc).not.toHaveProperty("fault");
    expect(await refreshAt("08:17:00")).toEqual(["kev?", "list?"]);
  });

  it("in that it has shrunk is not used", async () => {
    feeds.setMonth(november, []);
    const many = Array.from({ length: 100 }, (_, n) => entry(`CVE-2026-${n}`));
    feeds.setKev(many);
    await refreshAt("05:17:00");
    feeds.setKev(many.slice(11));
    await refreshAt("06:17:00");
    const { months, exploited, msrc, kev } = await stored();
    expect(months.find(({ id }) => id === november)?.kbs).toHaveLength(2);
    expect(exploited).toHaveLength(100);
    expect(msrc.fault?.reason).toBe("MSRC's document of 2026-Nov has shrunk from 2 to 0 KBs, so it is not used.");
    expect(kev.fault?.reason).toBe("CISA's catalogue has shrunk from 100 to 89 entries, so it is not used.");
    feeds.setKev(many.slice(10));
    await refreshAt("07:17:00");
    expect((await stored()).exploited).toHaveLength(90);
  });

  it("in that it does not fit into its row is not used", async () => {
    const cves = Array.from({ length: 60_000 }, (_, n) => `CVE-2026-${n}`);
    feeds.setMonth(november, [aMsrcKb("5070001", { cves }), aMsrcKb("5070002")]);
    feeds.setKev(Array.from({ length: 30_000 }, (_, n) => entry(`CVE-2026-${n}`)));
    await refreshAt("05:17:00");
    const { months, exploited, msrc, kev } = await stored();
    expect(months.find(({ id }) => id === november)?.kbs).toEqual([aMsrcKb("5070001"), aMsrcKb("5070002")]);
    expect(exploited).toEqual([entry("CVE-2020-0601")]);
    expect(msrc.fault?.reason).toContain("MSRC's document of 2026-Nov has more facts than fit into a row");
    expect(kev.fault?.reason).toContain("CISA's catalogue has more entries than fit into a row");
    expect(kev.readAt).toBe("2026-11-23T04:17:00.000Z");
    expect(await refreshAt("06:17:00")).toContain(november);
  });

  it("in a way that nobody expected keeps the other from nothing", async () => {
    feeds.readMonths = async () => {
      throw new TypeError("Unexpected.");
    };
    feeds.setKev([entry("CVE-2020-0601"), entry("CVE-2026-1")]);
    await expect(refreshAt("05:17:00")).rejects.toThrow("Advisories were not refreshed: TypeError: Unexpected.");
    expect((await stored()).exploited).toHaveLength(2);
    expect((await stored()).msrc.readAt).toBe("2026-11-23T04:17:00.000Z");
  });
});

describe("alerts", () => {
  const alerts = async () => (await world.ports.store.listAlerts(chainOf(aWatchlist()))).map(({ cve }) => cve);

  beforeEach(async () => {
    feeds.setMonth(november, [
      aMsrcKb("5070001", { cves: ["CVE-2026-1"] }),
      aMsrcKb("5070002", { cves: ["CVE-2026-2"], exploitedCves: ["CVE-2026-2"] }),
    ]);
    await refreshAt("04:17:00");
    await commit([{ id: "5070001" }, { id: "5070002" }, { id: "5072001" }]);
  });

  it("are raised of what CISA adds, and of what MSRC turns to exploited, once each", async () => {
    feeds.setKev([entry("CVE-2020-0601"), entry("CVE-2026-1", { ransomware: true })]);
    await refreshAt("05:17:00");
    expect(await world.ports.store.listAlerts(chainOf(aWatchlist()))).toMatchObject([
      { cve: "CVE-2026-1", sources: ["kev"], ransomware: true, gaps: [{ id: "5070001" }] },
    ]);
    feeds.setMonth(november, [
      aMsrcKb("5070001", { cves: ["CVE-2026-1", "CVE-2026-3"], exploitedCves: ["CVE-2026-1", "CVE-2026-3"] }),
      aMsrcKb("5070002", { cves: ["CVE-2026-2"], exploitedCves: ["CVE-2026-2"] }),
    ]);
    await refreshAt("06:17:00");
    await refreshAt("07:17:00");
    expect(await alerts()).toEqual(["CVE-2026-1", "CVE-2026-3"]);
  });

  it("are not raised at the first reading of a feed or of a month", async () => {
    feeds.setMonth("2026-Dec", [aMsrcKb("5072001", { cves: ["CVE-2026-9"], exploitedCves: ["CVE-2026-9"] })]);
    await refreshAt("05:17:00");
    expect(await alerts()).toEqual([]);
  });

  it("know the KBs of a month that is read in the same refresh", async () => {
    feeds.setMonth("2026-Dec", [aMsrcKb("5072001", { cves: ["CVE-2026-9"] })]);
    feeds.setKev([entry("CVE-2020-0601"), entry("CVE-2026-9")]);
    await refreshAt("05:17:00");
    expect(await alerts()).toEqual(["CVE-2026-9"]);
  });

  it("are raised of what CISA added while MSRC could not be read", async () => {
    const at = async (day: string) => {
      world.setClock(`${day}T05:17:00Z`);
      await refreshAdvisories(world.ports);
    };
    feeds.setMonth("2026-Dec", new FeedError("MSRC answered 503."));
    await at("2026-11-24");
    feeds.setKev([
      entry("CVE-2020-0601"),
      entry("CVE-2026-9", { since: "2026-11-25" }),
      entry("CVE-2026-8", { since: "2026-11-24" }),
    ]);
    await at("2026-11-25");
    expect(await alerts()).toEqual([]);
    const cves = ["CVE-2020-0601", "CVE-2026-8", "CVE-2026-9"];
    feeds.setMonth("2026-Dec", [aMsrcKb("5072001", { cves })]);
    await at("2026-11-26");
    expect(await alerts()).toEqual(["CVE-2026-9"]);
    await at("2026-11-27");
    expect(await alerts()).toEqual(["CVE-2026-9"]);
  });

  it("come before what they are about is saved, so that a crash loses none", async () => {
    const { store } = world.ports;
    const failure = new StorageError("No answer.", { status: null, code: "ECONNREFUSED" }, null);
    feeds.setKev([entry("CVE-2020-0601"), entry("CVE-2026-1")]);
    for (const name of ["addAlert", "saveKev"] as const) {
      world.ports.store = { ...store, [name]: () => Promise.reject(failure) };
      await expect(refreshAt("05:17:00")).rejects.toThrow();
      expect((await stored()).exploited).toHaveLength(1);
      world.ports.store = store;
    }
    await refreshAt("06:17:00");
    expect(await alerts()).toEqual(["CVE-2026-1"]);
    expect((await stored()).exploited).toHaveLength(2);
  });

  it("are not raised of a catalogue that has shrunk", async () => {
    feeds.setKev(Array.from({ length: 20 }, (_, n) => entry(`CVE-2019-${n}`)));
    await refreshAt("05:17:00");
    feeds.setKev([entry("CVE-2026-1")]);
    await refreshAt("06:17:00");
    expect(await alerts()).toEqual([]);
  });
});

test("one refresh without change costs two requests and no body", async () => {
  const served = await startAdvisoryFeeds({
    kbs: Array.from({ length: 40 }, (_, n) => ({ id: `${5_070_000 + n}`, released: "2026-11-10" })),
    kev: Array.from({ length: 340 }, (_, n) => ({ cve: `CVE-2026-${1000 + n}`, since: "2026-11-12" })),
    now: () => world.ports.now(),
  });
  try {
    world.ports.feeds = createFeeds(served);
    await refreshAdvisories(world.ports);
    const before = served.calls.length;
    expect(served.calls.map(({ status }) => status)).toEqual([200, 200, 200]);
    world.setClock("2026-11-23T06:17:00Z");
    await refreshAdvisories(world.ports);
    expect(served.calls.slice(before).map(({ status, bytes }) => [status, bytes])).toEqual([
      [304, 0],
      [304, 0],
    ]);
    expect((await stored()).months).toHaveLength(1);
  } finally {
    await served.close();
  }
});
