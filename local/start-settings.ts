import { runToday } from "./play.ts";
import { emulatorFor, settingsFile } from "./settings-file.ts";
import { type Running, type StartFlags, startLocalHost } from "./start-host.ts";

/** Runs the app with your own settings; only the storage is simulated, and only if the settings name no other. */
export async function startWithSettings(
  flags: StartFlags,
  settings: Readonly<Record<string, string>>,
): Promise<Running> {
  console.log(`Using the settings in ${settingsFile} …`);
  const emulator = await emulatorFor(settings, { dir: ".local/storage" });
  const storage = emulator?.connectionString ?? settings.REPORTER_STORAGE ?? "";
  const host = await startLocalHost(flags, { ...settings, ...(storage && { REPORTER_STORAGE: storage }) }, storage);
  await runToday(host);
  const report = await fetch(`${host.url}/api/report?format=text`, { headers: { "x-functions-key": host.key ?? "" } });
  console.log(`\n${await report.text()}`);
  return {
    host,
    inboxUrl: null,
    close: async () => {
      await host.close();
      await emulator?.close();
    },
  };
}
