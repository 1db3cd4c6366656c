import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  failedList,
  type Listing,
  type ProductList,
  readProducts,
  replaceList,
} from "../../shared/core/product-list.ts";

const item = (id: unknown, parts: object = {}) => ({
  ...{ id, name: "windows_11", vendor: "microsoft" },
  ...{ weaknesses: 3, exposedMachines: 20, installedMachines: 30, ...parts },
});
const many = (count: number, parts: object = {}) => Array.from({ length: count }, (_, n) => item(`a-_-${n}`, parts));
const at = (day: number) => new Date(Date.UTC(2026, 10, day, 5));

/** Lists one after another, a day apart from 1 November on; an error where Defender could not be asked. */
function play(lists: readonly (readonly unknown[] | Error)[]) {
  let list: ProductList | null = null;
  let listing: Listing | null = null;
  for (const [index, items] of lists.entries()) {
    const taken: { list: ProductList | null; listing: Listing } =
      items instanceof Error
        ? failedList(items.message, list, listing, at(index + 1))
        : replaceList(items, list, listing, at(index + 1));
    ({ list, listing } = taken);
  }
  if (!listing) throw new Error("play at least one list");
  return { list, listing };
}

describe("the products of an answer", () => {
  test("are each id once, sorted by it, with the larger of each known count", () => {
    const items = [
      item("b-_-2", { weaknesses: null }),
      item("a-_-1", { weaknesses: 5, exposedMachines: null }),
      item("A-_-1", { weaknesses: 2, exposedMachines: 7 }),
      item("b-_-2", { weaknesses: 1, installedMachines: 99 }),
    ];
    expect(readProducts(items)).toMatchObject([
      { softwareId: "a-_-1", weaknesses: 5, exposedMachines: 7 },
      { softwareId: "b-_-2", weaknesses: 1, installedMachines: 99 },
    ]);
  });

  test("have the name and the vendor of their id where Defender gives none", () => {
    const [product] = readProducts([{ id: "microsoft-_-windows_11" }]);
    expect(product).toEqual({
      ...{ softwareId: "microsoft-_-windows_11", name: "windows_11", vendor: "microsoft" },
      ...{ weaknesses: null, exposedMachines: null, installedMachines: null },
    });
  });

  test.each([["-1"], [1.5], ["many"], [true], [{}]])("have no count where it is %j", (weaknesses) => {
    expect(readProducts([item("a-_-b", { weaknesses })])[0]?.weaknesses).toBeNull();
  });

  test("are none where an item has no usable id, whatever it is", () => {
    const bad = [null, 3, "x", [], {}, item(7), item(""), item("a\u0007"), item("x".repeat(257))];
    expect(readProducts(bad)).toEqual([]);
    fc.assert(
      fc.property(fc.array(fc.anything()), (items) => readProducts(items).every((one) => one.softwareId !== "")),
    );
  });
});

describe("the list in use", () => {
  test("is the newest", () => {
    const { list, listing } = play([many(3), many(4)]);
    expect(list?.products).toHaveLength(4);
    expect(listing).toEqual({
      ...{ triedAt: at(2).toISOString(), list: { readAt: at(2).toISOString(), count: 4 }, failure: null },
    });
  });

  test("stays where another cannot be read, with the reason and since when", () => {
    const { list, listing } = play([many(3), new Error("Busy."), new Error("Still busy.")]);
    expect(list?.readAt).toBe(at(1).toISOString());
    expect(listing).toEqual({
      triedAt: at(3).toISOString(),
      list: { readAt: at(1).toISOString(), count: 3 },
      failure: { reason: "Still busy.", since: at(2).toISOString(), tries: 2, short: 0 },
    });
  });

  test("is none where none could ever be read, or the first one is empty", () => {
    for (const first of [new Error("Busy."), []]) {
      const { list, listing } = play([first]);
      expect(list).toBeNull();
      expect(listing).toMatchObject({ list: null, failure: { tries: 1 } });
    }
  });

  test("stays where another lost more than a tenth, until it does so for the third time in a row", () => {
    expect(play([many(100), many(90)]).list?.products).toHaveLength(90);
    const short = play([many(100), many(89), many(50)]);
    expect(short.list?.products).toHaveLength(100);
    expect(short.listing.failure).toMatchObject({ since: at(2).toISOString(), tries: 2 });
    expect(short.listing.failure?.reason).toContain("50 of the 100");
    expect(play([many(100), many(50), many(50), many(50)]).list?.products).toHaveLength(50);
    expect(play([many(100), many(50), many(50), new Error("Busy."), many(50)]).list?.products).toHaveLength(100);
    expect(play([many(100), [], [], [], []]).list?.products).toHaveLength(100);
  });

  test("knows when a product that has weaknesses now had none", () => {
    const clean = item("a-_-0", { weaknesses: 0 });
    const open = item("a-_-0");
    const cleanAt = (lists: readonly unknown[][]) => play(lists).list?.products[0]?.cleanAt;
    expect(cleanAt([[clean]])).toBeUndefined();
    expect(cleanAt([[open]])).toBeUndefined();
    expect(cleanAt([[clean], [open]])).toBe(at(1).toISOString());
    expect(cleanAt([[clean], [open], [open]])).toBe(at(1).toISOString());
    expect(cleanAt([[clean], [open], [clean]])).toBeUndefined();
    expect(cleanAt([[clean], [open], [clean], [open]])).toBe(at(3).toISOString());
  });
});
