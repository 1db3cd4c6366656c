import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { type Figure, median } from "./figure.ts";

const rounds = 15;
const bounded = new Set(["whole app"]);

// The module that a Functions host supplies: registering a function costs each side the same as there.
const core = `
import { registerHooks } from "node:module";
const url = "bench:functions-core";
let model;
globalThis.callbacks = [];
globalThis.functionsCore = {
  version: "3.13.0", hostVersion: "4.1044.0",
  registerFunction: ({ name }, callback) => {
    if (name === "advance-run") globalThis.callbacks.push(callback);
    return { dispose() {} };
  },
  setProgrammingModel: (given) => { model = given; },
  getProgrammingModel: () => model,
  registerHook: () => ({ dispose() {} }),
  log() {},
};
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "@azure/functions-core" ? { url, format: "commonjs", shortCircuit: true } : next(specifier, context),
  load: (asked, context, next) =>
    asked === url
      ? { format: "commonjs", source: "module.exports = globalThis.functionsCore;", shortCircuit: true }
      : next(asked, context),
});`;

// A message of another shape is refused before anything leaves the process, so its only cost is loading.
const load = `
const [message, ...files] = process.argv.slice(1);
const [began, cpu] = [performance.now(), process.cpuUsage()];
for (const file of files) await import(file);
const context = { info() {}, warn() {}, error() {} };
if (message) for (const callback of globalThis.callbacks) await callback(JSON.parse(message), context).catch(() => {});
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ wall: performance.now() - began, cpu: (user + system) / 1000 }));
process.exit(0);`;

const bareApp = `
import { app } from "@azure/functions";
app.timer("bare", { schedule: "0 0 5 * * *", handler: () => {} });`;

const settings = {
  SOFTWARE_IDS: "microsoft-_-windows_11",
  MAIL_TO: "security@contoso.example",
  MAIL_FROM: "kb-reporter@contoso.example",
  REPORTER_STORAGE: "UseDevelopmentStorage=true",
  SENDGRID_API_KEY: "SG.bench",
};

interface App {
  files: readonly string[];
  /** What its functions are called with after loading. */
  message?: object;
}

/** How long the built entries take to load in a fresh process, against an app with only `@azure/functions`. */
export async function coldStart(): Promise<Figure[]> {
  const dir = await mkdtemp(join(tmpdir(), "bench-cold-start-"));
  try {
    const [bare, bundled] = [join(dir, "bare.mjs"), join(dir, "bundled.mjs")];
    await writeFile(bare, bareApp);
    await symlink(resolve("node_modules"), join(dir, "node_modules"));
    await buildBareApp(bundled);
    return await compare({
      bare: { files: [bare] },
      "bare app, bundled as ours": { files: [bundled] },
      "whole app": { files: globSync("dist/functions/*.js").sort() },
      "whole app with what its first message loads": {
        files: ["dist/functions/index.js"],
        message: { deliver: {}, openedAt: "2026-11-23T05:00:00Z" },
      },
    });
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function buildBareApp(outfile: string): Promise<void> {
  await build({
    stdin: { contents: bareApp, resolveDir: process.cwd() },
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22",
    minifySyntax: true,
    external: ["@azure/functions-core"],
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
  });
}

interface Load {
  wall: number;
  cpu: number;
}

async function compare(apps: Readonly<Record<string, App>>): Promise<Figure[]> {
  const loads = new Map(Object.keys(apps).map((name): [string, Load[]] => [name, []]));
  // The sides take turns, so that other load on the machine affects both; the first round warms the file cache.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, app] of Object.entries(apps)) {
      const taken = await loadOnce(app);
      if (round > 0) loads.get(name)?.push(taken);
    }
  }
  const medianOf = (name: string, clock: keyof Load) => median((loads.get(name) ?? []).map((each) => each[clock]));
  return Object.keys(apps)
    .filter((name) => name !== "bare")
    .flatMap((name) =>
      (["wall", "cpu"] as const).map((clock): Figure => {
        const [ours, theirs] = [medianOf(name, clock), medianOf("bare", clock)];
        return {
          what: `cold start, ${name}, ${clock === "wall" ? "elapsed" : "processor"} time`,
          ours: `${ours.toFixed(1)} ms`,
          theirs: `${theirs.toFixed(1)} ms bare @azure/functions`,
          ratio: ours / theirs,
          ...(bounded.has(name) && { bound: { atMost: 1.4 } }),
        };
      }),
    );
}

async function loadOnce({ files, message }: App): Promise<Load> {
  const preload = `data:text/javascript,${encodeURIComponent(core)}`;
  const urls = files.map((file) => pathToFileURL(resolve(file)).href);
  const flags = [
    "--import",
    preload,
    "--input-type=module",
    "--eval",
    load,
    "--",
    message ? JSON.stringify(message) : "",
    ...urls,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { env: { ...process.env, ...settings } });
  return JSON.parse(stdout);
}
