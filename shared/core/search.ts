import type { KbEntry, KbRow } from "./row.ts";

/** The words of a search, of which each must occur; upper and lower case are the same. */
export function searchWords(search: string): string[] {
  return search.toLowerCase().split(/\s+/).filter(Boolean);
}

/** What a search looks through for every entry of a row. */
export function searchedText({ id, name, productsNames }: Pick<KbRow, "id" | "name" | "productsNames">): string {
  return [`kb${id}`, name, ...productsNames].join("\n").toLowerCase();
}

/** Whether each word occurs in the text of an entry's row or in its software id. */
export function isFound({ softwareId }: Pick<KbEntry, "softwareId">, text: string, words: readonly string[]): boolean {
  const id = softwareId.toLowerCase();
  return words.every((word) => text.includes(word) || id.includes(word));
}
