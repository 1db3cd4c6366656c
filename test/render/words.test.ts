import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wrap } from "../../shared/render/digest/text.ts";
import {
  agree,
  count,
  countWithChange,
  formatRun,
  formatTime,
  listed,
  many,
  manyWithChange,
  productLabel,
  shown,
} from "../../shared/render/words.ts";

describe("counts", () => {
  it("have their change beside them, where both are known and differ", () => {
    expect(countWithChange(240, 228)).toBe("240 (+12)");
    expect(countWithChange(1_200, 3_400)).toBe("1,200 (−2,200)");
    expect(countWithChange(240, 240)).toBe("240");
    expect(countWithChange(240)).toBe("240");
    expect(countWithChange(0, 3)).toBe("0 (−3)");
    expect(manyWithChange(1, 5, "machine")).toBe("1 machine (−4)");
    expect(manyWithChange(200, 200, "machine")).toBe("200 machines");
  });

  it("are never 0 for unknown", () => {
    expect(countWithChange(null, 5)).toBe("?");
    expect(countWithChange(5, null)).toBe("5");
    expect(count(null)).toBe("?");
  });

  it("never take more than 11 characters, so that no answer can widen a column", () => {
    expect(count(999_999_999)).toBe("999,999,999");
    fc.assert(fc.property(fc.maxSafeNat(), (value) => count(value).length <= 11));
  });

  it("know singular and plural, of nouns and of what agrees with them", () => {
    expect([0, 1, 2, 1_000].map((value) => many(value, "KB"))).toEqual(["0 KBs", "1 KB", "2 KBs", "1,000 KBs"]);
    expect([1, 2].map((value) => many(value, "entry", "entries"))).toEqual(["1 entry", "2 entries"]);
    expect(many(null, "machine")).toBe("? machines");
    expect([0, 1, 2, null].map((value) => agree(value, "is", "are"))).toEqual(["are", "is", "are", "are"]);
    expect(listed(["one", "two", "three"])).toBe("one, two and three");
  });
});

describe("runs and times", () => {
  it("name the day, and the minute of a run asked for", () => {
    expect(formatRun("2026-11-23")).toBe("23 Nov 2026");
    expect(formatRun("2026-11-23T10:17Z")).toBe("23 Nov 2026, 10:17 UTC");
  });

  it("are shown in the time zone given, by its own clock on either side of a change", () => {
    expect(formatTime("2026-11-23T05:00:00.000Z", "UTC")).toBe("23 Nov 2026, 05:00 UTC");
    expect(formatTime("2026-10-25T00:30:00.000Z", "Europe/Berlin")).toBe("25 Oct 2026, 02:30 CEST");
    expect(formatTime("2026-10-25T01:30:00.000Z", "Europe/Berlin")).toBe("25 Oct 2026, 02:30 CET");
    expect(formatTime("2026-11-23T05:00:00.000Z", "America/New_York")).toMatch(/^23 Nov 2026, 00:00 /);
  });
});

describe("text from outside", () => {
  it("becomes one line of visible characters, cut where it is too long", () => {
    expect(shown("  a\r\n\tb\u202E\u0000c ", 20)).toBe("a b c");
    expect(shown("abcdef", 6)).toBe("abcdef");
    expect(shown("abcdefg", 6)).toBe("abcde…");
  });

  it("cuts no character in half and keeps to the limit, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), fc.integer({ min: 1, max: 40 }), (text, limit) => {
        const line = shown(text, limit);
        expect(line.length).toBeLessThanOrEqual(limit);
        expect(line.isWellFormed()).toBe(true);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});

describe("productLabel", () => {
  it("shortens Microsoft's own ids, and no other that could pass for one", () => {
    expect(productLabel("microsoft-_-windows_server_2012_r2")).toBe("Windows Server 2012 R2");
    expect(productLabel("microsoft-_-.net_framework")).toBe(".NET Framework");
    expect(productLabel("evil-_-windows_10")).toBe("evil-_-windows_10");
    expect(productLabel("notmicrosoft-_-windows_10")).toBe("notmicrosoft-_-windows_10");
    expect(productLabel("microsoft-_-")).toBe("microsoft-_-");
  });
});

describe("wrap", () => {
  it("breaks between words, as late as fits, and indents what follows", () => {
    expect(wrap("one two three four", 9, "  ")).toEqual(["one two", "  three", "  four"]);
    expect(wrap("", 9)).toEqual([]);
  });

  it("keeps every word in order, and to the width unless one word is longer", () => {
    const word = fc.stringMatching(/^[a-z]{1,12}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 4, max: 30 }), (words, width) => {
        const lines = wrap(words.join(" "), width);
        expect(lines.join(" ")).toBe(words.join(" "));
        for (const line of lines) expect(line.length <= width || !line.includes(" ")).toBe(true);
      }),
    );
  });
});
