import { randomBytes } from "node:crypto";
import { type Address, recipients, type SendRequest } from "./rules.ts";

export interface ReceivedMail {
  /** SendGrid's `X-Message-Id`. */
  id: string;
  receivedAt: Date;
  from: Address;
  /** All recipients, including `cc` and `bcc`. */
  to: readonly Address[];
  subject: string;
  html: string | null;
  text: string | null;
  headers: Readonly<Record<string, string>>;
  customArgs: Readonly<Record<string, string>>;
  attachments: readonly ReceivedAttachment[];
  /** As it was received. */
  request: SendRequest;
}

export interface ReceivedAttachment {
  filename: string;
  type: string;
  content: Buffer;
}

/** The mail that a send request makes. */
export function keepMail(request: SendRequest, receivedAt: Date): ReceivedMail {
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
