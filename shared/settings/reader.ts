import { fewOf } from "./excerpt.ts";
import { type SettingName, settingNames } from "./names.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a fault is followed by. */
export interface Advice {
  allowed: string;
  example: string;
}

/** Where a kind of value tells what it found; faults are fragments that follow the setting's name. */
export interface Notes {
  fault(text: string): void;
  warning(text: string): void;
}

/** What a value may be, and how it becomes a `T`. */
export interface Kind<T> extends Advice {
  /** `null` only after a fault was told. */
  read(value: unknown, notes: Notes): T | null;
}

/** Reads on over faults, so that all of them can be told at once. */
export interface Reader {
  problems: readonly string[];
  warnings: readonly string[];
  /** Whether anything stands there, usable or not. */
  has(name: SettingName): boolean;
  /** What is absent or faulty becomes the fallback; a fault is kept as a problem. */
  read<T, F>(name: SettingName, kind: Kind<T>, fallback: F): T | F;
  /** The same, where absence is a problem too. */
  require<T>(name: SettingName, kind: Kind<T>, fallback: T): T;
  check<T, F>(label: string, kind: Kind<T>, value: unknown, fallback: F): T | F;
  refuse(label: string, fault: string, advice: Advice): void;
  warn(sentence: string): void;
}

/** A reader over an environment; every Key Vault reference in it is a problem from the start. */
export function openReader(env: Environment): Reader {
  const problems: string[] = [];
  const warnings: string[] = [];
  const refuse: Reader["refuse"] = (label, fault, { allowed, example }) => {
    problems.push(`${label}: ${fault}. Allowed: ${allowed}. Example: ${example}`);
  };
  const unresolved = settingNames.filter((name) => keyVaultReference.test(env[name] ?? ""));
  for (const name of unresolved) refuse(name, unresolvedFault, unresolvedAdvice);

  const has: Reader["has"] = (name) => isSet(env[name]);
  const check: Reader["check"] = (label, kind, value, fallback) => {
    const faults = fewOf("; ");
    const warning = (text: string) => warnings.push(`${label}: ${text}.`);
    const result = kind.read(value, { fault: faults.add, warning });
    if (faults.count() === 0 && result !== null) return result;
    refuse(label, faults.text(), kind);
    return fallback;
  };
  const read: Reader["read"] = (name, kind, fallback) =>
    has(name) && !unresolved.includes(name) ? check(name, kind, env[name], fallback) : fallback;
  const require: Reader["require"] = (name, kind, fallback) => {
    if (!has(name)) refuse(name, "is missing", kind);
    return read(name, kind, fallback);
  };
  return { problems, warnings, has, read, require, check, refuse, warn: (sentence) => warnings.push(sentence) };
}

const keyVaultReference = /^\s*@Microsoft\.KeyVault\(/i;
const unresolvedFault =
  "holds a Key Vault reference that was not resolved; check the secret's name in the reference, give the app's identity the role Key Vault Secrets User on the vault, let the app's network reach the vault, and restart the app";
const unresolvedAdvice = {
  allowed: "in Azure a reference that resolves; on your own machine, where none does, the value itself",
  example: "@Microsoft.KeyVault(SecretUri=https://my-vault.vault.azure.net/secrets/my-secret)",
};

/** Whether a variable holds more than white space: an empty setting is an absent one. */
export function isSet(value: string | undefined): boolean {
  return value !== undefined && value.trim() !== "";
}
