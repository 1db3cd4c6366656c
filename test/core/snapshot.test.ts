import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import { readMissingKbs } from "../../shared/core/missing-kb.ts";
import { goneMemory, lacksKbs, mergeReadings, type Snapshot, takeSnapshot } from "../../shared/core/snapshot.ts";
import { anAnswer, snapshotOf } from "../support/arbitraries.ts";

const kb = (id: string, machineMissedOn: number | null = 10) => ({ id, machineMissedOn, cveAddressed: 1 });

/** The snapshots of one product, one a day from 1 November. */
function history(answers: readonly (readonly unknown[])[]): Snapshot[] {
  const snapshots: Snapshot[] = [];
  for (const [day, items] of answers.entries()) {
    snapshots.push(snapshotOf(items, addDays("2026-11-01", day), snapshots.at(-1) ?? null));
  }
  return snapshots;
}

describe("a snapshot", () => {
  test("keeps the day a KB was first seen, even if it is resolved and comes back", () => {
    fc.assert(
      fc.property(fc.array(anAnswer, { minLength: 1, maxLength: 12 }), (answers) => {
        const snapshots = history(answers);
        for (const snapshot of snapshots) {
          for (const { id, firstSeen } of snapshot.missingKbs) {
            const first = snapshots.find(({ missingKbs }) => missingKbs.some((other) => other.id === id));
            expect(firstSeen).toBe(first?.runId);
          }
        }
      }),
    );
  });

  test("remembers exactly the KBs that were seen before and are not missing now", () => {
    fc.assert(
      fc.property(fc.array(anAnswer, { minLength: 1, maxLength: 12 }), (answers) => {
        const snapshots = history(answers);
        const seen = new Set(snapshots.flatMap(({ missingKbs }) => missingKbs.map(({ id }) => id)));
        const last = snapshots.at(-1);
        const known = [...(last?.missingKbs ?? []), ...(last?.gone ?? [])].map(({ id }) => id);
        expect(known.toSorted()).toEqual([...seen].sort());
      }),
    );
  });

  test("keeps the largest count since a KB was first seen", () => {
    const last = history([[kb("5068861", 30)], [kb("5068861", 90)], [kb("5068861", null)], [kb("5068861", 12)]]).at(-1);
    expect(last?.missingKbs[0]?.peak).toBe(90);
  });

  test("forgets a KB that has been gone for more than 90 days", () => {
    const gone = history([[kb("5068861")], []]).at(-1) ?? null;
    expect(snapshotOf([], "2027-01-31", gone).gone).toHaveLength(1);
    expect(snapshotOf([], "2027-02-01", gone).gone).toHaveLength(0);
  });

  test("keeps first day and peak of a KB that comes back within 90 days, even if nothing was read in between", () => {
    const gone = history([[kb("5068861", 30)], []]).at(-1) ?? null;
    const backOn = (day: string) => snapshotOf([kb("5068861", 3)], day, gone).missingKbs[0];
    expect(backOn("2027-01-31")).toMatchObject({ firstSeen: "2026-11-01", peak: 30, goneOn: "2026-11-02" });
    const anew = backOn("2027-02-01");
    expect(anew).toMatchObject({ firstSeen: "2027-02-01", peak: 3 });
    expect(anew).not.toHaveProperty("goneOn");
  });

  test("says for 90 days of a listed KB when it was last gone", () => {
    const back = history([[kb("5068861")], [], [kb("5068861")], [kb("5068861")], [], [kb("5068861")]]);
    expect(back.map(({ missingKbs }) => missingKbs[0]?.goneOn)).toEqual([
      ...[undefined, undefined, "2026-11-02", "2026-11-02", undefined, "2026-11-05"],
    ]);
    const last = back.at(-1) ?? null;
    expect(snapshotOf([kb("5068861")], "2027-02-03", last).missingKbs[0]?.goneOn).toBe("2026-11-05");
    expect(snapshotOf([kb("5068861")], "2027-02-04", last).missingKbs[0]).not.toHaveProperty("goneOn");
  });

  test("counts an item on 0 machines as not listed", () => {
    const days = history([[kb("5068861", 5)], [kb("5068861", 0)], [kb("5068861", 0), kb("5066835", 0)]]);
    expect(days.map(({ missingKbs }) => missingKbs.length)).toEqual([1, 0, 0]);
    expect(days[2]?.gone).toEqual([{ id: "5068861", firstSeen: "2026-11-01", peak: 5, goneOn: "2026-11-02" }]);
    expect(snapshotOf([kb("5066835", 2)], "2026-11-04", days[2]).missingKbs[0]?.firstSeen).toBe("2026-11-04");
  });

  test("marks what left while weaknesses stayed open", () => {
    const before = history([[kb("1"), kb("2")], [kb("1")]]).at(-1) ?? null;
    const unlisted = snapshotOf([], "2026-11-10", before, "not-kb-patched");
    expect(unlisted.gone.map(({ id, unexplained }) => [id, unexplained])).toEqual([
      ["1", true],
      ["2", undefined],
    ]);
    expect(snapshotOf([], "2026-11-10", before, "clean").gone[0]).not.toHaveProperty("unexplained");
    const explained = snapshotOf([], "2026-11-12", snapshotOf([kb("1")], "2026-11-11", unlisted));
    expect(explained.gone[0]).toEqual({ id: "1", firstSeen: "2026-11-01", peak: 10, goneOn: "2026-11-12" });
  });

  test("remembers at most the 500 KBs that left last", () => {
    const many = Array.from({ length: 600 }, (_, index) => kb(String(5_000_000 + index)));
    const left = history([many, [kb("4540673")], []]).at(-1);
    expect(left?.gone).toHaveLength(goneMemory.kbs);
    expect(left?.gone.map(({ id }) => id)).toContain("4540673");
  });
});

describe("a snapshot of a reading with an item that became unusable", () => {
  const before = history([[kb("5", 10), kb("3", 20), kb("9", 30)]])[0] ?? null;
  const broken = { machineMissedOn: 7 };

  test("keeps the KBs that the item may be, on unknown machines, in the order of ids", () => {
    const after = snapshotOf([kb("4", 1), broken, kb("9", 31)], "2026-11-02", before);
    const counted = after.missingKbs.map(({ id, machineMissedOn, cveAddressed, firstSeen, peak }) => {
      return [id, machineMissedOn, cveAddressed, firstSeen, peak];
    });
    expect(counted).toEqual([
      ["3", null, null, "2026-11-01", 20],
      ["4", 1, 1, "2026-11-02", 1],
      ["5", null, null, "2026-11-01", 10],
      ["9", 31, 1, "2026-11-01", 31],
    ]);
    expect(after).toMatchObject({ gone: [], unusable: 1 });
  });

  test("keeps them for as long as any item is unusable, and no longer", () => {
    const days = history([[kb("5"), kb("3")], [kb("5"), broken], [kb("5"), broken], [kb("5"), broken], [kb("5")]]);
    const [first = [], ...others] = days.map(({ missingKbs }) => missingKbs.map(({ id }) => id));
    expect(first).toEqual(["3", "5"]);
    expect(others).toEqual([["3", "5"], ["3", "5"], ["3", "5"], ["5"]]);
    expect(days[4]?.gone).toMatchObject([{ id: "3", firstSeen: "2026-11-01", goneOn: "2026-11-05" }]);
  });

  test("drops them if no more items are unusable than before", () => {
    const after = snapshotOf([kb("9", 30), broken], "2026-11-02", before);
    const later = snapshotOf([kb("9", 30), broken], "2026-11-03", { ...after, missingKbs: before?.missingKbs ?? [] });
    expect(later.missingKbs.map(({ id }) => id)).toEqual(["9"]);
    expect(later.gone.map(({ id }) => id)).toEqual(["3", "5"]);
  });

  test("drops those of which one count was known, for they were listed", () => {
    const half = [
      { id: "3", machineMissedOn: null, cveAddressed: 1 },
      { id: "4", machineMissedOn: 6, cveAddressed: null },
    ];
    const days = history([
      [kb("5"), broken],
      [kb("5"), ...half, broken],
      [kb("5"), broken],
    ]);
    expect(days[2]?.missingKbs.map(({ id }) => id)).toEqual(["5"]);
    expect(days[2]?.gone.map(({ id }) => id)).toEqual(["3", "4"]);
  });

  test("keeps those on 0 machines too, as if they were not listed", () => {
    const after = snapshotOf([kb("5", 10), kb("3", 0), broken], "2026-11-02", before);
    expect(after.missingKbs.map(({ id, machineMissedOn }) => [id, machineMissedOn])).toEqual([
      ["3", null],
      ["5", 10],
      ["9", null],
    ]);
  });

  test("keeps nothing where nothing was listed before", () => {
    expect(snapshotOf([kb("1"), broken]).missingKbs.map(({ id }) => id)).toEqual(["1"]);
  });
});

test("a snapshot says why its list is empty, if that was asked", () => {
  const key = {
    tenant: "home",
    softwareId: "microsoft-_-windows_11",
    runId: "2026-11-23",
    day: "2026-11-23",
    openedAt: "2026-11-23T05:00:00.000Z",
  };
  const emptiness = { verdict: "clean", checkedOn: "2026-11-20" } as const;
  const nothing = readMissingKbs([]);
  expect(takeSnapshot(key, nothing, null, { emptiness })).toEqual({
    ...key,
    ...{ missingKbs: [], gone: [], unusable: 0, emptiness },
  });
  expect(takeSnapshot(key, nothing, null)).not.toHaveProperty("emptiness");
});

test("what left last is remembered first, in the order of ids if it left together", () => {
  const gone = [
    { id: "2", goneOn: "2026-10-30" },
    { id: "7", goneOn: "2026-10-31" },
    { id: "1", goneOn: "2026-10-30" },
  ].map((parts) => ({ ...parts, firstSeen: "2026-10-01", peak: 1 }));
  const before = { ...snapshotOf([kb("8"), kb("6")], "2026-11-01"), gone };
  const after = snapshotOf([], "2026-11-02", before);
  expect(after.gone.map(({ id }) => id)).toEqual(["6", "8", "7", "1", "2"]);
});

describe("a product is read again", () => {
  const before = history([[kb("1", 100), kb("2", null)]])[0] ?? null;
  test.each([
    ["if nothing is left", [], true],
    ["if one KB is absent", [kb("1", 400)], true],
    ["if one KB is on 0 machines", [kb("1", 100), kb("2", 0)], true],
    ["if an absent KB may be an unusable item", [kb("1", 100), { machineMissedOn: 7 }], true],
    ["not if every KB is listed, however few machines miss it", [kb("1", 1), kb("2", 1), kb("3", 9)], false],
    ["not if a count is unknown", [kb("1", null), kb("2", null)], false],
  ])("%s", (_, items, expected) => {
    expect(lacksKbs(readMissingKbs(items), before)).toBe(expected);
  });

  test("not if nothing was listed before", () => {
    expect(lacksKbs(readMissingKbs([]), null)).toBe(false);
    expect(lacksKbs(readMissingKbs([]), snapshotOf([]))).toBe(false);
  });
});

describe("two answers of one run", () => {
  const merge = (first: readonly unknown[], second: readonly unknown[]) =>
    mergeReadings(readMissingKbs(first), readMissingKbs(second));
  const countsIn = ({ missingKbs }: ReturnType<typeof merge>) =>
    missingKbs.map(({ id, machineMissedOn }) => [id, machineMissedOn]);

  test("list what either lists, with the counts of the second, in the order of ids", () => {
    const merged = merge([kb("2", 20), kb("1", 10)], [kb("3", 33), kb("2", 22)]);
    expect(countsIn(merged)).toEqual([
      ["1", 10],
      ["2", 22],
      ["3", 33],
    ]);
    expect(merged.differed).toBe(true);
  });

  test("differ only if one lists a KB that the other does not", () => {
    expect(merge([kb("1", 10)], [kb("1", 99)])).not.toHaveProperty("differed");
    expect(merge([], [])).toEqual({ missingKbs: [], unusable: 0 });
    expect(merge([kb("1", 10)], []).differed).toBe(true);
    expect(merge([], [kb("1", 10)]).differed).toBe(true);
  });

  test("give the second count even if that is unknown, and the first if the second is 0", () => {
    expect(countsIn(merge([kb("1", 10)], [kb("1", null)]))).toEqual([["1", null]]);
    const zero = merge([kb("1", 10)], [kb("1", 0)]);
    expect([countsIn(zero), zero.differed]).toEqual([[["1", 10]], true]);
    expect(countsIn(merge([kb("1", 0)], [kb("1", 0)]))).toEqual([]);
  });

  test("hold an unusable item if one of them does, so that absent KBs stay listed", () => {
    const before = snapshotOf([kb("1"), kb("2")], "2026-11-22");
    for (const [first, second] of [
      [[kb("1"), {}], [kb("1")]],
      [[kb("1")], [kb("1"), {}]],
    ] as const) {
      const merged = merge(first, second);
      expect(merged.unusable).toBe(1);
      const key = {
        tenant: "home",
        softwareId: "x",
        runId: "2026-11-23",
        day: "2026-11-23",
        openedAt: "2026-11-23T05:00:00.000Z",
      };
      const { missingKbs } = takeSnapshot(key, merged, before);
      expect(missingKbs.map(({ id, machineMissedOn }) => [id, machineMissedOn])).toEqual([
        ["1", 10],
        ["2", null],
      ]);
    }
  });

  test("are noted in the snapshot if they differed", () => {
    const key = {
      tenant: "home",
      softwareId: "x",
      runId: "2026-11-23",
      day: "2026-11-23",
      openedAt: "2026-11-23T05:00:00.000Z",
    };
    expect(takeSnapshot(key, merge([], [kb("1")]), null).differed).toBe(true);
    expect(takeSnapshot(key, merge([kb("1")], [kb("1")]), null)).not.toHaveProperty("differed");
  });

  test("lose no KB of either, whatever they list", () => {
    fc.assert(
      fc.property(anAnswer, anAnswer, (a, b) => {
        const read = (items: typeof a) => readMissingKbs(items.filter(({ machineMissedOn }) => machineMissedOn !== 0));
        const [first, second] = [read(a), read(b)];
        const merged = mergeReadings(first, second);
        const ids = [...first.missingKbs, ...second.missingKbs].map(({ id }) => id);
        expect(merged.missingKbs.map(({ id }) => id)).toEqual([...new Set(ids)].sort());
        expect(mergeReadings(merged, second).missingKbs).toEqual(merged.missingKbs);
        for (const kb of second.missingKbs) expect(merged.missingKbs).toContainEqual(kb);
      }),
    );
  });
});
