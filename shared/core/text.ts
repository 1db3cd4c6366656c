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

/** The text of a file that a person saved, without a byte order mark; `fault`: why it has none. */
export function decodeUtf8(bytes: Uint8Array): { text: string } | { fault: string } {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { fault: "is in UTF-16. Save it in UTF-8" };
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { fault: "is not in UTF-8. Save it in UTF-8" };
  }
}
