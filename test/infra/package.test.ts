import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { sbomOf } from "../../scripts/sbom.ts";

const workflows = readdirSync(".github/workflows").map((file) => readFileSync(`.github/workflows/${file}`, "utf8"));

describe("what azd and func upload", () => {
  const folder = mkdtempSync(join(tmpdir(), "upload-"));
  const put = (path: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), "");
  };
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The paths that .funcignore leaves; it has git's rules. */
  function uploaded(): string[] {
    cpSync(".funcignore", join(folder, ".funcignore"));
    const args = ["ls-files", "--others", "--exclude-from=.funcignore"];
    spawnSync("git", ["init", "--quiet"], { cwd: folder });
    const { stdout, status } = spawnSync("git", args, { cwd: folder, encoding: "utf8" });
    expect(status).toBe(0);
    return stdout.trim().split("\n");
  }

  test("is host.json, package.json and the bundle, whatever else is there", () => {
    const skip = [".git", "node_modules", "dist"];
    for (const entry of readdirSync(".", { withFileTypes: true })) {
      if (!skip.includes(entry.name)) put(entry.isDirectory() ? `${entry.name}/inside.js` : entry.name);
    }
    const bundle = ["dist/functions/report.js", "dist/chunks/page-1.js", "dist/chunks/page-1.js.LEGAL.txt"];
    bundle.push("dist/THIRD-PARTY-NOTICES");
    for (const path of [...bundle, "local.settings.json", ".azure/prod/.env", "node_modules/zod/index.js"]) put(path);
    expect(uploaded().toSorted()).toEqual([...bundle, "host.json", "package.json"].toSorted());
  });

  test("does not ignore node_modules itself, because azd would then build in Azure", () => {
    const ignored = spawnSync(
      "git",
      ["-c", `core.excludesFile=${join(folder, ".funcignore")}`, "check-ignore", "node_modules"],
      {
        cwd: folder,
      },
    );
    expect(ignored.status).toBe(1);
    expect(readFileSync("azure.yaml", "utf8")).toMatch(/language: js\s+host: function\s+.*\s+remoteBuild: false/);
  });
});

describe("the packages in the bundle", () => {
  // The comment before each file's code in the bundle names the file.
  const files = globSync("dist/**/*.js").flatMap(
    (path) => readFileSync(path, "utf8").match(/^ *\/\/ .*node_modules\/.*/gm) ?? [],
  );
  const folders = new Set(files.map((file) => /\S*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? file));
  const packages = [...folders].map((folder) => JSON.parse(readFileSync(`${folder}/package.json`, "utf8")));
  const notices = readFileSync("dist/THIRD-PARTY-NOTICES", "utf8").split(`\n${"-".repeat(80)}\n`);

  test("each have a notice with their licence", () => {
    expect(packages.length).toBeGreaterThan(40);
    for (const { name, version, license } of packages) {
      const notice = notices.find((text) => text.split("\n").includes(`${name} ${version} (${license})`));
      expect(notice, name).toMatch(/copyright|has no licence text/i);
    }
    const titles = notices.flatMap((notice) => notice.match(/^\S+ \d+\.\d+\.\S+ \(.+\)$/gm) ?? []);
    expect(titles).toHaveLength(new Set(packages.map(({ name, version }) => `${name} ${version}`)).size);
    expect(notices.filter((notice) => notice.includes("has no licence text")).join()).not.toMatch(
      /react|azure|sendgrid/,
    );
  });

  test("are none that the app never runs", () => {
    const names = new Set(packages.map(({ name }) => name));
    const replaced = globSync("scripts/not-bundled/*.cjs").map((path) => basename(path, ".cjs"));
    expect(replaced).toEqual(expect.arrayContaining(["debug", "form-data", "jsonwebtoken", "open"]));
    // What came with them goes with them.
    const brought = ["default-browser", "is-wsl", "jwa", "jws", "mime-db", "ms", "semver", "supports-color"];
    for (const name of [...replaced, ...brought, "prettier"]) expect(names).not.toContain(name);
  });
});

test("npm checks the content of every package that it installs", () => {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const installed = Object.entries<{ integrity?: string }>(packages).filter(([path]) => path !== "");
  expect(installed.length).toBeGreaterThan(500);
  expect(installed.filter(([, { integrity = "" }]) => !integrity.startsWith("sha512-"))).toEqual([]);
});

test("the SBOM names the package by its hash, and each bundled package once by its address, licence and hash", () => {
  const sha = (algorithm: string, text: string) => createHash(algorithm).update(text);
  const integrity = (folder: string) => `sha512-${sha("sha512", folder).digest("base64")}`;
  const one = { folder: "node_modules/zod", name: "zod", version: "4.6.7", license: "MIT", text: "" };
  const other = { ...one, folder: "node_modules/@azure/x", name: "@azure/x", license: "(MIT OR Apache-2.0)" };
  const packages = [one, other, { ...one, folder: "node_modules/y/node_modules/zod" }];
  const sbom = sbomOf({ file: "a.zip", content: Buffer.from("zip"), version: "0.2.0", packages, integrity });
  expect(sbom).toMatchObject({
    ...{ bomFormat: "CycloneDX", specVersion: "1.6" },
    metadata: {
      component: { name: "a.zip", hashes: [{ alg: "SHA-256", content: sha("sha256", "zip").digest("hex") }] },
    },
    components: [
      { purl: "pkg:npm/%40azure/x@4.6.7", licenses: [{ expression: "(MIT OR Apache-2.0)" }] },
      {
        ...{ name: "zod", purl: "pkg:npm/zod@4.6.7", licenses: [{ license: { id: "MIT" } }] },
        hashes: [{ alg: "SHA-512", content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
      },
    ],
    dependencies: [{ ref: "a.zip", dependsOn: ["pkg:npm/%40azure/x@4.6.7", "pkg:npm/zod@4.6.7"] }],
  });
  const text = JSON.stringify(sbom);
  expect(text).toContain(sha("sha512", "node_modules/@azure/x").digest("hex"));
  // The same package has the same document.
  expect(text).not.toMatch(/timestamp|serialNumber/);
});

describe("the workflows", () => {
  test("pin every action to a commit", () => {
    const uses = workflows.flatMap((text) => [...text.matchAll(/uses: (\S+)(.*)/g)]);
    const foreign = uses.filter(([, action = ""]) => !action.startsWith("./"));
    expect(foreign.length).toBeGreaterThanOrEqual(4);
    for (const [, action, comment] of foreign) {
      expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
      expect(comment).toMatch(/^ # v\d+\.\d+\.\d+$/);
    }
  });

  test("contain no secrets, and have no permission that a job does not ask for", () => {
    for (const text of workflows) {
      expect(text).not.toMatch(/\$\{\{[^}]*secrets/);
      expect(text).toMatch(/^permissions:( \{\}|\n {2}contents: read)$/m);
      expect(text).not.toContain("pull_request_target");
    }
  });

  test("run nothing from npm where they can sign in, and no install script in what they deploy", () => {
    const jobs = workflows.flatMap((text) => (text.split("\njobs:\n")[1] ?? "").split(/\n(?= {2}[\w-]+:\n)/));
    const signing = jobs.filter((job) => job.includes("id-token: write"));
    expect(signing.map((job) => /(\w+):\n/.exec(job)?.[1])).toEqual(["attest", "deploy"]);
    for (const job of signing) expect(job).not.toMatch(/\b(npm|npx|node)\b|actions\/checkout/);
    const packaging = jobs.filter((job) => job.includes("npm run package"));
    expect(packaging).toHaveLength(1);
    expect(packaging[0]?.match(/npm (ci|install).*/g)).toEqual(["npm ci --ignore-scripts"]);
    expect(jobs.filter((job) => job.includes("environment: production"))).toEqual(signing.slice(1));
  });

  test("attest the package and its SBOM, and check the bundled packages for known faults", () => {
    const all = workflows.join("");
    expect(all).toMatch(/attest-build-provenance@.*\n +with:\n +subject-path: missing-kb-reporter\.\*\n/);
    expect(all).toMatch(/path: \|\n +missing-kb-reporter\.zip\n +missing-kb-reporter\.cdx\.json\n/);
    expect(all).toContain("npm audit --omit=dev");
  });

  test("run the same checks as everyone before they deploy", () => {
    expect(workflows.some((text) => text.includes("run: .ci/run"))).toBe(true);
    expect(workflows.some((text) => /needs: check/.test(text) && text.includes("config-zip"))).toBe(true);
  });
});

test("host.json exports logs in the mode that works with an identity in every cloud", () => {
  const host = JSON.parse(readFileSync("host.json", "utf8"));
  expect(host.telemetryMode).toBe("OpenTelemetry");
  // The host ignores it in this mode.
  expect(host.logging).not.toHaveProperty("applicationInsights");
});
