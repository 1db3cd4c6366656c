import { spawnSync } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Trouble } from "../../shared/core/trouble.ts";
import { reasonOfFeed, reasonOfListing, reasonOfTrouble } from "../../shared/http/health-words.ts";
import { readQuery } from "../../shared/http/query.ts";
import { fingerprint } from "../../shared/io/mail/sendgrid.ts";
import { reportColumns } from "../../shared/render/export/csv.ts";
import { jsonSchema } from "../../shared/render/export/openapi.ts";
import { historyParameters, keyParameter } from "../../shared/render/parameters.ts";
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
    const section = operate.split("## Health reasons\n")[1]?.split("\n## ")[0] ?? "";
    const known = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, pattern = ""]) => {
      const parts = pattern.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      return new RegExp(`^(?:Watchlist "w": )?${parts.join(".*")}$`);
    });
    for (const reason of everyReason()) {
      expect(known.filter((pattern) => pattern.test(reason)).map(() => reason)).toEqual([reason]);
    }
    expect(known).toHaveLength(everyReason().length + 1);
    expect(section).toContain("in the queue runs-poison failed for good.");
  });
});

function everyReason(): string[] {
  const chain = { tenant: "5a1c", watchlist: "w" };
  const mail = { ...chain, runId: "2026-11-23", reason: "No such address." };
  const alert = { ...chain, cve: "CVE-2026-20001", reason: "No such address." };
  const [due, latest] = [new Date("2026-11-24T05:00:00Z"), new Date("2026-11-24T07:31:00Z")];
  const product = { softwareId: "a-_-a", reason: "Defender answered 403.", misses: 3, others: 2 };
  const samples: Record<Trouble["kind"], Trouble[]> = {
    late: [null, "2026-11-23"].map((last) => ({ ...chain, kind: "late", last, due, latest })),
    refused: [{ ...mail, kind: "refused" }],
    account: [{ ...mail, kind: "account" }],
    unsent: [{ ...mail, kind: "unsent" }],
    removed: [{ ...mail, kind: "removed" }],
    "alert-refused": [{ ...alert, kind: "alert-refused" }],
    "alert-account": [{ ...alert, kind: "alert-account" }],
    "alert-unsent": [{ ...alert, kind: "alert-unsent" }],
    failing: [{ ...chain, kind: "failing", runId: "2026-11-23", product }],
  };
  const since = "2026-11-21T05:17:00.000Z";
  const ofFeeds = ["MSRC's list of months could not be read: its host answered 503.", null].map((reason) => {
    return reasonOfFeed({ feed: "msrc", since, reason });
  });
  const failure = { reason: "Defender answered 500.", since: "2026-11-21T05:00:00.000Z", tries: 3, short: 0 };
  const list = { readAt: "2026-11-20T05:00:00.000Z", count: 9 };
  const listing = reasonOfListing({ triedAt: "2026-11-23T05:00:00.000Z", list, failure }, "UTC");
  const others = [...ofFeeds, `Watchlist "w": ${listing}`];
  return [...Object.values(samples).flat().map(reasonOfTrouble), ...others];
}

test.each(pages)("what only Bash understands on %s is there for PowerShell, too", (page) => {
  const blocks = [...readFileSync(page, "utf8").matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)];
  for (const [index, [, language, text = ""]] of blocks.entries()) {
    const isBashOnly = /\$[\w(]|\\\n|<output|^(eval|export|read|unset)\b/m.test(text);
    if (language === "sh" && isBashOnly) expect([text, blocks[index + 1]?.[1]]).toEqual([text, "powershell"]);
  }
});

test.skipIf(process.platform === "win32")("the runbook's fingerprint of a key is the one that the doctor names", () => {
  const line = operate.split("\n").find((text) => text.includes("openssl dgst")) ?? "";
  // As people do, with the line break that a paste may bring along in the setting.
  const env = { ...process.env, SENDGRID_API_KEY: "SG.key-id.key-secret" };
  const { stdout } = spawnSync("sh", ["-c", line], { env, encoding: "utf8" });
  expect(stdout).toBe(`${fingerprint("SG.key-id.key-secret\n")}\n`);
});

test("the pages say nowhere that a restart reads Key Vault again", () => {
  const section = operate.split("## Changing the SendGrid key\n")[1]?.split("\n## ")[0] ?? "";
  expect(section).toContain("A restart does not read the vault again");
  const call = "/config/configreferences/appsettings/refresh?api-version=2022-03-01";
  expect(section.split(call)).toHaveLength(3);
});

test("the deployment knows the variables that the pages set", () => {
  const variables = [...infra("main.parameters.json").matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => name);
  const set = pages.flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/azd env set (\w+)/g)].map(([, name = ""]) => name),
  );
  expect(set.length).toBeGreaterThan(4);
  for (const name of set) expect(variables).toContain(name);
});

test("the query for Power BI asks for parameters and columns that the history has", () => {
  const [, query = ""] = /^```powerquery\n([\s\S]*?)^```/m.exec(readFileSync("docs/exports.md", "utf8")) ?? [];
  const [, asked = ""] = /Query = \[(.*)\] & position/.exec(query) ?? [];
  const parameters = Object.fromEntries(
    [...asked.matchAll(/(\w+) = "([^"]*)"/g)].map(([, name, value]) => [name, value]),
  );
  expect(readQuery(new URLSearchParams(parameters), historyParameters)).toMatchObject({ detail: "entries" });
  const [, names = ""] = /Names = \{([^}]*)\}/.exec(query) ?? [];
  const columns = [...names.matchAll(/"(\w+)"/g)].map(([, name]) => name);
  expect(reportColumns).toEqual(expect.arrayContaining(columns));
  const typed = [...query.matchAll(/\{"(\w+)", [\w.]+/g)].map(([, name]) => name);
  expect(typed).not.toEqual([]);
  expect(columns).toEqual(expect.arrayContaining(typed));
  expect(query).toContain(`ApiKeyName = "${Object.keys(keyParameter)[0]}"`);
  const { properties } = jsonSchema("HistoryEntries") as { properties: object };
  const read = [...query.matchAll(/page\[(\w+)\]/g)].map(([, name]) => name);
  expect(Object.keys(properties)).toEqual(expect.arrayContaining(read));
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
