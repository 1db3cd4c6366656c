import { defineConfig } from "vitest/config";
import { areaName, readArea } from "./scripts/mutation-areas.ts";

export default defineConfig({
  test: {
    include: readArea().tests,
    globalSetup: areaName === "tables" ? ["test/support/global-setup.ts"] : [],
    setupFiles: ["test/support/fixed-seed.ts"],
  },
});
