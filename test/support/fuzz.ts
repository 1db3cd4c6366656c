import fc from "fast-check";

/** How many examples a fuzz test tries: `few`, or as many as FUZZ_RUNS says. */
export function fuzzRuns(few: number): number {
  const wanted = Number(process.env.FUZZ_RUNS ?? "");
  return wanted > 0 ? wanted : few;
}

/** Options for Vitest: a fuzz test ends after its number of examples, so this timeout is for one that hangs. */
export const fuzzing = { timeout: 120_000 + 200 * fuzzRuns(0) };

/** Texts that have broken programs. */
export const oddTexts = [
  ...[
    "",
    " ",
    "\u0000",
    "\r\n",
    "\u202e",
    "\ud800",
    "\ufeff",
    "é",
    "e\u0301",
    "😀",
    "null",
    "undefined",
    "NaN",
    "true",
  ],
  ...["0", "-0", "-1", "1e309", "9007199254740993", "0x10", "1".repeat(400), "__proto__", "constructor", "toString"],
  ...[
    "../..",
    "%00",
    "%2e%2e",
    "a/b",
    "a\\b",
    "'",
    '"',
    "`",
    "<b>",
    "{{x}}",
    "=1+1",
    "[",
    "{",
    "[[[[",
    '{"a":',
    "// x",
  ],
  ...["2026-02-30", "2026-11-23T10:17Z", "0000-01-01", "9999-12-31", "+275760-09-13", "a".repeat(10_000)],
];

/** Any text, often an odd one. */
export const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...oddTexts) },
  { weight: 2, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
);

/** Any JSON value made of odd texts and numbers. */
export const anyJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  leaf: fc.oneof(
    anyText,
    fc.constantFrom(null, true, false, 0, -0, -1, 0.5, 1e300, Number.MAX_SAFE_INTEGER, 2 ** 53),
    fc.integer(),
  ),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(anyText, tie("value"), { maxKeys: 4 }),
  ),
})).value;

/** A valid value with some of its parts lost, doubled or replaced. */
export function mutated(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value === "string")
    return fc.oneof({ weight: 6, arbitrary: fc.constant(value) }, mutatedText(value), anyJson);
  if (typeof value !== "object" || value === null) {
    return fc.oneof({ weight: 6, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: anyJson });
  }
  const parts = Array.isArray(value)
    ? fc.tuple(...value.map(mutated)).chain((items) => fc.subarray([...items, ...items]))
    : fc.record(Object.fromEntries(Object.entries(value).map(([key, part]) => [key, mutated(part)])), {
        requiredKeys: [],
      });
  return fc.oneof({ weight: 12, arbitrary: parts }, { weight: 1, arbitrary: anyJson });
}

/** A text with a piece cut out, doubled or replaced. */
export function mutatedText(text: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat(text.length), fc.nat(8), fc.oneof(anyText, fc.constant(""), fc.constant(text)))
    .map(([at, length, piece]) => text.slice(0, at) + piece + text.slice(at + length));
}
