// What would stop a deployment later, or change it without a word, stops it here, before anything is made. Sets the variable
// by which azd deploys an app that reads its watchlists from infra/watchlists.json.
import { readFileSync } from "node:fs";
import { run } from "./command.ts";
import { checkValues } from "./deployment-values.ts";
import { checkTools } from "./tool-versions.ts";
import { checkFile } from "./watchlists-file.ts";

const watchlistsFile = "infra/watchlists.json";
const read = (path: string) => readFileSync(path, "utf8");

const tools = await checkTools([
  {
    name: "Node",
    least: JSON.parse(read("package.json")).engines.node.replace(">=", ""),
    version: async () => process.versions.node,
    install: "https://nodejs.org",
  },
  {
    name: "Azure Developer CLI (azd)",
    least: /azd: ">= (\S+)"/.exec(read("azure.yaml"))?.[1] ?? "",
    version: async () => JSON.parse(await run("azd", ["version", "--output", "json"])).azd.version,
    install: "https://aka.ms/azd",
  },
  {
    // The first version that deploys to Flex Consumption.
    name: "Azure CLI (az)",
    least: "2.60.0",
    version: async () => JSON.parse(await run("az", ["version", "--output", "json"]))["azure-cli"],
    install: "https://aka.ms/azure-cli",
  },
]);
const values = checkValues(process.env, read("infra/main.parameters.json"));
const watchlists = checkFile(read(watchlistsFile), process.env);

for (const warning of values.warnings) console.warn(warning);
report("Correct this, then run the command again:", tools);
report("Correct this with `azd env set NAME VALUE`, then run the command again:", values.faults);
report(`Correct this in ${watchlistsFile}, then run the command again:`, watchlists.faults);
if (process.exitCode === undefined && watchlists.watchlists > 0)
  await run("azd", ["env", "set", "WATCHLISTS_IN", "blob"]);

function report(opening: string, faults: readonly string[]): void {
  if (faults.length === 0) return;
  console.error([opening, ...faults].join("\n"));
  process.exitCode = 1;
}
