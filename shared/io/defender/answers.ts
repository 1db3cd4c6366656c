import * as z from "zod/mini";
import { plainText, withoutTokens } from "../../core/text.ts";

/** What to make of a call that gave nothing to use. */
export interface Fault {
  /**
   * What may help: `token` a new token, `missing` another look (existing products are sometimes not found), `passing`
   * another try, `final` nothing.
   */
  kind: "token" | "missing" | "passing" | "final";
  /** Whether it lasts until a person acts. */
  permanent: boolean;
  /** A 404. */
  notFound?: boolean;
  /** For people, and always the same for the same fault. */
  message: string;
  /** Defender's own words with the request's id, which differ each time: for logs. */
  said?: string;
}

/** What was read, or why it cannot be used. */
export type Parsed<T> = { content: T } | { problem: string };

/** The app role that every call needs. */
const role = "Software.Read.All";

/**
 * The path of a product below Defender's address.
 * `.` and `..` cannot be a path segment however they are encoded, and an empty id would list the complete inventory.
 */
export function softwarePath(softwareId: string): Parsed<string> {
  if (["", ".", ".."].includes(softwareId) || !softwareId.isWellFormed()) {
    return { problem: "This is not a software id. One looks like microsoft-_-windows_11." };
  }
  return { content: `/api/Software/${encodeURIComponent(softwareId)}` };
}

export function readJson(contentType: string, body: Uint8Array): Parsed<unknown> {
  if (!/^(|(application|text)\/([\w.-]+\+)?json)\s*(;|$)/i.test(contentType.trim())) {
    return { problem: "it is not declared as JSON" };
  }
  const json = parse(body);
  return json === undefined ? { problem: "it is not JSON" } : { content: json };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

const page = z.object({ value: z.array(z.unknown()), "@odata.nextLink": z.nullish(z.string()) });

/** One page of a list. */
export interface Page {
  value: readonly unknown[];
  /** The address of the next page, as Defender wrote it; `null` on the last. */
  nextLink: string | null;
}

export function parsePage(json: unknown): Parsed<Page> {
  const read = page.safeParse(json);
  if (!read.success) return { problem: "it has no list named value, or its nextLink is not a string" };
  return { content: { value: read.data.value, nextLink: read.data["@odata.nextLink"] || null } };
}

/** Servers take no more, usually. */
const maxLinkLength = 8_000;

/** The address of the next page. The token goes wherever the link leads, so it must stay on the same origin. */
export function followLink(link: string, from: URL): Parsed<URL> {
  if (link.length > maxLinkLength) return { problem: "its nextLink is longer than 8,000 characters" };
  const url = URL.parse(link, from.href);
  if (!url) return { problem: "its nextLink is not a link" };
  // A blob: address has the origin of the address inside it.
  if (url.protocol !== from.protocol || url.origin !== from.origin) {
    return { problem: "its nextLink leads to another host or scheme" };
  }
  [url.username, url.password, url.hash] = ["", "", ""];
  return { content: url };
}

const digits = z.pipe(z.string().check(z.trim(), z.regex(/^\d+$/)), z.transform(Number));
const count = z.catch(z.nullable(z.pipe(z.union([z.number(), digits]), z.int().check(z.nonnegative()))), null);
const software = z.object({ id: z.optional(z.unknown()), weaknesses: count, exposedMachines: count });

/** Defender's Software entity; `id` is empty if it has none, and a count is `null` if it is not one. */
export function readSoftware(
  json: unknown,
): Parsed<{ id: string; weaknesses: number | null; exposedMachines: number | null }> {
  const read = software.safeParse(json);
  return read.success ? { content: { ...read.data, id: plainText(read.data.id) } } : { problem: "it is not an object" };
}

/** The wait in milliseconds that `Retry-After` asks for; `null` if it is absent or makes no sense. */
export function readRetryAfter(header: string | undefined, now: number): number | null {
  const text = header?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  // A date begins with the name of the day. Date.parse would guess at anything else.
  const date = /^[A-Z][a-z]+,/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** A complete answer that cannot be used. There is nothing for a person to fix, and a later one may be right. */
export function unusable(call: string, problem: string): Omit<Fault, "kind"> {
  return { permanent: false, message: `Defender's answer to ${call} cannot be used: ${problem}.` };
}

const anything = z.optional(z.unknown());
const errorBody = z.object({ error: z.object({ code: anything, message: anything, target: anything }) });

/** What an answer other than 200 means, judged by status and `code`; the text matters for licences only. */
export function readRefusal(call: string, status: number, body: Uint8Array | null): Fault {
  const parsed = errorBody.safeParse(body ? parse(body) : null);
  const error = parsed.success ? parsed.data.error : {};
  const code = /^[\w .-]{1,60}$/.exec(tidy(error.code))?.[0] ?? "";
  const words = tidy(error.message).slice(0, 200);
  const fault = explain(call, { status, code, words });
  const target = tidy(error.target).slice(0, 60);
  return words ? { ...fault, said: target ? `${words} [${target}]` : words } : fault;
}

function tidy(text: unknown): string {
  return withoutTokens(plainText(text));
}

interface Refusal {
  status: number;
  code: string;
  words: string;
}

function explain(call: string, refusal: Refusal): Fault {
  const { status, code } = refusal;
  const answer = code ? `${status} (${code})` : `${status}`;
  if (status === 401) return explainUnauthorized(call, answer, refusal.words);
  if (status === 403) return explainForbidden(call, answer, code);
  if (status === 404) {
    return {
      kind: "missing",
      permanent: false,
      notFound: true,
      message: `Defender does not find this product: it returned ${answer} several times in a row for ${call}. If this lasts, check its id against Defender's software inventory.`,
    };
  }
  if (status >= 300 && status < 400) {
    return {
      kind: "final",
      permanent: false,
      message: `Defender returned ${answer} for ${call}, a redirect. It is not followed, because that would send the token along. Check DEFENDER_URL.`,
    };
  }
  if (status >= 400 && status < 500 && status !== 408) {
    return {
      kind: "final",
      permanent: true,
      message: `Defender returned ${answer} for ${call}. Check that the id is one of Defender's, such as microsoft-_-windows_11.`,
    };
  }
  return {
    kind: "passing",
    permanent: false,
    message: `Defender returned ${answer} several times in a row for ${call}. This usually clears up on its own.`,
  };
}

const slow = "A fix can take up to 24 hours to work, because Azure caches the token of a managed identity.";

function explainUnauthorized(call: string, answer: string, words: string): Fault {
  if (/licen[cs]e|account mode/i.test(words)) {
    return {
      kind: "final",
      permanent: true,
      message: `Defender returned ${answer} for ${call}: "${plainText(words.slice(0, 90))}". The tenant needs an active licence that includes Defender Vulnerability Management.`,
    };
  }
  return {
    kind: "token",
    permanent: true,
    message: `Defender returned ${answer} twice for ${call}: it rejects the app's token. Check that DEFENDER_CLOUD is the tenant's cloud and that the tenant still knows the app's identity. ${slow}`,
  };
}

function explainForbidden(call: string, answer: string, code: string): Fault {
  const reason =
    code === "DisabledFeature"
      ? "the feature is turned off in this tenant. Turn on Defender Vulnerability Management."
      : `the app's identity lacks the app role ${role} of WindowsDefenderATP. Grant it with \`npm run grant\`. ${slow}`;
  return { kind: "final", permanent: true, message: `Defender returned ${answer} for ${call}: ${reason}` };
}
