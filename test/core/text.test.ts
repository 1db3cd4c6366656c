import fc from "fast-check";
import { expect, test } from "vitest";
import { compareText, plainText } from "../../shared/core/text.ts";

test("plain text is one line of at most 4,000 characters, whatever is given", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.anything()), (value) => {
      const text = plainText(value);
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      expect(text).toBe(text.trim());
      expect(plainText(text)).toBe(text);
    }),
  );
  expect(plainText("x".repeat(5_000))).toHaveLength(4_000);
  expect([plainText(7), plainText(null), plainText({}), plainText(" a ")]).toEqual(["7", "", "", "a"]);
});

test("text is ordered by code units, and equal text is equal", () => {
  expect([compareText("a", "b"), compareText("b", "a"), compareText("a", "a"), compareText("Z", "a")]).toEqual([
    ...[-1, 1, 0, -1],
  ]);
});
