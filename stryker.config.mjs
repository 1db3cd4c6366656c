import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";

const options = { mutate: { type: "string", short: "m", default: "shared/core/**/*.ts" } };
const { mutate } = parseArgs({ options, strict: false }).values;

// The tests mirror shared/, and a mutant should be noticed by the tests of its own folder: those of shared/io/mail/ by
// test/io/mail/. If there is no such folder, all tests that import the file run.
const folder = dirname(`${mutate.split("*")[0]}_`).replace(/^shared/, "test");

// Each mutant must meet the same examples, or chance would decide whether it is noticed.
process.env.FUZZ_SEED ??= "20261123";

export default {
  packageManager: "npm",
  plugins: ["@stryker-mutator/vitest-runner"],
  testRunner: "vitest",
  vitest: { configFile: "vitest.config.ts", pool: "threads", dir: existsSync(folder) ? folder : "test" },
  // A file that does not exist: Stryker cannot read TypeScript 7.
  tsconfigFile: "none.json",
  mutate: mutate.split(","),
  coverageAnalysis: "perTest",
  concurrency: 2,
  // On a busy machine a slow mutant is not an endless loop.
  timeoutMS: 60_000,
  thresholds: { high: 95, low: 90, break: folder === "test/core" ? 90 : 80 },
  reporters: ["progress-append-only", "clear-text", "json"],
  clearTextReporter: { reportTests: false },
  ignorePatterns: ["dist", "reports", "coverage", ".local", "*.zip"],
};
