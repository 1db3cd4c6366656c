import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { inlineInBundle } from "../../scripts/inline.ts";

/*
 * `npm run test:sim -- --days 100000 --seed 1`: compares so many tenant-days with the rules. The page and the mail are .tsx,
 * which node does not run, and React is several times faster as in the real app: so all of it is bundled first.
 */

const { values } = parseArgs({ options: { days: { type: "string" }, seed: { type: "string" } } });
const days = numberOf("days", values.days, 20_000);
const seed = numberOf("seed", values.seed, Math.floor(Math.random() * 2 ** 31));

const dir = await mkdtemp(join(tmpdir(), "sim-"));
try {
  const { playSeeds } = await bundled(dir);
  say(`Comparing ${days} tenant-days, from seed ${seed} on.`);
  const began = performance.now();
  let shownAt = began;
  const { tally, failure } = await playSeeds({ days, seed }, (soFar, at) => {
    if (performance.now() - shownAt < 5_000) return;
    shownAt = performance.now();
    say(`${line(soFar, began)}, at seed ${at}`);
  });
  say(line(tally, began));
  if (failure !== null) say(`\n${failure}`);
  process.exitCode = failure === null ? 0 : 1;
} finally {
  await rm(dir, { recursive: true, force: true });
}

async function bundled(dir: string): Promise<typeof import("./play.ts")> {
  const outfile = join(dir, "play.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "play.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22",
    jsx: "automatic",
    plugins: [inlineInBundle],
    define: { "process.env.NODE_ENV": '"production"' },
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    sourcemap: "inline",
    logLevel: "warning",
  });
  process.setSourceMapsEnabled(true);
  return import(pathToFileURL(outfile).href);
}

function numberOf(name: string, given: string | undefined, otherwise: number): number {
  const number = Number(given ?? otherwise);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`--${name} must be a whole number, such as --${name} ${otherwise}.`);
}

function line(tally: Awaited<ReturnType<typeof import("./play.ts")["playSeeds"]>>["tally"], began: number): string {
  const seconds = (performance.now() - began) / 1000;
  const { days, runs, entries, mails, pages } = tally;
  const pace = Math.round(days / seconds);
  return `${days} days, ${runs} runs, ${entries} entries, ${mails} mails, ${pages} pages; ${pace} days/s`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
