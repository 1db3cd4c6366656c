import { rise } from "../core/change.ts";
import type { RunDate } from "../core/day.ts";
import { isScheduled, type RunId } from "../core/run-id.ts";
import { plainText } from "../core/text.ts";

/** What a rendering needs besides the report. */
export interface RenderOptions {
  /** IANA name. */
  timeZone: string;
  /** Base of links to the report page, without a trailing slash; `null`: no links. */
  reportUrl: string | null;
  /** The Defender portal, without a trailing slash. */
  portalUrl: string;
  /** When the next scheduled run starts, ISO 8601; `null` where it is not known. */
  nextRun: string | null;
  /** When the next run starts that is sure to send a digest, ISO 8601; `null` or absent where none is, or it is not known. */
  nextMail?: string | null;
  /** How long that run may wait for products that cannot be read. */
  graceMinutes: number;
}

/** `240`, with its change where that is known: `240 (+12)`; `?` for an unknown count. */
export function countWithChange(current: number | null, previous: number | null = null): string {
  return count(current) + changeOf(current, previous);
}

function changeOf(current: number | null, previous: number | null): string {
  const by = rise(previous, current);
  return by === 0 ? "" : ` (${by > 0 ? "+" : "−"}${count(Math.abs(by))})`;
}

const long = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact" });

/** Thousands apart: `12,345`; from a billion on, which no estate has, in short: `9007T`; `?` for an unknown count. */
export function count(value: number | null): string {
  if (value === null) return "?";
  return (value < 1_000_000_000 ? long : short).format(value);
}

const plurals = new Intl.PluralRules("en");

/** The word that agrees with a count: `agree(1, "is", "are")`, `agree(2, "entry", "entries")`; of an unknown count the plural. */
export function agree(value: number | null, one: string, other: string): string {
  return value !== null && plurals.select(value) === "one" ? one : other;
}

/** `1 KB`, `2 KBs`; a plural that is not the noun with an s is given. */
export function many(value: number | null, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${agree(value, noun, plural)}`;
}

/** `1 machine (−4)`, `240 machines (+12)`. */
export function manyWithChange(current: number | null, previous: number | null, noun: string): string {
  return many(current, noun) + changeOf(current, previous);
}

/** `one, two and three`. */
export function listed(words: readonly string[]): string {
  return new Intl.ListFormat("en-GB", { type: "conjunction" }).format(words);
}

/** Text from outside made fit to show: one line, no invisible characters, cut at `limit` characters. */
export function shown(text: string, limit: number): string {
  const line = plainText(text.slice(0, 4 * limit)).replace(/\s+/g, " ");
  // The cut may halve a surrogate pair; `plainText` drops the half.
  return line.length <= limit ? line : `${plainText(line.slice(0, limit - 1))}…`;
}

const knownWords: Readonly<Record<string, string>> = {
  ".net": ".NET",
  ".net_framework": ".NET Framework",
  ...{ sql: "SQL", iis: "IIS", odbc: "ODBC", xml: "XML", sdk: "SDK", ios: "iOS", onedrive: "OneDrive" },
  ...{ powershell: "PowerShell", sharepoint: "SharePoint", onenote: "OneNote", powerpoint: "PowerPoint" },
};

/** `Windows Server 2022` for `microsoft-_-windows_server_2022`: Microsoft's own without the vendor; any other id as it is. */
export function productLabel(softwareId: string): string {
  const product = /^microsoft-_-(.+)$/.exec(softwareId)?.[1];
  if (!product) return softwareId;
  // Only a version such as R2 has its letter in capitals.
  const words = product
    .split("_")
    .map((word) => knownWords[word] ?? (/^r\d$/.test(word) ? word.toUpperCase() : capital(word)));
  return words.join(" ");
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

/** `23 Nov 2026`. */
export function formatDay(day: RunDate): string {
  dayFormat ??= new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  return dayFormat.format(new Date(day));
}

/** `23 Nov`, where the year is obvious. */
export function shortDay(day: RunDate): string {
  return formatDay(day).replace(/ \d+$/, "");
}

// Made once: a page formats hundreds of days.
let dayFormat: Intl.DateTimeFormat | undefined;

/** `23 Nov 2026`, or `23 Nov 2026, 10:17 UTC` for a run asked for, in the time zone given. */
export function formatRun(runId: RunId, timeZone = "UTC"): string {
  return isScheduled(runId) ? formatDay(runId) : formatTime(runId, timeZone);
}

/** `23 Nov 2026, 05:00 UTC`, in the time zone given. */
export function formatTime(iso: string, timeZone: string): string {
  const known = timeFormats.get(timeZone) ?? makeTimeFormat(timeZone);
  timeFormats.set(timeZone, known);
  return known.format(new Date(iso));
}

/** `Monday 23 Nov 2026`, or `23 Nov 2026, 10:17 UTC` for a run asked for, in the time zone given. */
export function longRun(runId: RunId, timeZone: string): string {
  if (!isScheduled(runId)) return formatTime(runId, timeZone);
  return `${weekday.format(new Date(runId))} ${formatDay(runId)}`;
}

const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "long", timeZone: "UTC" });

/** `23 Nov, 05:00–05:04 UTC`, in the time zone given. */
export function formatSpan(from: string, to: string, timeZone: string): string {
  const day = { day: "numeric", month: "short" } as const;
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" } as const;
  const format = new Intl.DateTimeFormat("en-GB", { ...day, ...time, timeZone });
  // A clock that stepped back makes no span.
  const [start, end] = [new Date(from), new Date(to < from ? from : to)];
  return format.formatRange(start, end).replaceAll("\u2009", " ");
}

// Made once for each time zone, because making one takes long.
const timeFormats = new Map<string, Intl.DateTimeFormat>();

function makeTimeFormat(timeZone: string): Intl.DateTimeFormat {
  const day = { day: "numeric", month: "short", year: "numeric" } as const;
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" } as const;
  return new Intl.DateTimeFormat("en-GB", { ...day, ...time, timeZone });
}
