import { estateFacts, estateTrouble } from "./advisory-data.ts";
import { createEstate, type Estate } from "./estate.ts";
import { type LocalWorld, startWorld, type WorldOptions } from "./world.ts";

/** The world of `npm start` and `npm run doctor`: one organisation, and an app that watches its products. */
export interface DemoWorld {
  world: LocalWorld;
  today: string;
  /** All that are watched today. */
  softwareIds: Estate["softwareIds"];
  /** Those that were watched before. */
  watchedBefore: readonly string[];
  /** The app's settings while it watches these products, with Defender's own quotas. */
  settings(softwareIds: readonly string[]): Record<string, string>;
}

/** Starts that world; `reportUrl`: where its mails say that the report is. */
export async function startDemoWorld(
  options: Omit<WorldOptions, "estate"> & { reportUrl?: string } = {},
): Promise<DemoWorld> {
  const today = new Date().toISOString().slice(0, 10);
  const estate = createEstate({ seed: 7, today });
  const advisories = { ...estateFacts(today), trouble: estateTrouble(today) };
  const world = await startWorld({ ...options, estate, advisories });
  const { softwareIds, addedToday } = estate;
  return {
    world,
    today,
    softwareIds,
    watchedBefore: softwareIds.filter((id) => id !== addedToday),
    settings: (ids) => ({
      ...world.settings,
      ...{ DEFENDER_CALLS_PER_MINUTE: "", DEFENDER_CALLS_PER_HOUR: "" },
      ...{ REPORT_URL: options.reportUrl ?? "", SOFTWARE_IDS: ids.join(",") },
    }),
  };
}
