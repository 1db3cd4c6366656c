import { defineConfig } from "vitest/config";
import { inlineInTests } from "./scripts/inline.ts";

// Tests that change nothing outside themselves share workers, which saves each file the start of its own.
const pure = ["{core,fuzz,render}/**/*.test.{ts,tsx}", "http/!(doctor).test.ts", "run/!(remedies|two-at-once).test.ts"];

// The tests' servers are on this machine. Tests of proxies set these for themselves.
const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);

const all = {
  include: ["**/*.test.{ts,tsx}"],
  exclude: ["**/browser/**"],
  globalSetup: ["test/support/global-setup.ts"],
};
const projects = [
  { extends: true as const, test: { name: "pure", include: pure, isolate: false } },
  { extends: true as const, test: { ...all, name: "other", exclude: [...all.exclude, ...pure] } },
];

export default defineConfig({
  plugins: [inlineInTests],
  test: {
    dir: "test",
    env: Object.fromEntries(proxies.map((name) => [name, ""])),
    setupFiles: process.env.FUZZ_SEED ? ["test/support/fixed-seed.ts"] : [],
    // More than there are cores, because most tests wait for a server.
    maxWorkers: 4,
    // A slow machine is not a failure, but a test that hangs must end.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      include: ["shared/**", "functions/**"],
      reporter: ["text"],
      thresholds: { "shared/core/**": { lines: 95 } },
    },
    // Stryker runs the tests of one folder and knows nothing of projects.
    ...(process.env.STRYKER_MUTATOR_WORKER ? all : { projects }),
  },
});
