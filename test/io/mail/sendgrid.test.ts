import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { setInterval } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { threadId } from "../../../shared/io/mail/envelope.ts";
import { createMailer, type MailerOptions } from "../../../shared/io/mail/sendgrid.ts";
import type { OutgoingMail, SendOutcome } from "../../../shared/ports.ts";
import { type Handler, type ReceivedRequest, startHttpServer } from "../../support/http-server.ts";

const apiKey = "SG.canary-0123456789";
const open: (() => unknown)[] = [];

/** A SendGrid that answers every mail with `handler`, and what it received. */
async function startSendGrid(handler: Handler = accept): Promise<{ url: string; received: ReceivedRequest[] }> {
  const server = await startHttpServer(handler);
  open.push(server.close);
  return { url: server.url, received: server.requests };
}

const accept: Handler = () => ({ status: 202, headers: { "X-Message-Id": "14c5d75ce93.dfd.64b469" } });

function refuse(status: number, errors: unknown, headers: Record<string, string> = {}): Handler {
  return () => ({ status, headers, body: typeof errors === "string" ? errors : { errors } });
}

/** Lets a function write the answer, which may break it off. */
function interrupt(answer: (response: ServerResponse) => unknown): Handler {
  return (_, response) => void answer(response);
}

async function listen(server: Server): Promise<string> {
  open.push(() => server.close().closeAllConnections());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

function bodyOf(request: ReceivedRequest | undefined): Record<string, unknown> {
  return JSON.parse(request?.body ?? "");
}

/** The copies of a mail, as they were sent. */
function personalizationsOf(request: ReceivedRequest | undefined) {
  const { personalizations } = bodyOf(request) as {
    personalizations: Record<"to" | "headers" | "custom_args", object>[];
  };
  return personalizations;
}

function keysOf(requests: readonly ReceivedRequest[]): (string | undefined)[] {
  return requests.map(({ headers }) => headers.authorization);
}

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(open.splice(0).map((close) => close()));
});

const digest: OutgoingMail = {
  tenant: "home",
  watchlist: "Client PCs",
  runId: "2026-11-23",
  sendKey: "1",
  isRepeat: false,
  to: ["ops@example.org"],
  together: false,
  subject: "3 new, 2 worse",
  html: "<p>3 new</p>",
  text: "3 new",
  attachments: [],
};

function send(url: string | null, mail: Partial<OutgoingMail> = {}, options: Partial<MailerOptions> = {}) {
  const base: MailerOptions = { apiKey, from: "Reporter <kb@example.org>", region: "global", url, sandbox: false };
  return createMailer({ ...base, ...options }).send({ ...digest, ...mail });
}

function reasonOf(outcome: SendOutcome): string {
  return outcome.status === "sent" ? "" : outcome.reason;
}

describe("what is sent", () => {
  test("one request carries a copy of the digest for each reader, with the key in its header", async () => {
    const { url, received } = await startSendGrid();
    const to = ["ops@example.org", '"Doe, Jane" <jane@example.org>', "Team <team@example.org>"];
    const outcome = await send(url, { to });

    expect(outcome).toEqual({ status: "sent", messageId: "14c5d75ce93.dfd.64b469" });
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({ method: "POST", path: "/v3/mail/send" });
    expect(keysOf(received)).toEqual([`Bearer ${apiKey}`]);
    expect(bodyOf(received[0])).toMatchObject({
      from: { email: "kb@example.org", name: "Reporter" },
      personalizations: [
        { to: [{ email: "ops@example.org" }] },
        { to: [{ email: "jane@example.org", name: "Doe Jane" }] },
        { to: [{ email: "team@example.org", name: "Team" }] },
      ],
      subject: "3 new, 2 worse",
      content: [
        { type: "text/plain", value: "3 new" },
        { type: "text/html", value: "<p>3 new</p>" },
      ],
      categories: ["missing-kb-reporter"],
    });
  });

  test("readers who are meant to see each other share one copy", async () => {
    const { url, received } = await startSendGrid();
    await send(url, { to: ["ops@example.org", "Team <team@example.org>"], together: true });

    expect(bodyOf(received[0])).toMatchObject({
      personalizations: [{ to: [{ email: "ops@example.org" }, { email: "team@example.org", name: "Team" }] }],
    });
  });

  test("each copy says whose run it is, and the message as such does not", async () => {
    const { url, received } = await startSendGrid();
    await send(url, { to: ["a@example.org", "b@example.org"], tenant: "contoso.example" });

    const ids = { tenant: "contoso.example", watchlist: "Client PCs", run_id: "2026-11-23" };
    expect(personalizationsOf(received[0]).map((copy) => copy.custom_args)).toEqual([ids, ids]);
    expect(bodyOf(received[0])).not.toHaveProperty("custom_args");
  });

  test("the headers of the mail are not headers of the request", async () => {
    const { url, received } = await startSendGrid();
    await send(url);

    const [copy] = personalizationsOf(received[0]);
    const names = ["In-Reply-To", "References", "List-Unsubscribe", "Auto-Submitted", "X-Auto-Response-Suppress"];
    expect(Object.keys(copy?.headers ?? {}).toSorted()).toEqual(names.toSorted());
    expect(bodyOf(received[0])).not.toHaveProperty("headers");
    for (const name of names) expect(received[0]?.headers).not.toHaveProperty(name.toLowerCase());
  });

  test.each([
    ["Reporter <kb@example.org>", "Client PCs", "<mailto:kb@example.org?subject=unsubscribe%20Client%20PCs>"],
    [
      "k?b&c%d+e=f#g@example.org",
      "Größe",
      "<mailto:k%3Fb%26c%25d%2Be%3Df%23g@example.org?subject=unsubscribe%20Gr%C3%B6%C3%9Fe>",
    ],
    [
      "kb@example.org",
      "a\r\nBcc: x>\ud800",
      "<mailto:kb@example.org?subject=unsubscribe%20a%20Bcc%3A%20x%3E%EF%BF%BD>",
    ],
  ])("to unsubscribe from %s, a mail goes there and names %j", async (from, watchlist, link) => {
    const { url, received } = await startSendGrid();
    await send(url, { watchlist }, { from });

    expect(personalizationsOf(received[0])[0]?.headers).toMatchObject({ "List-Unsubscribe": link });
  });

  test("nothing is tracked, and the sandbox is off", async () => {
    const { url, received } = await startSendGrid();
    await send(url);

    expect(bodyOf(received[0])).toMatchObject({
      tracking_settings: {
        click_tracking: { enable: false, enable_text: false },
        open_tracking: { enable: false },
        subscription_tracking: { enable: false },
      },
      mail_settings: { sandbox_mode: { enable: false } },
    });
  });

  test("in the sandbox a mail counts as sent with SendGrid's 200, which has no id", async () => {
    const { url, received } = await startSendGrid(() => ({ status: 200 }));

    expect(await send(url, {}, { sandbox: true })).toEqual({ status: "sent", messageId: null });
    expect(bodyOf(received[0])).toMatchObject({ mail_settings: { sandbox_mode: { enable: true } } });
  });

  test("attachments arrive byte by byte, in UTF-8", async () => {
    const { url, received } = await startSendGrid();
    const content = "KB,Größe\r\n5041585,„12“ 😀\r\n";
    await send(url, { attachments: [{ filename: "kbs\r\nX: y.csv", type: "text/csv", content }] });

    const base64 = Buffer.from(content, "utf8").toString("base64");
    expect(bodyOf(received[0]).attachments).toEqual([
      { filename: "kbs X: y.csv", type: "text/csv", disposition: "attachment", content: base64 },
    ]);
  });

  test("a line break in the subject starts no header", async () => {
    const { url, received } = await startSendGrid();
    await send(url, { subject: "3 new\r\nBcc: thief@example.net\u2028\u202edesrever" });

    expect(bodyOf(received[0]).subject).toBe("3 new Bcc: thief@example.net desrever");
  });

  test("an address is named once, whatever its case", async () => {
    const { url, received } = await startSendGrid();
    await send(url, { to: ["Ops <OPS@Example.org>", "ops@example.org", "a@b.de", "A <a@B.DE>"] });

    expect(personalizationsOf(received[0]).map((copy) => copy.to)).toEqual([
      [{ email: "OPS@Example.org", name: "Ops" }],
      [{ email: "a@b.de" }],
    ]);
  });

  test("a key with spaces and a line break around it is used without them", async () => {
    const { url, received } = await startSendGrid();
    await send(url, {}, { apiKey: ` ${apiKey}\r\n` });

    expect(keysOf(received)).toEqual([`Bearer ${apiKey}`]);
  });

  test("this machine is reached without the proxy to the internet", async () => {
    const { url, received } = await startSendGrid();
    vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:1");
    vi.stubEnv("http_proxy", "http://127.0.0.1:1");
    vi.stubEnv("NO_PROXY", "");

    expect(await send(url)).toMatchObject({ status: "sent" });
    expect(received).toHaveLength(1);
  });

  test("two mailers with different keys keep them apart, sending at once", async () => {
    const first = await startSendGrid();
    const second = await startSendGrid();
    await Promise.all([send(first.url), send(second.url, {}, { apiKey: "SG.other" }), send(first.url)]);

    expect(keysOf(first.received)).toEqual(Array(2).fill(`Bearer ${apiKey}`));
    expect(keysOf(second.received)).toEqual(["Bearer SG.other"]);
  });

  test.each([
    ["global", "api.sendgrid.com:443"],
    ["eu", "api.eu.sendgrid.com:443"],
  ] as const)("an account of the region %s is reached at %s", async (region, host) => {
    const asked: (string | undefined)[] = [];
    const proxy = createServer().on("connect", (request, socket) => {
      asked.push(request.url);
      socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    });
    vi.stubEnv("HTTPS_PROXY", await listen(proxy));
    vi.stubEnv("NO_PROXY", "");
    await send(null, {}, { region });

    expect(asked).toEqual([host]);
  });
});

describe("the thread of a month", () => {
  const month = fc.date({ min: new Date("2000-01-01"), max: new Date("2099-12-31"), noInvalidDate: true });
  const runIdOf = (date: Date) => date.toISOString().slice(0, 10);

  const chain = { tenant: "home", watchlist: "Client PCs", runId: "2026-11-01" };

  test("is a message id in ASCII, whatever the watchlist is called", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), month, (watchlist, date) => {
        const id = threadId("kb@example.org", { ...chain, watchlist, runId: runIdOf(date) });
        expect(id).toMatch(/^<[a-z0-9-]+\.[a-z0-9]+@[a-z.-]+>$/);
      }),
    );
  });

  test("is one for all runs of a month and another for every other month, watchlist, tenant and sender", () => {
    const id = threadId("kb@example.org", chain);
    expect(threadId("kb@example.org", { ...chain, runId: "2026-11-30T10:17Z" })).toBe(id);
    const others = [
      threadId("kb@example.org", { ...chain, runId: "2026-12-01" }),
      threadId("kb@example.org", { ...chain, watchlist: "Client  PCs" }),
      threadId("kb@example.org", { ...chain, tenant: "contoso.example" }),
      threadId("kb@example.org", { ...chain, tenant: "home\nClient", watchlist: "PCs" }),
      threadId("kb@example.com", chain),
    ];
    expect(new Set([id, ...others]).size).toBe(6);
  });

  test("of an alert is its own, one for each CVE of a watchlist", () => {
    const { runId: _, ...of } = chain;
    const ids = [{}, { cve: "CVE-2026-1" }, { cve: "CVE-2026-2" }, { cve: "CVE-2026-1", watchlist: "b" }].map((parts) =>
      threadId("kb@example.org", { ...of, ...parts }),
    );
    expect(new Set([...ids, threadId("kb@example.org", chain)]).size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^<alert\.[a-z0-9]+@[a-z.-]+>$/);
  });

  test("is in the headers that mail programs thread by", async () => {
    const { url, received } = await startSendGrid();
    const watchlist = "Größe\r\nBcc: thief@example.net";
    await send(url, { watchlist });

    const thread = threadId("kb@example.org", { ...digest, watchlist });
    expect(personalizationsOf(received[0])[0]?.headers).toMatchObject({ References: thread, "In-Reply-To": thread });
  });
});

describe("what is refused before it is sent", () => {
  test.each([
    ["no recipient", { to: [] }, /0 recipients.*1 to 1000/],
    ["1,001 recipients", { to: Array.from({ length: 1_001 }, (_, n) => `a${n}@example.org`) }, /1001 recipients/],
    ["30 MB", { html: "x".repeat(30_000_000) }, /30\.0 MB.*Divide the watchlist/],
    [
      "an attachment that passes 30 MB in base64 alone",
      { attachments: [{ filename: "a.csv", type: "text/csv", content: "x".repeat(22_600_000) }] },
      /30\.1 MB/,
    ],
  ])("%s", async (_, mail, reason) => {
    const { url, received } = await startSendGrid();
    const outcome = await send(url, mail);

    expect(outcome).toEqual({ status: "refused", reason: expect.stringMatching(reason) });
    expect(received).toEqual([]);
  });

  test.each([true, false])("1,000 recipients are not; together: %j", async (together) => {
    const { url } = await startSendGrid();
    const to = Array.from({ length: 1_000 }, (_, n) => `a${n}@example.org`);
    expect(await send(url, { to: [...to, "A0@EXAMPLE.ORG"], together })).toMatchObject({ status: "sent" });
  });

  test.each(["", " \n", "SG.two\nlines", "SG.umlautä"])(
    "the key %j is not sent, and is the account's fault",
    async (key) => {
      const { url, received } = await startSendGrid();
      const outcome = await send(url, {}, { apiKey: key });

      const reason = expect.stringContaining("SENDGRID_API_KEY");
      expect(outcome).toEqual({ status: "failed", isAccount: true, reason });
      expect(received).toEqual([]);
    },
  );

  test.each(["http://sendgrid.example.org", "ftp://127.0.0.1", "http://127.0.0.1.example.org", "api.sendgrid.com"])(
    "the base URL %s, when the mailer is made",
    (url) => {
      expect(() => send(url)).toThrow(/SENDGRID_URL must be an https URL/);
    },
  );
});

describe("SendGrid's answers", () => {
  const sender = "The from address does not match a verified Sender Identity.";
  const expired = "The provided authorization grant is invalid, expired, or revoked";
  test.each([
    [400, "Does not contain a valid address.", "personalizations.0.to.0.email", /MAIL_TO/],
    [413, "Payload too large", null, /divide the watchlist/],
  ])("%i is about the mail: refused, with what to do", async (status, message, field, advice) => {
    const { url, received } = await startSendGrid(refuse(status, [{ message, field, help: null }]));
    const outcome = await send(url);

    expect(outcome).toEqual({ status: "refused", reason: expect.stringMatching(advice) });
    expect(reasonOf(outcome)).toContain(`${status}: ${message.replace(/\.$/, "")}${field ? ` [${field}]` : ""}`);
    expect(received).toHaveLength(1);
  });

  test.each([
    [
      401,
      expired,
      /SENDGRID_API_KEY.*fingerprint [0-9a-f]{8} .*Mail Send.*SENDGRID_REGION.*refresh the app's reference/,
    ],
    [403, sender, /MAIL_FROM is a verified sender.*Mail Send.*IP Access Management/],
    [404, "not found", /SENDGRID_URL/],
    [405, "method not allowed", /SENDGRID_URL/],
    [407, "Proxy Authentication Required", /SENDGRID_URL/],
    [401, "Maximum credits exceeded", /no credits.*March 2025 .*100 mails a day for 60 days/],
    [403, "You have exceeded your messaging limits", /no credits.*60 days/],
    [429, "Maximum credits exceeded", /no credits.*60 days/],
    [403, "Authenticated user has reached the sending limit.", /no credits.*60 days/],
  ])("%i %s is about the account: failed, with what to check", async (status, message, advice) => {
    const { url, received } = await startSendGrid(refuse(status, [{ message, field: null, help: null }]));
    const outcome = await send(url);

    expect(outcome).toEqual({ status: "failed", isAccount: true, reason: expect.stringMatching(advice) });
    expect(reasonOf(outcome)).toContain(`(${status}: ${message.replace(/\.$/, "")}`);
    expect(received).toHaveLength(1);
  });

  test("a mail that is refused over a watchlist called credits is refused all the same", async () => {
    const { url } = await startSendGrid(refuse(400, [{ message: "Invalid: credits", field: "subject" }]));
    expect(await send(url)).toMatchObject({ status: "refused" });
  });

  const now = () => new Date("2026-11-23T09:00:00.500Z");
  const seconds = (time: string) => String(Date.parse(time) / 1_000);
  test.each([
    ["in an hour", seconds("2026-11-23T10:00:00Z"), "until 2026-11-23T10:00:00.000Z", 3_600],
    ["in a moment", seconds("2026-11-23T09:00:01Z"), "until 2026-11-23T09:00:01.000Z", 1],
    ["now passed", seconds("2026-11-23T08:59:00Z"), "for a while", 1],
    ["in a week", seconds("2026-11-30T09:00:00Z"), "until 2026-11-30T09:00:00.000Z", 86_400],
  ])("429 until a time %s is a failure to try again then, after a day at most", async (_, reset, when, wait) => {
    const { url } = await startSendGrid(
      refuse(429, [{ message: "too many requests" }], { "X-RateLimit-Reset": reset }),
    );

    expect(await send(url, {}, { now })).toEqual({
      status: "failed",
      reason: `SendGrid accepts no mail ${when} (429: too many requests).`,
      retryAfterSeconds: wait,
    });
  });

  test.each<[string, Record<string, string>]>([
    ["without its end", {}],
    ["with nonsense", { "X-RateLimit-Reset": "soon" }],
    ["with half a second", { "X-RateLimit-Reset": "1795428000.5" }],
    ["with a time before this century", { "X-RateLimit-Reset": "60" }],
    ["with a time before all of them", { "X-RateLimit-Reset": "-1795428000" }],
    ["with one in three thousand years", { "X-RateLimit-Reset": "99999999999" }],
    ["with one beyond all dates", { "X-RateLimit-Reset": "99999999999999" }],
  ])("429 %s is a failure to try again in time", async (_, headers) => {
    const { url, received } = await startSendGrid(refuse(429, [{ message: "too many requests" }], headers));

    expect(await send(url, {}, { now })).toEqual({
      status: "failed",
      reason: "SendGrid accepts no mail for a while (429: too many requests).",
    });
    expect(received).toHaveLength(1);
  });

  test("exhausted credits that are renewed at a stated time are waited for", async () => {
    const headers = { "X-RateLimit-Reset": seconds("2026-11-23T10:00:00Z") };
    const { url } = await startSendGrid(refuse(429, [{ message: "Maximum credits exceeded" }], headers));
    expect(await send(url, {}, { now })).toMatchObject({ isAccount: true, retryAfterSeconds: 3_600 });
  });

  test.each([500, 502, 503, 408])("%i is a failure to try again", async (status) => {
    const { url, received } = await startSendGrid(refuse(status, "<html>Bad gateway</html>"));

    expect(await send(url)).toEqual({ status: "failed", reason: `SendGrid could not accept the mail (${status}).` });
    expect(received).toHaveLength(1);
  });

  test("an answer that is neither yes nor no leaves it open", async () => {
    const { url } = await startSendGrid(() => ({ status: 204 }));
    expect(await send(url)).toMatchObject({ status: "unknown" });
  });

  test("a reason stays on one line, is short, and never contains the key", async () => {
    const message = `key ${apiKey}\r\nERROR forged\u202e${"x".repeat(5_000)}`;
    const errors = Array.from({ length: 50 }, () => ({ message, field: `Bearer ${apiKey}` }));
    for (const status of [400, 429, 500]) {
      const { url } = await startSendGrid(refuse(status, errors));
      const reason = reasonOf(await send(url));

      expect(reason).toContain("key [key] ERROR forged xxx");
      expect(reason).not.toContain(apiKey);
      expect(reason).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(reason.length).toBeLessThan(1_500);
    }
  });

  test.each([
    ["null", "null"],
    ["a list", "[]"],
    ["errors that are none", '{"errors":[null,7,"text",{"message":{}}]}'],
    ["text", "no"],
    ["nothing", ""],
  ])("a refusal whose body is %s still says what to check", async (_, body) => {
    const { url } = await startSendGrid(refuse(403, body));
    expect(await send(url)).toMatchObject({ status: "failed", reason: expect.stringContaining("(403). Check that") });
  });

  test("a redirect is not followed, so the key stays where it was meant to go", async () => {
    const elsewhere = await startSendGrid();
    for (const status of [301, 302, 307, 308]) {
      const { url } = await startSendGrid(refuse(status, "", { Location: `${elsewhere.url}/v3/mail/send` }));
      const reason = expect.stringMatching(/redirect.*SENDGRID_URL/);
      expect(await send(url)).toEqual({ status: "failed", isAccount: true, reason });
    }
    expect(elsewhere.received).toEqual([]);
  });
});

describe("no answer", () => {
  test("a mail that cannot be put into a request is a defect, not an outcome", async () => {
    const { url, received } = await startSendGrid();
    await expect(send(url, { html: 7 as never })).rejects.toThrow("string expected");
    expect(received).toEqual([]);
  });

  test("a closed port is a failure: the mail was not sent", async () => {
    const { url } = await startSendGrid();
    await open.pop()?.();

    expect(await send(url)).toEqual({ status: "failed", reason: expect.stringContaining("ECONNREFUSED") });
  });

  test("an unknown host is a failure: the mail was not sent", async () => {
    vi.stubEnv("HTTPS_PROXY", "");
    expect(await send("https://sendgrid.invalid")).toEqual({
      status: "failed",
      reason: expect.stringMatching(/could not be reached \((ENOTFOUND|EAI_AGAIN)\)/),
    });
  });

  test("a host that does not speak TLS is a failure: the mail was not sent", async () => {
    const { url, received } = await startSendGrid();
    expect(await send(url.replace("http:", "https:"))).toMatchObject({ status: "failed" });
    expect(received).toEqual([]);
  });

  test.each<[string, Handler]>([
    ["a hang", interrupt(() => {})],
    ["a hang after 202", interrupt((response) => response.writeHead(202, { "Content-Length": "10" }).flushHeaders())],
    ["an endless drip", interrupt((response) => drip(response.writeHead(202)))],
  ])("%s ends in time and leaves it open", async (_, answer) => {
    const { url, received } = await startSendGrid(answer);
    const outcome = await send(url, {}, { timeoutMs: 500 });

    expect(outcome).toEqual({ status: "unknown", reason: expect.stringContaining("did not answer within 0.5 s") });
    expect(received).toHaveLength(1);
  });

  test("a connection reset after the mail arrived leaves it open, and is not tried again here", async () => {
    const { url, received } = await startSendGrid(interrupt((response) => response.socket?.resetAndDestroy()));

    expect(await send(url)).toEqual({ status: "unknown", reason: expect.stringContaining("ECONNRESET") });
    expect(received).toHaveLength(1);
  });

  test("a connection closed while the mail is under way leaves it open", async () => {
    const server = createServer((request) => request.once("data", () => request.socket.destroy()));
    const outcome = await send(await listen(server), { html: "x".repeat(20_000_000) });

    expect(outcome).toMatchObject({ status: "unknown" });
  });

  test("a reset after the 202 is a mail that was sent", async () => {
    const breakOff = (response: ServerResponse) => {
      response.writeHead(202, { "X-Message-Id": "abc", "Content-Length": "10" });
      response.write("{", () => response.socket?.destroy());
    };
    const { url } = await startSendGrid(interrupt(breakOff));
    expect(await send(url)).toEqual({ status: "sent", messageId: "abc" });
  });

  test("an endless answer is cut off", async () => {
    const { url } = await startSendGrid(interrupt((response) => drip(response.writeHead(400), Buffer.alloc(262_144))));
    expect(await send(url)).toEqual({ status: "unknown", reason: expect.stringContaining("ERR_BAD_RESPONSE") });
  });

  test("no reason contains the key or the mail", async () => {
    const { url } = await startSendGrid(interrupt((response) => response.socket?.resetAndDestroy()));
    const outcomes = [await send(url), await send("http://127.0.0.1:1"), await send(url.replace("http", "https"))];
    for (const reason of outcomes.map(reasonOf)) {
      expect(reason).not.toMatch(/canary|3 new|ops@/);
      expect(reason.length).toBeGreaterThan(20);
    }
  });
});

async function drip(response: ServerResponse, chunk: string | Buffer = " "): Promise<void> {
  const drops = async function* () {
    for await (const drop of setInterval(5, chunk)) yield drop;
  };
  // It ends when the client closes the connection.
  await pipeline(drops, response).catch(() => {});
}
