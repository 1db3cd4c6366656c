import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { checkFile, upload } from "../../scripts/watchlists-file.ts";
import { readSettings } from "../../shared/settings.ts";
import { infra, readObject } from "../support/bicep.ts";

const servers = { name: "Servers", softwareIds: ["a-_-b"], mailTo: ["ops@contoso.com"] };
const reporter = infra("reporter.bicep");

describe("infra/watchlists.json", () => {
  test("has no watchlists at first, which is fine", () => {
    expect(checkFile(infra("watchlists.json"), {})).toEqual({ watchlists: 0, faults: [] });
  });

  test("is checked as the app will check it, with all faults at once", () => {
    const text = JSON.stringify([servers, { ...servers, dueDays: -1 }, { ...servers, name: "B", mailTo: "nobody" }]);
    const { faults } = checkFile(text, {});
    expect(faults).toEqual([
      expect.stringMatching(/^Entry 2 \(Servers\) dueDays: .* duplicates the name of Entry 1 /),
      expect.stringMatching(/^Entry 3 \(B\) mailTo: .* Correct it at line 1, column \d+\.$/),
    ]);
    expect(checkFile("[{]", {}).faults).toEqual([expect.stringContaining("is not valid JSON at line 1, column 3")]);
  });

  test("may need what the deployment does not have", () => {
    const abroad = JSON.stringify([{ ...servers, tenantId: "fabrikam.com" }]);
    expect(checkFile(abroad, { DEFENDER_APP_ID: "" }).faults).toEqual([expect.stringContaining("DEFENDER_APP_ID")]);
    expect(checkFile(abroad, { DEFENDER_APP_ID: "11111111-2222-3333-4444-555555555555" }).faults).toEqual([]);
    const guarded = JSON.stringify([{ ...servers, readerRole: "Reports.Read.Servers" }]);
    expect(checkFile(guarded, {}).faults).toEqual([expect.stringContaining("AUTH=entra")]);
    expect(checkFile(guarded, { AUTH: "Entra" })).toEqual({ watchlists: 1, faults: [] });
  });
});

describe("the upload", () => {
  const options = { file: "w.json", account: "stkbs", container: "configuration" };

  test("waits until the right to upload takes effect", async () => {
    const calls: (readonly string[])[] = [];
    const pauses: number[] = [];
    const az = async (args: readonly string[]) => {
      calls.push(args);
      if (calls.length < 4) throw new Error("ErrorCode:AuthorizationPermissionMismatch");
    };
    const log: string[] = [];
    await upload({ ...options, az, pause: async (ms) => pauses.push(ms), log: (line) => log.push(line) });
    expect([calls.length, pauses.length, log.length]).toEqual([4, 3, 1]);
    expect(new Set(calls.map((args) => args.join(" ")))).toEqual(
      new Set([
        "storage blob upload --file w.json --account-name stkbs --container-name configuration --name watchlists.json --content-type application/json --auth-mode login --overwrite --only-show-errors",
      ]),
    );
  });

  test("gives up after five minutes, and at once for any other reason", async () => {
    let waited = 0;
    const refused = (message: string) =>
      upload({
        ...options,
        az: () => Promise.reject(new Error(message)),
        pause: async (ms) => {
          waited += ms;
        },
        log: () => {},
      });
    await expect(refused("Please run 'az login'")).rejects.toThrow("az login");
    expect(waited).toBe(0);
    await expect(refused("You do not have the required permissions")).rejects.toThrow("required permissions");
    expect(waited).toBeGreaterThan(4 * 60_000);
    expect(waited).toBeLessThan(6 * 60_000);
  });
});

// The commands that the script calls are shell scripts here.
describe.skipIf(process.platform === "win32")("npm run watchlists", () => {
  const dir = mkdtempSync(join(tmpdir(), "watchlists-"));
  const file = join(dir, "watchlists.json");
  const called = join(dir, "called");
  for (const command of ["az", "azd"]) {
    writeFileSync(join(dir, command), `#!/bin/sh\necho ${command} "$@" >> ${called}\n`);
    chmodSync(join(dir, command), 0o755);
  }
  afterAll(() => rmSync(dir, { recursive: true }));

  function run(
    watchlists: unknown,
    args: readonly string[] = [],
  ): Promise<{ code: unknown; said: string; calls: string }> {
    writeFileSync(file, JSON.stringify(watchlists));
    writeFileSync(called, "");
    const env = { ...process.env, PATH: `${dir}${delimiter}${process.env.PATH}` };
    const command = ["scripts/upload-watchlists.ts", "--file", file, ...args];
    return new Promise((resolve) => {
      execFile(process.execPath, command, { env }, (error, stdout, stderr) => {
        resolve({ code: error?.code ?? 0, said: stdout + stderr, calls: readFileSync(called, "utf8") });
      });
    });
  }

  const place = ["--account", "stkbs", "--container", "configuration"];

  test("uploads the file, and says so", async () => {
    const { code, said, calls } = await run([servers], place);
    expect([code, said]).toEqual([0, `Uploaded ${file} (watchlists: 1). The app reads it within a minute.\n`]);
    expect(calls).toMatch(/^az storage blob upload --file .* --account-name stkbs --container-name configuration /);
  });

  test("stops at a faulty file", async () => {
    const { code, said, calls } = await run([{ ...servers, dueDays: -1 }], place);
    expect([code, calls]).toEqual([1, ""]);
    expect(said).toContain("Entry 1 (Servers) dueDays");
  });

  test("does nothing for a file without watchlists", async () => {
    for (const args of [place, []]) expect(await run([], args)).toEqual({ code: 0, said: "", calls: "" });
  });

  test("stops where the app would not read the file", async () => {
    const { code, said, calls } = await run([servers]);
    expect([code, calls]).toEqual([1, ""]);
    expect(said).toContain("azd env set WATCHLISTS_IN blob");
  });
});

describe("the blob that the app reads", () => {
  test("is the one that is uploaded", () => {
    expect(reporter).toContain("var watchlistsContainer = 'configuration'");
    expect(reporter).toContain("var watchlistsBlob = 'watchlists.json'");
    expect(reporter).toContain(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Bicep replaces it.
      "'${storage.properties.primaryEndpoints.blob}${watchlistsContainer}/${watchlistsBlob}'",
    );
    const env = {
      ...{ MAIL_FROM: "kbs@contoso.com", SENDGRID_API_KEY: "SG.a.b" },
      WATCHLISTS_URL: "https://stkbs.blob.core.windows.net/configuration/watchlists.json",
    };
    expect(readSettings(env).watchlistsDocument?.url).toBe(env.WATCHLISTS_URL);
  });

  test("replaces the one watchlist of the settings", () => {
    const chosen = readObject(infra("main.bicep"), "var settings =");
    const either = [chosen.get("SOFTWARE_IDS"), chosen.get("MAIL_TO")];
    expect(either).toEqual(["inBlob ? '' : softwareIds", "inBlob ? '' : mailTo"]);
  });
});
