import { readFileSync } from "node:fs";

/** A parameter of a Bicep file; values are source text. */
export interface BicepParameter {
  name: string;
  type: string;
  /** Absent: the deployment must give a value. */
  fallback: string | undefined;
  description: string;
  secure: boolean;
  allowed: readonly string[];
}

/** The text of a file of infra/. */
export function infra(file: string): string {
  return readFileSync(`infra/${file}`, "utf8");
}

/** The parameters of a formatted Bicep file with the decorators above them. */
export function readParameters(text: string): BicepParameter[] {
  const shape = /^((?:@[\s\S]*?\n)*?)param (\w+) (\w+)(?: = (.+))?$/gm;
  return [...text.matchAll(shape)].map(([, decorators = "", name = "", type = "", fallback]) => {
    const decorator = (kind: string) => new RegExp(`^@${kind}\\(([\\s\\S]*?)\\)$`, "m").exec(decorators)?.[1];
    return {
      ...{ name, type, fallback },
      description: literal(decorator("description") ?? ""),
      secure: /^@secure\(\)$/m.test(decorators),
      allowed: [...(decorator("allowed") ?? "").matchAll(/'([^']*)'|\d+/g)].map(([all, quoted]) => quoted ?? all),
    };
  });
}

/** The value of a string; other literals are returned unchanged. */
export function literal(source: string): string {
  return /^'.*'$/s.test(source) ? source.slice(1, -1).replaceAll("\\'", "'") : source;
}

/** The source of each property of the object that begins after `opening`, by name. */
export function readObject(text: string, opening: string): Map<string, string> {
  const lines = text
    .slice(text.indexOf(opening) + opening.length)
    .split("\n")
    .slice(1);
  const indent = /^ */.exec(lines[0] ?? "")?.[0] ?? "";
  const own = new RegExp(`^${indent}(\\w+): (.*)$`);
  const properties = new Map<string, string>();
  for (const line of lines) {
    if (line.trim() !== "" && !line.startsWith(indent)) break;
    const [, name, source] = own.exec(line) ?? [];
    if (name !== undefined && source !== undefined) properties.set(name, source);
  }
  return properties;
}
