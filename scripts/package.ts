import { globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type Zippable, zipSync } from "fflate";
// This builds dist/.
import { packages } from "./build.ts";
import { sbomOf } from "./sbom.ts";

const file = "missing-kb-reporter.zip";
const sbomFile = "missing-kb-reporter.cdx.json";
const mostBytes = 10_000_000;

// The bundle needs no node_modules. The host reads only `main` and `type` of package.json.
const { name, version, type, main, engines } = JSON.parse(readFileSync("package.json", "utf8"));
const entries: Zippable = {
  "package.json": Buffer.from(JSON.stringify({ name, version, private: true, type, main, engines }, null, 2)),
  "host.json": readFileSync("host.json"),
  LICENSE: readFileSync("LICENSE"),
};
for (const path of globSync("dist/**/*").toSorted()) {
  if (statSync(path).isFile()) entries[path] = readFileSync(path);
}
// With a fixed time the same build gives the same archive.
const content = zipSync(entries, { level: 9, mtime: "1980-01-01T00:00:00" });
writeFileSync(file, content);
const size = content.length;
console.log(`${file}: ${Object.keys(entries).length} files, ${(size / 1e6).toFixed(2)} MB`);

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const sbom = sbomOf({ file, content, version, packages, integrity: (folder) => lock.packages[folder].integrity });
writeFileSync(sbomFile, `${JSON.stringify(sbom, null, 2)}\n`);
console.log(`${sbomFile}: ${packages.length} packages`);
if (size > mostBytes) throw new Error(`${file} is larger than ${mostBytes / 1e6} MB.`);
