import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export interface ToyApp extends AsyncDisposable {
  dir: string;
}

/** Builds some files of the toy app as the real one is built: ESM, split, the host's module left out. */
export async function buildToyApp(files: readonly string[], hostJson: object = {}): Promise<ToyApp> {
  const dir = await mkdtemp(join(tmpdir(), "toy-app-"));
  await build({
    entryPoints: files.map((file) => fileURLToPath(new URL(`./toy-app/${file}.ts`, import.meta.url))),
    outdir: join(dir, "dist/functions"),
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node22",
    external: ["@azure/functions-core"],
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    chunkNames: "../chunks/[name]-[hash]",
    logLevel: "silent",
  });
  await writeFile(join(dir, "package.json"), JSON.stringify({ type: "module", main: "dist/functions/*.js" }));
  await writeFile(join(dir, "host.json"), JSON.stringify({ version: "2.0", ...hostJson }));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}
