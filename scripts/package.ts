import { globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type Zippable, zipSync } from "fflate";

const file = "missing-kb-reporter.zip";
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
writeFileSync(file, zipSync(entries, { level: 9, mtime: "1980-01-01T00:00:00" }));
const { size } = statSync(file);
console.log(`${file}: ${Object.keys(entries).length} files, ${(size / 1e6).toFixed(2)} MB`);
if (size > mostBytes) throw new Error(`${file} is larger than ${mostBytes / 1e6} MB.`);
