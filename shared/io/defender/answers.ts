import * as z from "zod/mini";
import { plainText, withoutTokens } from "../../core/text.ts";

/** What to make of a call that gave nothing to use. */
export interface Fault {
  /**
   * What may help: `token` another one, where the identity has it, `missing` another look (things that exist are at
   * times not found), `passing` another try, `final` nothing.
   */
  kind: "token" | "missing" | "passing" | "final";
  /** Whether it stays until a person acts. */
  permanent: boolean;
  /** One sentence for a person, the same for the same fault. */
  message: string;
  /** Defender's own words with the id of the request, which differ each time: for logs. */
  said?: string;
}

/** Something read, or the reason why it cannot be used. */
export type Parsed<T> = { content: T } | { problem: string };

/** The app role that every call needs. */
const role = "Software.Read.All";

/**
 * The path of a software below Defender's address.
 * A URL cannot hold `.` or `..` as a step however encoded, and an empty id would list the whole inventory.
 */
export function softwarePath(softwareId: string): Parsed<string> {
  if (["", ".", ".."].includes(softwareId) || !softwareId.isWellFormed()) {
    return { problem: "This cannot be a software id; one notFoundPauses like microsoft-_-windows_11." };
  }
  return { content: `/api/Software/${encodeURIComponent(softwareId)}` };
}

/** The JSON of a body; a body that was too large to take is `null`. */
export function readJson(contentType: string, body: Uint8Array | null): Parsed<unknown> {
  if (!body) return { problem: "it is larger than 32 MiB" };
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
  /** Where the next page is, as Defender wrote it; `null` on the last. */
  nextLink: string | null;
}

export function parsePage(json: unknown): Parsed<Page> {
  const read = page.safeParse(json);
  if (!read.success) return { problem: "it has no list named value, or its nextLink is no text" };
  return { content: { value: read.data.value, nextLink: read.data["@odata.nextLink"] || null } };
}

/** The address of the next page. The token goes where the link leads, so it must stay on the same origin. */
export function followLink(link: string, from: URL): Parsed<URL> {
  const url = URL.parse(link, from.href);
  if (!url) return { problem: "its nextLink is no link" };
  if (url.origin !== from.origin) return { problem: "its nextLink leads to another host or scheme" };
  url.hash = "";
  return { content: url };
}

const digits = z.pipe(z.string().check(z.trim(), z.regex(/^\d+$/)), z.transform(Number));
const count = z.catch(z.nullable(z.pipe(z.union([z.number(), digits]), z.int().check(z.nonnegative()))), null);
const software = z.object({ id: z.optional(z.unknown()), weaknesses: count, exposedMachines: count });

/** Defender's Software entity; `id` is empty where it gives none, counts are `null` where they are none. */
export function readSoftware(
  json: unknown,
): Parsed<{ id: string; weaknesses: number | null; exposedMachines: number | null }> {
  const read = software.safeParse(json);
  return read.success ? { content: { ...read.data, id: plainText(read.data.id) } } : { problem: "it is no object" };
}

/** The wait in milliseconds that `Retry-After` asks for; `null` where it is absent or makes no sense. */
export function readRetryAfter(header: string | undefined, now: number): number | null {
  const text = header?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  // A date begins with the day's name; anything else Date.parse would guess at.
  const date = /^[A-Z][a-z]+,/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** A whole answer that cannot be used: not for a person to mend, and a later one may be right. */
export function unusable(call: string, problem: string): Omit<Fault, "kind"> {
  return { permanent: false, message: `Defender's answer to ${call} cannot be used: ${problem}.` };
}

const anything = z.optional(z.unknown());
const errorBody = z.object({ error: z.object({ code: anything, message: anything, target: anything }) });

/** What an answer other than 200 means. It is decided on status and `code`; the text counts for licences alone. */
export function readRefusal(call: string, status: number, body: Uint8Array | null): Fault {
  const parsed = errorBody.safeParse(body ? parse(body) : null);
  const error = parsed.success ? parsed.data.error : {};
  const code = /^[\w .-]{1,60}$/.exec(tidy(error.code))?.[0] ?? "";
  const words = tidy(error.message).slice(0, 200);
  const fault = explain(`${call} (${code ? `${status} ${code}` : status})`, status, code, words);
  const target = tidy(error.target).slice(0, 60);
  return words ? { ...fault, said: target ? `${words} [${target}]` : words } : fault;
}

function tidy(text: unknown): string {
  return withoutTokens(plainText(text));
}

function explain(answer: string, status: number, code: string, words: string): Fault {
  if (status === 401) return explainUnauthorized(answer, words);
  if (status === 403) return explainForbidden(answer, code);
  if (status === 404) {
    return {
      kind: "missing",
      permanent: false,
      message: `Defender does not find this software, asked several times by ${answer}; where that stays, check its id against Defender's software inventory.`,
    };
  }
  if (status >= 300 && status < 400) {
    return {
      kind: "final",
      permanent: false,
      message: `Defender answered ${answer} with a redirect, which is not followed because the token would go along; check DEFENDER_URL.`,
    };
  }
  if (status >= 400 && status < 500 && status !== 408) {
    return {
      kind: "final",
      permanent: true,
      message: `Defender refused ${answer} as a wrong request; check that the software id is one of Defender's, such as microsoft-_-windows_11.`,
    };
  }
  return {
    kind: "passing",
    permanent: false,
    message: `Defender failed at ${answer}, several times in a row; this usually passes by itself.`,
  };
}

function explainUnauthorized(answer: string, words: string): Fault {
  if (/licen[cs]e|account mode/i.test(words)) {
    return {
      kind: "final",
      permanent: true,
      message: `Defender refused ${answer} for the tenant's licence, saying "${plainText(words.slice(0, 90))}"; the tenant needs an active licence that includes Defender Vulnerability Management.`,
    };
  }
  return {
    kind: "token",
    permanent: true,
    message: `Defender refused the app's token for ${answer}, twice; check that DEFENDER_CLOUD fits the tenant and that the tenant still knows the app's identity, and expect refusals for up to 24 hours more, because a managed identity's token is cached that long.`,
  };
}

function explainForbidden(answer: string, code: string): Fault {
  const message =
    code === "DisabledFeature"
      ? `Defender refused ${answer} because the feature is turned off in this tenant; turn on Defender Vulnerability Management there.`
      : `Defender refused ${answer} because the app's identity lacks the app role ${role} of WindowsDefenderATP; grant it, and expect refusals for up to 24 hours more, because a managed identity's token is cached that long.`;
  return { kind: "final", permanent: true, message };
}
