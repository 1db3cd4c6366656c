import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    exclude: ["test/browser/**"],
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
