import * as z from "zod/mini";
import { larger } from "./counts.ts";
import type { RunDate } from "./day.ts";
import { compareText, plainText } from "./text.ts";

/** What Defender counts for a KB of one product. `null` is unknown, never 0. */
export interface Counts {
  machineMissedOn: number | null;
  cveAddressed: number | null;
}

/** One missing security update, under Defender's own field names. */
export interface ReadKb extends Counts {
  /** The KB's number without `KB`; where Defender gives no number, its id with the name. */
  id: string;
  /** A month's bundle, such as "March 2020 Security Updates"; empty if Defender gives none. */
  name: string;
  productsNames: readonly string[];
  url: string | null;
}

/** A missing KB with what only our own history knows. */
export interface MissingKb extends ReadKb {
  /** The day on which this product was first seen to miss it; kept when the KB is resolved and comes back. */
  firstSeen: RunDate;
  /** The largest `machineMissedOn` since it was first seen. */
  peak: number | null;
  /** Only where it came back: the day on which it had left the list, within the last 90 days. */
  goneOn?: RunDate;
  /** What it replaced while that was missing. */
  line?: KbLine;
}

/** The KBs that a KB replaced on the list, one after another: it goes on with their age. */
export interface KbLine {
  /** Their ids, those replaced last at the end; at most the last 40, or all that were replaced at once. */
  ids: readonly string[];
  /** The oldest day from which one of them counts by `DUE_FROM=released`. */
  since: RunDate;
  /** The day on which the KB itself was first seen. */
  listedOn: RunDate;
}

/** One answer: the KBs, each once, and how many items could not be used. */
export interface Reading {
  missingKbs: ReadKb[];
  unusable: number;
  /** Set where two answers in one run listed different KBs. */
  differed?: true;
}

const limits = { id: 40, name: 200, product: 100, products: 50, url: 2_000 };

const item = z.looseObject({
  id: z.union([z.string(), z.number()]),
  name: z.optional(z.unknown()),
  productsNames: z.optional(z.unknown()),
  url: z.optional(z.unknown()),
  machineMissedOn: z.optional(z.unknown()),
  cveAddressed: z.optional(z.unknown()),
});

/**
 * The KBs in the `value` of a `getmissingkbs` answer, sorted by id, with repeated ids merged.
 * Items without a usable id are counted, never guessed; unknown fields are ignored.
 */
export function readMissingKbs(value: readonly unknown[]): Reading {
  const byId = new Map<string, ReadKb>();
  let unusable = 0;
  for (const raw of value) {
    const kb = readKb(raw);
    if (!kb) {
      unusable += 1;
      continue;
    }
    const twin = byId.get(kb.id);
    byId.set(kb.id, twin ? fold(twin, kb) : kb);
  }
  const missingKbs = [...byId.values()].sort((a, b) => compareText(a.id, b.id));
  return { missingKbs, unusable };
}

function readKb(raw: unknown): ReadKb | null {
  const parsed = item.safeParse(raw);
  if (!parsed.success) return null;
  const { id, name, productsNames, url, machineMissedOn, cveAddressed } = parsed.data;
  const title = plainText(name).slice(0, limits.name);
  const number = readId(id, title);
  if (number === null) return null;
  return {
    id: number,
    name: title,
    productsNames: readProducts(productsNames),
    url: readUrl(url),
    machineMissedOn: readCount(machineMissedOn),
    cveAddressed: readCount(cveAddressed),
  };
}

// An id that is not a number may be shared by KBs of different names.
function readId(id: unknown, name: string): string | null {
  const text = plainText(id).replace(/\s+/g, " ");
  const number = numberOf(text);
  if (number !== undefined) return number.length <= limits.id ? number : null;
  if (text === "" || /^KB$/i.test(text) || text.length > limits.id) return null;
  return name === "" ? text : `${text} (${name})`;
}

/** The id of the KB that a person names: `KB5066835`, `kb 5066835` and `5066835` are one. */
export function kbIdOf(text: string): string {
  return numberOf(text) ?? text;
}

function numberOf(text: string): string | undefined {
  const digits = /^(?:KB)?[\s#:_-]*(\d+)$/i.exec(text)?.[1];
  // Not in the pattern above, which would try every division of a long row of zeros.
  return digits?.replace(/^0+(?=\d)/, "");
}

function readProducts(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  const names = value.map((name) => plainText(name).slice(0, limits.product)).filter(Boolean);
  return [...new Set(names)].sort(compareText).slice(0, limits.products);
}

function readUrl(value: unknown): string | null {
  const url = plainText(value);
  return url === "" || url.length > limits.url ? null : url;
}

function readCount(value: unknown): number | null {
  const count = typeof value === "string" && /^\d+$/.test(value.trim()) ? Number(value) : value;
  // JSON allows −0, which would be shown with its sign.
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0 ? Math.abs(count) : null;
}

/** Merges two items of one KB: the larger counts, all products, the first name and URL. */
function fold(a: ReadKb, b: ReadKb): ReadKb {
  return {
    id: a.id,
    name: smallest(a.name, b.name) ?? "",
    productsNames: readProducts([...a.productsNames, ...b.productsNames]),
    url: smallest(a.url, b.url),
    machineMissedOn: larger(a.machineMissedOn, b.machineMissedOn),
    cveAddressed: larger(a.cveAddressed, b.cveAddressed),
  };
}

// Which of two texts is kept must not depend on their order in the answer.
function smallest(a: string | null, b: string | null): string | null {
  if (!a) return b;
  if (!b) return a;
  return compareText(a, b) <= 0 ? a : b;
}
