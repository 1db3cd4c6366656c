import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { infra } from "../support/bicep.ts";

const pages = ["README.md", "CONTRIBUTING.md", "DECISIONS.md", ...globSync("docs/*.md")];
const operate = readFileSync("docs/operate.md", "utf8");

/** The anchors that GitHub gives to headings. */
function anchorsOf(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

test.each(pages)("the links of %s work", (page) => {
  for (const [, target = ""] of readFileSync(page, "utf8").matchAll(/\]\(([^)\s]+)\)/g)) {
    if (target.startsWith("https://")) continue;
    const [file = "", anchor] = target.split("#");
    const path = file === "" ? page : join(dirname(page), file);
    expect([target, existsSync(path)]).toEqual([target, true]);
    if (anchor !== undefined) expect(anchorsOf(readFileSync(path, "utf8"))).toContain(anchor);
  }
});

describe("the runbook", () => {
  test("has the sections that the alerts refer to", () => {
    const named = [...infra("alerts.bicep").matchAll(/docs\/operate\.md, ([^']*)\.'/g)].flatMap(([, list = ""]) =>
      [...list.matchAll(/"([^"]+)"/g)].map(([, section]) => section),
    );
    expect(named.length).toBeGreaterThanOrEqual(4);
    for (const section of named) expect(operate).toContain(`## ${section}\n`);
  });

  test("has every reason that health can give", () => {
    const source = readFileSync("shared/http/health.ts", "utf8");
    const reasons = [...source.matchAll(/`((?:the |About |\$\{first)[^`]*)`|"((?:no |the )[^"]*)"/g)].map(
      ([, template, text = ""]) => template ?? text,
    );
    expect(reasons.length).toBeGreaterThanOrEqual(6);
    for (const reason of reasons) {
      const [longest = ""] = reason.split(/\$\{[^}]*\}/).toSorted((a, b) => b.length - a.length);
      expect(operate).toContain(longest.trim());
    }
  });
});

test("the deployment knows the variables that the pages set", () => {
  const variables = [...infra("main.parameters.json").matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => name);
  const set = pages.flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/azd env set (\w+)/g)].map(([, name = ""]) => name),
  );
  expect(set.length).toBeGreaterThan(4);
  for (const name of set) expect(variables).toContain(name);
});

test("the commands and files that the pages name exist", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const page of pages) {
    const text = readFileSync(page, "utf8");
    for (const [, name = ""] of text.matchAll(/npm run ([\w:]+)/g)) expect(Object.keys(scripts)).toContain(name);
    for (const [, path = ""] of text.matchAll(/`((?:scripts|infra|\.github\/workflows)\/[\w./-]+)`/g)) {
      expect([path, existsSync(path)]).toEqual([path, true]);
    }
  }
  expect(readdirSync("infra")).toContain("watchlists.json");
});
