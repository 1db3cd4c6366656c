import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startAzurite } from "./azurite.ts";
import { createEstate } from "./estate.ts";
import type { HostLogEntry } from "./host/host-log.ts";
import { type Host, startHost } from "./host.ts";
import { daysBefore, playDay, runToday } from "./play.ts";
import { startWorld } from "./world.ts";

const settingsFile = "local.settings.json";
const pastDays = 30;

const { values: flags } = parseArgs({
  options: { once: { type: "boolean", default: false }, port: { type: "string", default: "7071" } },
});

try {
  const running = existsSync(settingsFile) ? await startWithSettings() : await startWithWorld();
  if (flags.once) await running.close();
  else await stayUp(running);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
process.exit(0);

interface Running {
  addresses: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** The app in a world of its own: thirty days of history, then today. */
async function startWithWorld(): Promise<Running> {
  console.log("Starting storage emulator, simulated tenant, identity endpoint and inbox …");
  const today = new Date().toISOString().slice(0, 10);
  const estate = createEstate({ seed: 7, today });
  const world = await startWorld({ estate, inboxPort: flags.once ? 0 : 7072 });
  const { softwareIds, addedToday } = estate;
  const hostWatching = (ids: readonly string[]) =>
    startLocalHost({ ...world.settings, SOFTWARE_IDS: ids.join(",") }, world.storageConnectionString);

  const past = await hostWatching(softwareIds.filter((id) => id !== addedToday));
  const days = daysBefore(today, pastDays);
  for (const [index, day] of days.entries()) {
    const mails = world.inbox.mails.length;
    await playDay(past, world, day);
    const subject = world.inbox.mails.length > mails ? world.inbox.mails.at(-1)?.subject : "nothing worse, no mail";
    console.log(`Playing past days ${String(index + 1).padStart(2)}/${days.length}  ${day}  ${subject}`);
  }
  await past.close();
  await world.turnTo(null);

  console.log(`Running today, ${today} …`);
  const host = await hostWatching(softwareIds);
  await runToday(host);
  console.log(`\n${world.inbox.mails.at(-1)?.text ?? "Today brought no mail."}`);
  return {
    addresses: { "Report page": `${host.url}/api/report?format=html`, Inbox: world.inbox.url },
    close: async () => {
      await host.close();
      await world.close();
    },
  };
}

/** The app with the operator's own settings; only the storage emulator is ours, where no other storage is named. */
async function startWithSettings(): Promise<Running> {
  console.log(`Using the settings in ${settingsFile}.`);
  const settings = readSettingsFile();
  const named =
    settings.REPORTER_STORAGE ?? (settings.REPORTER_STORAGE__tableServiceUri ? "" : "UseDevelopmentStorage=true");
  const azurite = named === "UseDevelopmentStorage=true" ? await startAzurite({ dir: ".local/storage" }) : null;
  const storage = azurite?.connectionString ?? named;
  const host = await startLocalHost({ ...settings, ...(storage && { REPORTER_STORAGE: storage }) }, storage);
  await runToday(host);
  const report = await fetch(`${host.url}/api/report?format=text`);
  console.log(`\n${await report.text()}`);
  return {
    addresses: { "Report page": `${host.url}/api/report?format=html` },
    close: async () => {
      await host.close();
      await azurite?.close();
    },
  };
}

function readSettingsFile(): Record<string, string> {
  try {
    return JSON.parse(readFileSync(settingsFile, "utf8")).Values ?? {};
  } catch (cause) {
    throw new Error(`${settingsFile} is not JSON with "Values": see local.settings.sample.json.`, { cause });
  }
}

function startLocalHost(env: Record<string, string>, storageConnectionString: string): Promise<Host> {
  const port = flags.once ? 0 : Number(flags.port);
  return startHost({ appDir: process.cwd(), port, env, storageConnectionString, log: showTrouble });
}

function showTrouble({ level, message, fields }: HostLogEntry): void {
  if (level === "error" || level === "critical") console.error(message, fields);
}

async function stayUp(running: Running): Promise<void> {
  for (const [what, address] of Object.entries(running.addresses)) console.log(`${what.padEnd(12)} ${address}`);
  console.log("Ctrl-C ends.");
  await new Promise((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
  await running.close();
}
