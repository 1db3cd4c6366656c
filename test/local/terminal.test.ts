import { describe, expect, test } from "vitest";
import { openTerminal, type Screen, topOf } from "../../local/terminal.ts";

/** What a screen shows, as a terminal of one line per text: each carriage return with an erasure empties the last line. */
function screenOf(parts: Partial<Screen> = {}) {
  let written = "";
  const screen: Screen = { ...parts, write: (text) => (written += text) };
  const shown = () => written.split("\n").map((line) => line.split("\r\u001b[K").at(-1));
  return { screen, shown, written: () => written };
}

describe("in a terminal", () => {
  test("what is under way is on one line, until something is said", () => {
    const { screen, shown } = screenOf({ isTTY: true });
    const terminal = openTerminal(screen, false);
    terminal.progress("Day 1", "milestone");
    terminal.progress("Day 2, which is longer");
    terminal.progress("Day 3");
    expect(shown()).toEqual(["Day 3"]);
    terminal.say("Done.");
    expect(shown()).toEqual(["Done.", ""]);
    terminal.progress("More");
    terminal.endProgress();
    expect(shown()).toEqual(["Done.", ""]);
  });

  test.each([
    [undefined, 80],
    [40, 40],
  ])("its line is never as long as the screen is wide (%s columns)", (columns, width) => {
    const { screen, shown } = screenOf({ isTTY: true, ...(columns && { columns }) });
    openTerminal(screen, false).progress("x".repeat(200));
    expect(shown()).toEqual([`${"x".repeat(width - 2)}…`]);
  });

  test("lines that are longer than the screen is wide take several of it", () => {
    const terminal = openTerminal(screenOf({ isTTY: true, columns: 40, rows: 30 }).screen, false);
    expect(terminal.linesBeside(["", "x".repeat(40), "x".repeat(41)])).toBe(30 - 4);
  });
});

test.each([
  ["a pipe", {}, false],
  ["a terminal that cannot erase", { isTTY: true }, true],
] as const)("in %s only milestones are lines, and nothing is erased", (_, parts, isDumb) => {
  const { screen, written } = screenOf(parts);
  const terminal = openTerminal(screen, isDumb);
  terminal.progress("Day 9");
  terminal.progress("Day 10", "milestone");
  terminal.endProgress();
  terminal.say("Done.");
  expect(written()).toBe("Day 10\nDone.\n");
});

describe("the top of a text", () => {
  const more = (lines: number) => `… ${lines} more`;
  const text = "a\nb\n\nc\nd\n\ne\nf\ng\n";

  test("is all of it where that fits", () => expect(topOf(text, 9, more)).toBe(text.trim()));
  test("ends with a paragraph, and counts the rest", () => {
    expect(topOf(text, 8, more)).toBe("a\nb\n\nc\nd\n\n… 4 more");
    expect(topOf(text, 7, more)).toBe("a\nb\n\nc\nd\n\n… 4 more");
  });
  test("ends within a paragraph that is too long", () => {
    expect(topOf("a\nb\nc\nd\ne\nf\ng\nh", 7, more)).toBe("a\nb\nc\nd\ne\n\n… 3 more");
  });
  test("has a line of it on any screen", () => expect(topOf(text, 0, more)).toBe("a\n\n… 8 more"));
});
