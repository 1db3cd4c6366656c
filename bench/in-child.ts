import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Node lets its heap grow with the machine's memory unless it is limited; the rest is Node itself. */
export const heapMb = 150;

/** What a process may take in all. */
export const limitMb = 220;

const banner = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;

/**
 * What a call of a module's export returns, made in a process of its own with a small heap; both as JSON. In a bundle, as the
 * app runs, so that Node's own work on TypeScript is not counted.
 */
export async function callInChild<T>(module: string, name: string, ...args: readonly string[]): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "bench-"));
  try {
    const { build } = await import("esbuild");
    const outfile = join(dir, "bundle.mjs");
    const contents = `import { ${name} } from ${JSON.stringify(fileURLToPath(module))};
      console.log(JSON.stringify(await ${name}(...${JSON.stringify(args)})));`;
    const stdin = { contents, resolveDir: process.cwd() };
    await build({
      ...{ stdin, outfile, bundle: true, format: "esm", platform: "node", external: ["esbuild"] },
      banner: { js: banner },
    });
    const flags = [`--max-old-space-size=${heapMb}`, "--max-semi-space-size=2", outfile];
    const { stdout } = await promisify(execFile)(process.execPath, flags);
    return JSON.parse(stdout);
  } finally {
    await rm(dir, { recursive: true });
  }
}
