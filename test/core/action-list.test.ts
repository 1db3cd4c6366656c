import { describe, expect, test } from "vitest";
import {
  type Action,
  actionList,
  actionsFor,
  closedBy,
  type Gap,
  isKnownNeeded,
  overdueGaps,
} from "../../shared/core/action-list.ts";
import type { Advisory, RunFacts } from "../../shared/core/advisory.ts";
import { addDays } from "../../shared/core/day.ts";
import { sortRows } from "../../shared/core/order.ts";
import { type KbEntry, type KbRow, type RowKind, toRow } from "../../shared/core/row.ts";
import { createLineage } from "../../shared/core/supersedence.ts";
import { createDice, type Dice } from "../chaos/dice.ts";

const day = "2026-11-23";

function anEntry(softwareId: string, machines: number | null, parts: Partial<KbEntry> = {}): KbEntry {
  const { kind = "unchanged", since = "2026-11-10" } = parts;
  const counts = { machineMissedOn: machines, cveAddressed: 5 };
  const isGone = kind === "resolved" || kind === "replaced";
  return {
    ...{ softwareId, kind, reasons: [], previous: counts, current: isGone ? null : counts },
    ...{ firstSeen: since, since, dueOn: addDays(since, 14), peak: machines, ...parts },
  };
}

/** What MSRC says of a KB: what it supersedes, and whether it closes an exploited CVE. */
function advises(supersedes: readonly string[], isExploited = false): Advisory {
  const exploited = { cve: "CVE-2026-20001", sources: ["kev"], since: "2026-11-12", ransomware: false } as const;
  return {
    ...{ released: "2026-11-10", severity: null, restart: null, hotpatch: false, supersedes },
    exploited: isExploited ? [exploited] : [],
  };
}

interface Estate {
  rows: KbRow[];
  facts: RunFacts;
}

/** A report of these KBs by id, each with its entries and what is known of it. */
function estateOf(
  kbs: Readonly<Record<string, readonly KbEntry[]>>,
  advisories: Readonly<Record<string, Advisory | null>> = {},
): Estate {
  const facts = { advisories: new Map(Object.entries(advisories)), readAt: { msrc: null, kev: null } };
  const rows = Object.entries(kbs).map(([id, entries]) => {
    const advisory = facts.advisories.get(id);
    return toRow({ id, name: "", url: null, productsNames: [], ...(advisory !== undefined && { advisory }) }, entries);
  });
  return { rows: sortRows(rows), facts };
}

const namesOf = (gaps: readonly Gap[]) => gaps.map(({ row, entry }) => `${row.id} ${entry.softwareId}`);
const inShort = ({ row, installs, covers }: Action) =>
  `${row.id} in ${installs.map(({ entry }) => entry.softwareId).join()}, for ${namesOf(covers).join() || "itself"}`;

const kinds = ["new", "worsened", "unchanged", "not-read", "baseline", "resolved", "replaced"] as const;

/** Up to three products, ten KBs and two more that no product lists, with edges in any direction. */
function anEstate(dice: Dice): Estate {
  const ids = Array.from({ length: 1 + dice.below(10) }, (_, index) => String(5_060_000 + index));
  const all = [...ids, "5070000", "5070001"];
  const density = dice.pick([0.05, 0.15, 0.3]);
  const advisories = all.map((id): [string, Advisory | null] => {
    const supersedes = all.filter(() => dice.chance(density));
    return [id, dice.chance(0.9) ? advises(supersedes, dice.chance(0.1)) : null];
  });
  const kbs = ids.flatMap((id): [string, KbEntry[]][] => {
    const entries = ["a", "b", "c"].flatMap((softwareId) => {
      if (!dice.chance(0.6)) return [];
      const machines = dice.chance(0.1) ? null : dice.below(4);
      return [anEntry(softwareId, machines, { kind: dice.pick(kinds), since: addDays(day, -dice.below(4)) })];
    });
    return entries.length > 0 ? [[id, entries]] : [];
  });
  return estateOf(Object.fromEntries(kbs), Object.fromEntries(advisories));
}

function shuffled<T>(items: readonly T[], dice: Dice): T[] {
  return items
    .map((item) => ({ item, at: dice.roll() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Every property that a list breaks. */
function faultsOf(estate: Estate, dice: Dice): string[] {
  const { rows, facts } = estate;
  const { actions } = actionList(estate);
  const other = shuffled(rows, dice).map((row) => ({ ...row, entries: shuffled(row.entries, dice) }));
  const isSame = bytesOf(actionList({ rows: other, facts }).actions) === bytesOf(actions);
  return [
    ...closingFaults(estate),
    ...actions.flatMap((action) => actionFaults(action, actions, facts)),
    ...orderFaults(actions),
    ...(isSame ? [] : ["another order gives another list"]),
  ];
}

function bytesOf(list: readonly Action[]): string {
  return JSON.stringify(
    list.map(({ row, installs, covers, ...rest }) => [row.id, namesOf(installs), namesOf(covers), rest]),
  );
}

function closingFaults(estate: Estate): string[] {
  const { actions, gaps } = actionList(estate);
  const missing = estate.rows.flatMap((row) =>
    row.entries.filter(({ kind }) => kind !== "resolved" && kind !== "replaced").map((entry) => ({ row, entry })),
  );
  const closed = actions.flatMap(({ installs, covers }) => [...installs, ...covers]);
  const ids = new Set(actions.map(({ row }) => row.id));
  return [
    ...(namesOf(closed).sort().join() === namesOf(missing).sort().join() ? [] : ["a gap is not closed exactly once"]),
    ...(gaps === missing.length && closedBy(actions) === gaps ? [] : [`${gaps} gaps are not ${missing.length}`]),
    ...(ids.size === actions.length ? [] : ["a KB is two actions"]),
  ];
}

function actionFaults({ row, installs, covers, reach }: Action, all: readonly Action[], facts: RunFacts): string[] {
  const lineage = createLineage((id) => facts.advisories.get(id));
  const covered = new Set(all.flatMap((other) => namesOf(other.covers)));
  const places = new Set(installs.map(({ entry }) => entry.softwareId));
  const most = Math.max(...installs.map(({ entry }) => entry.current?.machineMissedOn ?? -1));
  const faults: [string, boolean][] = [
    ["is installed nowhere: without it all is closed", installs.length === 0],
    ["installs another", installs.some((gap) => gap.row.id !== row.id)],
    ["is covered by another action", namesOf(installs).some((gap) => covered.has(gap))],
    ["covers where it is not installed", covers.some(({ entry }) => !places.has(entry.softwareId))],
    ["covers what it does not replace", covers.some((gap) => !lineage.replacedBy(row.id).has(gap.row.id))],
    [`reaches ${reach}, not ${most}`, (reach ?? -1) !== most],
  ];
  return faults.filter(([, isFault]) => isFault).map(([fault]) => `${row.id} ${fault}`);
}

function orderFaults(actions: readonly Action[]): string[] {
  const ranks = actions.map(({ exploited, reach, since, row }) => {
    return [exploited ? 0 : 1, 9_000 - (reach ?? -1), since, row.id].join(" ");
  });
  return ranks.join() === ranks.toSorted().join() ? [] : ["the most urgent does not come first"];
}

describe("what to install", () => {
  test("closes every gap once, needs every action, and is the same in any order, in 10,000 estates", () => {
    const faults: string[] = [];
    for (let seed = 1; seed <= 10_000; seed++) {
      const dice = createDice(seed);
      faults.push(...faultsOf(anEstate(dice), dice).map((fault) => `seed ${seed}: ${fault}`));
    }
    expect(faults).toEqual([]);
  });

  const list = (kbs: Parameters<typeof estateOf>[0], advisories?: Parameters<typeof estateOf>[1]) =>
    actionList(estateOf(kbs, advisories)).actions.map(inShort);

  test("is each KB by itself where nothing is known", () => {
    const kbs = { "1": [anEntry("a", 5)], "2": [anEntry("a", 9)] };
    expect(actionList({ rows: estateOf(kbs).rows, facts: null }).actions.map(inShort)).toEqual([
      "2 in a, for itself",
      "1 in a, for itself",
    ]);
  });

  test("is the newest KB of a line, also through months that nobody lists", () => {
    const kbs = { "1": [anEntry("a", 5)], "2": [anEntry("a", 9)], "4": [anEntry("a", 2)] };
    const known = { "2": advises(["1"]), "3": advises(["2"]), "4": advises(["3"]) };
    expect(list(kbs, known)).toEqual(["4 in a, for 2 a,1 a"]);
  });

  test("hides nothing behind a KB that is not listed, nor behind one of another product", () => {
    const known = { "2": advises(["1"]) };
    expect(list({ "1": [anEntry("a", 5)] }, known)).toEqual(["1 in a, for itself"]);
    expect(list({ "1": [anEntry("a", 5)], "2": [anEntry("b", 4)] }, known)).toEqual([
      "1 in a, for itself",
      "2 in b, for itself",
    ]);
    expect(list({ "1": [anEntry("a", 5)], "2": [anEntry("a", 5, { kind: "resolved" })] }, known)).toEqual([
      "1 in a, for itself",
    ]);
  });

  test("is both of two that replace each other", () => {
    const known = { "1": advises(["2"]), "2": advises(["1", "2"]) };
    expect(list({ "1": [anEntry("a", 5)], "2": [anEntry("a", 4)] }, known)).toHaveLength(2);
  });

  test("of two that replace a third covers it by the one on most machines", () => {
    const known = { "2": advises(["1"]), "3": advises(["1"]) };
    const on = (two: number | null, three: number | null) =>
      list({ "1": [anEntry("a", 5)], "2": [anEntry("a", two)], "3": [anEntry("a", three)] }, known)[0];
    expect([on(4, 5), on(5, 4), on(4, 4), on(null, 1)]).toEqual([
      "3 in a, for 1 a",
      "2 in a, for 1 a",
      "2 in a, for 1 a",
      "3 in a, for 1 a",
    ]);
  });

  test("is urgent where it closes an exploited KB, whatever it is itself", () => {
    const known = { "1": advises([], true), "2": advises(["1"]), "3": advises([]) };
    const kbs = { "1": [anEntry("a", 5)], "2": [anEntry("a", 2)], "3": [anEntry("a", 900)] };
    const { actions } = actionList(estateOf(kbs, known));
    expect(actions.map(({ row, exploited }) => [row.id, exploited])).toEqual([
      ["2", true],
      ["3", false],
    ]);
  });

  test("is as old as the oldest that it closes, and reaches as far as it is itself missing", () => {
    const since = { since: "2026-08-11" };
    const kbs = { "1": [anEntry("a", 500, since)], "2": [anEntry("a", 2), anEntry("b", 7)] };
    const [action] = actionList(estateOf(kbs, { "2": advises(["1"]) })).actions;
    expect(action).toMatchObject({ since: "2026-08-11", reach: 7 });
    expect(actionList(estateOf({ "1": [anEntry("a", null)] })).actions[0]?.reach).toBeNull();
  });

  test("counts what could not be read by its last list, and not what is gone", () => {
    const entries = (kind: RowKind) => ({ "1": [anEntry("a", 5, { kind })] });
    expect([entries("not-read"), entries("resolved"), entries("replaced")].map((kbs) => list(kbs).length)).toEqual([
      1, 0, 0,
    ]);
  });

  test("is found from each KB that it closes, and from no other", () => {
    const kbs = { "1": [anEntry("a", 5), anEntry("b", 5)], "2": [anEntry("a", 2)], "3": [anEntry("c", 2)] };
    const list = actionList(estateOf(kbs, { "2": advises(["1"]) }));
    const found = (id: string) => actionsFor(list, id).map(({ row }) => row.id);
    expect([found("1"), found("2"), found("3"), found("4")]).toEqual([["1", "2"], ["2"], ["3"], []]);
  });

  test("counts the gaps that are overdue, its own and those that it covers", () => {
    const old = { since: "2026-11-08" };
    const kbs = { "1": [anEntry("a", 5, old)], "2": [anEntry("a", 2), anEntry("b", 2, old)] };
    const [action] = actionList(estateOf(kbs, { "2": advises(["1"]) })).actions;
    expect(action && [overdueGaps(action, "2026-11-22"), overdueGaps(action, day)]).toEqual([0, 2]);
  });

  test("is known to be needed where a product that was read misses it", () => {
    const needed = (...kinds: RowKind[]) =>
      actionList(estateOf({ "1": kinds.map((kind, index) => anEntry(`p${index}`, 5, { kind })) })).actions.map(
        isKnownNeeded,
      );
    expect([needed("not-read"), needed("not-read", "new"), needed("baseline")]).toEqual([[false], [true], [true]]);
  });

  test("is found in a blink for 2,000 KBs in one line", () => {
    const ids = Array.from({ length: 2_000 }, (_, index) => String(10_000 + index));
    const known = Object.fromEntries(ids.map((id, index) => [id, advises(ids.slice(Math.max(0, index - 1), index))]));
    const estate = estateOf(Object.fromEntries(ids.map((id) => [id, [anEntry("a", 5)]])), known);
    const began = performance.now();
    expect(actionList(estate).actions).toHaveLength(1);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
