import { type Azurite, startAzurite } from "./azurite.ts";
import { lockFolder } from "./folder-lock.ts";
import type { Host } from "./host.ts";
import { runToday } from "./play.ts";
import { needsEmulator, type OwnSettings, settingsFile } from "./settings-file.ts";
import { type Running, type Start, startLocalHost } from "./start-host.ts";

const storageDir = ".local/storage";

/** Runs the app with your own settings; only the storage is simulated, and only if the settings name no other. */
export async function startWithSettings({ values }: OwnSettings, { flags, held, terminal }: Start): Promise<Running> {
  terminal.progress(`Using the settings in ${settingsFile}. Reading your products can take minutes …`, "milestone");
  const emulator = needsEmulator(values) ? await startOwnEmulator() : null;
  const storage = emulator?.connectionString ?? values.REPORTER_STORAGE ?? "";
  const env = { ...values, ...(storage && { REPORTER_STORAGE: storage }) };
  await held.release();
  const host = await startLocalHost({ port: held.port, env, storageConnectionString: storage }, terminal.say);
  const isOver = await runToday(host, { wait: flags.once });
  return {
    host,
    inboxUrl: null,
    digest: isOver ? await reportOf(host) : notOver,
    close: async () => {
      await host.close();
      await emulator?.close();
    },
  };
}

async function startOwnEmulator(): Promise<Azurite> {
  // Two emulators would overwrite each other's files.
  if (!(await lockFolder(storageDir))) {
    throw new Error(
      `Another "npm start" uses ${storageDir}. Stop it first, or set REPORTER_STORAGE to another account.`,
    );
  }
  return startAzurite({ dir: storageDir });
}

async function reportOf({ url, key }: Host): Promise<string> {
  const answer = await fetch(`${url}/api/report?format=text`, { headers: { "x-functions-key": key ?? "" } });
  return answer.text();
}

const notOver =
  'Today\'s run is not finished: some products could not be read, or the mail could not be sent.\nIt goes on by itself, and the report page shows how far it is. "npm run doctor" says what to do.';
