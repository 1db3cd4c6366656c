import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type MailPart, mailParts, renderHtmlPart, renderInbox, style } from "./inbox-page.ts";
import { type Address, type Complaint, readSendRequest, recipients, type SendRequest } from "./inbox-rules.ts";

export interface InboxOptions {
  /** The one key that is taken. */
  apiKey: string;
  /** Addresses that may stand in `from`; absent: any. */
  verifiedSenders?: readonly string[];
  now: () => Date;
  /** 0, the default, takes a free one. */
  port?: number;
  /** Asked at every send, after the list of `faults`; `null`: no fault. */
  fault?: (send: { number: number; body: unknown }) => InboxFault | null;
}

/** An answer instead of the proper one, or none: the mail is kept or lost, and the connection breaks or hangs. */
export type InboxFault =
  | { status: number; errors?: readonly Complaint[]; headers?: Readonly<Record<string, string>> }
  | { kept: boolean; connection: "reset" | "hang" };

export interface ReceivedMail {
  /** SendGrid's `X-Message-Id`. */
  id: string;
  receivedAt: Date;
  from: Address;
  /** Everyone, `cc` and `bcc` as well. */
  to: readonly Address[];
  subject: string;
  html: string | null;
  text: string | null;
  headers: Readonly<Record<string, string>>;
  customArgs: Readonly<Record<string, string>>;
  attachments: readonly ReceivedAttachment[];
  /** As it came. */
  request: SendRequest;
}

export interface ReceivedAttachment {
  filename: string;
  type: string;
  content: Buffer;
}

export interface Inbox {
  /** Both the base URL for `SENDGRID_URL` and the page to read the mails. */
  url: string;
  /** In the order they came. */
  mails: readonly ReceivedMail[];
  /** The next sends take one each, first come first served. */
  faults: InboxFault[];
  /** The first mail that `matches`, of those here and those to come. */
  waitForMail(matches?: (mail: ReceivedMail) => boolean, timeoutMs?: number): Promise<ReceivedMail>;
  close(): Promise<void>;
}

const maxBytes = 30_000_000;

/** What SendGrid refuses, it refuses; what SendGrid would deliver, it keeps, to be read at its URL. */
export async function startInbox(options: InboxOptions): Promise<Inbox> {
  const mails: ReceivedMail[] = [];
  const faults: InboxFault[] = [];
  const arrivals = new EventEmitter<{ mail: [] }>();
  let sends = 0;

  const takeSend = async (request: IncomingMessage): Promise<Reply | "reset" | "hang"> => {
    const body = await readBody(request);
    sends += 1;
    const fault = faults.shift() ?? options.fault?.({ number: sends, body: parse(body) }) ?? null;
    if (fault && "status" in fault) return complainAbout(fault.status, fault.errors ?? [], fault.headers);
    const verdict = judge(request, body, options);
    if (verdict.mail && fault?.kept !== false) {
      mails.push(verdict.mail);
      arrivals.emit("mail");
    }
    return fault ? fault.connection : verdict.reply;
  };

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://inbox").pathname;
    if (path !== "/v3/mail/send") return write(response, readersReply(request, mails));
    if (request.method !== "POST") return write(response, complainAbout(405, [complaint("Only POST is known here.")]));
    takeSend(request).then(
      (reply) => {
        if (reply === "reset") response.socket?.resetAndDestroy();
        else if (reply !== "hang") write(response, reply);
      },
      (error) => write(response, complainAbout(500, [complaint(String(error))])),
    );
  });

  return {
    url: await listen(server, options.port ?? 0),
    mails,
    faults,
    async waitForMail(matches = () => true, timeoutMs = 10_000) {
      const signal = AbortSignal.timeout(timeoutMs);
      for (;;) {
        const mail = mails.find(matches);
        if (mail) return mail;
        await once(arrivals, "mail", { signal }).catch((cause: unknown) => {
          throw new Error(`No such mail came within ${timeoutMs} ms; the inbox has ${mails.length}.`, { cause });
        });
      }
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, port: number): Promise<string> {
  await once(server.listen(port, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The body, or `null` where it is too large; that is read to its end too, so that the sender hears the answer. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes < maxBytes) chunks.push(chunk);
  }
  return bytes < maxBytes ? Buffer.concat(chunks).toString("utf8") : null;
}

function parse(body: string | null): unknown {
  try {
    return JSON.parse(body ?? "");
  } catch {
    return undefined;
  }
}

interface Reply {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string | Buffer;
}

function write(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, headers).end(body);
}

function complainAbout(
  status: number,
  errors: readonly Complaint[],
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify({ errors }) };
}

interface Verdict {
  reply: Reply;
  /** Only where it is delivered. */
  mail?: ReceivedMail;
}

function judge(request: IncomingMessage, body: string | null, options: InboxOptions): Verdict {
  const refuse = (status: number, ...errors: Complaint[]) => ({ reply: complainAbout(status, errors) });
  if (request.headers.authorization !== `Bearer ${options.apiKey}`) {
    return refuse(401, complaint("The provided authorization grant is invalid, expired, or revoked"));
  }
  if (body === null) return refuse(413, complaint("The payload is too large."));
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    return refuse(415, complaint("Content-Type should be application/json."));
  }
  const read = readSendRequest(parse(body));
  if (read.complaints) return refuse(400, ...read.complaints);
  const { verifiedSenders } = options;
  const sender = read.request.from.email.toLowerCase();
  if (verifiedSenders && !verifiedSenders.some((email) => email.toLowerCase() === sender)) {
    return refuse(403, complaint("The from address does not match a verified Sender Identity.", "from"));
  }
  if (read.request.mail_settings?.sandbox_mode?.enable) return { reply: { status: 200, headers: {}, body: "" } };
  const mail = keep(read.request, options.now());
  return { reply: { status: 202, headers: { "X-Message-Id": mail.id }, body: "" }, mail };
}

function complaint(message: string, field: string | null = null): Complaint {
  return { message, field, help: null };
}

function keep(request: SendRequest, receivedAt: Date): ReceivedMail {
  const part = (type: string) => request.content.find((content) => content.type === type)?.value ?? null;
  return {
    id: randomBytes(16).toString("base64url"),
    receivedAt,
    from: request.from,
    to: request.personalizations.flatMap(recipients),
    subject: request.subject ?? request.personalizations[0]?.subject ?? "",
    html: part("text/html"),
    text: part("text/plain"),
    headers: request.headers ?? {},
    customArgs: request.custom_args ?? {},
    attachments: (request.attachments ?? []).map(({ filename, type, content }) => ({
      filename,
      type: type ?? "application/octet-stream",
      content: Buffer.from(content, "base64"),
    })),
    request,
  };
}

const pagePolicy =
  "default-src 'none'; style-src 'self'; frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
// A mail is a stranger's page: it may look as it likes, and load, run and send nothing. Its links open elsewhere.
const mailPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";

function readersReply(request: IncomingMessage, mails: readonly ReceivedMail[]): Reply {
  if (request.method !== "GET" && request.method !== "HEAD") return note(405, "Only GET is known here.");
  const url = new URL(request.url ?? "/", "http://inbox");
  if (url.pathname === "/") return page(renderInbox(mails, null, "html"), pagePolicy);
  if (url.pathname === "/style.css") return reply(200, "text/css", style);
  if (url.pathname === "/mails.json") return reply(200, "application/json", listing(mails));
  const [, id, resource] = url.pathname.match(/^\/mails\/([\w-]+)(?:\/(.+))?$/) ?? [];
  const mail = mails.find((candidate) => candidate.id === id);
  if (!mail) return note(404, "There is no such mail. The inbox forgets its mails when it is restarted.");
  if (resource === undefined) return page(renderInbox(mails, mail, partOf(url)), pagePolicy);
  if (resource === "html") return page(renderHtmlPart(mail), mailPolicy);
  const index = resource.match(/^attachments\/(\d+)$/)?.[1];
  const attachment = index === undefined ? undefined : mail.attachments[Number(index)];
  return attachment ? download(attachment) : note(404, "The mail has no such part.");
}

function partOf(url: URL): MailPart {
  const wanted = url.searchParams.get("part");
  return mailParts.find((part) => part === wanted) ?? "html";
}

function reply(
  status: number,
  type: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const always = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" };
  return { status, headers: { "Content-Type": type, ...always, ...headers }, body };
}

function note(status: number, text: string): Reply {
  return reply(status, "text/plain; charset=utf-8", text);
}

function page(html: string, policy: string): Reply {
  return reply(200, "text/html; charset=utf-8", html, { "Content-Security-Policy": policy });
}

function listing(mails: readonly ReceivedMail[]): string {
  const list = mails.map(({ request, attachments, ...mail }) => ({
    ...mail,
    attachments: attachments.map(({ filename, type, content }) => ({ filename, type, bytes: content.length })),
  }));
  return JSON.stringify(list);
}

function download({ filename, content }: ReceivedAttachment): Reply {
  const name = encodeURIComponent(filename.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
  return reply(200, "application/octet-stream", content, {
    "Content-Disposition": `attachment; filename*=UTF-8''${name}`,
  });
}
