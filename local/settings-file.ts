import { existsSync, readFileSync } from "node:fs";
import { developmentStorage } from "../shared/settings/connection-string.ts";
import { type Azurite, type AzuriteOptions, startAzurite } from "./azurite.ts";

/** The Functions tools' file with your own settings, in the current folder. */
export const settingsFile = "local.settings.json";

/** The settings in `local.settings.json`, or `null` if there is no such file. */
export function readSettingsFile(): Record<string, string> | null {
  if (!existsSync(settingsFile)) return null;
  try {
    return JSON.parse(readFileSync(settingsFile, "utf8")).Values ?? {};
  } catch (cause) {
    throw new Error(`${settingsFile} is not valid JSON. Compare it with local.settings.sample.json.`, { cause });
  }
}

/** A storage emulator if the settings name no other storage, otherwise `null`. */
export async function emulatorFor(
  settings: Readonly<Record<string, string>>,
  options: AzuriteOptions = {},
): Promise<Azurite | null> {
  const {
    REPORTER_STORAGE: text,
    REPORTER_STORAGE__tableServiceUri: uri,
    REPORTER_STORAGE__accountName: account,
  } = settings;
  const named = text || uri || account || developmentStorage;
  return named === developmentStorage ? startAzurite(options) : null;
}
