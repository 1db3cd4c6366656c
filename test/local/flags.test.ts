import { describe, expect, test } from "vitest";
import { UsageError } from "../../local/flags.ts";
import { readStartFlags, startHelp } from "../../local/start-flags.ts";

describe("the flags of npm start", () => {
  test.each([
    ["", { once: false, open: false, port: 7071 }],
    ["--open --port 8080", { once: false, open: true, port: 8080 }],
    ["--port=1 --once", { once: true, open: false, port: 1 }],
    ["--help", null],
  ])("%o", (line, flags) => {
    expect(readStartFlags(line.split(" ").filter(Boolean))).toEqual(flags);
  });

  test.each([
    ["--prot 8080", "There is no flag --prot. Did you mean --port?"],
    ["-x", "There is no flag -x. There are --open, --port, --once, --help."],
    ["--constructor", /^There is no flag --constructor\./],
    // What is left of "npm start --port 8080".
    ["8080", '"8080" is not a flag. npm keeps flags for itself unless they follow two hyphens: npm start -- --help'],
    ["--port", "--port needs a value."],
    ["--port --once", "--port needs a value."],
    ["--once=yes", "--once takes no value."],
    ["--port 0", /^--port must be a whole number from 1 to 65535/],
    ["--port 65536", /^--port must be a whole number from 1 to 65535/],
    ["--port 7e3", /^--port must be a whole number from 1 to 65535/],
    ["--once --open", "--once ends before a page could be opened. Leave out --once or --open."],
  ])("%o is refused in one sentence", (line, message) => {
    const read = () => readStartFlags(line.split(" "));
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });

  test("are all in the help, which fits a screen", () => {
    for (const flag of ["--open", "--port", "--once", "--help"]) expect(startHelp).toContain(`  ${flag} `);
    const lines = startHelp.split("\n");
    expect(lines.length).toBeLessThan(24);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});
