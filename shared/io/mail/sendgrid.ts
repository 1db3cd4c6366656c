import { createHash } from "node:crypto";
import type sendgridClient from "@sendgrid/client";
import type sendgridMail from "@sendgrid/mail";
import { isLoopback } from "../../core/loopback.ts";
import { plainText } from "../../core/text.ts";
import type { Mailer, OutgoingMail, SendOutcome } from "../../ports.ts";
import {
  type Address,
  headersOf,
  isRecord,
  megabytes,
  readAddress,
  secondsUntil,
  uniqueAddresses,
} from "./envelope.ts";

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
  /** The clock that a rate limit's end is compared with. */
  now?: () => Date;
}

const maxRecipients = 1_000;
// SendGrid accepts less than 30 MB and does not say which megabytes.
const maxBytes = 30_000_000;
/** Of the custom arguments of all copies together. */
const maxArgsBytes = 10_000;
const maxAnswerBytes = 1_048_576;

/** Sends mail through SendGrid: one request per mail, never retried here, because SendGrid would send it twice. */
export function createMailer(options: MailerOptions): Mailer {
  const url = options.url === null ? null : readUrl(options.url);
  const apiKey = options.apiKey.trim();
  const { timeoutMs = 30_000, now = () => new Date() } = options;
  const outcomeOf = (answer: SendGridAnswer) => outcomeOfAnswer(answer, apiKey, now());
  return {
    async send(mail) {
      const readers = uniqueAddresses(mail.to);
      const message = compose(mail, readers, options);
      const fault = faultOfRecipients(readers) ?? faultOfSize(message);
      if (fault) return { status: "refused", reason: fault };
      if (!isKey(apiKey)) return { status: "failed", isAccount: true, reason: keyFault };
      // Begun before all waiting: after a freeze the time is over, and nothing leaves that another process sends too.
      // The SDK's own timeout starts again with every byte received.
      const signal = AbortSignal.timeout(timeoutMs);
      // The SDK takes 100 ms to load, which runs without a mail need not pay.
      const [sendgrid, client] = await Promise.all([import("@sendgrid/mail"), import("@sendgrid/client")]);
      try {
        // The SDK has one client for the process; nothing may happen between setting it up and sending.
        sendgrid.default.setClient(aim(client.default, { apiKey, region: options.region, url, signal }));
        const [{ statusCode, headers, body }] = await sendgrid.default.send(message);
        return outcomeOf({ status: statusCode, headers, body });
      } catch (error) {
        const answer = readAnswer(error);
        return answer ? outcomeOf(answer) : outcomeOfError(error, timeoutMs);
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
  signal: AbortSignal;
}

function aim(client: Client, { apiKey, region, url, signal }: Target): Client {
  client.setDataResidency(region);
  client.setApiKey(apiKey);
  // Settings of axios that the SDK passes on, although they are not in its types.
  const request = {
    url: "",
    signal,
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

type Message = Exclude<Parameters<(typeof sendgridMail)["send"]>[0], unknown[]>;

function compose(mail: OutgoingMail, readers: readonly Address[], { from, sandbox }: MailerOptions): Message {
  const sender = readAddress(from);
  const envelope = {
    // Not at the top level, whose headers the SDK sends as headers of the HTTP request too.
    headers: headersOf(mail, sender.email),
  };
  // Not at the top level, where SendGrid's OpenAPI wants text and its API an object.
  const { tenant, watchlist, runId, cve } = mail;
  const customArgs = { tenant, watchlist, ...(runId && { run_id: runId }), ...(cve && { cve }) };
  const mostWithArgs = Math.floor((maxArgsBytes - 1) / Buffer.byteLength(JSON.stringify(customArgs)));
  const copies = mail.together ? [readers] : readers.map((reader) => [reader]);
  return {
    from: sender,
    personalizations: copies.map((to, n) => ({ to: [...to], ...envelope, ...(n < mostWithArgs && { customArgs }) })),
    subject: plainText(mail.subject.slice(0, 500)),
    text: mail.text,
    html: mail.html,
    attachments: mail.attachments.map(({ filename, type, content }) => ({
      filename: plainText(filename),
      type,
      disposition: "attachment",
      content: Buffer.from(content).toString("base64"),
    })),
    categories: ["missing-kb-reporter"],
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

function isKey(apiKey: string): boolean {
  return /^[\x21-\x7e]+$/.test(apiKey);
}

/** The first digits of a key's SHA-256: people who have the key recognize it, and nobody can get from them to the key. */
export function fingerprint(apiKey: string): string {
  return createHash("sha256").update(apiKey.trim()).digest("hex").slice(0, 8);
}

const keyFault =
  "SENDGRID_API_KEY is empty or contains spaces, line breaks or characters that no key has. Set it to the complete key and nothing else.";

function faultOfRecipients({ length }: readonly Address[]): string | null {
  if (length > 0 && length <= maxRecipients) return null;
  return `The mail has ${length} recipients, but SendGrid allows 1 to ${maxRecipients}. Change the watchlist's addresses or use a distribution list.`;
}

function faultOfSize(message: Message): string | null {
  const bytes = Buffer.byteLength(JSON.stringify(message));
  if (bytes < maxBytes) return null;
  return `The mail is ${megabytes(bytes)} MB with its attachments, but SendGrid accepts less than ${megabytes(maxBytes)} MB. Divide the watchlist.`;
}

interface SendGridAnswer {
  status: number;
  headers: unknown;
  body: unknown;
}

function outcomeOfAnswer(answer: SendGridAnswer, apiKey: string, now: Date): SendOutcome {
  const { status, headers } = answer;
  if (status === 200 || status === 202) return { status: "sent", messageId: header(headers, "x-message-id") };
  const said = complaints(answer.body, apiKey);
  const code = said ? `${status}: ${said}` : String(status);
  if (status < 300) return { status: "unknown", reason: `SendGrid's answer is neither yes nor no (${code}).` };
  if (status === 400 || status === 413) {
    return { status: "refused", reason: `SendGrid refused the mail (${code}). ${adviceOnMail[status]}` };
  }
  if (status === 408 || status >= 500) {
    return { status: "failed", reason: `SendGrid could not accept the mail (${code}).` };
  }
  const reset = status === 429 ? readReset(headers) : null;
  const pause = reset && { retryAfterSeconds: secondsUntil(reset, now) };
  if (isAboutCredits(status, said)) return { status: "failed", isAccount: true, reason: noCredits(code), ...pause };
  if (status === 429) {
    const end = reset && reset > now ? `until ${reset.toISOString()}` : "for a while";
    return { status: "failed", reason: `SendGrid accepts no mail ${end} (${code}).`, ...pause };
  }
  return { status: "failed", isAccount: true, reason: accountFault(status, code, fingerprint(apiKey)) };
}

const adviceOnMail = {
  400: "Correct what it names, such as an address in MAIL_TO or the watchlist.",
  413: "It is too large: divide the watchlist.",
};

function isAboutCredits(status: number, said: string): boolean {
  return [401, 403, 429].includes(status) && /\bcredits?\b|\b(messaging|sending) limits?\b/i.test(said);
}

function noCredits(code: string): string {
  return `The SendGrid account has no credits left (${code}). Wait until they are renewed, or buy a plan: accounts made since March 2025 send 100 mails a day for 60 days of trial, and none after that.`;
}

function accountFault(status: number, code: string, key: string): string {
  switch (status) {
    case 401:
      return `SendGrid does not accept the key (${code}). Check that SENDGRID_API_KEY, which has the fingerprint ${key} here, is a current key with the permission Mail Send, and that SENDGRID_REGION is the account's region. If Key Vault has a newer key, refresh the app's reference (docs/operate.md, "Changing the SendGrid key"), because a restart does not read the vault again.`;
    case 403:
      return `SendGrid does not let this app send mail (${code}). Check that MAIL_FROM is a verified sender of the account, that the key has the permission Mail Send, and that IP Access Management, if it is on, allows the app's outbound addresses.`;
    default:
      return status < 400
        ? `SendGrid answered with a redirect (${code}), which is not followed. Check SENDGRID_URL.`
        : `What answered is not SendGrid's mail API (${code}). Check SENDGRID_URL and SENDGRID_REGION.`;
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

/** When a rate limit ends: a time of this century in seconds since 1970, or else `null`. */
function readReset(headers: unknown): Date | null {
  const text = header(headers, "x-ratelimit-reset") ?? "";
  const reset = new Date(/^\d{1,12}$/.test(text) ? Number(text) * 1_000 : Number.NaN);
  const year = reset.getUTCFullYear();
  return year >= 2_000 && year < 2_100 ? reset : null;
}

function header(headers: unknown, name: string): string | null {
  const value = isRecord(headers) ? plainText(headers[name]).slice(0, 200) : "";
  return value === "" ? null : value;
}

// What the SDK throws contains the request with its key: it goes no further than here.
function outcomeOfError(error: unknown, timeoutMs: number): SendOutcome {
  if (!isRecord(error) || error.isAxiosError !== true) throw error;
  const code = plainText(error.code);
  if (neverLeft(code, error.cause)) {
    return { status: "failed", reason: `SendGrid could not be reached (${code}). The mail was not sent.` };
  }
  const what =
    code === "ERR_CANCELED" ? `did not answer within ${timeoutMs / 1_000} s` : `broke off its answer (${code})`;
  return { status: "unknown", reason: `SendGrid ${what}.` };
}

function readAnswer(error: unknown): SendGridAnswer | null {
  if (!isRecord(error) || !isRecord(error.response)) return null;
  const { code, response } = error;
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
