import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";

/** A package of which the bundle has code. */
interface Bundled {
  name: string;
  version: string;
  /** SPDX. */
  license: string;
  /** Its licence and notices; empty if it has none. */
  text: string;
}

/** The licences of all packages of which the bundle has code. Packages with the same text share it. */
export function thirdPartyNotices({ outputs }: Metafile): string {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? packageFolder(path) : []));
  const byText = Map.groupBy(
    [...new Set(folders)].map(readPackage),
    ({ text }) => text || "The package has no licence text.",
  );
  const parts = [...byText].map(([text, packages]) => `${titleOf(packages)}\n\n${text}`).toSorted();
  return `${["This app contains code of these packages.", ...parts].join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

/** The folder of the package that a file belongs to; none for our own files. */
export function packageFolder(path: string): string[] {
  return /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [];
}

function readPackage(folder: string): Bundled {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (typeof license !== "string") throw new Error(`${folder}/package.json names no licence.`);
  const files = readdirSync(folder).filter((file) => /(licen[cs]e|copying|notice)[^.]*(\.(md|txt))?$/i.test(file));
  const texts = files.toSorted().map((file) => readText(join(folder, file)));
  return { name, version, license, text: texts.join("\n\n") || licenseInReadme(join(folder, "README.md")) };
}

/** Some packages have their licence only at the end of their description. */
function licenseInReadme(path: string): string {
  const text = existsSync(path) ? readText(path) : "";
  return /^(#+ *)?licen[cs]e$.*copyright.*/ims.exec(text)?.[0] ?? "";
}

function readText(path: string): string {
  return readFileSync(path, "utf8").replaceAll("\r\n", "\n").trim();
}

function titleOf(packages: readonly Bundled[]): string {
  const titles = packages.map(({ name, version, license }) => `${name} ${version} (${license})`);
  return titles.toSorted().join("\n");
}
