import fc from "fast-check";
import { expect, test } from "vitest";
import { sortByKey } from "../../shared/core/sort.ts";

const itself = (key: string | number | null) => key;

test("numbers sort by size, KB numbers as numbers, and unknown ones last in either order", () => {
  expect(sortByKey([30, null, 4, 200], itself, "asc")).toEqual([4, 30, 200, null]);
  expect(sortByKey([30, null, 4, 200], itself, "desc")).toEqual([200, 30, 4, null]);
  expect(sortByKey(["10000001", "999999", "5041585"], itself, "asc")).toEqual(["999999", "5041585", "10000001"]);
});

test("equal items keep their order", () => {
  const anItem = fc.record({ key: fc.option(fc.nat({ max: 3 })), place: fc.nat() });
  fc.assert(
    fc.property(fc.array(anItem), fc.constantFrom("asc" as const, "desc" as const), (items, order) => {
      const sorted = sortByKey(items, ({ key }) => key, order);
      for (const key of [0, 1, 2, 3, null]) {
        expect(sorted.filter((item) => item.key === key)).toEqual(items.filter((item) => item.key === key));
      }
    }),
  );
});
