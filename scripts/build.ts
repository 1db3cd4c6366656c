import { readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";
import { inlineInBundle } from "./inline.ts";

const functions = readdirSync("functions").map((file) => `functions/${file}`);

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: functions,
  outbase: ".",
  outdir: "dist",
  bundle: true,
  // Code that only one path needs gets a file of its own and does not slow down the start of the others.
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  format: "esm",
  platform: "node",
  target: "node22",
  jsx: "automatic",
  plugins: [inlineInBundle],
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
