import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  areSame,
  type Change,
  changedCounts,
  changesBetween,
  countsOf,
  direction,
  everyRise,
  holdBack,
  judge,
  rise,
  type WorseReason,
} from "../../shared/core/change.ts";
import type { Counts } from "../../shared/core/missing-kb.ts";
import type { Snapshot } from "../../shared/core/snapshot.ts";
import type { Thresholds } from "../../shared/core/watchlist.ts";
import { aKnownAnswer, anAnswer, countsById, snapshotOf } from "../support/arbitraries.ts";

const twoAnswers = fc.tuple(anAnswer, anAnswer);
const anyThresholds = fc.record({
  minMachines: fc.integer({ min: 1, max: 20 }),
  minPercent: fc.integer({ min: 0, max: 60 }),
  minCves: fc.integer({ min: 0, max: 4 }),
});
const anyCounts: fc.Arbitrary<Counts> = fc.record({
  machineMissedOn: fc.option(fc.integer({ min: 1, max: 40 }), { nil: null }),
  cveAddressed: fc.option(fc.integer({ min: 0, max: 12 }), { nil: null }),
});

const all = { thresholds: everyRise };

function kb(machineMissedOn: number | null, cveAddressed: number | null = 14) {
  return { id: "5068861", name: "", productsNames: [], url: null, machineMissedOn, cveAddressed };
}

function kindsOf(before: readonly unknown[], after: readonly unknown[]): string[] {
  return changesBetween(snapshotOf(before), snapshotOf(after, "2026-11-23"), all).map(({ kind }) => kind);
}

describe("comparing two snapshots", () => {
  test("finds nothing but unchanged entries between equals", () => {
    fc.assert(
      fc.property(anAnswer, anyThresholds, (items, thresholds) => {
        const changes = changesBetween(snapshotOf(items), snapshotOf(items, "2026-11-23"), { thresholds });
        expect(changes.map(({ kb }) => kb.id)).toEqual(snapshotOf(items).missingKbs.map(({ id }) => id));
        for (const { kind, kb, previous, reasons } of changes) {
          const { machineMissedOn, cveAddressed } = kb;
          expect([kind, reasons, previous]).toEqual(["unchanged", [], { machineMissedOn, cveAddressed }]);
        }
      }),
    );
  });

  test("calls nothing resolved if weaknesses stay open and the list is empty", () => {
    fc.assert(
      fc.property(anAnswer, (items) => {
        const emptied = snapshotOf([], "2026-11-23", snapshotOf(items), "not-kb-patched");
        expect(changesBetween(snapshotOf(items), emptied, all)).toEqual([]);
      }),
    );
  });

  test("swaps new with resolved when the sides are swapped", () => {
    fc.assert(
      fc.property(twoAnswers, ([a, b]) => {
        const idsOf = (kind: string, changes: Change[]) =>
          changes.filter((change) => change.kind === kind).map((change) => change.kb.id);
        const there = changesBetween(snapshotOf(a), snapshotOf(b), all);
        const back = changesBetween(snapshotOf(b), snapshotOf(a), all);
        expect(idsOf("new", back)).toEqual(idsOf("resolved", there));
        expect(idsOf("resolved", back)).toEqual(idsOf("new", there));
      }),
    );
  });

  test("finds changes that turn one side into the other", () => {
    fc.assert(
      fc.property(fc.tuple(aKnownAnswer, aKnownAnswer), anyThresholds, ([a, b], thresholds) => {
        const before = snapshotOf(a);
        const applied = new Map(before.missingKbs.map((known) => [known.id, known]));
        for (const { kind, kb } of changesBetween(before, snapshotOf(b), { thresholds })) {
          if (kind === "resolved") applied.delete(kb.id);
          else applied.set(kb.id, kb);
        }
        expect(sorted(countsById(applied.values()))).toEqual(sorted(countsById(snapshotOf(b).missingKbs)));
      }),
    );
  });

  test.each([
    ["more machines", kb(240), kb(252), ["worsened"]],
    ["more CVEs", kb(240, 14), kb(240, 15), ["worsened"]],
    ["more machines and fewer CVEs", kb(240, 14), kb(252, 2), ["worsened"]],
    ["fewer machines and more CVEs", kb(240, 14), kb(10, 15), ["more-cves"]],
    ["fewer machines", kb(240), kb(10), ["improved"]],
    ["machines that became unknown", kb(240), kb(null), ["unchanged"]],
    ["machines known for the first time", kb(null), kb(240), ["worsened"]],
    ["machines that became unknown, and fewer CVEs", kb(240, 14), kb(null, 3), ["unchanged"]],
    ["machines that were never known, and fewer CVEs", kb(null, 14), kb(null, 3), ["improved"]],
    ["from unknown to 0 machines", kb(null), kb(0), ["resolved"]],
    ["from 240 to 0 machines", kb(240), kb(0), ["resolved"]],
    ["from 0 machines to 1", kb(0), kb(1), ["new"]],
    ["0 machines twice", kb(0), kb(0), []],
  ])("names the change: %s", (_, before, after, kinds) => {
    expect(kindsOf([before], [after])).toEqual(kinds);
  });

  test("treats a count that is held back as unchanged, with the count last reported", () => {
    const [before, after] = [snapshotOf([kb(240, 14)]), snapshotOf([kb(240, 15)])];
    const thresholds = { ...everyRise, minCves: 2 };
    const holdingBack = changesBetween(before, after, { thresholds, heldBack: { "5068861": { cveAddressed: 14 } } });
    expect(holdingBack).toMatchObject([{ kind: "unchanged", previous: { machineMissedOn: 240, cveAddressed: 14 } }]);
    expect(changesBetween(before, after, { thresholds, heldBack: {} })).toMatchObject([{ kind: "worsened" }]);
  });

  test("calls a resolved KB that is back returned, with the day it was first seen", () => {
    const first = snapshotOf([kb(240)], "2026-11-10");
    const without = snapshotOf([], "2026-11-15", first);
    const back = snapshotOf([kb(3)], "2026-11-23", without);
    const seen = expect.objectContaining({ id: "5068861", firstSeen: "2026-11-10", peak: 240 });
    expect(changesBetween(without, back, all)).toEqual([{ kind: "returned", kb: seen, previous: null, reasons: [] }]);
  });

  test("calls it new again if it was gone for more than 90 days", () => {
    const first = snapshotOf([kb(240)], "2026-08-01");
    const without = snapshotOf([], "2026-08-10", first);
    const kindOn = (day: string) => changesBetween(without, snapshotOf([kb(3)], day, without), all)[0]?.kind;
    // 90 and 91 days later, also where nothing was read in between.
    expect([kindOn("2026-11-08"), kindOn("2026-11-09")]).toEqual(["returned", "new"]);
  });

  test("calls a KB back that came and went in snapshots between the two", () => {
    const compared = snapshotOf([], "2026-11-10");
    const came = snapshotOf([kb(4)], "2026-11-12", compared);
    const went = snapshotOf([], "2026-11-14", came);
    const today = snapshotOf([kb(5)], "2026-11-23", went);
    expect(changesBetween(compared, today, all)).toMatchObject([{ kind: "returned" }]);
    expect(changesBetween(compared, came, all)).toMatchObject([{ kind: "new" }]);
  });

  test("calls a KB back whatever the reason it left for", () => {
    const first = snapshotOf([kb(240)], "2026-11-01");
    const unlisted = snapshotOf([], "2026-11-10", first, "not-kb-patched");
    const back = snapshotOf([kb(200)], "2026-11-11", unlisted);
    expect(changesBetween(unlisted, back, all)).toMatchObject([{ kind: "returned", kb: { firstSeen: "2026-11-01" } }]);
  });
});

type Row = [name: string, last: Counts, now: Counts, kind: string, reasons: WorseReason[], heldBack: Partial<Counts>];

const of = (machineMissedOn: number | null, cveAddressed: number | null): Counts => ({ machineMissedOn, cveAddressed });
const machines = (machineMissedOn: number) => ({ machineMissedOn });
const cves = (cveAddressed: number) => ({ cveAddressed });

describe("what two counts of an entry mean, with 5 machines, 10 percent and 3 CVEs", () => {
  const thresholds = { minMachines: 5, minPercent: 10, minCves: 3 };
  test.each<Row>([
    ["as many of both", of(100, 14), of(100, 14), "unchanged", [], {}],
    ["both never known", of(null, null), of(null, null), "unchanged", [], {}],
    // Machines must reach both thresholds.
    ["9 % more machines", of(100, 14), of(109, 14), "unchanged", [], machines(100)],
    ["10 % more machines", of(100, 14), of(110, 14), "worsened", ["machines"], {}],
    ["4 more machines", of(10, 14), of(14, 14), "unchanged", [], machines(10)],
    ["5 more machines", of(10, 14), of(15, 14), "worsened", ["machines"], {}],
    ["99 more of 1,000 machines", of(1_000, 14), of(1_099, 14), "unchanged", [], machines(1_000)],
    ["100 more of 1,000 machines", of(1_000, 14), of(1_100, 14), "worsened", ["machines"], {}],
    // CVEs.
    ["2 more CVEs", of(100, 14), of(100, 16), "unchanged", [], cves(14)],
    ["3 more CVEs", of(100, 14), of(100, 17), "worsened", ["cves"], {}],
    ["from 0 CVEs to 3", of(100, 0), of(100, 3), "worsened", ["cves"], {}],
    ["small rises of both", of(100, 14), of(105, 16), "unchanged", [], of(100, 14)],
    ["more of both", of(100, 14), of(110, 17), "worsened", ["machines", "cves"], {}],
    ["3 more CVEs and a small rise in machines", of(100, 14), of(105, 17), "worsened", ["cves"], {}],
    ["10 % more machines and a small rise in CVEs", of(100, 14), of(110, 16), "worsened", ["machines"], {}],
    ["10 % more machines and fewer CVEs", of(100, 14), of(110, 2), "worsened", ["machines"], {}],
    // More CVEs on fewer machines.
    ["3 more CVEs on fewer machines", of(100, 14), of(99, 17), "more-cves", ["cves"], {}],
    ["2 more CVEs on fewer machines", of(100, 14), of(99, 16), "improved", [], {}],
    // Better.
    ["fewer machines", of(100, 14), of(99, 14), "improved", [], {}],
    ["fewer of both", of(100, 14), of(99, 13), "improved", [], {}],
    ["fewer CVEs on as many machines", of(100, 14), of(100, 13), "improved", [], {}],
    ["fewer CVEs, machines never known", of(null, 14), of(null, 13), "improved", [], {}],
    ["fewer CVEs and a small rise in machines", of(100, 14), of(105, 2), "unchanged", [], of(100, 14)],
    ["fewer CVEs on a single machine more", of(100, 14), of(101, 13), "unchanged", [], of(100, 14)],
    // Unknown today.
    ["both unknown now", of(100, 14), of(null, null), "unchanged", [], of(100, 14)],
    ["machines unknown now", of(100, 14), of(null, 14), "unchanged", [], machines(100)],
    ["CVEs unknown now", of(100, 14), of(100, null), "unchanged", [], cves(14)],
    ["machines unknown now, fewer CVEs", of(100, 14), of(null, 2), "unchanged", [], of(100, 14)],
    ["machines unknown now, more CVEs", of(100, 14), of(null, 17), "worsened", ["cves"], machines(100)],
    ["CVEs unknown now, fewer machines", of(100, 14), of(99, null), "improved", [], cves(14)],
    ["CVEs unknown now, 10 % more machines", of(100, 14), of(110, null), "worsened", ["machines"], cves(14)],
    ["CVEs unknown now, a small rise in machines", of(100, 14), of(101, null), "unchanged", [], of(100, 14)],
    // Known for the first time.
    ["machines known now", of(null, 14), of(1, 14), "worsened", ["now-known"], {}],
    ["CVEs known now", of(100, null), of(100, 0), "worsened", ["now-known"], {}],
    ["both known now", of(null, null), of(300, 22), "worsened", ["now-known"], {}],
    ["CVEs known now, fewer machines", of(100, null), of(99, 22), "improved", [], {}],
    ["CVEs known now, a small rise in machines", of(100, null), of(101, 22), "worsened", ["now-known"], {}],
    ["CVEs known now, machines unknown", of(100, null), of(null, 22), "worsened", ["now-known"], machines(100)],
    ["machines known now, 3 more CVEs", of(null, 14), of(9, 17), "worsened", ["cves", "now-known"], {}],
    ["machines known now, fewer CVEs", of(null, 14), of(9, 2), "worsened", ["now-known"], {}],
  ])("%s", (_, last, now, kind, reasons, heldBack) => {
    expect(judge(last, now, thresholds)).toEqual({ kind, reasons, heldBack });
  });
});

describe("with WORSE_MIN_CVES=0", () => {
  const thresholds = { ...everyRise, minCves: 0 };

  test.each<Row>([
    ["more CVEs are not worse", of(100, 14), of(100, 99), "unchanged", [], {}],
    ["fewer CVEs are not better", of(100, 14), of(100, 2), "unchanged", [], {}],
    ["more CVEs on fewer machines are better", of(100, 14), of(99, 99), "improved", [], {}],
    ["CVEs known for the first time are not worse", of(100, null), of(100, 14), "unchanged", [], {}],
    ["machines known for the first time are worse", of(null, null), of(9, 14), "worsened", ["now-known"], {}],
    ["more machines are worse", of(100, 14), of(101, 2), "worsened", ["machines"], {}],
    ["CVEs that are unknown stay those last known", of(100, 14), of(100, null), "unchanged", [], cves(14)],
  ])("%s", (_, last, now, kind, reasons, heldBack) => {
    expect(judge(last, now, thresholds)).toEqual({ kind, reasons, heldBack });
  });

  test("the last known CVEs are the count before, also over an unknown one", () => {
    const runs = follow([kb(100, 14), kb(100, 20), kb(100, null), kb(101, 25)], thresholds);
    expect(runs.map((changes) => changes[0]?.previous?.cveAddressed)).toEqual([undefined, 14, 20, 20]);
    expect(runs.map((changes) => changes[0]?.kind)).toEqual([undefined, "unchanged", "unchanged", "worsened"]);
  });

  test("CVEs are not a reason even if there is no room to hold machines back", () => {
    const rules = { thresholds: { minMachines: 50, minPercent: 0, minCves: 0 }, heldBack: {} };
    const changes = changesBetween(snapshotOf([kb(100, 14)]), snapshotOf([kb(101, 20)]), rules);
    expect(changes).toMatchObject([{ kind: "worsened", reasons: ["machines"] }]);
  });
});

test.each([
  [1, ["unchanged", "worsened", "worsened", "worsened"]],
  [3, ["unchanged", "unchanged", "unchanged", "worsened"]],
  [0, ["unchanged", "unchanged", "unchanged", "unchanged"]],
])("0 to 3 more CVEs with WORSE_MIN_CVES=%i", (minCves, kinds) => {
  const thresholds = { ...everyRise, minCves };
  expect([14, 15, 16, 17].map((now) => judge(of(9, 14), of(9, now), thresholds).kind)).toEqual(kinds);
});

describe("a judgement", () => {
  const anyPair = fc.tuple(anyCounts, anyCounts, anyThresholds);

  test("never says better while machines are, or may be, above what was last reported", () => {
    fc.assert(
      fc.property(anyPair, ([last, now, thresholds]) => {
        if (judge(last, now, thresholds).kind !== "improved") return;
        const [before, today] = [last.machineMissedOn, now.machineMissedOn];
        expect(before === null ? today === null : today !== null && today <= before).toBe(true);
      }),
    );
  });

  test("holds back nothing but unknown counts of what is reported", () => {
    fc.assert(
      fc.property(anyPair, ([last, now, thresholds]) => {
        const { kind, heldBack } = judge(last, now, thresholds);
        for (const [of, count] of Object.entries(heldBack) as [keyof Counts, number][]) {
          expect(count).toBe(last[of]);
          if (kind !== "unchanged") expect(now[of]).toBeNull();
        }
      }),
    );
  });

  test("has a reason if and only if it is worse", () => {
    fc.assert(
      fc.property(anyPair, ([last, now, thresholds]) => {
        const { kind, reasons } = judge(last, now, thresholds);
        expect(reasons.length > 0).toBe(kind === "worsened" || kind === "more-cves");
        expect(new Set(reasons).size).toBe(reasons.length);
      }),
    );
  });
});

/** Follows a KB over runs as reports do, and returns what each reported. `null`: it is not listed. */
function follow(items: readonly (ReturnType<typeof kb> | null)[], thresholds: Thresholds): Change[][] {
  let lastReported = {};
  let before: Snapshot | null = null;
  return items.map((item, day) => {
    const current: Snapshot = snapshotOf(item ? [item] : [], `2026-11-${String(day + 1).padStart(2, "0")}`, before);
    const heldBack = before ? holdBack(before, current, { thresholds, lastReported }) : {};
    const changes = before ? changesBetween(before, current, { thresholds, lastReported, heldBack }) : [];
    lastReported = heldBack;
    before = current;
    return changes;
  });
}

const followCounts = (counts: readonly (number | null)[], thresholds: Thresholds) =>
  follow(
    counts.map((count) => kb(count)),
    thresholds,
  );
const kindsIn = (runs: Change[][]) => runs.map((changes) => changes.map(({ kind }) => kind));

describe("thresholds", () => {
  test("hold nothing but unknown counts back if they are the smallest", () => {
    fc.assert(
      fc.property(twoAnswers, ([a, b]) => {
        const [before, current] = [snapshotOf(a), snapshotOf(b)];
        const heldBack = holdBack(before, current, all);
        expect(changesBetween(before, current, { ...all, heldBack })).toEqual(changesBetween(before, current, all));
      }),
    );
  });

  test("never lose a slow creep: what was last reported stays within the thresholds of the truth", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 2, maxLength: 28 }),
        anyThresholds,
        (counts, limits) => {
          const reported = kindsIn(followCounts(counts, limits));
          let base = counts[0] ?? 0;
          for (const [run, now] of counts.entries()) {
            if (run > 0 && reported[run]?.[0] !== "unchanged") base = now;
            const hidden = now - base;
            expect(hidden).toBeGreaterThanOrEqual(0);
            if (hidden > 0) expect(hidden < limits.minMachines || hidden * 100 < limits.minPercent * base).toBe(true);
          }
        },
      ),
    );
  });

  test("report a rise across an unknown count", () => {
    const reported = followCounts([240, null, null, 300], everyRise);
    expect(kindsIn(reported)).toEqual([[], ["unchanged"], ["unchanged"], ["worsened"]]);
    expect(reported[3]?.[0]).toMatchObject({ previous: { machineMissedOn: 240 }, kb: { machineMissedOn: 300 } });
  });

  test("report a count known for the first time once, without a count before", () => {
    const reported = followCounts([null, null, 300, 300, null, 300], everyRise);
    expect(kindsIn(reported).flat()).toEqual(["unchanged", "worsened", "unchanged", "unchanged", "unchanged"]);
    expect(reported[2]?.[0]).toMatchObject({ previous: { machineMissedOn: null }, reasons: ["now-known"] });
  });

  test("report small rises together once they add up, with what was last reported", () => {
    const reported = followCounts([100, 102, 104, 106, 107], { minMachines: 5, minPercent: 0, minCves: 1 });
    expect(kindsIn(reported).flat()).toEqual(["unchanged", "unchanged", "worsened", "unchanged"]);
    expect(reported[3]?.[0]).toMatchObject({ previous: { machineMissedOn: 100 }, kb: { machineMissedOn: 106 } });
  });

  test("let small rises of CVEs add up as well", () => {
    const runs = [14, 15, 16, 17, 18].map((count) => kb(9, count));
    const reported = follow(runs, { ...everyRise, minCves: 3 });
    expect(kindsIn(reported).flat()).toEqual(["unchanged", "unchanged", "worsened", "unchanged"]);
    expect(reported[3]?.[0]).toMatchObject({ previous: { cveAddressed: 14 }, kb: { cveAddressed: 17 } });
  });

  test("say better of CVEs that fell once machines are no longer above what was last reported", () => {
    const limits = { minMachines: 5, minPercent: 0, minCves: 1 };
    const reported = follow([kb(10, 9), kb(12, 4), kb(10, 4)], limits);
    expect(kindsIn(reported).flat()).toEqual(["unchanged", "improved"]);
    expect(reported[2]?.[0]).toMatchObject({ previous: { machineMissedOn: 10, cveAddressed: 9 } });
  });

  test("require both the machines and the percentage", () => {
    const limits = { minMachines: 5, minPercent: 10, minCves: 1 };
    const kindsFor = (from: number, to: number) => kindsIn(followCounts([from, to], limits))[1];
    expect(kindsFor(100, 109)).toEqual(["unchanged"]);
    expect(kindsFor(10, 14)).toEqual(["unchanged"]);
    expect(kindsFor(100, 110)).toEqual(["worsened"]);
    expect(kindsFor(1, 6)).toEqual(["worsened"]);
  });

  test("hold nothing back that did not change, was never known, is new, or is gone", () => {
    const thresholds = { minMachines: 50, minPercent: 0, minCves: 9 };
    fc.assert(
      fc.property(anAnswer, (items) => {
        expect(holdBack(snapshotOf(items), snapshotOf(items), { thresholds })).toEqual({});
        expect(holdBack(snapshotOf([]), snapshotOf(items), { thresholds })).toEqual({});
        expect(holdBack(snapshotOf(items), snapshotOf([]), { thresholds })).toEqual({});
      }),
    );
    const never = kb(null, null);
    expect(holdBack(snapshotOf([never]), snapshotOf([never]), { thresholds })).toEqual({});
    expect(holdBack(snapshotOf([]), snapshotOf([never]), { thresholds })).toEqual({});
  });

  test("hold back a count that became unknown, and only that one", () => {
    const lost = (now: ReturnType<typeof kb>) => holdBack(snapshotOf([kb(240, 14)]), snapshotOf([now]), all);
    expect(lost(kb(240, null))).toEqual({ "5068861": { cveAddressed: 14 } });
    expect(lost(kb(null, 14))).toEqual({ "5068861": { machineMissedOn: 240 } });
  });

  test("do not hold back more CVEs, nor the machines that came with them", () => {
    const before = snapshotOf([kb(100, 14)]);
    const current = snapshotOf([kb(101, 15)]);
    expect(holdBack(before, current, { thresholds: { minMachines: 50, minPercent: 0, minCves: 1 } })).toEqual({});
  });

  test("hold counts back under any id", () => {
    const named = (id: string, machineMissedOn: number) => snapshotOf([{ ...kb(machineMissedOn), id, name: "" }]);
    const thresholds = { minMachines: 50, minPercent: 0, minCves: 1 };
    for (const id of ["__proto__", "constructor", "toString"]) {
      const [before, current] = [named(id, 10), named(id, 11)];
      const heldBack = holdBack(before, current, { thresholds });
      expect(Object.entries(heldBack)).toEqual([[id, { machineMissedOn: 10 }]]);
      expect(changesBetween(before, current, { thresholds, heldBack })).toMatchObject([{ kind: "unchanged" }]);
      expect(changesBetween(before, current, { thresholds, heldBack: {} })).toMatchObject([{ kind: "worsened" }]);
    }
  });
});

/** What a reader of all reports knows of a KB: the counts last reported; `null` while it is not listed. */
type Ledger = Counts | null;

function nextLedger(ledger: Ledger, now: Counts | null, kind: string | undefined, { minCves }: Thresholds): Ledger {
  if (!ledger || !now) return now && countsOf(now);
  const followed = {
    machineMissedOn: now.machineMissedOn ?? ledger.machineMissedOn,
    cveAddressed: now.cveAddressed ?? ledger.cveAddressed,
  };
  if (kind !== "unchanged") return followed;
  return minCves === 0 ? { ...ledger, cveAddressed: followed.cveAddressed } : ledger;
}

function kindsThatMayFollow(ledger: Ledger, now: Counts | null): (string | undefined)[] {
  if (!ledger) return now ? ["new", "returned"] : [undefined];
  return now ? ["worsened", "more-cves", "improved", "unchanged"] : ["resolved"];
}

describe("any history of counts", () => {
  const anyHistory = fc.array(
    fc.option(
      anyCounts.map(({ machineMissedOn, cveAddressed }) => kb(machineMissedOn, cveAddressed)),
      { freq: 8 },
    ),
    { minLength: 2, maxLength: 28 },
  );

  test("is reported or held back, and each report compares with what was last reported", () => {
    fc.assert(
      fc.property(anyHistory, anyThresholds, (history, limits) => {
        const runs = follow(history, limits);
        let ledger: Ledger = history[0] ? countsOf(history[0]) : null;
        for (const [run, now] of history.slice(1).entries()) {
          const change = runs[run + 1]?.[0];
          expect(change?.previous ?? null).toEqual(ledger);
          expect(kindsThatMayFollow(ledger, now)).toContain(change?.kind);
          ledger = nextLedger(ledger, now, change?.kind, limits);
          expectHeldBack(ledger, now, limits);
        }
      }),
      { numRuns: 400 },
    );
  });

  test("ends with what was held back reported, once it is past the thresholds", () => {
    fc.assert(
      fc.property(anyHistory, anyThresholds, (history, limits) => {
        const listed = history.filter((item) => item !== null);
        const last = follow([...listed, kb(1_000, 14)], limits).at(-1)?.[0];
        if (listed.length > 0) expect(last).toMatchObject({ kind: "worsened" });
      }),
    );
  });
});

/** Each count differs from the one last reported only where it is unknown, a rise below its thresholds, or a fall beside one. */
function expectHeldBack(ledger: Ledger, now: Counts | null, { minMachines, minPercent, minCves }: Thresholds): void {
  if (!ledger || !now) return;
  const [base, machines] = [ledger.machineMissedOn, now.machineMissedOn];
  const [cvesBefore, cves] = [ledger.cveAddressed, now.cveAddressed];
  // A count that was never known is still unknown.
  if (base === null) expect(machines).toBeNull();
  if (cvesBefore === null) expect(cves).toBeNull();
  const more = rise(base, machines);
  expect(more).toBeGreaterThanOrEqual(0);
  if (more > 0) expect(more < minMachines || more * 100 < minPercent * (base ?? 0)).toBe(true);
  const moreCves = rise(cvesBefore, cves);
  if (moreCves > 0) expect(moreCves).toBeLessThan(minCves);
  if (moreCves < 0) expect(machines !== base && minCves > 0).toBe(true);
}

function sorted<T>(map: Map<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("one count", () => {
  test("goes up, down or stays level, and never moves if a side is unknown", () => {
    expect([rise(3, 5), rise(5, 3), rise(4, 4), rise(null, 4), rise(4, null)]).toEqual([2, -2, 0, 0, 0]);
    const pairs = [
      [3, 5],
      [5, 3],
      [4, 4],
      [null, 4],
      [4, null],
    ] as const;
    expect(pairs.map(([base, current]) => direction(base, current))).toEqual(["up", "down", "level", "level", "level"]);
  });

  test("is named among those that changed, even if it became unknown or known", () => {
    const before = { machineMissedOn: 4, cveAddressed: null };
    expect(changedCounts(before, before)).toEqual([]);
    expect(changedCounts(before, { machineMissedOn: 5, cveAddressed: null })).toEqual(["machineMissedOn"]);
    expect(changedCounts(before, { machineMissedOn: null, cveAddressed: 1 })).toEqual([
      "machineMissedOn",
      "cveAddressed",
    ]);
    expect(changedCounts(null, before)).toEqual(["machineMissedOn"]);
  });
});

function countsIn(machineMissedOn: number | null, cveAddressed: number | null): Counts {
  return { machineMissedOn, cveAddressed };
}

describe("the counts of an entry", () => {
  const small = [
    countsIn(0, 0),
    countsIn(0, 1),
    countsIn(100, 0),
    countsIn(0, 7),
    countsIn(1, 0),
    countsIn(2, 0),
    countsIn(999, 99),
  ];
  const large = [countsIn(1, 100), countsIn(1, 107), countsIn(1000, 0)];
  const unknown = [countsIn(null, 0), countsIn(null, 7), countsIn(0, null), countsIn(2, null), countsIn(null, null)];
  const all = [...small, ...large, ...unknown];

  test("are its own, whichever were kept before", () => {
    for (const counts of [...all, ...all]) expect(countsOf(counts)).toEqual(counts);
  });

  test("are kept once where they are small, for a large report has a million of them", () => {
    expect(all.filter((counts) => countsOf(counts) === countsOf({ ...counts }))).toEqual(small);
  });

  test("are the same as others where both counts are, known or not", () => {
    for (const one of all) expect(all.filter((other) => areSame(one, { ...other }))).toEqual([one]);
  });
});
