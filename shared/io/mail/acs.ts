import { createHash } from "node:crypto";
import type { EmailMessage } from "@azure/communication-email";
import { plainText } from "../../core/text.ts";
import type { Mailer, OutgoingMail } from "../../ports.ts";
import { ofEarlierTry, outcomeOf, throttled } from "./acs-answers.ts";
import { openService, type ServiceOptions } from "./acs-service.ts";
import { type Address, headersOf, megabytes, readAddress, secondsUntil, uniqueAddresses } from "./envelope.ts";

export interface AcsMailerOptions extends ServiceOptions {
  /** The sender, `a@b` or `Name <a@b>`. Azure shows the name that the domain has for this address. */
  from: string;
}

const maxReaders = 50;
const maxBytes = 10_000_000;

/**
 * Sends mail through Azure Communication Services, as the app's identity. Each send is an operation with an id of ours, so a
 * repeat asks first what became of it. A mail that Azure has accepted is sent, even if its operation still runs when the time
 * is up; one whose operation fails by then is not.
 */
export function createAcsMailer(options: AcsMailerOptions): Mailer {
  const { now = () => new Date() } = options;
  const from = readAddress(options.from);
  let throttledUntil = new Date(0);
  return {
    canAsk: true,
    async send(mail) {
      const readers = uniqueAddresses(mail.to);
      const message = compose(mail, readers, from);
      const fault = faultOfReaders(readers) ?? faultOfSize(message);
      if (fault) return { status: "refused", reason: fault };
      const service = await openService(options);
      const id = operationId(mail.sendKey);
      const earlier = mail.isRepeat ? await service.ask(id) : "not-begun";
      if (earlier !== "not-begun") return ofEarlierTry(earlier);
      // Every refused try counts towards Azure's limits, too.
      if (throttledUntil > now()) return outcomeOf(throttled("429", secondsUntil(throttledUntil, now())));
      const outcome = await service.begin(id, message);
      if (outcome.status === "failed" && outcome.retryAfterSeconds !== undefined) {
        throttledUntil = new Date(now().getTime() + outcome.retryAfterSeconds * 1_000);
      }
      return outcome;
    },
  };
}

/** Checks recipients and size of mails and delivers none: Azure has no sandbox. */
export function createAcsCheck({ from }: Pick<AcsMailerOptions, "from">): Mailer {
  return {
    async send(mail) {
      const readers = uniqueAddresses(mail.to);
      const fault = faultOfReaders(readers) ?? faultOfSize(compose(mail, readers, readAddress(from)));
      return fault ? { status: "refused", reason: fault } : { status: "sent", messageId: null };
    },
  };
}

/** Asks Azure about an operation that never was, which shows whether it lets the app in; throws what is wrong. */
export async function tryAcs(options: ServiceOptions): Promise<void> {
  const service = await openService(options);
  const outcome = await service.ask(operationId("a question"));
  if (outcome !== "not-begun" && outcome.status !== "sent") throw new Error(outcome.reason);
}

/** A UUID of version 5 (RFC 9562), whose namespace was made for this app. */
export function operationId(sendKey: string): string {
  const namespace = Buffer.from("5b1f0d0a8f6e4f0b9c3ad3f6a2f4c871", "hex");
  const bytes = createHash("sha1").update(namespace).update(sendKey).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function compose(mail: OutgoingMail, readers: readonly Address[], from: Address): EmailMessage {
  const addresses = readers.map(({ email, name }) => ({ address: email, ...(name && { displayName: name }) }));
  // One mail for all, because Azure lets a new subscription send ten an hour. The readers are in bcc unless they may see each other.
  const isOpen = mail.together || addresses.length === 1;
  return {
    senderAddress: from.email,
    recipients: isOpen ? { to: addresses } : { to: [], bcc: addresses },
    content: { subject: plainText(mail.subject.slice(0, 500)), plainText: mail.text, html: mail.html },
    attachments: mail.attachments.map(({ filename, type, content }) => ({
      name: plainText(filename),
      contentType: type,
      contentInBase64: Buffer.from(content).toString("base64"),
    })),
    headers: headersOf(mail, from.email),
    // Tracking would rewrite the links and show the readers to a third party.
    disableUserEngagementTracking: true,
  };
}

function faultOfReaders({ length }: readonly Address[]): string | null {
  if (length > 0 && length <= maxReaders) return null;
  return `The mail has ${length} recipients, but Azure Communication Services allows 1 to ${maxReaders}. Change the watchlist's addresses or use a distribution list.`;
}

function faultOfSize(message: EmailMessage): string | null {
  const bytes = Buffer.byteLength(JSON.stringify(message));
  if (bytes < maxBytes) return null;
  return `The mail is ${megabytes(bytes)} MB with its attachments, but Azure Communication Services accepts less than ${megabytes(maxBytes)} MB. Divide the watchlist.`;
}
