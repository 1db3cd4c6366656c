import { shown } from "./excerpt.ts";

/** Where a kind reports what it found, in fragments that follow the setting's name. */
export interface Notes {
  fault(text: string): void;
  warning(text: string): void;
  /** What was probably meant: the end of "Did you mean". */
  suggestion(text: string): void;
}

/** What a value may be, and how it becomes a `T`. */
export interface Kind<T> {
  /** The end of "Allowed:", in errors and in docs/settings.md. */
  allowed: string;
  /** As much of it as JSON Schema can say, for editors. */
  schema: Readonly<Record<string, unknown>>;
  /** `null` only after a fault. */
  read(value: unknown, notes: Notes): T | null;
}

/** What a kind reads. */
export type ValueOf<K> = K extends Kind<infer T> ? T : never;

/** Whether a variable holds more than white space: an empty setting counts as absent. */
export function isSet(value: string | undefined): boolean {
  return value !== undefined && value.trim() !== "";
}

/** A kind that is read from a string, without the white space around it. */
export function textKind<T>(
  allowed: string,
  read: (text: string, notes: Notes) => T | null,
  schema: Kind<T>["schema"] = {},
): Kind<T> {
  return {
    allowed,
    schema: { type: "string", ...schema },
    read(value, notes) {
      if (typeof value === "string") return read(value.trim(), notes);
      notes.fault("must be a string");
      return null;
    },
  };
}

/** A whole number in a range, both ends allowed. */
export function wholeNumber(least: number, most: number): Kind<number> {
  return {
    allowed: `a whole number from ${least} to ${most}`,
    schema: { type: "integer", minimum: least, maximum: most },
    read(value, { fault }) {
      const text = typeof value === "number" ? String(value) : value;
      const number = typeof text === "string" && /^\s*-?\d{1,15}\s*$/.test(text) ? Number(text) : Number.NaN;
      if (number >= least && number <= most) return number;
      fault(`${shown(value)} is ${Number.isNaN(number) ? "not a whole number" : "out of range"}`);
      return null;
    },
  };
}

/** One of some words, in upper or lower case. */
export function choice<const T extends string>(...values: readonly T[]): Kind<T> {
  const read = (text: string, { fault }: Notes) => {
    const value = values.find((one) => one.toLowerCase() === text.toLowerCase());
    if (value === undefined) fault(`${shown(text)} is not one of the values`);
    return value ?? null;
  };
  return textKind(values.join(", "), read, { enum: values });
}

/** Yes or no, in JSON also as a boolean. */
export const flag: Kind<boolean> = {
  allowed: "true, false",
  schema: { enum: [true, false, "true", "false"] },
  read(value, notes) {
    const word = typeof value === "boolean" ? String(value) : value;
    const read = choice("true", "false").read(word, notes);
    return read && read === "true";
  },
};

/** A text of one shape. A faulty value is not shown: people paste secrets here by mistake. */
export function shapedText(allowed: string, shape: RegExp, fault: string): Kind<string> {
  const read = (text: string, notes: Notes) => {
    if (shape.test(text)) return text;
    notes.fault(fault);
    return null;
  };
  return textKind(allowed, read, { pattern: shape.source });
}

const guidShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text is a GUID, in upper or lower case. */
export function isGuid(text: string): boolean {
  return guidShape.test(text);
}

/** The client id of an identity or app registration. A faulty one is not shown: people paste its secret instead. */
export const clientIdKind = textKind("a client id (GUID)", (text, { fault }) => {
  if (isGuid(text)) return text.toLowerCase();
  fault("is not a GUID");
  return null;
});

/** A time zone by its IANA name. */
export const timeZoneKind = textKind("UTC or an IANA name (no Windows name, no offset)", (text, { fault }) => {
  const name = canonicalTimeZone(text);
  if (name === null) fault(`${shown(text)} is not a known time zone`);
  return name;
});

function canonicalTimeZone(text: string): string | null {
  // The first use of Intl takes some 10 ms of the app's start.
  if (/^utc$/i.test(text)) return "UTC";
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions();
    if (!/^[a-z]/i.test(timeZone)) return null;
    // The runtime turns Asia/Kolkata into Asia/Calcutta: take over its capitals, not another name.
    return timeZone.toLowerCase() === text.toLowerCase() ? timeZone : text;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Whether a text is the name of an internet domain with at least two parts. */
export function isDomain(text: string): boolean {
  const labels = text.split(".");
  return (
    text.length <= 253 &&
    labels.length >= 2 &&
    labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)) &&
    /^[a-z]/i.test(labels.at(-1) ?? "")
  );
}

/** A list as an array of strings, or as one string that `readList` splits. */
export function listSchema(item: object, maxItems: number): Kind<unknown>["schema"] {
  const text = { type: "string", pattern: "\\S" };
  return { anyOf: [{ type: "array", items: { ...text, ...item }, minItems: 1, maxItems }, text] };
}

/** The entries of a setting's text or of a JSON array, trimmed, without empty ones. */
export function readList(value: unknown, split: (text: string) => string[], { fault }: Notes): string[] {
  const items: unknown[] = Array.isArray(value) ? value : typeof value === "string" ? split(value) : [value];
  const texts = items.filter((item) => typeof item === "string");
  if (texts.length < items.length) fault("must contain only strings");
  return texts.map((text) => text.trim()).filter((text) => text !== "");
}
