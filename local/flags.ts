import { parseArgs } from "node:util";
import { closest } from "../shared/settings/closest.ts";

/** What a command was called with cannot be used; the message says what is allowed. */
export class UsageError extends Error {}

type Options = Readonly<Record<string, { type: "boolean" | "string" }>>;

type Values<O extends Options> = { [name in keyof O]?: O[name]["type"] extends "boolean" ? true : string };

/** The flags of a command; throws a `UsageError`. `script`: the npm script, which flags follow after `--`. */
export function readFlags<const O extends Options>(args: readonly string[], script: string, options: O): Values<O> {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const values: Record<string, string | true> = {};
  for (const token of tokens) {
    const fault = faultOf(token, script, options);
    if (fault !== null) throw new UsageError(fault);
    if (token.kind === "option") values[token.name] = token.value ?? true;
  }
  return values as Values<O>;
}

type Token =
  | { kind: "option"; name: string; rawName: string; value: string | undefined }
  | { kind: "positional"; value: string }
  | { kind: "option-terminator" };

function faultOf(token: Token, script: string, options: Options): string | null {
  if (token.kind === "option-terminator") return null;
  if (token.kind === "positional") return unexpected(token.value, script);
  const { name, rawName, value } = token;
  const type = Object.hasOwn(options, name) ? options[name]?.type : undefined;
  if (type === undefined) return unknown(rawName, Object.keys(options));
  if (type === "boolean") return value === undefined ? null : `${rawName} takes no value.`;
  // A value that begins like this is the next flag.
  return value === undefined || value.startsWith("-") ? `${rawName} needs a value.` : null;
}

function unexpected(text: string, script: string): string {
  return `"${text}" is not a flag. npm keeps flags for itself unless they follow two hyphens: ${script} -- --help`;
}

function unknown(given: string, names: readonly string[]): string {
  const near = closest(given.replace(/^-+/, ""), names);
  const allowed = names.map((name) => `--${name}`).join(", ");
  return `There is no flag ${given}. ${near ? `Did you mean --${near}?` : `There are ${allowed}.`}`;
}
