import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createValueCounter } from "../../shared/io/value-counter.ts";
import { anyJson, mutatedText } from "../support/fuzz.ts";

describe("values", () => {
  function countOf(json: unknown): number {
    if (typeof json !== "object" || json === null) return 1;
    return Object.values(json).reduce((sum: number, value) => sum + countOf(value), 1);
  }

  test("are counted in any JSON, however it is cut: never too few, and at most twice", () => {
    fc.assert(
      fc.property(anyJson, fc.integer({ min: 1, max: 9 }), (json, piece) => {
        const bytes = Buffer.from(JSON.stringify(json));
        const count = createValueCounter();
        for (let at = 0; at < bytes.length; at += piece) count(bytes.subarray(at, at + piece));
        expect(count(Buffer.of())).toBeGreaterThanOrEqual(countOf(json));
        expect(count(Buffer.of())).toBeLessThanOrEqual(2 * countOf(json));
      }),
      { examples: [[['a,b[{"\\', '\\"', { "k,{": ["é,"] }], 1]] },
    );
  });

  test("are never too few in what is not JSON but is read as far as it goes", () => {
    fc.assert(
      fc.property(anyJson.map((json) => JSON.stringify(json)).chain(mutatedText), (text) => {
        let json: unknown;
        try {
          json = JSON.parse(text);
        } catch {
          return;
        }
        expect(createValueCounter()(Buffer.from(text))).toBeGreaterThanOrEqual(countOf(json));
      }),
    );
  });
});
