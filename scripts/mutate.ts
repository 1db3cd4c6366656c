import { spawnSync } from "node:child_process";
import { areaNames } from "./mutation-areas.ts";

/*
 * The mutation score of the areas that are named, or of the core: how many small breaks of the code its tests notice.
 */

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !areaNames.includes(name));
if (unknown.length > 0) {
  console.error(`No area is named ${unknown.join(", ")}; there are: ${areaNames.join(", ")}.`);
  process.exit(1);
}
const failed = (asked.length > 0 ? asked : ["core"]).filter((area) => {
  const { status } = spawnSync("stryker", ["run"], { stdio: "inherit", env: { ...process.env, MUTATE: area } });
  return status !== 0;
});
process.exit(failed.length);
