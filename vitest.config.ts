import { defineConfig } from "vitest/config";
import { inlineInTests } from "./scripts/inline.ts";

export default defineConfig({
  plugins: [inlineInTests],
  test: {
    dir: "test",
    include: ["**/*.test.{ts,tsx}"],
    exclude: ["**/browser/**"],
    setupFiles: process.env.FUZZ_SEED ? ["test/support/fixed-seed.ts"] : [],
    globalSetup: ["test/support/global-setup.ts"],
    // Slow machines are no failure; what hangs still ends.
    // Most tests wait for a server, not for the processor.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      include: ["shared/**", "functions/**"],
      reporter: ["text"],
      thresholds: { "shared/core/**": { lines: 95 } },
    },
  },
});
