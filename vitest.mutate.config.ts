import { defineConfig } from "vitest/config";

/** The tests that stand next to what is mutated: each mutant costs a run of those that reach it. */
export default defineConfig({
  test: {
    include: [
      "test/core/**/*.test.ts",
      "test/settings.test.ts",
      "test/io/defender.test.ts",
      "test/io/defender/**/*.test.ts",
      "test/io/tables.test.ts",
      "test/io/storage/**/*.test.ts",
    ],
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/fixed-seed.ts"],
  },
});
