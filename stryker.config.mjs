import { areaName, readArea } from "./scripts/mutation-areas.ts";

const { mutate, least } = readArea();

export default {
  packageManager: "npm",
  plugins: ["@stryker-mutator/vitest-runner"],
  testRunner: "vitest",
  vitest: { configFile: "vitest.mutate.config.ts", pool: "threads" },
  // A name that does not exist: Stryker cannot read TypeScript 7.
  tsconfigFile: "none.json",
  mutate,
  coverageAnalysis: "perTest",
  concurrency: 2,
  // A busy machine is no endless loop.
  timeoutMS: 60_000,
  thresholds: { high: 95, low: least, break: least },
  reporters: ["progress-append-only", "clear-text", "json"],
  jsonReporter: { fileName: `reports/mutation/${areaName}.json` },
  ignorePatterns: ["dist", "reports", "coverage", ".local", "*.zip"],
};
