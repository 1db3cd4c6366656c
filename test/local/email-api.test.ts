import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Inbox, startInbox } from "../../local/inbox.ts";
import { createAcsMailer } from "../../shared/io/mail/acs.ts";
import type { OutgoingMail } from "../../shared/ports.ts";

const now = new Date("2026-11-23T05:00:00Z");
const version = "api-version=2025-09-01";
const id = "5b0e7a52-3c1d-4d8e-9f10-2a3b4c5d6e7f";
let inbox: Inbox;

beforeEach(async () => {
  inbox = await startInbox({ apiKey: "SG.unused", verifiedSenders: ["kb@example.org"], now: () => now });
});

afterEach(() => inbox.close());

function tokenFor(aud: string, seconds = 3_600): string {
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ aud, exp: now.getTime() / 1_000 + seconds })}.`;
}

const token = tokenFor("https://communication.azure.com");
const attachment = { name: "kbs.csv", contentType: "text/csv", contentInBase64: "S0I=" };

function letter(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    senderAddress: "kb@example.org",
    content: { subject: "3 new", plainText: "3 new KBs", html: "<p>3 new KBs</p>" },
    recipients: { to: [{ address: "ops@example.org", displayName: "Ops" }] },
    ...changes,
  };
}

interface Said {
  id: string;
  status: string;
  error: { code: string; message: string };
}

async function call(path: string, headers: Record<string, string> = {}, body?: unknown) {
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const always = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const answer = await fetch(`${inbox.url}${path}`, { ...sent, headers: { ...always, ...headers } });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Said };
}

const post = (body: unknown, headers: Record<string, string> = {}) => call(`/emails:send?${version}`, headers, body);
const ask = (about: string, headers: Record<string, string> = {}) =>
  call(`/emails/operations/${about}?${version}`, headers);

const people = (count: number) => Array.from({ length: count }, (_, n) => ({ address: `a${n}@example.org` }));

test("a mail gets 202 with the address of its operation, and reaches those in To together and those in Bcc alone", async () => {
  const bcc = [{ address: "ciso@example.org" }];
  const recipients = { to: people(1), cc: [{ address: "it@example.org" }], bcc };
  const { status, body, headers } = await post(letter({ recipients, attachments: [attachment] }), {
    "Operation-Id": id,
  });
  expect({ status, body }).toEqual({ status: 202, body: { id, status: "Running" } });
  const location = `https://${new URL(inbox.url).host}/emails/operations/${id}?${version}`;
  expect([headers.get("operation-location"), headers.get("retry-after")]).toEqual([location, "1"]);
  const readers = inbox.mails.map(({ to }) => to.map(({ email }) => email));
  expect(readers).toEqual([["a0@example.org", "it@example.org"], ["ciso@example.org"]]);
  expect(inbox.mails[0]?.attachments).toEqual([{ filename: "kbs.csv", type: "text/csv", content: Buffer.from("KB") }]);
  expect(await (await fetch(`${inbox.url}/mails/${inbox.mails[0]?.id}?part=text`)).text()).toContain("3 new KBs");
  expect((await ask(id)).body).toEqual({ id, status: "Succeeded" });
});

test("a mail without an id of ours gets one", async () => {
  const { body } = await post(letter());
  expect(inbox.operations.ids).toEqual([body.id]);
});

describe("it refuses", () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ["no recipients", { recipients: { to: [] } }, /1 to 50/],
    ["51 recipients in all", { recipients: { to: people(26), bcc: people(51).slice(26) } }, /1 to 50/],
    ["a recipient twice", { recipients: { to: people(1), bcc: [{ address: "A0@example.org" }] } }, /more than once/],
    ["no list in to", { recipients: { bcc: people(1) } }, /recipients\.to/],
    ["a malformed address", { recipients: { to: [{ address: "ops" }] } }, /Invalid format/],
    ["a sender with a name", { senderAddress: "KBs <kb@example.org>" }, /senderAddress/],
    ["no subject", { content: { subject: "", html: "x" } }, /content\.subject/],
    ["no text", { content: { subject: "x" } }, /plainText or html/],
    ["a header that is Azure's to set", { headers: { "Reply-To": "a@b.de" } }, /headers/],
    ["a header that is not ASCII", { headers: { "X-Watchlist": "Größe" } }, /ASCII/],
    ["an attachment that is not base64", { attachments: [{ ...attachment, contentInBase64: "?" }] }, /attachments/],
    ["an attachment of a forbidden type", { attachments: [{ ...attachment, name: "kbs.exe" }] }, /not allowed/],
    ["a field that it does not know", { disableUserEngagementTracking: true }, /disableUserEngagementTracking/],
  ])("%s", async (_, changes, message) => {
    const { status, body } = await post(letter(changes));
    expect([status, body.error.code]).toEqual([400, "BadRequest"]);
    expect(body.error.message).toMatch(message);
    expect(inbox.mails).toEqual([]);
  });

  test.each<[string, Record<string, string>, number, string]>([
    ["no token", { Authorization: "" }, 401, "Denied"],
    ["a token for storage", { Authorization: `Bearer ${tokenFor("https://storage.azure.com")}` }, 401, "Denied"],
    ["an old token", { Authorization: `Bearer ${tokenFor("https://communication.azure.com", -1)}` }, 401, "Denied"],
    ["an id that is not a UUID", { "Operation-Id": "1" }, 400, "BadRequest"],
    ["text", { "Content-Type": "text/plain" }, 415, "UnsupportedMediaType"],
  ])("%s", async (_, headers, status, code) => {
    const answer = await post(letter(), headers);
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
  });

  test("another version, a sender of another domain, an unknown sender, an id in use, an unknown operation", async () => {
    const old = await call("/emails:send?api-version=2021-10-01-preview", {}, letter());
    const elsewhere = await post(letter({ senderAddress: "kb@elsewhere.example" }));
    const unknown = await post(letter({ senderAddress: "boss@example.org" }));
    await post(letter(), { "Operation-Id": id });
    const again = await post(letter(), { "Operation-Id": id });
    const missing = await ask("00000000-0000-0000-0000-000000000000");
    const said = [old, elsewhere, unknown, again, missing].map(({ status, body }) => `${status} ${body.error.code}`);
    expect(said).toEqual([
      ...["400 ApiVersionNotSupported", "404 DomainNotLinked", "400 InvalidSenderUserName"],
      ...["400 BadRequest", "404 NotFound"],
    ]);
    expect((await ask(id, { Authorization: "" })).status).toBe(401);
  });
});

test("it accepts whatever the mailer makes of a digest to valid addresses", async () => {
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const mailer = createAcsMailer({
    endpoint: inbox.url,
    credential,
    from: "Reporter <kb@example.org>",
    now: () => now,
  });
  const text = fc.string({ unit: "binary", minLength: 1 });
  const digest: fc.Arbitrary<OutgoingMail> = fc.record({
    tenant: fc.constantFrom("home", "contoso.example"),
    watchlist: fc.string({ unit: "binary", maxLength: 500 }),
    runId: fc.constantFrom("2026-11-23", "2026-11-23T10:17Z"),
    sendKey: fc.uuid(),
    isRepeat: fc.boolean(),
    to: fc.array(fc.constantFrom("a@b.de", "A@B.de", "Team <c@d.example.org>", '"Doe, J" <e@f.org>'), { minLength: 1 }),
    together: fc.boolean(),
    subject: text.map((subject) => `3 new ${subject}`),
    html: text,
    text,
    attachments: fc.array(
      fc.record({ filename: text.map((name) => `${name}.csv`), type: fc.constant("text/csv"), content: text }),
      { maxLength: 2 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(digest, async (mail) => {
      expect(await mailer.send(mail)).toMatchObject({ status: "sent" });
      expect(inbox.mails.at(-1)).toMatchObject({ html: mail.html.toWellFormed(), text: mail.text.toWellFormed() });
    }),
    { numRuns: 50 },
  );
}, 20_000);
