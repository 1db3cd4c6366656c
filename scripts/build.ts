import { readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

const functions = readdirSync("functions").map((file) => `functions/${file}`);

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: functions,
  outbase: ".",
  outdir: "dist",
  bundle: true,
  // Code that only one path needs stays in a file of its own and costs the others no start-up time.
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  format: "esm",
  platform: "node",
  target: "node22",
  jsx: "automatic",
  minifySyntax: true,
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "linked",
  // The Functions host supplies this module; it is on no registry.
  external: ["@azure/functions-core"],
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
  logLevel: "warning",
});
