import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sendGridFaults, throttledUntil } from "../../../local/inbox/faults.ts";
import { type Inbox, type InboxFault, startInbox } from "../../../local/inbox.ts";
import { createMailer, type MailerOptions } from "../../../shared/io/mail/sendgrid.ts";
import type { OutgoingMail } from "../../../shared/ports.ts";

const apiKey = "SG.contract";
const now = () => new Date("2026-11-23T05:00:00Z");
let inbox: Inbox;

beforeEach(async () => {
  inbox = await startInbox({ apiKey, verifiedSenders: ["kb@example.org"], now });
});

afterEach(() => inbox.close());

const digest: OutgoingMail = {
  tenant: "contoso.example",
  watchlist: "Client PCs",
  runId: "2026-11-23",
  to: ["Ops <ops@example.org>", "ciso@example.org", "OPS@example.org"],
  together: false,
  subject: "3 new, 2 worse",
  html: "<p>3 new</p>",
  text: "3 new",
  attachments: [{ filename: "kbs.csv", type: "text/csv", content: "KB\r\n5041585\r\n" }],
};

function send(mail: Partial<OutgoingMail> = {}, options: Partial<MailerOptions> = {}) {
  const base: MailerOptions = { apiKey, from: "kb@example.org", region: "global", url: inbox.url, sandbox: false, now };
  return createMailer({ ...base, timeoutMs: 2_000, ...options }).send({ ...digest, ...mail });
}

const readersOf = ({ mails }: Inbox) => mails.map(({ to }) => to.map(({ email }) => email));

describe("a digest that SendGrid takes", () => {
  test("reaches each reader alone, complete and with one id", async () => {
    const outcome = await send();

    expect(readersOf(inbox)).toEqual([["ops@example.org"], ["ciso@example.org"]]);
    expect(outcome).toEqual({ status: "sent", messageId: inbox.mails[0]?.messageId });
    for (const mail of inbox.mails) {
      expect(mail).toMatchObject({
        ...{ messageId: inbox.mails[0]?.messageId, from: { email: "kb@example.org" } },
        ...{ subject: digest.subject, html: digest.html, text: digest.text },
        customArgs: { tenant: "contoso.example", watchlist: "Client PCs", run_id: "2026-11-23" },
        headers: { "List-Unsubscribe": "<mailto:kb@example.org?subject=unsubscribe%20Client%20PCs>" },
        attachments: [{ filename: "kbs.csv", content: Buffer.from("KB\r\n5041585\r\n") }],
      });
    }
  });

  test("reaches all its readers as one mail where they are meant to see each other", async () => {
    expect(await send({ together: true })).toMatchObject({ status: "sent" });
    expect(readersOf(inbox)).toEqual([["ops@example.org", "ciso@example.org"]]);
  });

  test("reaches 1,000 readers, each alone", async () => {
    const to = Array.from({ length: 1_000 }, (_, n) => `a${n}@example.org`);
    expect(await send({ to })).toMatchObject({ status: "sent" });
    expect(readersOf(inbox)).toEqual(to.map((address) => [address]));
  });

  test("reaches readers whose names have commas and semicolons, which SendGrid does not take", async () => {
    expect(await send({ to: ["Doe, Jane <jane@example.org>", "A;B <b@example.org>"] })).toMatchObject({
      status: "sent",
    });
    expect(inbox.mails.flatMap(({ to }) => to.map(({ name }) => name))).toEqual(["Doe Jane", "A B"]);
  });

  test("reaches nobody in the sandbox", async () => {
    expect(await send({}, { sandbox: true })).toEqual({ status: "sent", messageId: null });
    expect(inbox.mails).toEqual([]);
  });
});

describe("a digest that SendGrid does not take", () => {
  test.each<[string, InboxFault]>([
    ["account without credits", sendGridFaults.noCredits],
    ["forbidden address of the app", sendGridFaults.forbidden],
  ])("an %s stops every mail until a person acts", async (_, fault) => {
    inbox.faults.push(fault);
    expect(await send()).toMatchObject({ status: "failed", isAccount: true });
  });

  test.each<[string, Partial<MailerOptions>]>([
    ["wrong key", { apiKey: "SG.other" }],
    ["key of two lines", { apiKey: "SG.con\ntract" }],
    ["sender that is not verified", { from: "boss@example.org" }],
  ])("a %s stops every mail until a person acts", async (_, options) => {
    expect(await send({}, options)).toMatchObject({ status: "failed", isAccount: true });
  });

  test("an address that is not that of the API stops every mail until a person acts", async () => {
    const outcome = await send({}, { url: `${inbox.url}/v2` });
    expect(outcome).toMatchObject({
      status: "failed",
      isAccount: true,
      reason: expect.stringContaining("SENDGRID_URL"),
    });
  });

  test.each<[string, Partial<OutgoingMail>]>([
    ["a malformed address", { to: ["ops@example.org", "ops"] }],
    ["no subject", { subject: "" }],
    ["no reader", { to: [] }],
    ["1,001 readers", { to: Array.from({ length: 1_001 }, (_, n) => `a${n}@example.org`) }],
    ["30 MB", { text: "x".repeat(30_000_000) }],
  ])("%s is refused: this mail will never pass", async (_, mail) => {
    expect(await send(mail)).toEqual({ status: "refused", reason: expect.stringMatching(/\w{4}/) });
  });

  test("what is too large for SendGrid alone is refused too", async () => {
    inbox.faults.push(sendGridFaults.tooLarge);
    expect(await send()).toEqual({ status: "refused", reason: expect.stringContaining("divide the watchlist") });
  });

  test("a rate limit is waited for as long as SendGrid says", async () => {
    inbox.faults.push(throttledUntil(new Date("2026-11-23T05:10:00Z")));
    expect(await send()).toEqual({ status: "failed", retryAfterSeconds: 600, reason: expect.any(String) });
  });

  test("a server that cannot is tried again", async () => {
    inbox.faults.push(sendGridFaults.busy);
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
  });

  test("was not sent where nothing listens", async () => {
    const { url } = inbox;
    await inbox.close();
    expect(await send({}, { url })).toEqual({ status: "failed", reason: expect.stringContaining("ECONNREFUSED") });
    inbox = await startInbox({ apiKey, now });
  });
});
