import * as z from "zod";

const text = z.string().min(1);
const address = z.strictObject({
  address: z.string().regex(/^[\x21-\x7e]+@[^\s@<>,;"]+\.[^\s@<>,;"]+$/, "Invalid format for email address"),
  displayName: z.string().optional(),
});
const addresses = z.array(address).optional();
const recipients = z.strictObject({ to: z.array(address), cc: addresses, bcc: addresses });
type Recipients = z.infer<typeof recipients>;
const reserved = /^(to|from|subject|cc|bcc|reply-to|content-type|content-transfer-encoding|received|dkim-signature)$/i;

/** The body of `POST /emails:send` of 2025-09-01, and nothing more. */
const emailRequest = z.strictObject({
  senderAddress: z.email(),
  content: z
    .strictObject({ subject: text, plainText: text.optional(), html: text.optional() })
    .refine(({ plainText, html }) => plainText || html, "Content needs plainText or html"),
  recipients: recipients
    .refine((all) => within(1, recipientsOf(all).length, 50), "An email has 1 to 50 recipients")
    .refine((all) => new Set(keysOf(all)).size === keysOf(all).length, "A recipient is given more than once"),
  headers: z
    .record(
      z
        .string()
        .regex(/^[\x21-\x39\x3b-\x7e]+$/)
        .refine((name) => !reserved.test(name), "A reserved header"),
      z.string().regex(/^[\x20-\x7e]*$/, "A header is ASCII text without line breaks"),
    )
    .optional(),
  attachments: z
    .array(
      z.strictObject({
        name: z.string().regex(/\.(csv|txt|json|pdf|zip)$/i, "The attachment's type is not allowed"),
        contentType: z.enum(["text/csv", "text/plain", "application/json", "application/pdf", "application/zip"]),
        contentInBase64: z.base64().min(1),
      }),
    )
    .optional(),
  replyTo: addresses,
  userEngagementTrackingDisabled: z.boolean().optional(),
});

export type EmailRequest = z.infer<typeof emailRequest>;

/** The request in a body, or why Azure would answer 400. */
export function readEmailRequest(body: unknown): { request: EmailRequest } | { fault: string } {
  const parsed = emailRequest.safeParse(body);
  if (parsed.success) return { request: parsed.data };
  return { fault: parsed.error.issues.map(({ message, path }) => `${path.join(".")}: ${message}`).join("; ") };
}

/** All recipients of a mail. */
function recipientsOf({ to, cc = [], bcc = [] }: Recipients): z.infer<typeof address>[] {
  return [...to, ...cc, ...bcc];
}

function keysOf(all: Recipients): string[] {
  return recipientsOf(all).map((one) => one.address.toLowerCase());
}

function within(least: number, count: number, most: number): boolean {
  return count >= least && count <= most;
}
