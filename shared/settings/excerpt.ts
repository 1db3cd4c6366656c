import { plainText } from "../core/text.ts";

const secretMarks = [
  /\bSG\.\w/,
  /AccountKey|SharedAccess|@Microsoft\.KeyVault|BEGIN [A-Z ]{0,30}PRIVATE/i,
  /\b(sig|code|secret|password|pwd|token|key)["']?\s{0,3}[=:]/i,
  /:\/\//,
  /\b[0-9a-f]{32,}\b/i,
];

/** Whether a text may be a secret in the wrong place: it has a known mark, or a long run of mixed letters and digits. */
export function looksSecret(text: string): boolean {
  if (secretMarks.some((mark) => mark.test(text))) return true;
  const runs = text.match(/[\w+/=~.-]{24,}/g) ?? [];
  return runs.some((run) => /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run));
}

const longest = 60;

/** A text for a message: on one line, at most 60 characters, and only `…` for what may be a secret. */
export function excerpt(text: string): string {
  if (looksSecret(text)) return "…";
  const clean = plainText(text);
  // Cleaned again, because the cut may halve a character.
  return clean.length <= longest ? clean : `${plainText(clean.slice(0, longest))}…`;
}

/** A faulty value, as the subject of a fault. */
export function shown(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") return "the value";
  return looksSecret(String(value)) ? "a value that looks like a secret" : `"${excerpt(String(value))}"`;
}

/** Keeps the first few texts and counts the rest: a thousand faults of one kind help nobody. */
export function fewOf(separator: string, most = 3) {
  const texts: string[] = [];
  let count = 0;
  return {
    add(text: string | (() => string)) {
      count += 1;
      if (texts.length < most) texts.push(typeof text === "string" ? text : text());
    },
    count: () => count,
    text: () => [...texts, ...(count > texts.length ? [`and ${count - texts.length} more`] : [])].join(separator),
  };
}

/** Some values of a list, for a message. */
export function listShown(texts: Iterable<string>): string {
  const few = fewOf(", ");
  for (const text of texts) few.add(excerpt(text));
  return few.text();
}
