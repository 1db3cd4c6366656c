import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type IdentityEndpoint, startIdentityEndpoint } from "../../../local/identity-endpoint.ts";
import { acsFaults, sendGridFaults, throttledFor, throttledUntil } from "../../../local/inbox/faults.ts";
import { type Inbox, type InboxFault, startInbox } from "../../../local/inbox.ts";
import { createCredential } from "../../../shared/io/credential.ts";
import { createAcsMailer } from "../../../shared/io/mail/acs.ts";
import { createMailer, type MailerOptions } from "../../../shared/io/mail/sendgrid.ts";
import type { Mailer, OutgoingMail } from "../../../shared/ports.ts";

const apiKey = "SG.contract";
const now = () => new Date("2026-11-23T05:00:00Z");
let inbox: Inbox;
let identity: IdentityEndpoint;

beforeAll(async () => {
  identity = await startIdentityEndpoint({ now });
  // The identity library reads them once, from the process.
  vi.stubEnv("IDENTITY_ENDPOINT", identity.url);
  vi.stubEnv("IDENTITY_HEADER", identity.header);
});

beforeEach(async () => {
  inbox = await startInbox({ apiKey, verifiedSenders: ["kb@example.org"], now });
});

afterEach(() => inbox.close());

afterAll(async () => {
  vi.unstubAllEnvs();
  await identity.close();
});

const digest: OutgoingMail = {
  tenant: "contoso.example",
  watchlist: "Client PCs",
  runId: "2026-11-23",
  sendKey: "1",
  isRepeat: false,
  to: ["Ops <ops@example.org>", "ciso@example.org", "OPS@example.org"],
  together: false,
  subject: "3 new, 2 worse",
  html: "<p>3 new</p>",
  text: "3 new",
  attachments: [{ filename: "kbs.csv", type: "text/csv", content: "KB\r\n5041585\r\n" }],
};

interface Parts {
  url: string;
  from: string;
  timeoutMs: number;
}

interface Transport {
  name: string;
  open(parts: Parts): Mailer;
  maxReaders: number;
  maxBytes: number;
  /** What stops every mail until a person acts. */
  account: readonly [string, InboxFault][];
  tooLarge: InboxFault;
  busy: InboxFault;
  /** For ten minutes. */
  throttled: InboxFault;
}

const credential = createCredential({
  ...{ kind: "managed", clientId: null, appId: null, authorityHost: "https://login.microsoftonline.com" },
})("home");

const transports: readonly Transport[] = [
  {
    name: "SendGrid",
    open: ({ url, ...parts }) => createMailer({ apiKey, region: "global", url, sandbox: false, now, ...parts }),
    maxReaders: 1_000,
    maxBytes: 30_000_000,
    account: [
      ["without credits", sendGridFaults.noCredits],
      ["that forbids the app's address", sendGridFaults.forbidden],
    ],
    tooLarge: sendGridFaults.tooLarge,
    busy: sendGridFaults.busy,
    throttled: throttledUntil(new Date("2026-11-23T05:10:00Z")),
  },
  {
    name: "Azure Communication Services",
    open: ({ url: endpoint, ...parts }) => createAcsMailer({ endpoint, credential, now, pollMs: 10, ...parts }),
    maxReaders: 50,
    maxBytes: 10_000_000,
    account: [
      ["that gives the app no role", acsFaults.denied],
      ["that is blocked", acsFaults.blocked],
    ],
    tooLarge: acsFaults.tooLarge,
    busy: acsFaults.busy,
    throttled: throttledFor(600),
  },
];

const addresses = (count: number) => Array.from({ length: count }, (_, n) => `a${n}@example.org`);
const readersOf = ({ mails }: Inbox) => mails.map(({ to }) => to.map(({ email }) => email));

describe.each(transports)("$name", ({ open, maxReaders, maxBytes, ...transport }) => {
  function send(mail: Partial<OutgoingMail> = {}, parts: Partial<Parts> = {}) {
    return open({ url: inbox.url, from: "kb@example.org", timeoutMs: 2_000, ...parts }).send({ ...digest, ...mail });
  }

  describe("a digest that it takes", () => {
    test("reaches each reader alone, complete and with one id", async () => {
      const outcome = await send();

      expect(readersOf(inbox)).toEqual([["ops@example.org"], ["ciso@example.org"]]);
      expect(outcome).toEqual({ status: "sent", messageId: inbox.mails[0]?.messageId });
      for (const mail of inbox.mails) {
        expect(mail).toMatchObject({
          ...{ messageId: inbox.mails[0]?.messageId, from: { email: "kb@example.org" } },
          ...{ subject: digest.subject, html: digest.html, text: digest.text },
          headers: {
            "List-Unsubscribe": "<mailto:kb@example.org?subject=unsubscribe%20Client%20PCs>",
            References: expect.stringMatching(/^<2026-11\..+>$/),
          },
          attachments: [{ filename: "kbs.csv", content: Buffer.from("KB\r\n5041585\r\n") }],
        });
      }
    });

    test("reaches all its readers as one mail where they are meant to see each other", async () => {
      expect(await send({ together: true })).toMatchObject({ status: "sent" });
      expect(readersOf(inbox)).toEqual([["ops@example.org", "ciso@example.org"]]);
    });

    test("reaches readers whose names have commas and semicolons, which SendGrid does not take", async () => {
      const to = ["Doe, Jane <jane@example.org>", "A;B <b@example.org>"];
      expect(await send({ to })).toMatchObject({ status: "sent" });
      expect(inbox.mails.flatMap((mail) => mail.to.map(({ email }) => email))).toEqual([
        "jane@example.org",
        "b@example.org",
      ]);
    });

    test.each([true, false])(`reaches ${maxReaders} readers; together: %j`, async (together) => {
      const to = addresses(maxReaders);
      expect(await send({ to, together })).toMatchObject({ status: "sent" });
      expect(readersOf(inbox)).toEqual(together ? [to] : to.map((address) => [address]));
    });
  });

  describe("a digest that it does not take", () => {
    test.each(transport.account)("an account %s stops every mail until a person acts", async (_, fault) => {
      inbox.faults.push(fault);
      expect(await send()).toMatchObject({ status: "failed", isAccount: true });
    });

    test.each(["boss@example.org", "kb@elsewhere.example"])(
      "the sender %s, which is not verified, stops every mail until a person acts",
      async (from) => {
        const reason = expect.stringContaining("MAIL_FROM");
        expect(await send({}, { from })).toEqual({ status: "failed", isAccount: true, reason });
      },
    );

    test.each<[string, Partial<OutgoingMail>]>([
      ["a malformed address", { to: ["ops@example.org", "ops"] }],
      ["no subject", { subject: "" }],
      ["no reader", { to: [] }],
      ["a reader too many", { to: addresses(maxReaders + 1) }],
      ["a text that is too long", { text: "x".repeat(maxBytes) }],
    ])("%s is refused: this mail will never pass", async (_, mail) => {
      expect(await send(mail)).toEqual({ status: "refused", reason: expect.stringMatching(/\w{4}/) });
    });

    test("what is too large for the service alone is refused too", async () => {
      inbox.faults.push(transport.tooLarge);
      expect(await send()).toEqual({ status: "refused", reason: expect.stringContaining("divide the watchlist") });
    });

    test("a rate limit is waited for as long as the service says", async () => {
      inbox.faults.push(transport.throttled);
      expect(await send()).toEqual({ status: "failed", retryAfterSeconds: 600, reason: expect.any(String) });
    });

    test("a service that cannot is tried again", async () => {
      inbox.faults.push(transport.busy);
      expect(await send()).toEqual({ status: "failed", reason: expect.stringContaining("503") });
    });

    afterEach(() => expect(inbox.mails).toEqual([]));
  });

  describe("a digest whose answer is lost", () => {
    test.each<[string, InboxFault, number]>([
      ["arrived", { kept: true, connection: "reset" }, 2],
      ["did not arrive", { kept: false, connection: "reset" }, 0],
      ["arrived, and is waited for in vain", { kept: true, connection: "hang" }, 2],
    ])("may have arrived: it %s", async (_, fault, copies) => {
      inbox.faults.push(fault);
      expect(await send({}, { timeoutMs: 500 })).toEqual({ status: "unknown", reason: expect.any(String) });
      expect(inbox.mails).toHaveLength(copies);
      const { canAsk } = open({ url: inbox.url, from: "kb@example.org", timeoutMs: 500 });
      if (!canAsk) return;
      expect(await send({ isRepeat: true })).toMatchObject({ status: "sent" });
      expect(readersOf(inbox)).toEqual([["ops@example.org"], ["ciso@example.org"]]);
    });

    test("was not sent where nothing listens", async () => {
      const { url } = inbox;
      await inbox.close();
      expect(await send({}, { url })).toEqual({ status: "failed", reason: expect.stringContaining("ECONNREFUSED") });
      inbox = await startInbox({ apiKey, now });
    });
  });
});

describe("SendGrid alone", () => {
  function send(options: Partial<MailerOptions>) {
    const base: MailerOptions = {
      apiKey,
      from: "kb@example.org",
      region: "global",
      url: inbox.url,
      sandbox: false,
      now,
    };
    return createMailer({ ...base, timeoutMs: 2_000, ...options }).send(digest);
  }

  test("learns whose run a mail is of", async () => {
    await send({});
    const customArgs = { tenant: "contoso.example", watchlist: "Client PCs", run_id: "2026-11-23" };
    expect(inbox.mails).toMatchObject([{ customArgs }, { customArgs }]);
  });

  test("reaches nobody in its sandbox", async () => {
    expect(await send({ sandbox: true })).toEqual({ status: "sent", messageId: null });
    expect(inbox.mails).toEqual([]);
  });

  test.each<[string, Partial<MailerOptions>]>([
    ["wrong key", { apiKey: "SG.other" }],
    ["key of two lines", { apiKey: "SG.con\ntract" }],
  ])("a %s stops every mail until a person acts", async (_, options) => {
    expect(await send(options)).toMatchObject({ status: "failed", isAccount: true });
  });

  test("an address that is not that of the API stops every mail until a person acts", async () => {
    const reason = expect.stringContaining("SENDGRID_URL");
    expect(await send({ url: `${inbox.url}/v2` })).toMatchObject({ status: "failed", isAccount: true, reason });
  });
});
