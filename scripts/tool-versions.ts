/** A program that the deployment calls, and the least version that can do it. */
export interface Tool {
  name: string;
  least: string;
  /** What it says of itself; fails where it is not installed. */
  version: () => Promise<string>;
  install: string;
}

/** What is missing or too old, a line each. */
export async function checkTools(tools: readonly Tool[]): Promise<string[]> {
  const faults = await Promise.all(tools.map(faultOf));
  return faults.filter((fault) => fault !== null);
}

async function faultOf({ name, least, version, install }: Tool): Promise<string | null> {
  const found = await version().catch(() => null);
  if (found === null) return `${name}: was not found. Install version ${least} or later: ${install}`;
  if (isAtLeast(found, least)) return null;
  return `${name}: version ${found} is too old. Install ${least} or later: ${install}`;
}

/** Compares version numbers part by part; what follows a hyphen or a plus does not count. */
export function isAtLeast(version: string, least: string): boolean {
  const [found, wanted] = [version, least].map((text) => (text.split(/[-+]/)[0] ?? "").split(".").map(Number));
  for (const [index, part] of (wanted ?? []).entries()) {
    const difference = (found?.[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
