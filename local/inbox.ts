import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createEmailApi, emailFault, type Operations } from "./inbox/email-api.ts";
import { copiesOf, type ReceivedAttachment, type ReceivedMail } from "./inbox/mail.ts";
import { type MailPart, mailParts, renderHtmlPart, renderInbox } from "./inbox/page.ts";
import { jsonReply, type Reply } from "./inbox/reply.ts";
import { type Complaint, complain, readSendRequest } from "./inbox/rules.ts";

export interface InboxOptions {
  /** The only SendGrid key it accepts. */
  apiKey: string;
  /** Addresses allowed in `from`; absent: any. */
  verifiedSenders?: readonly string[];
  now: () => Date;
  /** 0, the default: any free port. */
  port?: number;
  /** Called at every send once the list of `faults` is empty; `null`: no fault. */
  fault?: (send: { number: number; body: unknown }) => InboxFault | null;
}

/** Another answer than the right one, or none: the mail is kept or lost, and the connection breaks or hangs. */
export type InboxFault =
  | { status: number; errors?: readonly Complaint[]; headers?: Readonly<Record<string, string>> }
  | { kept: boolean; connection: "reset" | "hang" };

export interface Inbox {
  /** The value of `SENDGRID_URL` and of `ACS_ENDPOINT`, and the address of the page that shows the mails. */
  url: string;
  /** Each reader's copy, in order of arrival. */
  mails: readonly ReceivedMail[];
  /** Each of the next sends takes the first one. */
  faults: InboxFault[];
  /** What becomes of mails that came through Azure Communication Services. */
  operations: Operations;
  close(): Promise<void>;
}

const maxBytes = 30_000_000;

/** A mail service's interface at one path: what it makes of a send, and how it words a fault. */
interface SendApi {
  judge(request: IncomingMessage, body: string | null): Verdict;
  complain(fault: Extract<InboxFault, { status: number }>): Reply;
}

/**
 * Refuses what SendGrid or Azure Communication Services refuses, and keeps what they would deliver; its page shows the mails.
 */
export async function startInbox(options: InboxOptions): Promise<Inbox> {
  const mails: ReceivedMail[] = [];
  const faults: InboxFault[] = [];
  const email = createEmailApi(options);
  let sends = 0;

  const apis: Readonly<Record<string, SendApi>> = {
    "/v3/mail/send": {
      judge: (request, body) => judge(request, body, options),
      complain: ({ status, errors = [], headers }) => complainAbout(status, errors, headers),
    },
    "/emails:send": {
      judge: email.judge,
      complain: ({ status, errors, headers }) =>
        emailFault(status, errors?.[0]?.field ?? `Status${status}`, errors?.[0]?.message ?? "", headers),
    },
  };

  const takeSend = async (api: SendApi, request: IncomingMessage): Promise<Reply | "reset" | "hang"> => {
    const body = await readBody(request);
    sends += 1;
    const fault = faults.shift() ?? options.fault?.({ number: sends, body: parse(body) }) ?? null;
    if (fault && "status" in fault) return api.complain(fault);
    if (fault && !fault.kept) return fault.connection;
    const verdict = api.judge(request, body);
    mails.push(...verdict.copies);
    return fault ? fault.connection : verdict.reply;
  };

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://inbox").pathname;
    if (path.startsWith("/emails/operations/")) return write(response, email.answer(request));
    const api = apis[path];
    if (!api) return write(response, readersReply(request, mails));
    if (request.method !== "POST") return write(response, complainAbout(405, [complain("Only POST is allowed here.")]));
    takeSend(api, request).then(
      (reply) => {
        if (reply === "reset") response.socket?.resetAndDestroy();
        else if (reply !== "hang") write(response, reply);
      },
      (error) => write(response, complainAbout(500, [complain(String(error))])),
    );
  });

  return {
    url: await listen(server, options.port ?? 0),
    mails,
    faults,
    operations: email.operations,
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

/** The body, or `null` if it is too large; it is read to its end all the same, so that the sender gets the answer. */
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

function write(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, headers).end(body);
}

function complainAbout(
  status: number,
  errors: readonly Complaint[],
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return jsonReply(status, { errors }, headers);
}

interface Verdict {
  reply: Reply;
  /** None unless it is delivered. */
  copies: readonly ReceivedMail[];
}

function judge(request: IncomingMessage, body: string | null, options: InboxOptions): Verdict {
  const refuse = (status: number, ...errors: Complaint[]) => ({ reply: complainAbout(status, errors), copies: [] });
  if (request.headers.authorization !== `Bearer ${options.apiKey}`) {
    return refuse(401, complain("The provided authorization grant is invalid, expired, or revoked"));
  }
  if (body === null) return refuse(413, complain("The payload is too large."));
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    return refuse(415, complain("Content-Type should be application/json."));
  }
  const read = readSendRequest(parse(body));
  if (read.complaints) return refuse(400, ...read.complaints);
  const { verifiedSenders } = options;
  const sender = read.request.from.email.toLowerCase();
  if (verifiedSenders && !verifiedSenders.some((email) => email.toLowerCase() === sender)) {
    return refuse(403, complain("The from address does not match a verified Sender Identity.", "from"));
  }
  if (read.request.mail_settings?.sandbox_mode?.enable) {
    return { reply: { status: 200, headers: {}, body: "" }, copies: [] };
  }
  const copies = copiesOf(read.request, options.now());
  const headers = { "X-Message-Id": copies[0]?.messageId ?? "" };
  return { reply: { status: 202, headers, body: "" }, copies };
}

const style = readFileSync(new URL("./inbox/style.css", import.meta.url), "utf8");

const pagePolicy =
  "default-src 'none'; style-src 'self'; frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
// A mail is a stranger's page: it may style itself, but not load, run or send anything. Its links open elsewhere.
const mailPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";

function readersReply(request: IncomingMessage, mails: readonly ReceivedMail[]): Reply {
  if (request.method !== "GET" && request.method !== "HEAD") return note(405, "Only GET is allowed here.");
  const url = new URL(request.url ?? "/", "http://inbox");
  if (url.pathname === "/") return page(renderInbox(mails, null, "html"), pagePolicy);
  if (url.pathname === "/style.css") return reply(200, "text/css", style);
  if (url.pathname === "/mails.json") return reply(200, "application/json", listing(mails));
  const [, id, resource] = url.pathname.match(/^\/mails\/([\w.-]+)(?:\/(.+))?$/) ?? [];
  const mail = mails.find((candidate) => candidate.id === id);
  if (!mail) return note(404, "There is no such mail. The inbox loses its mails when it restarts.");
  if (resource === undefined) return page(renderInbox(mails, mail, partOf(url)), pagePolicy);
  if (resource === "html") return page(renderHtmlPart(mail), mailPolicy);
  const index = resource.match(/^attachments\/(\d+)$/)?.[1];
  const attachment = index === undefined ? undefined : mail.attachments[Number(index)];
  return attachment ? download(attachment) : note(404, "This mail has no such part.");
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
