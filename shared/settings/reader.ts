import { closest } from "./closest.ts";
import { excerpt, fewOf } from "./excerpt.ts";
import { isSet, type Kind } from "./kinds.ts";
import { type SettingName, type SettingValues, settingNames, settingsTable } from "./table.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What follows a fault. */
interface Advice {
  allowed: string;
  example: string;
}

/** A kind with an example of its values. */
export interface Example<T> {
  kind: Kind<T>;
  example: string;
}

/** Checks values, and reads on after a fault, so that all faults can be reported at once. */
export interface Checker {
  /** One line each, `label: fault. Allowed: …. Example: …`. */
  problems: string[];
  warnings: string[];
  /** The value as its kind reads it; the fallback after a fault, which becomes a problem. */
  check<T, F>(label: string, described: Example<T>, value: unknown, fallback: F): T | F;
  refuse(label: string, fault: string, advice: Advice): void;
}

/** A checker over an environment. */
export interface Reader extends Checker {
  /** Whether the setting has a value, usable or not. */
  has(name: SettingName): boolean;
  /** The default, where the setting is absent or faulty; a fault becomes a problem. */
  read<N extends SettingName>(name: N): SettingValues[N];
  /** The same, but absence is a problem; the fallback only lets the reading go on. */
  require<N extends SettingName>(
    name: N,
    fallback: NonNullable<SettingValues[N]>,
    advice?: Advice,
  ): NonNullable<SettingValues[N]>;
  warn(sentence: string): void;
}

const table: { [N in SettingName]: Example<NonNullable<SettingValues[N]>> & { default: SettingValues[N] } } =
  settingsTable;

/** A checker that has found nothing yet. */
export function openChecker(): Checker {
  const problems: string[] = [];
  const warnings: string[] = [];
  const refuse: Checker["refuse"] = (label, fault, { allowed, example }) => {
    problems.push(`${label}: ${fault}${fault.endsWith("?") ? "" : "."} Allowed: ${allowed}. Example: ${example}`);
  };
  const check: Checker["check"] = (label, described, value, fallback) => {
    const faults = fewOf("; ");
    const suggestions = fewOf(", ");
    const warning = (text: string) => warnings.push(`${label}: ${text}.`);
    const result = described.kind.read(value, { fault: faults.add, warning, suggestion: suggestions.add });
    if (faults.count() === 0 && result !== null) return result;
    refuse(label, faults.text() + didYouMean(suggestions.text()), adviceOf(described));
    return fallback;
  };
  return { problems, warnings, check, refuse };
}

/** A reader over an environment. Every unresolved Key Vault reference in it is a problem from the start. */
export function openReader(env: Environment): Reader {
  const checker = openChecker();
  const { warnings, check, refuse } = checker;
  const unresolved = settingNames.filter((name) => keyVaultReference.test(env[name] ?? ""));
  for (const name of unresolved) refuse(name, unresolvedFault, unresolvedAdvice);

  const has: Reader["has"] = (name) => isSet(env[name]);
  const typos = findTypos(env);
  for (const [name, typo] of typos) warnings.push(`${typo}: is not a setting. Did you mean ${name}?`);

  const read: Reader["read"] = (name) =>
    has(name) && !unresolved.includes(name)
      ? check(name, table[name], env[name], table[name].default)
      : table[name].default;
  const require: Reader["require"] = (name, fallback, advice = adviceOf(table[name])) => {
    const typo = typos.get(name);
    const missing = typo === undefined ? "is missing" : `is missing; ${typo} is set, but is not a setting`;
    if (!has(name)) refuse(name, missing, advice);
    return read(name) ?? fallback;
  };
  return { ...checker, has, read, require, warn: (sentence) => warnings.push(sentence) };
}

/** What a value may be, with an example. */
export function adviceOf({ kind, example }: Example<unknown>): Advice {
  return { allowed: kind.allowed, example };
}

/** The end of a fault that has suggestions. */
export function didYouMean(suggestions: string): string {
  return suggestions === "" ? "" : `. Did you mean ${suggestions}?`;
}

const starts = new Set(settingNames.map((name) => name.slice(0, 3)));

/** Variables that look like a misspelt setting, by the setting that is absent. */
function findTypos(env: Environment): ReadonlyMap<SettingName, string> {
  const typos = new Map<SettingName, string>();
  for (const variable of Object.keys(env)) {
    // Comparing every variable with every name would add 5 ms to the app's start.
    const start = variable.slice(0, 3).toUpperCase();
    if (!starts.has(start) || Object.hasOwn(settingsTable, variable) || !isSet(env[variable])) continue;
    const absent = settingNames.filter((name) => name.startsWith(start) && !isSet(env[name]));
    const name = closest(variable, absent);
    if (name !== undefined) typos.set(name, excerpt(variable));
  }
  return typos;
}

const keyVaultReference = /^\s*@Microsoft\.KeyVault\(/i;
const unresolvedFault =
  "holds a Key Vault reference that was not resolved; check the secret's name in the reference, give the app's identity the role Key Vault Secrets User on the vault, let the app's network reach the vault, and then refresh the reference (docs/operate.md, \"Changing the SendGrid key\"), because a restart does not read the vault again";
const unresolvedAdvice = {
  allowed: "in Azure a reference that resolves; on your own machine the value itself",
  example: "@Microsoft.KeyVault(SecretUri=https://my-vault.vault.azure.net/secrets/my-secret)",
};
