import { readdirSync, rmSync, writeFileSync } from "node:fs";
import type { Plugin } from "esbuild";
import { bundle } from "./bundle.ts";
import { bundledPackages } from "./bundled-packages.ts";
import { thirdPartyNotices } from "./notices.ts";

/**
 * The one entry that registers all functions. A worker loads every entry before the first call, and each file of its own
 * costs about a millisecond.
 */
const allFunctions: Plugin = {
  name: "all functions",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^functions$/ }, ({ path }) => ({ path, namespace: "entry" }));
    onLoad({ filter: /.*/, namespace: "entry" }, () => ({
      contents: readdirSync("functions")
        .map((file) => `import "./functions/${file}";`)
        .join("\n"),
      resolveDir: ".",
    }));
  },
};

rmSync("dist", { recursive: true, force: true });
const metafile = await bundle({
  entryPoints: [{ in: "functions", out: "functions/index" }],
  outdir: "dist",
  plugins: [allFunctions],
});

/** The packages of which dist/ has code. */
export const packages = bundledPackages(metafile);
writeFileSync("dist/THIRD-PARTY-NOTICES", thirdPartyNotices(packages));
