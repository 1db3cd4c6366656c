import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isMonthId, monthOf, monthsToRead, possibleMonths } from "../../shared/core/msrc-month.ts";

describe("a month's id", () => {
  it.each(["2026-Nov", "2016-Apr", "2026-Jan"])("is like %s", (id) => {
    expect(isMonthId(id)).toBe(true);
  });

  it.each(["2026-nov", "2026-11", "2026-Nov-B", "26-Nov", "2026-Now", " 2026-Nov", "2026-Nov\n", ""])(
    "is not like %j",
    (id) => {
      expect(isMonthId(id)).toBe(false);
    },
  );

  it.each([
    ["2026-11-23", "2026-Nov"],
    ["2026-01-31", "2026-Jan"],
    ["2025-12-01", "2025-Dec"],
  ])("of %s is %s", (day, id) => {
    expect(monthOf(day)).toBe(id);
  });
});

describe("the months that may have a KB", () => {
  const firstSeen = "2026-01-15";

  it.each([
    "November 2025 Security Updates",
    "november 2025 Security Updates",
    "Nov  2025",
    "Update of November 2025.",
  ])("are that of Defender's bundle: %s", (name) => {
    expect(possibleMonths({ name, firstSeen })).toEqual(["2025-Nov"]);
  });

  it.each(["", "Security Updates", "2025-11 Cumulative Update", "Octopus 99"])(
    "are that of first sight and the one before, where the name has none: %j",
    (name) => {
      expect(possibleMonths({ name, firstSeen })).toEqual(["2026-Jan", "2025-Dec"]);
    },
  );

  it("are months, whatever the name", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom("May 0000", "Mayday 2026", "Sep. 2026")), (name) => {
        expect(possibleMonths({ name, firstSeen }).every(isMonthId)).toBe(true);
      }),
    );
  });
});

describe("the months to read", () => {
  const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const years = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n) => names.map((name) => `${from + n}-${name}`)).flat();
  const listed = years(2016, 2026);

  it("are the two newest if none is needed", () => {
    expect(monthsToRead(listed, new Set())).toEqual(["2026-Dec", "2026-Nov"]);
    expect(monthsToRead(["2026-Dec"], new Set())).toEqual(["2026-Dec"]);
    expect(monthsToRead([], new Set(["2026-Dec"]))).toEqual([]);
  });

  it("are those that are needed too, with those in between of the last two years, the newest first", () => {
    expect(monthsToRead(listed, new Set(["2026-Sep"]))).toEqual(["2026-Dec", "2026-Nov", "2026-Oct", "2026-Sep"]);
    const old = monthsToRead(listed, new Set(["2019-Mar", "2025-Jan"]));
    expect(old).toEqual([...years(2025, 2026).reverse(), "2019-Mar"]);
    expect(monthsToRead(listed, new Set(["2024-Dec"]))).toEqual(["2026-Dec", "2026-Nov", "2024-Dec"]);
  });

  it("are listed ones only, whatever their order", () => {
    const some = ["2026-Feb", "2025-Dec", "2026-Jan"];
    expect(monthsToRead(some, new Set(["2025-Nov", "2025-Dec"]))).toEqual(["2026-Feb", "2026-Jan", "2025-Dec"]);
  });
});
