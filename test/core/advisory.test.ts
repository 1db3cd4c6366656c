import { describe, expect, test } from "vitest";
import {
  type Advisory,
  advisoryState,
  type Catalogue,
  isExploited,
  isStale,
  type KevEntry,
  lineageOf,
  openFacts,
} from "../../shared/core/advisory.ts";
import { ageInDays, daysOverdue, isStalled } from "../../shared/core/due.ts";
import { lastKnownTotals } from "../../shared/core/last-known.ts";
import type { MissingKb } from "../../shared/core/missing-kb.ts";
import { selectReport } from "../../shared/core/selection.ts";
import { aCatalogue, aKb, aReport, type RunStory } from "../support/builders.ts";

const windows10 = "microsoft-_-windows_10";
const windows11 = "microsoft-_-windows_11";

const kev = (cve: string, since: string, ransomware = false): KevEntry => ({ cve, since, ransomware });

/** What a run knows that asks for these KBs. */
function factsOf(catalogue: Catalogue, ...ids: string[]): ReadonlyMap<string, Advisory | null> {
  const open = openFacts(catalogue);
  open.add(ids);
  return open.facts.advisories;
}

describe("the facts of a run", () => {
  test("are of the KBs it asks for and of all that these supersede, as far as MSRC knows them", () => {
    const catalogue = aCatalogue({
      "4": { supersedes: ["3", "99"] },
      "3": { supersedes: ["2", "4", "3"] },
      "2": {},
      "1": {},
    });
    const known = factsOf(catalogue, "4", "98");
    expect([...known.keys()].sort()).toEqual(["2", "3", "4", "98"]);
    expect(known.get("98")).toBeNull();
    expect(known.get("4")).toMatchObject({ supersedes: ["3", "99"], released: "2026-11-10" });
  });

  test("grow with each product, and say when each feed was read", () => {
    const open = openFacts(aCatalogue({ "1": {}, "2": {} }));
    open.add(["1"]);
    open.add(["1", "2"]);
    expect([...open.facts.advisories.keys()]).toEqual(["1", "2"]);
    expect(open.facts.readAt.kev).toBe("2026-11-23T04:17:00.000Z");
  });

  test("name exploited CVEs with all who say so, by the day on which CISA added them, those without a day last", () => {
    const cves = ["CVE-2026-4", "CVE-2026-3", "CVE-2026-2", "CVE-2026-1", "CVE-2026-5"];
    const catalogue = aCatalogue({ "1": { cves, exploitedCves: ["CVE-2026-3", "CVE-2026-4", "CVE-2026-9"] } }, [
      kev("CVE-2026-4", "2026-11-12", true),
      kev("CVE-2026-2", "2026-11-05"),
      kev("CVE-2026-1", "2026-11-05"),
      kev("CVE-2026-8", "2026-11-01"),
    ]);
    expect(factsOf(catalogue, "1").get("1")?.exploited).toEqual([
      { cve: "CVE-2026-1", sources: ["kev"], since: "2026-11-05", ransomware: false },
      { cve: "CVE-2026-2", sources: ["kev"], since: "2026-11-05", ransomware: false },
      { cve: "CVE-2026-4", sources: ["msrc", "kev"], since: "2026-11-12", ransomware: true },
      { cve: "CVE-2026-3", sources: ["msrc"], since: null, ransomware: false },
      { cve: "CVE-2026-9", sources: ["msrc"], since: null, ransomware: false },
    ]);
  });

  test("keep apart a KB that MSRC does not know, one that is not exploited, and no facts", () => {
    const known = factsOf(aCatalogue({ "1": {} }), "1", "2");
    const states = [known.get("1"), known.get("2"), known.get("3")].map((advisory) => advisoryState({ advisory }));
    expect(states).toEqual(["known", "not-known", "no-facts"]);
    expect([null, undefined, known.get("1")].map((advisory) => isExploited({ advisory }))).toEqual([
      false,
      false,
      false,
    ]);
  });

  test("are nothing's lineage where no feed was read", () => {
    expect(lineageOf(null).replacedBy("1").size).toBe(0);
    expect(lineageOf(aCatalogue({ "1": { supersedes: ["0"] } })).replacedBy("1")).toEqual(new Set(["0"]));
  });
});

describe("a report with facts", () => {
  const day = "2026-11-23";
  const kb = (id: string, parts: Partial<MissingKb> = {}) => aKb({ id, firstSeen: "2026-11-20", ...parts });
  const catalogue = aCatalogue(
    {
      "1": { released: "2026-11-01", cves: ["CVE-2026-1"] },
      "2": { released: "2026-11-01" },
      "3": { released: "2026-12-08" },
    },
    [kev("CVE-2026-1", "2026-11-22")],
  );
  const report = (story: Partial<RunStory> = {}, kbs = ["1", "2", "3", "4"].map((id) => kb(id))) =>
    aReport({ catalogue, products: { [windows10]: { before: kbs, now: kbs } }, ...story });

  test("counts an age from the release, never later than first sight, and from first sight where it is unknown", async () => {
    const { rows } = await report();
    const ages = (all: typeof rows) => Object.fromEntries(all.map((row) => [row.id, ageInDays(row, day)]));
    expect(ages(rows)).toEqual({ 1: 22, 2: 22, 3: 3, 4: 3 });
    expect(ages((await report({ watchlist: { dueFrom: "first-seen" } })).rows)).toEqual({ 1: 3, 2: 3, 3: 3, 4: 3 });
  });

  test("has a KB overdue sooner that closes an exploited CVE, unless its own days are fewer", async () => {
    const overdue = async (dueDays: number, dueDaysExploited: number) => {
      const { rows } = await report({ watchlist: { dueDays, dueDaysExploited } });
      return Object.fromEntries(rows.map((row) => [row.id, daysOverdue(row, { day })]));
    };
    expect(await overdue(14, 3)).toEqual({ 1: 19, 2: 8, 3: 0, 4: 0 });
    expect(await overdue(2, 30)).toEqual({ 1: 20, 2: 20, 3: 1, 4: 1 });
  });

  test("puts exploited KBs first within their kind, before those that reach further", async () => {
    const before = [kb("1", { machineMissedOn: 1 }), kb("2", { machineMissedOn: 900 }), kb("3"), kb("4")];
    const now = [...before.slice(0, 2), kb("3", { machineMissedOn: 300 }), kb("4")];
    const { rows } = await report({ products: { [windows10]: { before, now } } });
    expect(rows.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
      "3 worsened",
      "1 unchanged",
      "2 unchanged",
      "4 unchanged",
    ]);
  });

  test("counts as exploited what is known to be missing, and by its last list what could not be read", async () => {
    const kbs = [kb("1"), kb("2")];
    const read = await report({}, kbs);
    expect([read.totals.exploited, lastKnownTotals(read).exploited]).toEqual([1, null]);
    const notRead = await report({ products: { [windows10]: { before: kbs, now: null, beforeRunId: "2026-11-20" } } });
    expect(notRead.totals.exploited).toBe(0);
    const then = { count: 1, from: "2026-11-20", to: "2026-11-20" };
    expect(lastKnownTotals(notRead).exploited).toEqual(then);
    const partly = { before: kbs, now: null };
    const both = await report({ products: { [windows10]: partly, [windows11]: { before: kbs, now: kbs } } });
    expect([both.totals.exploited, lastKnownTotals(both).exploited]).toEqual([1, null]);
    const resolved = await report({ products: { [windows10]: { before: kbs, now: [kb("2")] } } });
    expect(resolved.totals).toMatchObject({ exploited: 0, resolved: 1 });
  });

  test("selects the entries of exploited KBs alone", async () => {
    const selected = selectReport(await report(), { exploited: true });
    expect(selected.rows.map(({ id }) => id)).toEqual(["1"]);
    expect(selected.totals).toMatchObject({ exploited: 1, missingKbs: 1, overdue: 1 });
  });

  test("says nothing of MSRC about a KB that its run did not ask about, and nothing at all without facts", async () => {
    const states = ({ rows }: Awaited<ReturnType<typeof report>>) =>
      Object.fromEntries(rows.map((row) => [row.id, advisoryState(row)]));
    expect(states(await report())).toEqual({ 1: "known", 2: "known", 3: "known", 4: "not-known" });
    const kbs = [kb("1")];
    expect(states(await aReport({ products: { [windows10]: { before: kbs, now: kbs } } }))).toEqual({ 1: "no-facts" });
  });

  test("has a KB stalled by its own days on the list, however old its line is", async () => {
    const line = { ids: ["0"], since: "2026-08-11", listedOn: "2026-11-10" };
    const stalled = async (listedOn: string) => {
      const kbs = [kb("1", { firstSeen: "2026-08-12", line: { ...line, listedOn } })];
      const { rows } = await report({}, kbs);
      return rows[0]?.entries.map((entry) => [isStalled(entry, day), entry.firstSeen, entry.since]);
    };
    expect(await stalled("2026-11-10")).toEqual([[false, "2026-08-12", "2026-08-11"]]);
    expect(await stalled("2026-11-09")).toEqual([[true, "2026-08-12", "2026-08-11"]]);
  });
});

test("what a feed said is stale after two days, and where it was never read", () => {
  const at = "2026-11-23T05:04:00.000Z";
  expect(isStale("2026-11-21T05:04:00.000Z", at)).toBe(false);
  expect(isStale("2026-11-21T05:03:59.999Z", at)).toBe(true);
  expect(isStale(null, at)).toBe(true);
});
