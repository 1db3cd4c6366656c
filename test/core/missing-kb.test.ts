import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { larger } from "../../shared/core/counts.ts";
import { readMissingKbs } from "../../shared/core/missing-kb.ts";
import { anAnswer } from "../support/arbitraries.ts";

const march = {
  id: "4540673",
  name: "March 2020 Security Updates",
  productsNames: ["edge"],
  url: "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB4540673",
  machineMissedOn: 240,
  cveAddressed: 14,
};

describe("reading Defender's answer", () => {
  test("keeps Defender's own fields and ignores those it does not know", () => {
    expect(readMissingKbs([{ ...march, osBuild: 18363, "@odata.type": "x" }])).toEqual({
      missingKbs: [march],
      unusable: 0,
    });
  });

  test("reads the same from an answer in any order", () => {
    fc.assert(
      fc.property(
        anAnswer.chain((items) =>
          fc.tuple(fc.constant(items), fc.shuffledSubarray(items, { minLength: items.length })),
        ),
        ([items, shuffled]) => {
          expect(readMissingKbs(shuffled)).toEqual(readMissingKbs(items));
        },
      ),
    );
  });

  test("reads its own result unchanged, and a doubled answer like a single one", () => {
    fc.assert(
      fc.property(anAnswer, (items) => {
        const { missingKbs } = readMissingKbs(items);
        expect(readMissingKbs(missingKbs).missingKbs).toEqual(missingKbs);
        expect(readMissingKbs([...items, ...items]).missingKbs).toEqual(missingKbs);
      }),
    );
  });

  test("names each KB once", () => {
    fc.assert(
      fc.property(anAnswer, (items) => {
        const ids = readMissingKbs(items).missingKbs.map(({ id }) => id);
        expect(ids).toEqual([...new Set(items.map(({ id }) => id))].sort());
      }),
    );
  });

  test("merges a repeated id into the larger counts and the union of products", () => {
    const twin = { ...march, productsNames: ["windows_10"], machineMissedOn: 12, cveAddressed: 97 };
    const [kb] = readMissingKbs([march, twin]).missingKbs;
    expect(kb).toEqual({ ...march, productsNames: ["edge", "windows_10"], machineMissedOn: 240, cveAddressed: 97 });
  });

  test("keeps a known count if that of a repeated id is unknown", () => {
    const [kb] = readMissingKbs([{ ...march, machineMissedOn: null }, march]).missingKbs;
    expect(kb?.machineMissedOn).toBe(240);
  });

  test("counts an item without a usable id and keeps the others", () => {
    const unusable = [
      { ...march, id: null },
      { ...march, id: " " },
      { ...march, id: "KB" },
      { ...march, id: "kb " },
      { ...march, id: "a".repeat(41) },
      { ...march, id: undefined },
      { ...march, id: {} },
      { ...march, id: "9".repeat(41) },
      null,
      "text",
      7,
      [],
    ];
    expect(readMissingKbs([...unusable, march])).toEqual({ missingKbs: [march], unusable: unusable.length });
  });

  test.each([
    ["a number as text", "240", 240],
    ["a padded number as text", " 240 ", 240],
    ["zero", 0, 0],
    ["zero with a sign", -0, 0],
    ["null", null, null],
    ["nothing", undefined, null],
    ["a negative number", -1, null],
    ["a fraction", 2.5, null],
    ["words", "many", null],
    ["an empty text", "", null],
    ["a number too large to be exact", 1e300, null],
    ["a number in another notation", "1e3", null],
    ["a number in another base", "0x10", null],
    ["an object", {}, null],
  ])("reads a count given as %s as %j", (_, given, expected) => {
    const [kb] = readMissingKbs([{ ...march, machineMissedOn: given, cveAddressed: given }]).missingKbs;
    expect([kb?.machineMissedOn, kb?.cveAddressed]).toEqual([expected, expected]);
  });

  test("reads an id with KB in front, or as a number, as the same KB", () => {
    const items = [march, { ...march, id: "KB4540673" }, { ...march, id: 4540673 }];
    expect(readMissingKbs(items)).toEqual({ missingKbs: [march], unusable: 0 });
  });

  test.each([
    "KB 4540673",
    "kb4540673",
    "Kb\u00a04540673",
    "KB4540673 ",
    " 4540673",
    "KB-4540673",
    "KB#4540673",
    "04540673",
  ])("reads the id %j as 4540673", (id) => {
    expect(readMissingKbs([march, { ...march, id, machineMissedOn: 300 }]).missingKbs).toEqual([
      { ...march, machineMissedOn: 300 },
    ]);
  });

  test("keeps ids that are not numbers apart by their names", () => {
    const named = (id: unknown, name: string, machineMissedOn = 240) => ({ ...march, id, name, machineMissedOn });
    const items = [named("SSU", "May"), named("SSU", "June"), named(" SSU", "May", 300), named("SSU", "")];
    const { missingKbs, unusable } = readMissingKbs(items);
    expect(missingKbs.map(({ id, machineMissedOn }) => [id, machineMissedOn])).toEqual([
      ["SSU", 240],
      ["SSU (June)", 240],
      ["SSU (May)", 300],
    ]);
    expect(unusable).toBe(0);
    // A number is the same KB under any name.
    expect(readMissingKbs([named("4540673", "May"), named("KB4540673", "June")]).missingKbs).toHaveLength(1);
  });

  test("removes KB only in front, and keeps an id of up to 40 characters", () => {
    const ids = ["4KB540673", "9".repeat(40)];
    const read = readMissingKbs(ids.map((id) => ({ ...march, id, name: "" }))).missingKbs;
    expect(read.map(({ id }) => id)).toEqual(ids);
  });

  // Trying each division of such an id would take minutes.
  test("reads an answer full of ids of thousands of zeros as quickly as any other", () => {
    const answer = Array.from({ length: 8_000 }, (_, index) => ({ id: `${"0".repeat(3_900)}x${index}` }));
    expect(readMissingKbs(answer)).toEqual({ missingKbs: [], unusable: 8_000 });
    expect(readMissingKbs([{ id: `KB ${"0".repeat(3_900)}7` }, { id: "000" }]).missingKbs.map(({ id }) => id)).toEqual([
      ...["0", "7"],
    ]);
  });

  test("treats what is not text, or is empty, as absent", () => {
    const read = (parts: object) => readMissingKbs([{ ...march, ...parts }]).missingKbs[0];
    for (const nothing of [null, undefined, "", " ", {}, true]) {
      expect(read({ name: nothing, url: nothing, productsNames: nothing })).toEqual({
        ...march,
        ...{ name: "", url: null, productsNames: [] },
      });
      expect(read({ productsNames: [nothing, "edge", nothing] })?.productsNames).toEqual(["edge"]);
    }
  });

  test("keeps a URL of up to 2,000 characters", () => {
    const urls = [2_000, 2_001].map((length) => "https://support.microsoft.com/".padEnd(length, "x"));
    const read = urls.map((url) => readMissingKbs([{ ...march, url }]).missingKbs[0]?.url);
    expect(read).toEqual([urls[0], null]);
  });

  test("keeps the first of two names and URLs in text order, and any rather than none", () => {
    const twins = [
      { ...march, name: "B", url: "https://b" },
      { ...march, name: "", url: null },
      { ...march, name: "A", url: "https://a" },
    ];
    for (const items of [twins, twins.toReversed()]) {
      expect(readMissingKbs(items).missingKbs).toEqual([{ ...march, name: "A", url: "https://a" }]);
    }
  });

  test("removes control and direction characters from every text", () => {
    const [kb] = readMissingKbs([
      { ...march, id: "45406\u202e73", name: "March\r\nBcc: x", productsNames: ["ed\u0000ge"] },
    ]).missingKbs;
    expect(kb).toMatchObject({ id: "45406 73 (March Bcc: x)", name: "March Bcc: x", productsNames: ["ed ge"] });
  });

  test("limits the length of every text", () => {
    const huge = "x".repeat(1_000_000);
    const products = Array.from({ length: 60 }, (_, index) => `${index}${huge}`);
    const [kb] = readMissingKbs([{ ...march, name: huge, url: `https://${huge}`, productsNames: products }]).missingKbs;
    expect(kb?.name).toHaveLength(200);
    expect(kb?.url).toBeNull();
    expect(JSON.stringify(kb?.productsNames).length).toBeLessThan(6_000);
  });
});

test("of two counts the larger wins, and a known one over an unknown one", () => {
  const counts: [number | null, number | null, number | null][] = [
    [3, 5, 5],
    [5, 3, 5],
    [null, 0, 0],
    [0, null, 0],
    [null, null, null],
  ];
  for (const [a, b, expected] of counts) expect(larger(a, b)).toBe(expected);
});
