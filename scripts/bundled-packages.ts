import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";

/** A package of which the bundle has code. */
export interface Bundled {
  /** As in the lockfile, such as `node_modules/zod`. */
  folder: string;
  name: string;
  version: string;
  /** SPDX. */
  license: string;
  /** Its licence and notices; empty if it has none. */
  text: string;
}

/** The packages of which a bundle has code. */
export function bundledPackages({ outputs }: Metafile): Bundled[] {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? packageFolder(path) : []));
  return [...new Set(folders)].map(readPackage);
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
  return { folder, name, version, license, text: texts.join("\n\n") || licenseInReadme(join(folder, "README.md")) };
}

/** Some packages have their licence only at the end of their description. */
function licenseInReadme(path: string): string {
  const text = existsSync(path) ? readText(path) : "";
  return /^(#+ *)?licen[cs]e$.*copyright.*/ims.exec(text)?.[0] ?? "";
}

function readText(path: string): string {
  return readFileSync(path, "utf8").replaceAll("\r\n", "\n").trim();
}
