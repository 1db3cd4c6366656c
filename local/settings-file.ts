import { existsSync, readFileSync } from "node:fs";
import { decodeUtf8 } from "../shared/core/text.ts";
import { developmentStorage } from "../shared/settings/connection-string.ts";
import { parseJson } from "../shared/settings/json.ts";

/** The Functions tools' file with your own settings, in the current folder. */
export const settingsFile = "local.settings.json";

export interface OwnSettings {
  values: Readonly<Record<string, string>>;
  /** Adds to a problem of a setting where in the file its value is. */
  withPlace(problem: string): string;
}

/** The settings in `local.settings.json`, or `null` if there is no such file. An error says where the file is faulty. */
export function readSettingsFile(): OwnSettings | null {
  if (!existsSync(settingsFile)) return null;
  const decoded = decodeUtf8(readFileSync(settingsFile));
  if ("fault" in decoded) return refuse(decoded.fault);
  const { text } = decoded;
  const content = parseJson(text, refuse);
  const { IsEncrypted, Values } = Object(content);
  if (IsEncrypted === true) refuse('is encrypted. Decrypt it with "func settings decrypt"');
  if (!isObject(Values)) refuse('needs an object "Values" with the settings, as in local.settings.sample.json');
  return { values: textsOf(Values, text), withPlace: (problem) => withPlace(problem, text) };
}

function refuse(fault: string): never {
  throw new Error(`${settingsFile} ${fault}.`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textsOf(values: Readonly<Record<string, unknown>>, text: string): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === null) continue;
    if (typeof value === "object") {
      const fault = `${name} must be a text: put the value into quotation marks, with \\" for each inside`;
      throw new Error(withPlace(fault, text));
    }
    texts[name] = String(value);
  }
  return texts;
}

/** A problem with where in the file the value of the setting is that it begins with. */
function withPlace(problem: string, file: string): string {
  const name = /^\w+/.exec(problem)?.[0] ?? "";
  // Of a name that is there twice, JSON takes the last.
  const found = [...file.matchAll(new RegExp(`"${name}"\\s*:\\s*`, "g"))].at(-1);
  if (name === "" || !found) return problem;
  const lines = file.slice(0, found.index + found[0].length).split("\n");
  return `${problem} (${settingsFile}, line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1})`;
}

/** Whether the settings name no storage but the emulator. */
export function needsEmulator(settings: OwnSettings["values"]): boolean {
  const {
    REPORTER_STORAGE: text,
    REPORTER_STORAGE__tableServiceUri: uri,
    REPORTER_STORAGE__accountName: account,
  } = settings;
  return (text || uri || account || developmentStorage) === developmentStorage;
}
