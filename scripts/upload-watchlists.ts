// Checks infra/watchlists.json and uploads it to the app's storage account, as the person signed in with the Azure CLI.
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { run } from "./command.ts";
import { checkFile, upload } from "./watchlists-file.ts";

const { values } = parseArgs({
  options: {
    file: { type: "string", default: "infra/watchlists.json" },
    account: { type: "string", default: process.env.REPORTER_STORAGE_ACCOUNT ?? "" },
    container: { type: "string", default: process.env.REPORTER_WATCHLISTS_CONTAINER ?? "" },
  },
});

try {
  const { watchlists, faults } = checkFile(readFileSync(values.file, "utf8"), process.env);
  if (faults.length > 0) throw new Error(`${values.file} is faulty. Correct this:\n${faults.join("\n")}`);
  if (watchlists > 0) await send(watchlists);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function send(watchlists: number): Promise<void> {
  const { file, account, container } = values;
  if (!account || !container) {
    throw new Error(
      `${file} has watchlists, but this installation does not read them. Run \`azd env set WATCHLISTS_IN blob\` and \`azd provision\`.`,
    );
  }
  await upload({ file, account, container, az: (args) => run("az", args), pause, log: console.log });
  console.log(`Uploaded ${file} (watchlists: ${watchlists}). The app reads it within a minute.`);
}
