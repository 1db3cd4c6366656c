import { closest } from "../shared/settings/closest.ts";
import { choice, clientIdKind, isGuid, isSet, type Kind, textKind, wholeNumber } from "../shared/settings/kinds.ts";
import { addressKind } from "../shared/settings/mail-addresses.ts";
import { type Environment, type Example, openChecker } from "../shared/settings/reader.ts";
import { type SettingName, settingsTable } from "../shared/settings/table.ts";
import { readSettings, SettingsError } from "../shared/settings.ts";

/** The variables of infra/main.parameters.json that are not settings of the app and that people set. */
export const deploymentVariables: Readonly<Record<string, Example<unknown>>> = {
  REPORTER_NODE_VERSION: { kind: choice("22", "24"), example: "24" },
  REPORTER_INSTANCE_MEMORY_MB: { kind: choice("512", "2048", "4096"), example: "2048" },
  REPORTER_MAXIMUM_INSTANCES: { kind: wholeNumber(1, 1_000), example: "40" },
  REPORTER_STORAGE_REDUNDANCY: {
    kind: choice("Standard_LRS", "Standard_ZRS", "Standard_RAGRS", "Standard_RAGZRS"),
    example: "Standard_ZRS",
  },
  REPORTER_NETWORK: { kind: choice("public", "private"), example: "public" },
  WATCHLISTS_IN: { kind: choice("settings", "blob"), example: "blob" },
  MAIL_DATA_LOCATION: {
    kind: choice(
      ...["Australia", "Brazil", "Canada", "Europe", "France", "Germany", "India", "Japan", "Switzerland", "UK"],
      "United States",
    ),
    example: "Europe",
  },
  ALERT_MAIL_TO: {
    kind: listOf("addresses without names", "a plain address", isPlainAddress),
    example: "oncall@contoso.com,it@contoso.com",
  },
  ALERT_WITHOUT_RUN_HOURS: { kind: wholeNumber(0, 47), example: "26" },
  LOG_CAP_GB_PER_DAY: { kind: choice("0.1", "0.5", "1", "5"), example: "0.5" },
  LOG_RETENTION_DAYS: { kind: wholeNumber(30, 730), example: "30" },
  SIGN_IN_CLIENT_ID: { kind: clientIdKind, example: "11111111-2222-3333-4444-555555555555" },
  SIGN_IN_GROUPS: {
    kind: listOf("object ids of groups (GUIDs)", "a GUID", isGuid),
    example: "11111111-2222-3333-4444-555555555555",
  },
  SIGN_IN_APPLICATIONS: {
    kind: listOf("client ids of programs (GUIDs)", "a GUID", isGuid),
    example: "11111111-2222-3333-4444-555555555555",
  },
};

function listOf(items: string, item: string, isOne: (text: string) => boolean): Kind<string> {
  return textKind(`${items}, separated by commas or semicolons`, (text, { fault }) => {
    if (text.split(/[,;]/).every((one) => isOne(one.trim()))) return text;
    fault(`has an entry that is not ${item}`);
    return null;
  });
}

// The alerts' action group takes no name beside an address.
function isPlainAddress(text: string): boolean {
  let isFaulty = text.includes("<");
  const fault = () => {
    isFaulty = true;
  };
  addressKind.read(text, { fault, warning: () => {}, suggestion: () => {} });
  return !isFaulty;
}

/** What a deployment would be refused for, and what may be a mistake: a line each, without secrets. */
export interface CheckedValues {
  faults: readonly string[];
  warnings: readonly string[];
}

/** Checks what azd will put into the text of infra/main.parameters.json, as the app and Azure will later. */
export function checkValues(env: Environment, parametersFile: string): CheckedValues {
  const variables = [...parametersFile.matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => name);
  const given = variables.filter((name) => isSet(env[name]));
  const uncarried = given.filter((name) => !isCarried(env[name] ?? ""));
  const values = Object.fromEntries(given.filter((name) => !uncarried.includes(name)).map((name) => [name, env[name]]));
  const settings = checkSettings(values);
  return {
    faults: [...uncarried.map(uncarriedFault), ...settings.faults, ...checkDeployment(values)],
    warnings: [...findTypos(env, variables), ...settings.warnings],
  };
}

// azd puts values into the JSON as they are.
function isCarried(value: string): boolean {
  return !/["\\\p{Cc}]/u.test(value);
}

function uncarriedFault(name: string): string {
  const instead =
    name === "MAIL_TO" || name === "MAIL_FROM" ? " Names need none: Patch Team <patch-team@contoso.com>." : "";
  return `${name}: contains a quotation mark, a backslash, a line break or a tab, which azd cannot pass on. Leave it out.${instead}`;
}

/** What the app would say at its start. azd asks for what is missing, and infra/ makes the rest: both are examples here. */
function checkSettings(values: Environment): CheckedValues {
  const isSetting = (name: string): name is SettingName => Object.hasOwn(settingsTable, name);
  const given = Object.fromEntries(Object.entries(values).filter(([name]) => isSetting(name)));
  const { MAIL_TO, MAIL_FROM, SOFTWARE_IDS, SENDGRID_API_KEY, ACS_ENDPOINT } = settingsTable;
  const asked = { MAIL_TO: MAIL_TO.example, SOFTWARE_IDS: SOFTWARE_IDS.example };
  const isAcs = given.MAIL_TRANSPORT?.trim().toLowerCase() === "acs";
  const sender = isAcs ? { MAIL_FROM: MAIL_FROM.example, ACS_ENDPOINT: ACS_ENDPOINT.example } : {};
  const made = { SENDGRID_API_KEY: SENDGRID_API_KEY.example, WEBSITE_AUTH_ENABLED: "true", ...sender };
  try {
    return { faults: [], warnings: readSettings({ ...asked, ...made, ...given }).warnings };
  } catch (error) {
    if (error instanceof SettingsError) return { faults: error.problems, warnings: [] };
    throw error;
  }
}

function checkDeployment(values: Environment): readonly string[] {
  const checker = openChecker();
  for (const [name, described] of Object.entries(deploymentVariables)) {
    if (values[name] !== undefined) checker.check(name, described, values[name], null);
  }
  if (values.AUTH?.trim().toLowerCase() === "entra" && values.SIGN_IN_CLIENT_ID === undefined) {
    const { kind, example } = deploymentVariables.SIGN_IN_CLIENT_ID as Example<unknown>;
    checker.refuse("SIGN_IN_CLIENT_ID", "is missing, but AUTH is entra", { allowed: kind.allowed, example });
  }
  return checker.problems;
}

/** Variables that look like a misspelt one. azd ignores them, and would deploy a default. */
function findTypos(env: Environment, variables: readonly string[]): string[] {
  const absent = variables.filter((name) => !isSet(env[name]));
  return Object.keys(env).flatMap((name) => {
    if (variables.includes(name) || Object.hasOwn(settingsTable, name) || !isSet(env[name])) return [];
    const start = name.slice(0, 3).toUpperCase();
    const meant = closest(
      name,
      absent.filter((one) => one.startsWith(start)),
    );
    return meant === undefined ? [] : [`${name}: is not a variable of this deployment. Did you mean ${meant}?`];
  });
}
