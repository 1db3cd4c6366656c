import { closestMatch } from "leven";

/** The word that a misspelt one is probably meant for: at most two letters differ, apart from upper and lower case. */
export function closest<T extends string>(text: string, words: readonly T[]): T | undefined {
  const lowered = words.map((word) => word.toLowerCase());
  const near = closestMatch(text.toLowerCase(), lowered, { maxDistance: 2 });
  return words.find((word) => word.toLowerCase() === near);
}
