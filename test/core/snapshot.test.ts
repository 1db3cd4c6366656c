import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDays } from "../../shared/core/day.ts";
import { readMissingKbs } from "../../shared/core/missing-kb.ts";
import { isSuspicious, type Snapshot, takeSnapshot } from "../../shared/core/snapshot.ts";
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

  test("remembers at most the 500 KBs that left last", () => {
    const many = Array.from({ length: 600 }, (_, index) => kb(String(5_000_000 + index)));
    const left = history([many, [kb("4540673")], []]).at(-1);
    expect(left?.gone).toHaveLength(500);
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
  });

  test("drops them if no more items are unusable than before", () => {
    const after = snapshotOf([kb("9", 30), broken], "2026-11-02", before);
    const later = snapshotOf([kb("9", 30), broken], "2026-11-03", { ...after, missingKbs: before?.missingKbs ?? [] });
    expect(later.missingKbs.map(({ id }) => id)).toEqual(["9"]);
    expect(later.gone.map(({ id }) => id)).toEqual(["3", "5"]);
  });
});

test("a snapshot says why its list is empty, if that was asked", () => {
  const key = { tenant: "home", softwareId: "microsoft-_-windows_11", runId: "2026-11-23" };
  const emptiness = { verdict: "clean", checkedOn: "2026-11-20" } as const;
  const nothing = readMissingKbs([]);
  expect(takeSnapshot(key, nothing, null, emptiness)).toEqual({
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

describe("a second look at a list", () => {
  const before = history([[kb("1", 100), kb("2", 100), kb("3", 100), kb("4", 100)]])[0] ?? null;
  test.each([
    ["nothing left: yes", [], true],
    ["one of four KBs left: yes", [kb("1", 400)], true],
    ["two of four KBs left: no", [kb("1", 200), kb("2", 200)], false],
    ["all KBs on few machines: yes", [kb("1", 1), kb("2", 1), kb("3", 1), kb("4", 1)], true],
    ["nothing changed: no", [kb("1", 100), kb("2", 100), kb("3", 100), kb("4", 100)], false],
  ])("%s", (_, items, expected) => {
    expect(isSuspicious(readMissingKbs(items), before)).toBe(expected);
  });

  test("is not taken if nothing was known before", () => {
    expect(isSuspicious(readMissingKbs([]), null)).toBe(false);
    expect(isSuspicious(readMissingKbs([]), snapshotOf([]))).toBe(false);
  });
});
