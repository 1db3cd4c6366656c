import { globSync } from "node:fs";
import { basename } from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";
import { inlineInBundle } from "./inline.ts";

/** By package, the file that the bundle gets in its place. Each says why the app never runs the package's code. */
const notBundled = Object.fromEntries(
  globSync("scripts/not-bundled/*.cjs").map((path) => [basename(path, ".cjs"), `./${path}`]),
);

/** Bundles entries with all that they import, as the app is deployed. */
export async function bundle({ plugins = [], ...entries }: BuildOptions): Promise<Metafile> {
  const { metafile } = await build({
    ...entries,
    bundle: true,
    // Code that only one path needs gets a file of its own and does not slow down the start of the others.
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node22",
    jsx: "automatic",
    alias: notBundled,
    plugins: [...plugins, inlineInBundle],
    minifySyntax: true,
    define: { "process.env.NODE_ENV": '"production"' },
    legalComments: "linked",
    metafile: true,
    // The Functions host supplies this module; no registry has it.
    external: ["@azure/functions-core"],
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    logLevel: "warning",
  });
  return metafile;
}
