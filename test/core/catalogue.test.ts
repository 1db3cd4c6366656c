import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MsrcKb, restarts, severities } from "../../shared/core/advisory.ts";
import { buildCatalogue, collectEntries, collectKbs } from "../../shared/core/catalogue.ts";
import { hasShrunk, newlyExploited } from "../../shared/core/feed-check.ts";
import { aMsrcKb } from "../support/builders.ts";

describe("what several documents say of a KB", () => {
  it("is the earliest release, the worst severity and all that it closes and replaces", () => {
    const november = aMsrcKb("5068861", {
      ...{ released: "2025-11-11", severity: "Critical", restart: "maybe", supersedes: ["5066835"] },
      cves: ["CVE-2025-2", "CVE-2025-1"],
    });
    const december = aMsrcKb("5068861", {
      ...{ released: "2025-12-09", severity: "Important", restart: "yes", hotpatch: true },
      ...{ cves: ["CVE-2025-3"], exploitedCves: ["CVE-2025-3"], supersedes: ["5066835", "5068861", "5066000"] },
    });
    expect(collectKbs([december, november])).toEqual([
      {
        ...{ id: "5068861", released: "2025-11-11", severity: "Critical", restart: "yes", hotpatch: true },
        cves: ["CVE-2025-1", "CVE-2025-2", "CVE-2025-3"],
        ...{ exploitedCves: ["CVE-2025-3"], supersedes: ["5066000", "5066835"] },
      },
    ]);
  });

  it.each([
    [null, "Low", "Low"],
    ["Moderate", null, "Moderate"],
    [null, null, null],
  ] as const)("has the severity that is known: %s and %s", (a, b, severity) => {
    const [kb] = collectKbs([aMsrcKb("1", { severity: a }), aMsrcKb("1", { severity: b })]);
    expect(kb?.severity).toBe(severity);
  });

  it.each([
    ["no", "maybe", "maybe"],
    ["maybe", "yes", "yes"],
    ["no", null, "no"],
  ] as const)("needs a restart rather than none: %s and %s", (a, b, restart) => {
    for (const pair of [
      [a, b],
      [b, a],
    ]) {
      const [kb] = collectKbs(pair.map((one) => aMsrcKb("1", { restart: one })));
      expect(kb?.restart).toBe(restart);
    }
  });

  it("is the same in any order, and however it is divided into months", () => {
    const anyId = fc.constantFrom("5000001", "5000002", "5000003");
    const anyCves = fc.subarray(["CVE-2025-1", "CVE-2025-2", "CVE-2025-3"]);
    const anyKb: fc.Arbitrary<MsrcKb> = fc.record({
      ...{ id: anyId, released: fc.constantFrom("2025-11-11", "2025-12-09"), hotpatch: fc.boolean() },
      ...{ severity: fc.option(fc.constantFrom(...severities)), restart: fc.option(fc.constantFrom(...restarts)) },
      ...{ cves: anyCves, exploitedCves: anyCves, supersedes: fc.subarray(["5000001", "5000002", "4000000"]) },
    });
    fc.assert(
      fc.property(fc.array(anyKb, { maxLength: 8 }), fc.nat(8), (said, at) => {
        const all = collectKbs(said);
        expect(collectKbs(said.toReversed())).toEqual(all);
        expect(collectKbs([...collectKbs(said.slice(0, at)), ...collectKbs(said.slice(at))])).toEqual(all);
        expect(all.every(({ id, supersedes }) => !supersedes.includes(id))).toBe(true);
      }),
    );
  });
});

describe("the catalogue", () => {
  it("has each KB and each CVE once, and when the feeds answered", () => {
    const months = [
      { kbs: [aMsrcKb("1", { cves: ["CVE-2026-1"] })] },
      { kbs: [aMsrcKb("1", { cves: ["CVE-2026-2"] }), aMsrcKb("2")] },
    ];
    const entry = { cve: "CVE-2026-1", since: "2026-11-12", ransomware: true };
    const readAt = { msrc: "2026-11-23T04:17:00.000Z", kev: null };
    const { kbs, kev, readAt: at } = buildCatalogue(months, [entry], readAt);
    expect([...kbs.keys(), kbs.get("1")?.cves]).toEqual(["1", "2", ["CVE-2026-1", "CVE-2026-2"]]);
    expect([[...kev], at]).toEqual([[["CVE-2026-1", entry]], readAt]);
    expect(buildCatalogue([], null, readAt).kev.size).toBe(0);
  });

  it("knows a CVE since the earliest day that CISA gives", () => {
    const entry = { cve: "CVE-2026-2", since: "2026-11-12", ransomware: false };
    const earlier = { ...entry, since: "2026-11-10", ransomware: true };
    const other = { ...entry, cve: "CVE-2026-1" };
    expect(collectEntries([entry, earlier, entry, other])).toEqual([other, earlier]);
  });
});

describe("a document", () => {
  it.each([
    ["catalogue", 340, 306, false],
    ["catalogue", 340, 305, true],
    ["catalogue", 340, 400, false],
    ["month", 40, 20, false],
    ["month", 40, 19, true],
    ["month", 1, 0, true],
    ["month", 0, 0, false],
  ] as const)("that was a %s of %d and is one of %d has shrunk: %s", (document, before, after, shrunk) => {
    expect(hasShrunk(document, before, after)).toBe(shrunk);
  });
});

describe("what became exploited", () => {
  const month = (id: string, exploitedCves: readonly string[]) => ({
    id,
    kbs: [aMsrcKb("5070001", { cves: ["CVE-2026-1", "CVE-2026-2"], exploitedCves }), aMsrcKb("5070002")],
  });
  const entry = (cve: string, since = "2026-11-23") => ({ cve, since, ransomware: true });
  const cves = (...args: Parameters<typeof newlyExploited>) => [...newlyExploited(...args).keys()];
  const nothing = { months: [], exploited: null };

  it("is nothing at the first answer of a feed", () => {
    expect(cves(nothing, { months: [month("2026-Nov", ["CVE-2026-1"])], exploited: [entry("CVE-2026-2")] })).toEqual(
      [],
    );
  });

  it("is what CISA added", () => {
    const before = { months: [], exploited: [entry("CVE-2026-1")] };
    const added = newlyExploited(before, { months: [], exploited: [entry("CVE-2026-1"), entry("CVE-2026-2")] });
    expect([...added.values()]).toEqual([
      { cve: "CVE-2026-2", sources: ["kev"], since: "2026-11-23", ransomware: true },
    ]);
    expect(cves(before, { months: [], exploited: null })).toEqual([]);
  });

  it("is what CISA added although MSRC said it before", () => {
    const before = { months: [month("2026-Nov", ["CVE-2026-1"])], exploited: [] };
    const added = newlyExploited(before, { months: [], exploited: [entry("CVE-2026-1")] });
    expect([...added.values()]).toMatchObject([{ cve: "CVE-2026-1", sources: ["msrc", "kev"] }]);
  });

  it("is what MSRC turned to exploited in a month that was read before", () => {
    const before = { months: [month("2026-Nov", [])], exploited: [] };
    const turned = newlyExploited(before, { months: [month("2026-Nov", ["CVE-2026-1"])], exploited: null });
    expect([...turned.values()]).toEqual([{ cve: "CVE-2026-1", sources: ["msrc"], since: null, ransomware: false }]);
  });

  it("is not what a month says that is read for the first time, or what another month said before", () => {
    const before = { months: [month("2026-Oct", ["CVE-2026-1"]), month("2026-Nov", [])], exploited: [] };
    const now = [month("2026-Dec", ["CVE-2026-2"]), month("2026-Nov", ["CVE-2026-1"])];
    expect(cves(before, { months: now, exploited: null })).toEqual([]);
  });

  it("is not what MSRC turned to exploited long after CISA", () => {
    const before = { months: [month("2026-Nov", [])], exploited: [entry("CVE-2026-1")] };
    const now = [month("2026-Nov", ["CVE-2026-1"])];
    expect(cves(before, { months: now, exploited: null })).toEqual([]);
    expect(cves(before, { months: now, exploited: before.exploited })).toEqual([]);
  });

  it("names both feeds where both say so at once", () => {
    const before = { months: [month("2026-Nov", [])], exploited: [] };
    const now = { months: [month("2026-Nov", ["CVE-2026-1"])], exploited: [entry("CVE-2026-1")] };
    expect([...newlyExploited(before, now).values()]).toEqual([
      { cve: "CVE-2026-1", sources: ["msrc", "kev"], since: "2026-11-23", ransomware: true },
    ]);
  });

  it("by MSRC's word counts from its first reading on, also before CISA's catalogue was read", () => {
    const before = { months: [month("2026-Nov", [])], exploited: null };
    const now = { months: [month("2026-Nov", ["CVE-2026-1"])], exploited: [entry("CVE-2026-2")] };
    expect(cves(before, now)).toEqual(["CVE-2026-1"]);
  });
});
