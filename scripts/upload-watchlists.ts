// Checks infra/watchlists.json and uploads it to the app's storage account, as the person signed in with the Azure CLI.
// With --check it uploads nothing, but sets the variable by which azd deploys an app that reads them there.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";
import { checkFile, upload } from "./watchlists-file.ts";

const { values } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    file: { type: "string", default: "infra/watchlists.json" },
    account: { type: "string", default: process.env.REPORTER_STORAGE_ACCOUNT ?? "" },
    container: { type: "string", default: process.env.REPORTER_WATCHLISTS_CONTAINER ?? "" },
  },
});

const call = promisify(execFile);
// On Windows both are scripts, which only a shell starts.
const run = (command: string) => (args: readonly string[]) =>
  call(command, args, { shell: process.platform === "win32" });

try {
  const { watchlists, faults } = checkFile(readFileSync(values.file, "utf8"), process.env);
  if (faults.length > 0) throw new Error(`${values.file} is faulty. Correct this:\n${faults.join("\n")}`);
  if (watchlists > 0) await (values.check ? run("azd")(["env", "set", "WATCHLISTS_IN", "blob"]) : send(watchlists));
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
  await upload({ file, account, container, az: run("az"), pause, log: console.log });
  console.log(`Uploaded ${file} (watchlists: ${watchlists}). The app reads it within a minute.`);
}
