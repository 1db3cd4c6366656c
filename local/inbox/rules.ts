import * as z from "zod";

/** One entry of `errors` in SendGrid's answers. */
export interface Complaint {
  message: string;
  field: string | null;
  help: string | null;
}

const address = z.looseObject({ email: z.string(), name: z.string().optional() });
const texts = z.record(z.string(), z.string());
const toggle = z.looseObject({ enable: z.boolean().optional() }).optional();

const sendRequest = z.looseObject({
  personalizations: z.array(
    z.looseObject({
      to: z.array(address),
      cc: z.array(address).optional(),
      bcc: z.array(address).optional(),
      subject: z.string().optional(),
      headers: texts.optional(),
      custom_args: texts.optional(),
    }),
  ),
  from: address,
  subject: z.string().optional(),
  content: z.array(z.looseObject({ type: z.string(), value: z.string() })),
  attachments: z
    .array(z.looseObject({ content: z.string(), filename: z.string(), type: z.string().optional() }))
    .optional(),
  headers: texts.optional(),
  custom_args: z.unknown().optional(),
  categories: z.array(z.string()).optional(),
  mail_settings: z.looseObject({ sandbox_mode: toggle }).optional(),
  tracking_settings: z.looseObject({ click_tracking: toggle, open_tracking: toggle }).optional(),
});

/** The parts of the body of `POST /v3/mail/send` that are checked. */
export type SendRequest = z.infer<typeof sendRequest>;
export type Address = z.infer<typeof address>;
type Personalization = SendRequest["personalizations"][number];

/** The request in a body, or everything in it that SendGrid would answer with 400. */
export function readSendRequest(
  body: unknown,
): { request: SendRequest; complaints: null } | { complaints: Complaint[] } {
  const parsed = sendRequest.safeParse(body);
  if (!parsed.success) {
    return { complaints: parsed.error.issues.map(({ message, path }) => complain(message, path.join("."))) };
  }
  const request = parsed.data;
  const complaints = rules.flatMap((rule) => rule(request));
  return complaints.length > 0 ? { complaints } : { request, complaints: null };
}

type Rule = (request: SendRequest) => Complaint[];

const rules: readonly Rule[] = [
  checkRecipients,
  checkUnique,
  checkAddresses,
  checkSubject,
  checkContent,
  checkAttachments,
  checkHeaders,
  checkCustomArgs,
  checkCategories,
];

/** One reason for refusing a request. */
export function complain(message: string, field: string | null = null): Complaint {
  return { message, field, help: null };
}

function complainIf(isWrong: boolean, message: string, field: string | null): Complaint[] {
  return isWrong ? [complain(message, field)] : [];
}

/** All recipients of a personalization. */
export function recipients({ to, cc = [], bcc = [] }: Personalization): Address[] {
  return [...to, ...cc, ...bcc];
}

function checkRecipients({ personalizations }: SendRequest): Complaint[] {
  return [
    ...complainIf(personalizations.length === 0, "You must have at least one personalization.", "personalizations"),
    ...complainIf(
      personalizations.flatMap(recipients).length > 1_000,
      "There is a limit of 1000 total recipients (to + cc + bcc) per request.",
      "personalizations",
    ),
    ...personalizations.flatMap(({ to }, index) =>
      complainIf(
        to.length === 0,
        "The to array is required for all personalization objects, and must have at least one email object with a valid email address.",
        `personalizations.${index}.to`,
      ),
    ),
  ];
}

function checkUnique({ personalizations }: SendRequest): Complaint[] {
  const inOne = personalizations.flatMap((personalization, index) => {
    const twice = firstTwice(recipients(personalization));
    return complainIf(
      twice !== undefined,
      `Each email address in the personalization block should be unique between to, cc, and bcc. We found the first duplicate instance of [${twice}].`,
      `personalizations.${index}`,
    );
  });
  if (inOne.length > 0) return inOne;
  const twice = firstTwice(personalizations.flatMap(recipients));
  return complainIf(
    twice !== undefined,
    `Each unique email address in the personalizations array should only be included once. You have included [${twice}] more than once.`,
    "personalizations",
  );
}

function firstTwice(addresses: readonly Address[]): string | undefined {
  const seen = new Set<string>();
  for (const { email } of addresses) {
    const key = email.toLowerCase();
    if (seen.has(key)) return key;
    seen.add(key);
  }
  return undefined;
}

function checkAddresses({ from, personalizations }: SendRequest): Complaint[] {
  const isWrong = ({ email }: Address) => !/^[\x21-\x7e]+@[^\s@<>,;"]+\.[^\s@<>,;"]+$/.test(email);
  return [
    ...complainIf(isWrong(from), "The from email does not contain a valid address.", "from.email"),
    ...personalizations.flatMap((personalization, index) =>
      recipients(personalization).flatMap((address) =>
        complainIf(isWrong(address), "Does not contain a valid address.", `personalizations.${index}`),
      ),
    ),
    ...personalizations.flatMap((personalization, index) =>
      complainIf(
        recipients(personalization).some(({ name = "" }) => /[,;]/.test(name)),
        "The name of a recipient cannot include the characters ; and , here.",
        `personalizations.${index}`,
      ),
    ),
  ];
}

function checkSubject({ subject, personalizations }: SendRequest): Complaint[] {
  const isMissing = !subject && personalizations.some((personalization) => !personalization.subject);
  return complainIf(isMissing, "The subject is required.", "subject");
}

function checkContent({ content }: SendRequest): Complaint[] {
  const types = content.map(({ type }) => type);
  const text = types.indexOf("text/plain");
  const html = types.indexOf("text/html");
  return [
    ...complainIf(content.length === 0, "There must be at least one defined content block.", "content"),
    ...content.flatMap(({ value }, index) =>
      complainIf(
        value === "",
        "The content value must be a string at least one character in length.",
        `content.${index}.value`,
      ),
    ),
    ...complainIf(new Set(types).size < types.length, "A type of content may be given once only.", "content"),
    ...complainIf(
      text > 0 || html > 1,
      "If present, text/plain and text/html must come first, in this order.",
      "content",
    ),
  ];
}

// Without a repeated group, which would run out of stack on megabytes of text.
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

function checkAttachments({ attachments = [] }: SendRequest): Complaint[] {
  return attachments.flatMap(({ content, filename, type = "" }, index) => {
    const field = `attachments.${index}`;
    return [
      ...complainIf(
        content === "" || !isBase64(content),
        "The attachment content must be base64 encoded.",
        `${field}.content`,
      ),
      ...complainIf(filename === "", "The filename of the attachment is required.", `${field}.filename`),
      ...complainIf(/[;\r\n]/.test(type), "The type cannot contain ; or CRLF characters.", `${field}.type`),
    ];
  });
}

const reservedHeaders = new Set([
  ...["x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"],
  ...["to", "from", "subject", "reply-to", "cc", "bcc"],
]);

function checkHeaders({ headers = {}, personalizations }: SendRequest): Complaint[] {
  return [
    ...complainAboutHeaders(headers, "headers"),
    ...personalizations.flatMap(({ headers: own = {} }, index) =>
      complainAboutHeaders(own, `personalizations.${index}.headers`),
    ),
  ];
}

function complainAboutHeaders(headers: Readonly<Record<string, string>>, field: string): Complaint[] {
  return Object.entries(headers).flatMap(([name, value]) => [
    ...complainIf(
      reservedHeaders.has(name.toLowerCase()),
      "Headers cannot contain any of the reserved keys.",
      `${field}.${name}`,
    ),
    ...complainIf(!/^[\x21-\x39\x3b-\x7e]+$/.test(name), "The header's name is not valid.", field),
    ...complainIf(!/^[\x20-\x7e]*$/.test(value), "Headers must be ASCII text without line breaks.", `${field}.${name}`),
  ]);
}

// At the top level SendGrid's OpenAPI wants text and its API an object, so nothing there keeps to both.
function checkCustomArgs({ custom_args, personalizations }: SendRequest): Complaint[] {
  const [wanted, given] = typeof custom_args === "string" ? ["object", "string"] : ["string", typeof custom_args];
  let total = 0;
  const tooLong = personalizations.findIndex(({ custom_args: own }) => {
    total += own ? Buffer.byteLength(JSON.stringify(own)) : 0;
    return total >= 10_000;
  });
  return [
    ...complainIf(
      custom_args !== undefined,
      `Invalid type. Expected: ${wanted}, given: ${given}. Give custom_args in each personalization.`,
      "custom_args",
    ),
    ...complainIf(
      tooLong >= 0,
      "The total length of custom arguments must be less than 10,000 bytes.",
      `personalizations.${tooLong}.custom_args`,
    ),
  ];
}

function checkCategories({ categories = [] }: SendRequest): Complaint[] {
  return [
    ...complainIf(categories.length > 10, "There may be up to 10 categories.", "categories"),
    ...complainIf(new Set(categories).size < categories.length, "Each category must be unique.", "categories"),
    ...complainIf(
      categories.some((category) => category.length > 255),
      "A category may have up to 255 characters.",
      "categories",
    ),
  ];
}
