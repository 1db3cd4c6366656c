import type { TestProject } from "vitest/node";
import { startAzurite } from "../../local/azurite.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Connection string of the storage emulator that all test files share. */
    storage: string;
  }
}

/** One storage emulator for a test run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const azurite = await startAzurite();
  project.provide("storage", azurite.connectionString);
  return azurite.close;
}
