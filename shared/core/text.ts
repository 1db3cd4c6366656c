// Control and direction characters can forge log lines and reverse what a reader sees.
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

const maxLength = 4_000;

/** Text from outside, made safe for one line: bounded, without control, direction or unpaired characters. */
export function plainText(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return "";
  return value.slice(0, maxLength).replace(invisible, " ").trim();
}

const tokens = /\bBearer\s+\S{20,}|eyJ[\w-]{10,}(\.[\w-]*)*/gi;

/** A text without access tokens: an answer may echo its request. */
export function withoutTokens(text: string): string {
  return text.replace(tokens, "[token]");
}

/** Order by UTF-16 code units: the same on every machine, in any locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
