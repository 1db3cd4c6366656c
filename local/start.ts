import { parseArgs } from "node:util";
import { createEstate } from "./estate.ts";
import type { HostLogEntry } from "./host/host-log.ts";
import { type Host, startHost } from "./host.ts";
import { daysBefore, playDay, runToday } from "./play.ts";
import { emulatorFor, readSettingsFile, settingsFile } from "./settings-file.ts";
import { startWorld } from "./world.ts";

const pastDays = 30;
const pollMs = 1_000;

const { values: flags } = parseArgs({
  options: { once: { type: "boolean", default: false }, port: { type: "string", default: "7071" } },
});

try {
  const settings = readSettingsFile();
  const running = settings ? await startWithSettings(settings) : await startWithWorld();
  if (!flags.once) await stayUp(running);
  await running.close();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
process.exit(0);

interface Running {
  host: Host;
  addresses: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Runs the app in a simulated world: thirty days of history, then today. */
async function startWithWorld(): Promise<Running> {
  console.log("Starting a simulated tenant, its storage and an inbox …");
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
    const subject = world.inbox.mails.length > mails ? world.inbox.mails.at(-1)?.subject : "nothing got worse, no mail";
    console.log(`Day ${String(index + 1).padStart(2)} of ${days.length}, ${day}: ${subject}`);
  }
  await past.close();
  await world.turnTo(null);

  console.log(`Today, ${today}:`);
  const host = await hostWatching(softwareIds);
  await runToday(host);
  console.log(`\n${world.inbox.mails.at(-1)?.text ?? "No mail today: nothing got worse."}`);
  return {
    host,
    addresses: { "Report page": `${host.url}/api/report?format=html`, Inbox: world.inbox.url },
    close: async () => {
      await host.close();
      await world.close();
    },
  };
}

/** Runs the app with your own settings; only the storage is simulated, and only if the settings name no other. */
async function startWithSettings(settings: Record<string, string>): Promise<Running> {
  console.log(`Using the settings in ${settingsFile} …`);
  const emulator = await emulatorFor(settings, { dir: ".local/storage" });
  const storage = emulator?.connectionString ?? settings.REPORTER_STORAGE ?? "";
  const host = await startLocalHost({ ...settings, ...(storage && { REPORTER_STORAGE: storage }) }, storage);
  await runToday(host);
  const report = await fetch(`${host.url}/api/report?format=text`);
  console.log(`\n${await report.text()}`);
  return {
    host,
    addresses: { "Report page": `${host.url}/api/report?format=html` },
    close: async () => {
      await host.close();
      await emulator?.close();
    },
  };
}

function startLocalHost(env: Record<string, string>, storageConnectionString: string): Promise<Host> {
  const port = flags.once ? 0 : Number(flags.port);
  return startHost({ appDir: process.cwd(), port, env, storageConnectionString, log: showErrors });
}

function showErrors({ level, message, fields }: HostLogEntry): void {
  if (level === "error" || level === "critical") console.error(message, fields);
}

/** Handles runs that the page starts, until Ctrl-C. */
async function stayUp({ host, addresses }: Running): Promise<void> {
  for (const [what, address] of Object.entries(addresses)) console.log(`${what.padEnd(12)} ${address}`);
  console.log("Press Ctrl-C to stop.");
  host.pollQueues(pollMs);
  await new Promise((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
}
