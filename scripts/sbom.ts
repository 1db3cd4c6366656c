import { createHash } from "node:crypto";
import type { Bundled } from "./bundled-packages.ts";

export interface Described {
  /** The file that the document describes. */
  file: string;
  content: Uint8Array;
  version: string;
  packages: readonly Bundled[];
  /** The hashes of the lockfile by folder, as `sha512-` and base64. */
  integrity: (folder: string) => string;
}

/**
 * A CycloneDX document of a package: the npm packages of which it has code, and nothing else. `npm sbom` lists what is
 * installed and, without the packages for development, leaves out those that both need. The same package has the same document.
 */
export function sbomOf({ file, content, version, packages, integrity }: Described): object {
  const byPurl = new Map(packages.map((one) => [purlOf(one.name, one.version), one]));
  const components = [...byPurl]
    .map(([purl, { folder, name, version: of, license }]) => ({
      type: "library",
      "bom-ref": purl,
      name,
      version: of,
      purl,
      licenses: [/ (AND|OR|WITH) /.test(license) ? { expression: license } : { license: { id: license } }],
      hashes: [{ alg: "SHA-512", content: hexOf(integrity(folder)) }],
    }))
    .toSorted((a, b) => (a.purl < b.purl ? -1 : 1));
  const hashes = [{ alg: "SHA-256", content: createHash("sha256").update(content).digest("hex") }];
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", "bom-ref": file, name: file, version, hashes } },
    components,
    dependencies: [{ ref: file, dependsOn: components.map(({ purl }) => purl) }],
    compositions: [{ aggregate: "complete", assemblies: [file] }],
  };
}

function purlOf(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function hexOf(integrity: string): string {
  return Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
}
