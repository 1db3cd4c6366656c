import { randomBytes } from "node:crypto";
import { type Address, recipients, type SendRequest } from "./rules.ts";

/** One copy of a mail, as its readers get it. */
export interface ReceivedMail {
  /** Of this copy. */
  id: string;
  /** SendGrid's `X-Message-Id` or Azure's operation id: one for all copies of a send. */
  messageId: string;
  receivedAt: Date;
  from: Address;
  /** All whose copy this is, including `cc` and `bcc`. */
  to: readonly Address[];
  subject: string;
  html: string | null;
  text: string | null;
  headers: Readonly<Record<string, string>>;
  customArgs: Readonly<Record<string, string>>;
  categories: readonly string[];
  attachments: readonly ReceivedAttachment[];
  /** As it was received. */
  request: unknown;
}

export interface ReceivedAttachment {
  filename: string;
  type: string;
  content: Buffer;
}

/** The copies that a send request makes: one for each personalization. */
export function copiesOf(request: SendRequest, receivedAt: Date): ReceivedMail[] {
  const messageId = randomBytes(16).toString("base64url");
  const part = (type: string) => request.content.find((content) => content.type === type)?.value ?? null;
  const attachments = (request.attachments ?? []).map(({ filename, type, content }) => ({
    filename,
    type: type ?? "application/octet-stream",
    content: Buffer.from(content, "base64"),
  }));
  return request.personalizations.map((personalization, index) => ({
    id: `${messageId}.${index}`,
    messageId,
    receivedAt,
    from: request.from,
    to: recipients(personalization),
    subject: personalization.subject ?? request.subject ?? "",
    html: part("text/html"),
    text: part("text/plain"),
    headers: { ...request.headers, ...personalization.headers },
    customArgs: personalization.custom_args ?? {},
    categories: request.categories ?? [],
    attachments,
    request,
  }));
}
