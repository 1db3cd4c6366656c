import { shown } from "./excerpt.ts";
import type { Advice, Kind, Notes } from "./reader.ts";

/** A kind that is read from text, without the white space around it. */
export function textKind<T>(advice: Advice, read: (text: string, notes: Notes) => T | null): Kind<T> {
  return {
    ...advice,
    read(value, notes) {
      if (typeof value === "string") return read(value.trim(), notes);
      notes.fault("is not a text");
      return null;
    },
  };
}

/** A whole number in a range, both ends allowed. */
export function wholeNumber(least: number, most: number, example: number): Kind<number> {
  return {
    allowed: `a whole number from ${least} to ${most}`,
    example: String(example),
    read(value, { fault }) {
      const text = typeof value === "number" ? String(value) : value;
      const number = typeof text === "string" && /^\s*-?\d{1,15}\s*$/.test(text) ? Number(text) : Number.NaN;
      if (number >= least && number <= most) return number;
      fault(`${shown(value)} is ${Number.isNaN(number) ? "not a whole number" : "out of range"}`);
      return null;
    },
  };
}

/** One of some words, in capitals or not. */
export function choice<const T extends string>(values: readonly T[], example: T): Kind<T> {
  return textKind({ allowed: values.join(", "), example }, (text, { fault }) => {
    const value = values.find((one) => one.toLowerCase() === text.toLowerCase());
    if (value === undefined) fault(`${shown(text)} is not one of the values`);
    return value ?? null;
  });
}

/** A text of one shape; the value is left out of the fault where people may paste a secret instead. */
export function shapedText(advice: Advice, shape: RegExp, fault: string): Kind<string> {
  return textKind(advice, (text, notes) => {
    if (shape.test(text)) return text;
    notes.fault(fault);
    return null;
  });
}

const guidShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text is a GUID, in capitals or not. */
export function isGuid(text: string): boolean {
  return guidShape.test(text);
}

/** The client id of an identity or app registration. People paste its secret instead, so a faulty one is not shown. */
export const clientIdKind = textKind(
  { allowed: "a client id (GUID)", example: "00000000-1111-2222-3333-444444444444" },
  (text, { fault }) => {
    if (isGuid(text)) return text.toLowerCase();
    fault("is not a GUID");
    return null;
  },
);

/** A time zone by its IANA name. */
export const timeZoneKind = textKind(
  { allowed: "UTC or an IANA name; no Windows name and no offset", example: "Europe/Berlin" },
  (text, { fault }) => {
    const name = canonicalTimeZone(text);
    if (name === null) fault(`${shown(text)} is no known time zone`);
    return name;
  },
);

function canonicalTimeZone(text: string): string | null {
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions();
    if (!/^[a-z]/i.test(timeZone)) return null;
    // The runtime answers Asia/Calcutta to Asia/Kolkata: only the spelling of the same name is taken over.
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

/** The entries of a setting's text or of a JSON array, trimmed, empty ones left out. */
export function readList(value: unknown, split: (text: string) => string[], { fault }: Notes): string[] {
  const items: unknown[] = Array.isArray(value) ? value : typeof value === "string" ? split(value) : [value];
  const texts = items.filter((item) => typeof item === "string");
  if (texts.length < items.length) fault("holds something else than texts");
  return texts.map((text) => text.trim()).filter((text) => text !== "");
}
