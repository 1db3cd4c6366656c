import { createHash } from "node:crypto";
import { plainText } from "../../core/text.ts";
import type { OutgoingMail } from "../../ports.ts";

/** One reader, or the sender. */
export interface Address {
  email: string;
  name?: string;
}

/** The parts of `a@b` or `Name <a@b>`. */
export function readAddress(text: string): Address {
  const [, name, email] = text.match(/^([^<]*)<([^<>]*)>\s*$/) ?? [];
  if (name === undefined || email === undefined) return { email: text.trim() };
  // SendGrid takes no name with a comma or a semicolon.
  const shown = plainText(name)
    .replace(/^"(.*)"$/, "$1")
    .replace(/[,;]\s*/g, " ")
    .trim();
  return { email: email.trim(), ...(shown && { name: shown }) };
}

/** Each reader once: mail services refuse a mail that names an address twice, in any case. */
export function uniqueAddresses(texts: readonly string[]): Address[] {
  const addresses = new Map<string, Address>();
  for (const address of texts.map(readAddress)) {
    const key = address.email.toLowerCase();
    if (!addresses.has(key)) addresses.set(key, address);
  }
  return [...addresses.values()];
}

/** The headers of a mail, all ASCII. */
export function headersOf(mail: OutgoingMail, sender: string): Record<string, string> {
  const thread = threadId(sender, mail);
  return {
    "In-Reply-To": thread,
    References: thread,
    "List-Unsubscribe": unsubscribeLink(sender, mail.watchlist),
    // Keeps out-of-office replies away.
    "Auto-Submitted": "auto-generated",
    "X-Auto-Response-Suppress": "All",
  };
}

/**
 * The message id that all digests of a watchlist in a month reply to, so that mail programs show them as one conversation; an
 * alert begins its own. Hashed, because a watchlist's name may be long and contain what a header must not.
 */
export function threadId(sender: string, mail: Pick<OutgoingMail, "tenant" | "watchlist" | "runId" | "cve">): string {
  const { tenant, watchlist, runId, cve } = mail;
  const parts = JSON.stringify([sender, tenant, watchlist, ...(cve === undefined ? [] : [cve])]);
  const hash = createHash("sha256").update(parts).digest("hex").slice(0, 32);
  return `<${runId?.slice(0, 7) ?? "alert"}.${hash}@missing-kb-reporter.invalid>`;
}

/** A `List-Unsubscribe` (RFC 2369): a mail to the sender, who knows from its subject what to change. */
function unsubscribeLink(sender: string, watchlist: string): string {
  const address = sender.split("@").map(encodeURIComponent).join("@");
  const subject = encodeURIComponent(`unsubscribe ${plainText(watchlist.slice(0, 63).toWellFormed())}`);
  return `<mailto:${address}?subject=${subject}>`;
}

/** For people. */
export function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}

/** At least a second and at most a day: the clocks may differ. */
export function secondsUntil(time: Date, now: Date): number {
  return Math.min(86_400, Math.max(1, Math.ceil((time.getTime() - now.getTime()) / 1_000)));
}

/** Whether a value from outside has properties. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
