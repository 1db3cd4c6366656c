import fc from "fast-check";
import { expect, test } from "vitest";
import { compareText, plainText, withoutTokens } from "../../shared/core/text.ts";

test("plain text is one line of at most 4,000 characters, for any input", () => {
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

test("an echoed token is removed anywhere in a text, and nothing else is", () => {
  const token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl";
  expect(withoutTokens(`401 for Bearer ${token} with client_assertion=${token}&scope=x`)).toBe(
    "401 for [token] with client_assertion=[token]&scope=x",
  );
  expect(withoutTokens(`client_assertion%3D${token}%26`)).toBe("client_assertion%3D[token]%26");
  const words = "The bearer of this letter, eyJ, was refused.";
  expect(withoutTokens(words)).toBe(words);
});
