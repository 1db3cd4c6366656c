import { readdirSync, rmSync } from "node:fs";
import { build, type Plugin } from "esbuild";
import { inlineInBundle } from "./inline.ts";

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
await build({
  entryPoints: [{ in: "functions", out: "functions/index" }],
  outdir: "dist",
  bundle: true,
  // Code that only one path needs gets a file of its own and does not slow down the start of the others.
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  format: "esm",
  platform: "node",
  target: "node22",
  jsx: "automatic",
  plugins: [allFunctions, inlineInBundle],
  minifySyntax: true,
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "linked",
  // The Functions host supplies this module; no registry has it.
  external: ["@azure/functions-core"],
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
  logLevel: "warning",
});
