import { connect } from "node:net";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Inbox, startInbox } from "../../local/inbox.ts";
import { createMailer } from "../../shared/io/mail/sendgrid.ts";
import type { OutgoingMail } from "../../shared/ports.ts";

const apiKey = "SG.local";
const now = new Date("2026-11-23T05:00:00Z");
let inbox: Inbox;

beforeEach(async () => {
  inbox = await startInbox({ apiKey, verifiedSenders: ["Kb@example.org"], now: () => now });
});

afterEach(() => inbox.close());

function letter(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    personalizations: [{ to: [{ email: "ops@example.org" }] }],
    from: { email: "kb@example.org", name: "Reporter" },
    subject: "3 new",
    content: [
      { type: "text/plain", value: "3 new KBs" },
      { type: "text/html", value: "<p>3 new KBs</p>" },
    ],
    ...changes,
  };
}

function post(body: unknown, headers: Record<string, string> = {}, { url } = inbox): Promise<Response> {
  return fetch(`${url}/v3/mail/send`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function get(path: string): Promise<Response & { content: string }> {
  const response = await fetch(inbox.url + path);
  return Object.assign(response, { content: await response.text() });
}

const addresses = (count: number) => Array.from({ length: count }, (_, n) => ({ email: `a${n}@example.org` }));
const attachment = { filename: "kbs.csv", type: "text/csv", content: "S0I=", disposition: "attachment" };

describe("the inbox accepts what SendGrid accepts", () => {
  test("a mail gets 202 and its id, and is kept", async () => {
    const response = await post(
      letter({
        personalizations: [{ to: [{ email: "ops@example.org" }], custom_args: { watchlist: "default" } }],
        attachments: [attachment],
        headers: { References: "<a@b>" },
        categories: ["kb"],
      }),
    );

    expect(response.status).toBe(202);
    expect(await response.text()).toBe("");
    expect(inbox.mails).toMatchObject([
      {
        messageId: response.headers.get("x-message-id"),
        receivedAt: now,
        from: { email: "kb@example.org", name: "Reporter" },
        to: [{ email: "ops@example.org" }],
        subject: "3 new",
        html: "<p>3 new KBs</p>",
        text: "3 new KBs",
        headers: { References: "<a@b>" },
        customArgs: { watchlist: "default" },
        attachments: [{ filename: "kbs.csv", type: "text/csv", content: Buffer.from("KB") }],
      },
    ]);
  });

  test("each personalization is a copy of its own, which shows nobody else", async () => {
    const copy = (n: number) => ({
      to: [{ email: `a${n}@example.org` }],
      subject: `Copy ${n}`,
      headers: { References: `<${n}@b>` },
      custom_args: { copy: `${n}` },
    });
    const common = { headers: { References: "<a@b>", "X-Kb": "1" }, attachments: [attachment] };
    const response = await post(letter({ personalizations: [copy(0), copy(1)], ...common }));

    const messageId = response.headers.get("x-message-id");
    expect(inbox.mails).toMatchObject(
      [0, 1].map((n) => ({
        messageId,
        to: [{ email: `a${n}@example.org` }],
        subject: `Copy ${n}`,
        headers: { References: `<${n}@b>`, "X-Kb": "1" },
        customArgs: { copy: `${n}` },
        text: "3 new KBs",
        attachments: [{ filename: "kbs.csv" }],
      })),
    );
    const pages = await Promise.all(inbox.mails.map(({ id }) => get(`/mails/${id}`)));
    expect(pages.map(({ content }) => /<dt>To<\/dt><dd>(.*?)<\/dd>/.exec(content)?.[1])).toEqual([
      "a0@example.org",
      "a1@example.org",
    ]);
  });

  test("a mail in sandbox mode gets 200 and is not kept", async () => {
    const response = await post(letter({ mail_settings: { sandbox_mode: { enable: true } } }));

    expect(response.status).toBe(200);
    expect(response.headers.get("x-message-id")).toBeNull();
    expect(inbox.mails).toEqual([]);
  });

  test.each<[string, Record<string, unknown>]>([
    ["1,000 recipients", { personalizations: [{ to: addresses(1_000) }] }],
    ["HTML alone", { content: [{ type: "text/html", value: "<p>3" }] }],
    ["a sender in another case", { from: { email: "KB@Example.org" } }],
    ["10 categories", { categories: Array.from({ length: 10 }, (_, n) => `c${n}`) }],
    ["unknown fields", { asm: { group_id: 1 } }],
  ])("%s", async (_, changes) => {
    expect((await post(letter(changes))).status).toBe(202);
    expect(inbox.mails).toHaveLength(1);
  });

  test("whatever the mailer makes of a digest to valid addresses", async () => {
    const mailer = createMailer({
      ...{ apiKey, from: "Reporter <kb@example.org>", region: "global", sandbox: false, url: inbox.url },
    });
    const text = fc.string({ unit: "binary", minLength: 1 });
    const digest: fc.Arbitrary<OutgoingMail> = fc.record({
      tenant: fc.constantFrom("home", "contoso.example"),
      watchlist: fc.string({ unit: "binary", maxLength: 500 }),
      runId: fc.constantFrom("2026-11-23", "2026-11-23T10:17Z"),
      sendKey: fc.constant("1"),
      isRepeat: fc.constant(false),
      to: fc.array(fc.constantFrom("a@b.de", "A@B.de", "Team <c@d.example.org>", '"Doe, J" <e@f.org>'), {
        minLength: 1,
      }),
      together: fc.boolean(),
      subject: text.map((subject) => `3 new ${subject}`),
      html: text,
      text,
      attachments: fc.array(
        fc.record({
          filename: text.map((name) => `${name}.csv`),
          type: fc.constant("text/csv"),
          content: text,
        }),
        { maxLength: 2 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(digest, async (mail) => {
        expect(await mailer.send(mail)).toEqual({ status: "sent", messageId: expect.stringMatching(/^[\w-]{22}$/) });
        expect(inbox.mails.at(-1)).toMatchObject({ html: mail.html.toWellFormed(), text: mail.text.toWellFormed() });
      }),
      { numRuns: 30 },
    );
  }, 20_000);
});

describe("the inbox refuses what SendGrid refuses", () => {
  const to = (...emails: string[]) => emails.map((email) => ({ email }));
  test.each<[string, Record<string, unknown>, string]>([
    ["no personalization", { personalizations: [] }, "personalizations"],
    ["personalizations that are not a list", { personalizations: { to: to("a@b.de") } }, "personalizations"],
    ["no recipient in to", { personalizations: [{ to: [] }] }, "personalizations.0.to"],
    ["a recipient in cc but none in to", { personalizations: [{ to: [], cc: to("a@b.de") }] }, "personalizations.0.to"],
    ["an address twice in to", { personalizations: [{ to: to("a@b.de", "a@b.de") }] }, "personalizations.0"],
    [
      "an address twice in different case",
      { personalizations: [{ to: to("a@b.de", "A@B.DE") }] },
      "personalizations.0",
    ],
    ["an address in to and bcc", { personalizations: [{ to: to("a@b.de"), bcc: to("a@b.de") }] }, "personalizations.0"],
    ["1,001 recipients", { personalizations: [{ to: addresses(1_001) }] }, "personalizations"],
    [
      "1,001 recipients in two personalizations",
      { personalizations: [{ to: addresses(501) }, { to: addresses(1_001).slice(501) }] },
      "personalizations",
    ],
    [
      "an address in two personalizations",
      { personalizations: [{ to: addresses(1) }, { to: to("A0@example.org"), subject: "mine" }] },
      "personalizations",
    ],
    [
      "1,001 personalizations",
      { personalizations: addresses(1_001).map((one) => ({ to: [one] })) },
      "personalizations",
    ],
    ["an address with a name around it", { personalizations: [{ to: to("A <a@b.de>") }] }, "personalizations.0"],
    ["an address without a domain", { personalizations: [{ to: to("ops") }] }, "personalizations.0"],
    ["an address with an umlaut before the @", { personalizations: [{ to: to("jürgen@b.de") }] }, "personalizations.0"],
    ["an address that is not text", { personalizations: [{ to: [{ email: 7 }] }] }, "personalizations.0.to.0.email"],
    ["no sender", { from: undefined }, "from"],
    ["a malformed sender", { from: { email: "kb" } }, "from.email"],
    ["no subject", { subject: undefined }, "subject"],
    ["an empty subject", { subject: "" }, "subject"],
    ["no content", { content: [] }, "content"],
    ["an empty text", { content: [{ type: "text/plain", value: "" }] }, "content.0.value"],
    ["HTML before text", { content: (letter().content as unknown[]).toReversed() }, "content"],
    ["two texts", { content: Array(2).fill({ type: "text/calendar", value: "x" }) }, "content"],
    ["an attachment that is not base64", { attachments: [{ ...attachment, content: "a,b" }] }, "attachments.0.content"],
    ["an empty attachment", { attachments: [{ ...attachment, content: "" }] }, "attachments.0.content"],
    ["an attachment without a name", { attachments: [{ content: "S0I=" }] }, "attachments.0.filename"],
    ["a line break in a type", { attachments: [{ ...attachment, type: "text/csv\r\nX: y" }] }, "attachments.0.type"],
    ["a header with an umlaut", { headers: { References: "<ä@b>" } }, "headers.References"],
    ["a header with a line break", { headers: { References: "<a@b>\r\nBcc: c@d.de" } }, "headers.References"],
    ["a header reserved for SendGrid", { headers: { Subject: "mine" } }, "headers.Subject"],
    ["a header with a space in its name", { headers: { "X Kb": "1" } }, "headers"],
    ["a header that is not text", { headers: { References: 7 } }, "headers.References"],
    [
      "a reserved header in a personalization",
      { personalizations: [{ to: addresses(1), headers: { BCC: "c@d.de" } }] },
      "personalizations.0.headers.BCC",
    ],
    [
      "a line break in a personalization's header",
      { personalizations: [{ to: addresses(1), headers: { References: "<a@b>\nBcc: c@d.de" } }] },
      "personalizations.0.headers.References",
    ],
    [
      "a custom argument that is not text",
      { personalizations: [{ to: addresses(1), custom_args: { run: 7 } }] },
      "personalizations.0.custom_args.run",
    ],
    [
      "custom arguments of more than 10,000 bytes",
      { personalizations: [{ to: addresses(1), custom_args: { run: "x".repeat(10_000) } }] },
      "personalizations.0.custom_args",
    ],
    [
      "custom arguments of 10,000 bytes in all copies together",
      {
        personalizations: ["a", "b", "c"].map((name) => ({
          to: [{ email: `${name}@example.org` }],
          custom_args: { run: "x".repeat(4_000) },
        })),
      },
      "personalizations.2.custom_args",
    ],
    [
      "the name of a reader with a comma",
      { personalizations: [{ to: [{ email: "a@example.org", name: "Doe, Jane" }] }] },
      "personalizations.0",
    ],
    [
      "custom arguments of the message that are text, as the OpenAPI has them",
      { custom_args: "default" },
      "custom_args",
    ],
    ["custom arguments of the message that are an object", { custom_args: { watchlist: "default" } }, "custom_args"],
    ["11 categories", { categories: Array.from({ length: 11 }, (_, n) => `c${n}`) }, "categories"],
    ["a category of 256 characters", { categories: ["x".repeat(256)] }, "categories"],
    ["a category twice", { categories: ["kb", "kb"] }, "categories"],
  ])("%s: 400, naming the field", async (_, changes, field) => {
    const response = await post(letter(changes));
    const { errors } = (await response.json()) as { errors: unknown };

    expect(response.status).toBe(400);
    expect(errors).toEqual([{ message: expect.stringMatching(/\w{4}/), field, help: null }]);
    expect(inbox.mails).toEqual([]);
  });

  test.each(["", "{", "null", "[]", '"mail"'])("the body %j: 400", async (body) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ message: expect.any(String) }] });
  });

  test.each(["", "Bearer SG.other", `bearer ${apiKey}`, `Basic ${apiKey}`, apiKey])("the key %j: 401", async (key) => {
    const response = await post(letter(), { Authorization: key });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ errors: [{ message: expect.stringContaining("invalid") }] });
    expect(inbox.mails).toEqual([]);
  });

  test("a sender that is not verified: 403", async () => {
    const response = await post(letter({ from: { email: "boss@example.org" } }));
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ errors: [{ field: "from" }] });
    expect(inbox.mails).toEqual([]);
  });

  test("30 MB: 413", async () => {
    const response = await post(letter({ content: [{ type: "text/html", value: "x".repeat(30_000_000) }] }));
    expect(response.status).toBe(413);
    expect(inbox.mails).toEqual([]);
  });

  test("another content type: 415, another method: 405", async () => {
    expect((await post(letter(), { "Content-Type": "text/plain" })).status).toBe(415);
    expect((await fetch(`${inbox.url}/v3/mail/send`)).status).toBe(405);
  });
});

describe("faults", () => {
  test("each fault in the list strikes one send, in order; then sends succeed", async () => {
    inbox.faults.push(
      {
        status: 429,
        errors: [{ message: "slow down", field: null, help: null }],
        headers: { "X-RateLimit-Reset": "9" },
      },
      { status: 500 },
    );
    const throttled = await post(letter());
    const broken = await post(letter());
    const healthy = await post(letter());

    expect([throttled.status, broken.status, healthy.status]).toEqual([429, 500, 202]);
    expect(throttled.headers.get("x-ratelimit-reset")).toBe("9");
    expect(await throttled.json()).toEqual({ errors: [{ message: "slow down", field: null, help: null }] });
    expect(inbox.mails).toHaveLength(1);
  });

  test.each([
    { kept: true, count: 1 },
    { kept: false, count: 0 },
  ])("a reset with the mail kept: $kept", async ({ kept, count }) => {
    inbox.faults.push({ kept, connection: "reset" });
    await expect(post(letter())).rejects.toThrow();
    expect(inbox.mails).toHaveLength(count);
  });

  test("a hang keeps the mail and never answers", async () => {
    inbox.faults.push({ kept: true, connection: "hang" });
    const answer = post(letter()).catch((error: unknown) => error);
    await expect.poll(() => inbox.mails.length).toBe(1);
    await inbox.close();
    expect(await answer).toBeInstanceOf(Error);

    inbox = await startInbox({ apiKey, now: () => now });
  });

  test("a mail that SendGrid would refuse is not kept, whatever the fault", async () => {
    inbox.faults.push({ kept: true, connection: "reset" });
    await expect(post(letter({ subject: "" }))).rejects.toThrow();
    expect(inbox.mails).toEqual([]);
  });

  test("a function chooses the fault by the number and the body of a send", async () => {
    const seen: unknown[] = [];
    const moody = await startInbox({
      apiKey,
      now: () => now,
      fault: (send) => {
        seen.push(send);
        return send.number === 2 ? { status: 503 } : null;
      },
    });
    const statuses: number[] = [];
    for (const subject of ["one", "two", "three"]) {
      statuses.push((await post(letter({ subject }), {}, moody)).status);
    }
    await moody.close();

    expect(statuses).toEqual([202, 503, 202]);
    expect(seen).toMatchObject([
      { number: 1, body: { subject: "one" } },
      { number: 2, body: { subject: "two" } },
      { number: 3, body: { subject: "three" } },
    ]);
  });
});

describe("the page", () => {
  const hostile = `</title><script>alert(1)</script>"'&`;
  const hostileLetter = letter({
    personalizations: [{ to: [{ email: "ops@example.org", name: hostile }], custom_args: { watchlist: hostile } }],
    from: { email: "kb@example.org", name: hostile },
    subject: hostile,
    content: [
      { type: "text/plain", value: hostile },
      { type: "text/html", value: "<html><head><title>x</title></head><a href='https://example.org'>KB</a>" },
    ],
    headers: { "X-Hostile": hostile },
    attachments: [{ ...attachment, filename: `${hostile}'*\r\n\ud800.csv` }],
  });

  test("lists the mails newest first and shows the newest", async () => {
    for (const subject of ["Older digest", "Newer digest"]) await post(letter({ subject }));
    const { content, headers } = await get("/");

    expect(content.indexOf("Newer digest")).toBeLessThan(content.indexOf("Older digest"));
    expect(content).toContain(`src="/mails/${inbox.mails[1]?.id}/html"`);
    expect(content).toContain("23 Nov 2026, 05:00 UTC");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect((await get("/style.css")).headers.get("content-type")).toBe("text/css");
  });

  test("says that there is no mail yet, and reloads itself", async () => {
    const { content } = await get("/");
    expect(content).toContain("No mail yet");
    expect(content).toContain('http-equiv="refresh"');
    await post(letter());
    expect((await get("/")).content).not.toContain('http-equiv="refresh"');
  });

  test("escapes the text of a mail in all its parts", async () => {
    await post(hostileLetter);
    const [mail] = inbox.mails;
    for (const path of ["/", ...["html", "text", "headers"].map((part) => `/mails/${mail?.id}?part=${part}`)]) {
      const { content } = await get(path);
      expect(content).not.toContain("<script");
      expect(content).toContain("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;");
    }
  });

  test("shows the HTML part in a frame that runs and loads nothing and opens links elsewhere", async () => {
    await post(hostileLetter);
    const path = `/mails/${inbox.mails[0]?.id}/html`;
    const { content, headers } = await get(path);

    expect((await get("/")).content).toMatch(
      /<iframe src="[^"]+" sandbox="allow-popups allow-popups-to-escape-sandbox"/,
    );
    expect(content).toContain('<head><base target="_blank"><title>x</title>');
    const policy = headers.get("content-security-policy")?.split("; ");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("sandbox allow-popups allow-popups-to-escape-sandbox");
    expect(policy?.filter((rule) => rule.startsWith("script"))).toEqual([]);
  });

  test("serves attachments byte for byte, to be saved, not shown", async () => {
    await post(hostileLetter);
    const response = await fetch(`${inbox.url}/mails/${inbox.mails[0]?.id}/attachments/0`);

    expect(await response.text()).toBe("KB");
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    const disposition = response.headers.get("content-disposition") ?? "";
    expect(disposition).toMatch(/^attachment; filename\*=UTF-8''[\w.%~!-]+$/);
    expect(decodeURIComponent(disposition.split("''")[1] ?? "")).toBe(`${hostile}'*\r\n\ufffd.csv`);
  });

  test("lists the mails as JSON, with the sizes of their attachments", async () => {
    await post(letter({ attachments: [attachment] }));
    expect(JSON.parse((await get("/mails.json")).content)).toMatchObject([
      {
        id: inbox.mails[0]?.id,
        messageId: inbox.mails[0]?.messageId,
        receivedAt: "2026-11-23T05:00:00.000Z",
        subject: "3 new",
        text: "3 new KBs",
        attachments: [{ filename: "kbs.csv", type: "text/csv", bytes: 2 }],
      },
    ]);
  });

  test("has no other address", async () => {
    await post(letter());
    const mail = `/mails/${inbox.mails[0]?.id}`;
    for (const path of ["/x", "/mails/x", `${mail}/x`, `${mail}/attachments/0`, `${mail}/attachments/x`]) {
      expect((await get(path)).status).toBe(404);
    }
    expect((await fetch(inbox.url, { method: "DELETE" })).status).toBe(405);
  });
});

test("the inbox listens on 127.0.0.1 only", async () => {
  const { hostname, port } = new URL(inbox.url);
  expect(hostname).toBe("127.0.0.1");
  const socket = connect({ host: "127.0.0.2", port: Number(port) });
  const refused = await new Promise((resolve) => {
    socket.once("connect", () => resolve(false)).once("error", () => resolve(true));
  });
  socket.destroy();
  expect(refused).toBe(true);
});
