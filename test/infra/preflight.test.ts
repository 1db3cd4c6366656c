import { execFile } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { checkTools, isAtLeast } from "../../scripts/tool-versions.ts";

describe("the tools", () => {
  const tool = (version: () => Promise<string>) => ({ name: "az", least: "2.60.0", version, install: "https://a.b" });

  test("are named where they are missing or too old", async () => {
    const missing = tool(() => Promise.reject(new Error("spawn az ENOENT")));
    expect(await checkTools([missing, tool(async () => "2.9.1"), tool(async () => "2.60.0")])).toEqual([
      "az: was not found. Install version 2.60.0 or later: https://a.b",
      "az: version 2.9.1 is too old. Install 2.60.0 or later: https://a.b",
    ]);
  });

  test.each([
    ["1.23.13", "1.23.13", true],
    ["1.23.12", "1.23.13", false],
    ["1.24.0-beta.1", "1.23.13", true],
    ["1.23", "1.23.13", false],
    ["2.0.0", "1.23.13", true],
    ["22.9.0", "22.18", false],
  ])("version %s is at least %s: %s", (version, least, expected) => {
    expect(isAtLeast(version, least)).toBe(expected);
  });
});

// The commands that the script calls are shell scripts here.
describe.skipIf(process.platform === "win32")("npm run preflight", () => {
  const dir = mkdtempSync(join(tmpdir(), "preflight-"));
  const called = join(dir, "called");
  mkdirSync(join(dir, "infra"));
  for (const file of ["package.json", "azure.yaml", "infra/main.parameters.json"]) cpSync(file, join(dir, file));
  afterAll(() => rmSync(dir, { recursive: true }));

  beforeEach(() => {
    writeFileSync(called, "");
    writeFileSync(join(dir, "infra/watchlists.json"), "[]");
    installed("az", '{"azure-cli": "2.77.0"}');
    installed("azd", '{"azd": {"version": "1.25.2", "commit": "abc"}}');
  });

  function installed(command: string, version: string): void {
    writeFileSync(
      join(dir, command),
      `#!/bin/sh\ncase "$*" in *version*) echo '${version}';; *) echo ${command} "$@" >> ${called};; esac\n`,
    );
    chmodSync(join(dir, command), 0o755);
  }

  function run(env: Record<string, string> = {}): Promise<{ code: unknown; said: string; calls: string }> {
    const options = {
      cwd: dir,
      env: { PATH: `${dir}${delimiter}/bin${delimiter}/usr/bin`, MAIL_FROM: "kbs@contoso.com", ...env },
    };
    return new Promise((done) => {
      execFile(process.execPath, [resolve("scripts/preflight.ts")], options, (error, stdout, stderr) => {
        done({ code: error?.code ?? 0, said: stdout + stderr, calls: readFileSync(called, "utf8") });
      });
    });
  }

  test("says nothing where nothing is wrong, and leaves everything as it is", async () => {
    expect(await run({ MAIL_TO: "a@contoso.com" })).toEqual({ code: 0, said: "", calls: "" });
  });

  test("stops at old tools and at wrong values, with all of them", async () => {
    installed("az", '{"azure-cli": "2.49.0"}');
    const { code, said } = await run({ MAIL_TO: 'Jane "JD" <a@contoso.com>', DUE_DAYS: "soon", DUE_DAY: "1" });
    expect(code).toBe(1);
    for (const line of [
      /^Azure CLI \(az\): version 2\.49\.0 is too old\. Install 2\.60\.0 or later/m,
      /^MAIL_TO: contains a quotation mark/m,
      /^DUE_DAYS: "soon" is not a whole number/m,
    ]) {
      expect(said).toMatch(line);
    }
  });

  test("stops at a faulty infra/watchlists.json", async () => {
    const faulty = [{ name: "Servers", softwareIds: ["a-_-b"], mailTo: ["ops@contoso.com"], dueDays: -1 }];
    writeFileSync(join(dir, "infra/watchlists.json"), JSON.stringify(faulty));
    const { code, said, calls } = await run();
    expect([code, calls]).toEqual([1, ""]);
    expect(said).toContain("Entry 1 (Servers) dueDays");
  });

  test("makes azd deploy an app that reads infra/watchlists.json, if it has watchlists", async () => {
    const watchlists = [{ name: "Servers", softwareIds: ["a-_-b"], mailTo: ["ops@contoso.com"] }];
    writeFileSync(join(dir, "infra/watchlists.json"), JSON.stringify(watchlists));
    expect(await run()).toEqual({ code: 0, said: "", calls: "azd env set WATCHLISTS_IN blob\n" });
  });
});

describe("azure.yaml", () => {
  const hooks = readFileSync("azure.yaml", "utf8").split("\nhooks:\n")[1] ?? "";
  const runs = (hook: string) => {
    const [, own = ""] = new RegExp(`^ {2}${hook}:\\n((?: {4}.*\\n)+)`, "m").exec(hooks) ?? [];
    return [...own.matchAll(/^ {4}(\w+):\n {6}shell: (\w+)\n {6}run: (.*)$/gm)].map(([, on, shell, line]) => [
      `${on} ${shell}`,
      line,
    ]);
  };

  test.each([
    ["preprovision", "npm ci --include=dev --no-audit --no-fund --silent && npm run --silent preflight"],
    ["postprovision", "npm run --silent grant && npm run --silent watchlists"],
    ["predeploy", "npm run --silent wait-for-roles"],
  ])("runs in both shells, %s: %s", (hook, line) => {
    expect(runs(hook)).toEqual([
      ["posix sh", line],
      ["windows pwsh", line],
    ]);
  });
});
