import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const files = globSync([
  "{bench,functions,infra,local,scripts,shared,test}/**/*.{ts,tsx,css,bicep,kql,json,sh}",
  "{docs,.github}/**/*.{md,yml}",
  "{README,CONTRIBUTING,DECISIONS}.md",
  "azure.yaml",
]).filter((file) => file !== "test/words.test.ts");

interface Banned {
  word: RegExp;
  instead: string;
  /** Where the word has another meaning. */
  except?: RegExp;
}

/** One word for one thing, in plain English. Identifiers count too: `told` and `toldOn` are both found. */
const banned: readonly Banned[] = [
  { word: /told|tells?|telling/, instead: "report, say or show" },
  { word: /mend(ed|ing|s)?/, instead: "fix" },
  { word: /withh(old|olds|eld|olding)/, instead: "hold back" },
  {
    word: /(\d|\}|\b(an?|another|one|two|three|each|every|some|this)) software(?! (id|inventory))/,
    instead: "product",
  },
  { word: /machine-KB pairs?/, instead: "missing install" },
  {
    word: /(un)?measured|unread|blind(ly|ness)?/,
    instead: "read, not read or could not be read",
    except: /^bench\//,
  },
  { word: /hangs? on/, instead: "depend on" },
  { word: /something else than/, instead: "not" },
  { word: /capitals aside/, instead: "names are case-insensitive" },
  { word: /look(s|ing)? at health/, instead: "check the reporter's health" },
  { word: /stands?(?! (for|side by side))/, instead: "is, is shown or applies" },
  { word: /whole(?! ?(numbers?|counts?|seconds?|characters?|app))/, instead: "complete, full or all" },
  { word: /(?<!there )is no (?!longer|more)/, instead: "is not a" },
  { word: /(is|are|ends?) well/, instead: "is healthy or works" },
  { word: /hears? of|whoever|whereupon|lies? in|may have a token|of them that/, instead: "plain words" },
];

test("texts, comments and names use one plain word for each thing", () => {
  const found = files.flatMap((file) => {
    const lines = readFileSync(file, "utf8").split("\n");
    return banned
      .filter(({ except }) => !except?.test(file))
      .flatMap(({ word, instead }) => {
        const alone = new RegExp(`(?<![A-Za-z])(?i:${word.source})(?![a-z])`);
        return lines.flatMap((line, index) => {
          const [text] = alone.exec(line) ?? [];
          return text === undefined ? [] : [`${file}:${index + 1}: "${text.trim()}": write ${instead}`];
        });
      });
  });
  expect(found).toEqual([]);
});
