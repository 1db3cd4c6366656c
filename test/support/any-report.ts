import fc from "fast-check";
import { addDays } from "../../shared/core/day.ts";
import type { MissingKb } from "../../shared/core/missing-kb.ts";
import { aKb, type ProductStory, type RunStory } from "./builders.ts";

const day = "2026-11-23";

/** Hostile text: markup, formulas, separators, quotes, direction changes, unpaired surrogates. */
export const hostileText = fc.oneof(
  fc.constantFrom(
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></script></title><svg onload=alert(1)>",
    "';alert(1)//",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "edge; =1+1",
    '"=1+1"',
    "＝1+1",
    "a,b\r\nc;d",
    "a\rb",
    "a\nb",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "\ud800",
    "&amp;&lt;",
    "__proto__",
  ),
  fc.string({ unit: "grapheme", maxLength: 30 }),
);

const machines = fc.option(fc.integer({ min: 1, max: 40 }), { nil: null });

function anyKbs(text: fc.Arbitrary<string>): fc.Arbitrary<MissingKb[]> {
  const kb = fc.record({
    id: fc.constantFrom("5041585", "5066835", "5068861", "999999", "10000001"),
    name: text,
    productsNames: fc.array(text, { maxLength: 3 }),
    url: fc.option(fc.oneof(fc.constant("https://support.microsoft.com/kb/5041585"), text), { nil: null }),
    machineMissedOn: machines,
    cveAddressed: fc.option(fc.nat({ max: 40 }), { nil: null }),
    age: fc.nat({ max: 60 }),
    peak: machines,
    isBack: fc.boolean(),
  });
  return fc.uniqueArray(kb, { selector: ({ id }) => id, maxLength: 5 }).map((kbs) =>
    kbs.map(({ age, isBack, ...parts }) => {
      const firstSeen = addDays(day, -age);
      return aKb({ ...parts, firstSeen, ...(isBack && { goneOn: firstSeen }) });
    }),
  );
}

/** A run over up to three products, with texts from outside made of `text`. */
export function anyStory(
  text: fc.Arbitrary<string> = fc.constantFrom("windows_10", "October 2026"),
): fc.Arbitrary<RunStory> {
  const kbs = anyKbs(text);
  const story: fc.Arbitrary<ProductStory> = fc.record({
    before: fc.option(kbs, { nil: null }),
    now: fc.option(kbs, { nil: null, freq: 4 }),
    failure: fc.record({ reason: text, permanent: fc.boolean() }),
  });
  const ids = fc.uniqueArray(fc.oneof(fc.constantFrom("microsoft-_-windows_10", "microsoft-_-edge"), text), {
    minLength: 1,
    maxLength: 3,
    selector: (id) => id || "empty",
  });
  return fc.record({
    products: ids.chain((names) =>
      fc.tuple(...names.map(() => story)).map((stories) => {
        return Object.fromEntries(
          names.flatMap((name, index) => stories.slice(index, index + 1).map((story) => [name, story])),
        );
      }),
    ),
    watchlist: fc.record({ dueDays: fc.nat({ max: 40 }), name: text }),
    installsBefore: fc.array(fc.nat({ max: 900 }), { maxLength: 20 }),
  });
}
