import { describe, expect, test } from "vitest";
import { type Change, type CountsByKb, changesBetween, holdBack } from "../../shared/core/change.ts";
import { addDays, earliest, type RunDate } from "../../shared/core/day.ts";
import type { MissingKb } from "../../shared/core/missing-kb.ts";
import { lastOfLine, type Snapshot, takeSnapshot } from "../../shared/core/snapshot.ts";
import {
  createLineage,
  type KbRelease,
  type Lineage,
  noLineage,
  releasedSince,
  replace,
} from "../../shared/core/supersedence.ts";
import { createDice, type Dice } from "../chaos/dice.ts";
import { aKb, aSnapshot } from "../support/builders.ts";

/** Which KBs each of some KBs supersedes. */
type Graph = Readonly<Record<string, readonly string[]>>;

function lineageOf(graph: Graph, released: Readonly<Record<string, RunDate>> = {}): Lineage {
  return createLineage((id) => ({ released: released[id] ?? null, supersedes: graph[id] ?? [] }));
}

const seeds = Array.from({ length: 10_000 }, (_, index) => index + 1);

/** Up to ten KBs with edges in any direction, also to themselves. */
function aGraph(dice: Dice): { ids: string[]; graph: Graph } {
  const ids = Array.from({ length: 2 + dice.below(9) }, (_, index) => String(5_060_000 + index));
  const density = dice.pick([0.05, 0.1, 0.3]);
  const edges = ids.map((id) => [id, ids.filter(() => dice.chance(density))] as const);
  return { ids, graph: Object.fromEntries(edges) };
}

/** Which KBs can be reached from each, by trying every way between. */
function reachIn(ids: readonly string[], graph: Graph): Map<string, Set<string>> {
  const reach = new Map(ids.map((id) => [id, new Set(graph[id])]));
  for (const by of ids) {
    for (const from of ids) {
      if (reach.get(from)?.has(by)) for (const to of reach.get(by) ?? []) reach.get(from)?.add(to);
    }
  }
  return reach;
}

describe("what replaces what", () => {
  test("is all that a KB leads to and that does not lead back, in any of 10,000 graphs", () => {
    const wrong = seeds.flatMap((seed) => {
      const { ids, graph } = aGraph(createDice(seed));
      const [lineage, reach] = [lineageOf(graph), reachIn(ids, graph)];
      return ids.flatMap((newer) => {
        const right = ids.filter((older) => reach.get(newer)?.has(older) && !reach.get(older)?.has(newer));
        const found = [...lineage.replacedBy(newer)].sort();
        return found.join() === right.join() ? [] : [`seed ${seed}: ${newer} replaces ${found}, not ${right}`];
      });
    });
    expect(wrong).toEqual([]);
  });

  test("goes through any number of KBs, known or not listed, and ends at an unknown one", () => {
    const lineage = lineageOf({ "4": ["3"], "3": ["2", "9"], "2": ["1"] });
    expect([...lineage.replacedBy("4")].sort()).toEqual(["1", "2", "3", "9"]);
    expect(lineage.replacedBy("9")).toEqual(new Set());
  });

  test("is nothing of a circle for those in it, and all of it for one that leads to it", () => {
    const lineage = lineageOf({ "1": ["2"], "2": ["3"], "3": ["1", "0"], "4": ["3"], "5": ["5", "0"] });
    const replaced = (id: string) => [...lineage.replacedBy(id)].sort();
    expect([replaced("1"), replaced("4"), replaced("5")]).toEqual([["0"], ["0", "1", "2", "3"], ["0"]]);
  });

  test("follows a line of 5,000 KBs", () => {
    const graph = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`${index + 1}`, [`${index}`]]));
    expect(lineageOf(graph).replacedBy("5000").size).toBe(5_000);
  });
});

describe("KBs that left the list", () => {
  const kb = (id: string, firstSeen: RunDate, parts: Partial<MissingKb> = {}) => aKb({ id, firstSeen, ...parts });

  test("hand on their first sight and their oldest release to the one that replaces them", () => {
    const lineage = lineageOf({ "3": ["2"], "2": ["1"] }, { "1": "2026-07-14", "2": "2026-08-11" });
    const left = [kb("1", "2026-08-01"), kb("2", "2026-08-12")];
    const { listed, by } = replace([kb("3", "2026-09-09"), kb("4", "2026-09-09")], left, lineage);
    expect(listed).toEqual([
      kb("3", "2026-08-01", { line: { ids: ["1", "2"], since: "2026-07-14", listedOn: "2026-09-09" } }),
      kb("4", "2026-09-09"),
    ]);
    expect(by).toEqual(
      new Map([
        ["1", "3"],
        ["2", "3"],
      ]),
    );
  });

  test("hand on the line that they had themselves", () => {
    const line = { ids: ["1"], since: "2026-01-13", listedOn: "2026-08-12" };
    const left = [kb("2", "2026-02-01", { line })];
    const { listed } = replace([kb("3", "2026-09-09")], left, lineageOf({ "3": ["2"] }, { "2": "2026-08-11" }));
    expect(listed[0]?.line).toEqual({ ids: ["1", "2"], since: "2026-01-13", listedOn: "2026-09-09" });
    expect(listed[0]?.firstSeen).toBe("2026-02-01");
  });

  test("name the next of several, and of equals the first by number", () => {
    const by = (graph: Graph, ...ids: string[]) =>
      replace(
        ids.map((id) => kb(id, "2026-09-09")),
        [kb("1", "2026-08-12")],
        lineageOf(graph),
      ).by.get("1");
    expect(by({ "2": ["1"], "3": ["2"] }, "2", "3")).toBe("2");
    expect(by({ "3": ["1"], "2": ["3"] }, "2", "3")).toBe("3");
    expect(by({ "3": ["1"], "2": ["1"] }, "3", "2")).toBe("2");
    // The second replaces the fourth, so it is not next; the third is beside both.
    expect(by({ "2": ["4"], "3": ["1"], "4": ["1"] }, "2", "3", "4")).toBe("3");
  });

  test("of a line keep the last 40, and all that were replaced at once", () => {
    const ids = Array.from({ length: 60 }, (_, index) => String(100 + index));
    const lineage = lineageOf({ "999": ids });
    const line = { ids: ids.slice(0, 50), since: "2026-01-13", listedOn: "2026-02-01" };
    const lineAfter = (left: MissingKb[]) => replace([kb("999", "2026-09-09")], left, lineage).listed[0]?.line?.ids;
    expect(lineAfter([kb("150", "2026-08-12", { line })])).toEqual([...ids.slice(11, 50), "150"]);
    expect(lineAfter(ids.map((id) => kb(id, "2026-08-12")))).toEqual(ids);
  });

  test("change nothing where nothing is known, and are the same in any order", () => {
    const wrong = seeds.slice(0, 2_000).flatMap((seed) => {
      const dice = createDice(seed);
      const { ids, graph } = aGraph(dice);
      const kbs = ids.map((id) => kb(id, addDays("2026-08-01", dice.below(30))));
      const left = kbs.filter(() => dice.chance(0.5));
      const listed = kbs.filter((one) => !left.includes(one));
      const found = replace(listed, left, lineageOf(graph));
      const turned = replace(listed.toReversed(), left, lineageOf(graph));
      const isSame =
        JSON.stringify(found.listed) === JSON.stringify(turned.listed.toReversed()) &&
        left.every(({ id }) => found.by.get(id) === turned.by.get(id));
      const without = replace(listed, left, noLineage);
      return isSame && without.by.size === 0 && without.listed.every((one, at) => one === listed[at]) ? [] : [seed];
    });
    expect(wrong).toEqual([]);
  });
});

describe("the day from which an age counts", () => {
  test("is the release, unless it was seen before that or the release is unknown", () => {
    expect(releasedSince({ firstSeen: "2026-11-20" }, "2026-11-10")).toBe("2026-11-10");
    expect(releasedSince({ firstSeen: "2026-11-20" }, "2026-11-24")).toBe("2026-11-20");
    expect(releasedSince({ firstSeen: "2026-11-20" }, null)).toBe("2026-11-20");
  });

  test("is that of the line where that is older", () => {
    const line = { ids: ["1"], since: "2026-08-11", listedOn: "2026-11-20" };
    expect(releasedSince({ firstSeen: "2026-09-01", line }, "2026-11-10")).toBe("2026-08-11");
    expect(releasedSince({ firstSeen: "2026-09-01", line }, "2026-07-01")).toBe("2026-07-01");
  });
});

/** One month of a product that lists one KB, which replaces that of the month before. */
interface Month {
  day: RunDate;
  kb: MissingKb;
  snapshot: Snapshot;
  changes: readonly Change[];
  /** Its machines as last reported, before this month and after. */
  base: number | null;
  lastReported: number | null;
  /** The release of each KB up to this one. */
  released: ReadonlyMap<string, RunDate>;
}

const thresholds = { minMachines: 5, minPercent: 0, minCves: 1 };
const idOf = (number: number) => String(5_060_000 + number);

/** Twelve months; some are skipped, so that the next KB replaces the last one through others. */
function aYear(seed: number): Month[] {
  const dice = createDice(seed);
  const releases = new Map<string, KbRelease>();
  const lineage = createLineage((id) => releases.get(id));
  const released = new Map<string, RunDate>();
  const months: Month[] = [];
  let [before, held]: [Snapshot, CountsByKb] = [aSnapshot({ runId: "2025-12-31" }), {}];
  let [machines, base]: [number, number | null] = [100, null];
  for (let number = 1; number <= 12; number++) {
    const id = idOf(number);
    const day = addDays("2026-01-01", 30 * number);
    releases.set(id, aRelease(number, day, dice));
    if (number > 1 && dice.chance(0.2)) continue;
    const release = releases.get(id)?.released;
    if (release) released.set(id, release);
    machines = Math.max(1, machines + dice.below(9) - 3);
    const read = aKb({ id, machineMissedOn: machines, cveAddressed: dice.below(50) });
    const key = { ...before, runId: day, day, openedAt: `${day}T05:00:00.000Z` };
    const snapshot = takeSnapshot(key, { missingKbs: [read], unusable: 0 }, before, { lineage });
    const rules = { thresholds, lastReported: held };
    const changes = changesBetween(before, snapshot, rules);
    held = holdBack(before, snapshot, rules);
    const lastReported = held[id]?.machineMissedOn ?? machines;
    const [kb = read as MissingKb] = snapshot.missingKbs;
    months.push({ day, kb, snapshot, changes, base, lastReported, released: new Map(released) });
    [before, base] = [snapshot, lastReported];
  }
  return months;
}

/** Unknown at times, and at times a KB that names itself. */
function aRelease(number: number, day: RunDate, dice: Dice): KbRelease {
  const supersedes = number === 1 ? [] : [idOf(number - 1)];
  const released = dice.chance(0.8) ? addDays(day, -dice.below(60)) : null;
  return { released, supersedes: dice.chance(0.1) ? [...supersedes, idOf(number)] : supersedes };
}

function monthFaults({ kb, snapshot, changes, base, lastReported, released }: Month, first: Month): string[] {
  const [now, left] = changes;
  const rose = (kb.machineMissedOn ?? 0) - (base ?? 0);
  const isHeld = rose > 0 && rose < thresholds.minMachines;
  const kind = rose >= thresholds.minMachines ? "worsened" : rose < 0 ? "improved" : "unchanged";
  const gone = new Map(snapshot.gone.map((one) => [one.id, one]));
  const faults: [string, boolean][] = [
    [`is ${now?.kind}, not ${kind}`, now?.kind !== kind],
    [`leaves ${left?.kind}`, left?.kind !== "replaced" || left.replacedBy !== kb.id || changes.length > 2],
    ["is compared with something else", now?.previous?.machineMissedOn !== base],
    ["lost what was held back", lastReported !== (isHeld ? base : kb.machineMissedOn)],
    [`was first seen ${kb.firstSeen}`, kb.firstSeen !== first.day],
    [
      "is not as old as its line",
      releasedSince(kb, released.get(kb.id) ?? null) !== earliest([first.day, ...released.values()]),
    ],
    ["is not the last of its line", gone.has(first.kb.id) && lastOfLine(first.kb.id, gone) !== kb.id],
  ];
  return faults.filter(([, isFault]) => isFault).map(([fault]) => `${kb.id} ${fault}`);
}

test("a year of KBs that replace each other has nothing new, back or resolved, one age, and no rise is lost", () => {
  const wrong = seeds.flatMap((seed) => {
    const [first, ...later] = aYear(seed);
    const last = later.at(-1);
    if (!first || !last) return [];
    const faults = later.flatMap((month) => monthFaults(month, first));
    // Compared over all months at once, it is one KB that replaced another.
    const kinds = changesBetween(first.snapshot, last.snapshot, { thresholds }).map(({ kind }) => kind);
    const isOne = kinds.length === 2 && kinds[1] === "replaced" && !["new", "returned"].includes(kinds[0] ?? "new");
    return [...faults, ...(isOne ? [] : [`from the first to the last: ${kinds}`])].map(
      (fault) => `seed ${seed}: ${fault}`,
    );
  });
  expect(wrong).toEqual([]);
});
