import { isDay } from "../core/day.ts";
import { type EntryPosition, readPosition } from "../core/entry-position.ts";
import { kbIdOf } from "../core/missing-kb.ts";
import { isRunId } from "../core/run-id.ts";
import { plainText } from "../core/text.ts";
import { keyParameter, maxLength, type Parameter, type Parameters, type Values } from "../render/parameters.ts";
import { badParameter, type Problem } from "./problem.ts";

/**
 * Reads each parameter of a query, or of a form, into its typed value. An empty one counts as absent. One that the table
 * does not have, that is repeated or that has a value that is not allowed is refused by name.
 */
export function readQuery<P extends Parameters>(query: URLSearchParams, table: P): Values<P & typeof keyParameter> {
  const parameters: Parameters = { ...table, ...keyParameter };
  for (const name of query.keys()) if (!Object.hasOwn(parameters, name)) throw unknownParameter(name, table);
  const values = Object.entries(parameters).flatMap(([name, parameter]) => {
    const text = readText(query, name);
    const value = text === "" ? ("default" in parameter ? parameter.default : undefined) : read(name, text, parameter);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(values);
}

/** A parameter that a call does not take. */
export function unknownParameter(name: string, table: Parameters): Problem {
  const known = Object.keys(table);
  const shown = plainText(name).slice(0, 60);
  const detail = known.length > 0 ? `The parameters are ${known.join(", ")}.` : "This call takes no parameters.";
  return badParameter(shown, `There is no parameter "${shown}". ${detail}`, known);
}

/** A run id that is none, or a run id where only `latest` is missing. */
export function badRunId(name: string, latest: boolean): Problem {
  const examples = ["2026-11-23", "2026-11-23T10:17Z"];
  const detail = `"${name}" must be ${latest ? '"latest" or ' : ""}a run id such as ${examples.join(" or ")}.`;
  return badParameter(name, detail, latest ? ["latest", ...examples] : examples);
}

function readText(query: URLSearchParams, name: string): string {
  const given = query.getAll(name);
  if (given.length > 1) throw badParameter(name, `"${name}" is given ${given.length} times. Give it once.`);
  const text = plainText(given[0]);
  if (text.length > maxLength) throw badParameter(name, `"${name}" must not be longer than ${maxLength} characters.`);
  return text;
}

function read(name: string, text: string, parameter: Parameter): string | number | boolean | EntryPosition {
  switch (parameter.kind) {
    case "text":
      return text;
    case "kb":
      return kbIdOf(text);
    case "choice":
      return oneOf(name, text, parameter.allowed);
    case "flag":
      return oneOf(name, text, ["true", "false"]) === "true";
    case "number":
      return readNumber(name, text, parameter);
    case "run":
      if (isRunId(text) || (parameter.latest && text === "latest")) return text;
      throw badRunId(name, parameter.latest);
    case "day":
      if (isDay(text)) return text;
      throw badParameter(name, `"${name}" must be a day such as 2026-11-23.`, ["2026-11-23"]);
    case "position":
      return readPosition(text) ?? badPosition(name);
  }
}

function badPosition(name: string): never {
  throw badParameter(name, `"${name}" must be the position that the "next" link of a page has. Follow that link.`);
}

function oneOf(name: string, text: string, allowed: readonly string[]): string {
  if (allowed.includes(text)) return text;
  throw badParameter(name, `"${name}" must be one of ${allowed.join(", ")}.`, allowed);
}

function readNumber(name: string, text: string, parameter: Extract<Parameter, { kind: "number" }>): number {
  const { minimum = 1, maximum } = parameter;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (number >= minimum && number <= maximum) return number;
  throw badParameter(name, `"${name}" must be a whole number from ${minimum} to ${maximum}.`);
}
