import { readFileSync } from "node:fs";

type Environment = Readonly<Record<string, string>>;

/**
 * The parameters that azd reads from infra/main.parameters.json: it puts values into the JSON of each parameter as they are,
 * takes a default where a variable is unset or empty, and leaves out a parameter that is then empty.
 */
export function readAsAzd(env: Environment): Map<string, string> {
  const { parameters } = JSON.parse(readFileSync("infra/main.parameters.json", "utf8"));
  return new Map(
    Object.entries(parameters).flatMap(([name, parameter]) => {
      const text = JSON.stringify(parameter).replaceAll(
        /\$\{(\w+)(?:=([^}]*))?\}/g,
        (_all, variable: string, fallback = "") => env[variable] || fallback,
      );
      const { value } = JSON.parse(text);
      return value === "" ? [] : [[name, value] as const];
    }),
  );
}
