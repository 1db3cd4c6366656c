import { compareText } from "./text.ts";

/**
 * Sorts items by a key: numbers by size, texts by length first, so that KB numbers, which have no leading zeros, sort by
 * number. Equal items keep their order, and items with an unknown key (`null`) come last in either order.
 */
export function sortByKey<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string | number | null,
  order: "asc" | "desc",
): Item[] {
  const sign = order === "asc" ? 1 : -1;
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
    return sign * compareKeys(a.key, b.key);
  });
  return keyed.map(({ item }) => item);
}

function compareKeys(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).length - String(b).length || compareText(String(a), String(b));
}
