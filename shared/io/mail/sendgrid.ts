import { createHash } from "node:crypto";
import type sendgridClient from "@sendgrid/client";
import type sendgridMail from "@sendgrid/mail";
import { isLoopback } from "../../core/loopback.ts";
import type { RunId } from "../../core/run-id.ts";
import { plainText } from "../../core/text.ts";
import type { Mailer, OutgoingMail, SendOutcome } from "../../ports.ts";

export interface MailerOptions {
  apiKey: string;
  /** The verified sender, `a@b` or `Name <a@b>`. */
  from: string;
  /** Where the account is; a key works in its own region only. */
  region: "global" | "eu";
  /** A base URL instead of the region's; plain http on loopback only. */
  url: string | null;
  /** SendGrid checks the mail and delivers nothing. */
  sandbox: boolean;
  /** For the complete exchange; 30 seconds by default. */
  timeoutMs?: number;
}

const maxRecipients = 1_000;
// SendGrid accepts less than 30 MB and does not say which megabytes.
const maxBytes = 30_000_000;
const maxAnswerBytes = 1_048_576;

/** Sends mail through SendGrid: one request per mail, never retried here, because SendGrid would send it twice. */
export function createMailer(options: MailerOptions): Mailer {
  const url = options.url === null ? null : readUrl(options.url);
  const apiKey = options.apiKey.trim();
  const timeoutMs = options.timeoutMs ?? 30_000;
  return {
    async send(mail) {
      const message = compose(mail, options);
      const fault = faultOfKey(apiKey) ?? faultOfRecipients(message.to) ?? faultOfSize(message);
      if (fault) return { status: "refused", reason: fault };
      // The SDK takes 100 ms to load, which runs without a mail need not pay.
      const [sendgrid, client] = await Promise.all([import("@sendgrid/mail"), import("@sendgrid/client")]);
      try {
        // The SDK has one client for the process; nothing may happen between setting it up and sending.
        sendgrid.default.setClient(aim(client.default, { apiKey, region: options.region, url, timeoutMs }));
        const [{ statusCode, headers, body }] = await sendgrid.default.send(message);
        return outcomeOfAnswer({ status: statusCode, headers, body }, apiKey);
      } catch (error) {
        return outcomeOfError(error, apiKey, timeoutMs);
      }
    },
  };
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname))) return url;
  throw new Error(
    "SENDGRID_URL must be an https URL. Plain http is allowed on loopback only, such as http://127.0.0.1:8025.",
  );
}

type Client = typeof sendgridClient;

interface Target {
  apiKey: string;
  region: string;
  url: URL | null;
  timeoutMs: number;
}

function aim(client: Client, { apiKey, region, url, timeoutMs }: Target): Client {
  client.setDataResidency(region);
  client.setApiKey(apiKey);
  // Settings of axios that the SDK passes on, although they are not in its types.
  const request = {
    url: "",
    // The SDK's own timeout starts again with every byte received.
    signal: AbortSignal.timeout(timeoutMs),
    // A redirect would take the key along.
    maxRedirects: 0,
    maxContentLength: maxAnswerBytes,
    ...(url && { baseUrl: url.href }),
    // No proxy leads to this machine.
    proxy: url && isLoopback(url.hostname) ? false : undefined,
  };
  client.setDefaultRequest(request);
  return client;
}

type Message = Exclude<Parameters<(typeof sendgridMail)["send"]>[0], unknown[]> & { to: Address[] };

interface Address {
  email: string;
  name?: string;
}

function compose(mail: OutgoingMail, { from, sandbox }: MailerOptions): Message {
  const sender = readAddress(from);
  const thread = threadId(sender.email, mail.watchlist, mail.runId);
  return {
    from: sender,
    to: uniqueAddresses(mail.to),
    subject: plainText(mail.subject.slice(0, 500)),
    text: mail.text,
    html: mail.html,
    attachments: mail.attachments.map(({ filename, type, content }) => ({
      filename: plainText(filename),
      type,
      disposition: "attachment",
      content: Buffer.from(content).toString("base64"),
    })),
    headers: {
      "In-Reply-To": thread,
      References: thread,
      // Keeps out-of-office replies away.
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "All",
    },
    categories: ["missing-kb-reporter"],
    customArgs: { watchlist: mail.watchlist, run_id: mail.runId },
    // Tracking would rewrite the links and show the readers to a third party.
    trackingSettings: {
      clickTracking: { enable: false, enableText: false },
      openTracking: { enable: false },
      subscriptionTracking: { enable: false },
      ganalytics: { enable: false },
    },
    mailSettings: { sandboxMode: { enable: sandbox } },
  };
}

/**
 * The message id that all mails of a watchlist in a month reply to, so that mail programs show them as one conversation.
 * Hashed, because a watchlist's name may be long and contain what a header must not.
 */
export function threadId(sender: string, watchlist: string, runId: RunId): string {
  const hash = createHash("sha256").update(`${sender}\n${watchlist}`).digest("hex").slice(0, 32);
  return `<${runId.slice(0, 7)}.${hash}@missing-kb-reporter.invalid>`;
}

function readAddress(text: string): Address {
  const [, name, email] = text.match(/^([^<]*)<([^<>]*)>\s*$/) ?? [];
  if (name === undefined || email === undefined) return { email: text.trim() };
  const shown = plainText(name).replace(/^"(.*)"$/, "$1");
  return { email: email.trim(), ...(shown && { name: shown }) };
}

// SendGrid refuses a mail that names an address twice, in any case.
function uniqueAddresses(texts: readonly string[]): Address[] {
  const addresses = new Map<string, Address>();
  for (const address of texts.map(readAddress)) {
    const key = address.email.toLowerCase();
    if (!addresses.has(key)) addresses.set(key, address);
  }
  return [...addresses.values()];
}

function faultOfKey(apiKey: string): string | null {
  if (/^[\x21-\x7e]+$/.test(apiKey)) return null;
  return "SENDGRID_API_KEY is empty or contains spaces, line breaks or characters that no key has. Set it to the complete key and nothing else.";
}

function faultOfRecipients({ length }: readonly Address[]): string | null {
  if (length > 0 && length <= maxRecipients) return null;
  return `The mail has ${length} recipients, but SendGrid allows 1 to ${maxRecipients}. Change the watchlist's addresses or use a distribution list.`;
}

function faultOfSize(message: Message): string | null {
  const bytes = Buffer.byteLength(JSON.stringify(message));
  if (bytes < maxBytes) return null;
  return `The mail is ${megabytes(bytes)} MB with its attachments, but SendGrid accepts less than ${megabytes(maxBytes)} MB. Divide the watchlist.`;
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}

interface SendGridAnswer {
  status: number;
  headers: unknown;
  body: unknown;
}

function outcomeOfAnswer(answer: SendGridAnswer, apiKey: string): SendOutcome {
  const { status, headers } = answer;
  if (status === 200 || status === 202) return { status: "sent", messageId: header(headers, "x-message-id") };
  const said = complaints(answer.body, apiKey);
  const code = said ? `${status}: ${said}` : String(status);
  if (status === 429) return { status: "failed", reason: `SendGrid accepts no mail ${untilReset(headers)} (${code}).` };
  if (status === 408 || status >= 500)
    return { status: "failed", reason: `SendGrid could not accept the mail (${code}).` };
  if (status >= 400) return { status: "refused", reason: `SendGrid refused the mail (${code}). ${advice(status)}` };
  if (status >= 300) {
    const reason = `SendGrid answered with a redirect (${code}), which is not followed. Check SENDGRID_URL.`;
    return { status: "failed", reason };
  }
  return { status: "unknown", reason: `SendGrid's answer is neither yes nor no (${code}).` };
}

function advice(status: number): string {
  switch (status) {
    case 400:
      return "Correct what it names, such as an address in MAIL_TO or the watchlist.";
    case 401:
      return "Check that SENDGRID_API_KEY is a current key with permission to send mail, that SENDGRID_REGION is the key's region and that the account has credits left.";
    case 403:
      return "Check that MAIL_FROM is a verified sender of the account and that the key has permission to send mail.";
    case 413:
      return "It is too large: divide the watchlist.";
    default:
      return "Check SENDGRID_URL and SENDGRID_REGION.";
  }
}

/** SendGrid's list of errors, short and on one line; empty if there is none. */
function complaints(body: unknown, apiKey: string): string {
  const errors = isRecord(body) && Array.isArray(body.errors) ? body.errors.slice(0, 3) : [];
  const texts = errors.map((error) => {
    if (!isRecord(error)) return "";
    const message = tidy(error.message, apiKey);
    const field = tidy(error.field, apiKey);
    return field ? `${message} [${field}]` : message;
  });
  return texts.filter(Boolean).join("; ");
}

// The answer may echo the request, and the key with it.
function tidy(text: unknown, apiKey: string): string {
  return plainText(text)
    .replaceAll(apiKey, "[key]")
    .slice(0, 300)
    .replace(/[\s.]+$/, "");
}

function untilReset(headers: unknown): string {
  const seconds = Number(header(headers, "x-ratelimit-reset") ?? Number.NaN);
  const reset = new Date(seconds * 1_000);
  const isPlausible = seconds > 0 && reset.getUTCFullYear() < 2_100;
  return isPlausible ? `until ${reset.toISOString()}` : "for a while";
}

function header(headers: unknown, name: string): string | null {
  const value = isRecord(headers) ? plainText(headers[name]).slice(0, 200) : "";
  return value === "" ? null : value;
}

// What the SDK throws contains the request with its key: it goes no further than here.
function outcomeOfError(error: unknown, apiKey: string, timeoutMs: number): SendOutcome {
  if (!isRecord(error)) throw error;
  const answer = readAnswer(error);
  if (answer) return outcomeOfAnswer(answer, apiKey);
  if (error.isAxiosError !== true) throw error;
  const code = plainText(error.code);
  if (neverLeft(code, error.cause)) {
    return { status: "failed", reason: `SendGrid could not be reached (${code}). The mail was not sent.` };
  }
  const what =
    code === "ERR_CANCELED" ? `did not answer within ${timeoutMs / 1_000} s` : `broke off its answer (${code})`;
  return { status: "unknown", reason: `SendGrid ${what}.` };
}

function readAnswer({ code, response }: Record<string, unknown>): SendGridAnswer | null {
  if (!isRecord(response)) return null;
  const { headers } = response;
  // The SDK has a shape of its own for 400 and above; an answer that broke off has that of axios.
  if (typeof code === "number") return { status: code, headers, body: response.body };
  return typeof response.status === "number" ? { status: response.status, headers, body: response.data } : null;
}

/** Whether no byte of the mail can have arrived: no address, no connection, or an untrusted server. */
function neverLeft(code: string, cause: unknown): boolean {
  if (/CERT|SELF_SIGNED|LEAF_SIGNATURE|^ERR_TLS_|^ERR_SSL_WRONG_VERSION|^EPROTO$/.test(code)) return true;
  const attempts = isRecord(cause) && Array.isArray(cause.errors) ? cause.errors : [cause];
  return attempts.every(
    (attempt) => isRecord(attempt) && (attempt.syscall === "connect" || attempt.syscall === "getaddrinfo"),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
