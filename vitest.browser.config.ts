import { defineConfig } from "vitest/config";
import { inlineInTests } from "./scripts/inline.ts";

export default defineConfig({
  plugins: [inlineInTests],
  test: {
    include: ["test/browser/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
