import { relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { packageFolder } from "./bundled-packages.ts";

/*
 * `import text from "./client/script.ts?inline"`: what the page sends to browsers stays real .ts and .css files, and both the
 * bundle and the tests get it as one minified text. Nothing is generated on disk, so nothing can be stale. Plain node
 * needs no such import: it never loads the page (a .tsx file).
 */

const marked = /\?inline$/;

async function bundle(path: string): Promise<string> {
  const { outputFiles, metafile } = await build({
    entryPoints: [path],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "iife",
    platform: "browser",
    target: ["es2024", "chrome120", "firefox120", "safari17"],
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
  });
  const [foreign] = Object.keys(metafile.inputs).flatMap(packageFolder);
  if (foreign) throw new Error(`${path} imports ${foreign}, whose licence would not reach THIRD-PARTY-NOTICES.`);
  return outputFiles[0]?.text.trim() ?? "";
}

/** For esbuild, which makes the app. */
export const inlineInBundle: Plugin = {
  name: "inline",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: marked }, ({ path, resolveDir }) => ({
      // Relative, because the bundle's comments name it.
      path: relative(".", resolve(resolveDir, path.replace(marked, ""))),
      namespace: "inline",
    }));
    onLoad({ filter: /./, namespace: "inline" }, async ({ path }) => ({
      contents: await bundle(path),
      loader: "text",
    }));
  },
};

/** For Vitest. */
export const inlineInTests = {
  name: "inline",
  enforce: "pre" as const,
  resolveId(path: string, importer = "") {
    // The ending keeps Vite from taking the text for a style sheet or a script of its own.
    return marked.test(path) ? `\0${resolve(importer, "..", path.replace(marked, ""))}.inline` : undefined;
  },
  async load(id: string) {
    const path = /^\0(.+)\.inline$/.exec(id)?.[1];
    return path && `export default ${JSON.stringify(await bundle(path))}`;
  },
};
