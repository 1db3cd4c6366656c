import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { AccessToken, TokenCredential } from "@azure/core-auth";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { emailFault } from "../../../local/inbox/email-api.ts";
import { acsFaults, throttledFor } from "../../../local/inbox/faults.ts";
import { type Inbox, type InboxFault, startInbox } from "../../../local/inbox.ts";
import {
  type AcsMailerOptions,
  createAcsCheck,
  createAcsMailer,
  operationId,
  tryAcs,
} from "../../../shared/io/mail/acs.ts";
import type { OutgoingMail, SendOutcome } from "../../../shared/ports.ts";
import { startHttpServer } from "../../support/http-server.ts";

const instant = Date.parse("2026-11-23T05:00:00Z");
const now = () => new Date(instant);
let inbox: Inbox;

beforeEach(async () => {
  inbox = await startInbox({ apiKey: "SG.unused", verifiedSenders: ["kb@example.org"], now });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await inbox.close();
});

/** A token for Azure's mail, unsigned, as the identity endpoint gives it. */
function credentialFor(aud = "https://communication.azure.com"): TokenCredential {
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString("base64url");
  const token = `${part({ alg: "none" })}.${part({ aud, exp: instant / 1_000 + 3_600 })}.canary`;
  return { getToken: async (): Promise<AccessToken> => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
}

const digest: OutgoingMail = {
  ...{ tenant: "home", watchlist: "Client PCs", runId: "2026-11-23", sendKey: "1", isRepeat: false },
  ...{ to: ["ops@example.org", "ciso@example.org"], together: false },
  ...{ subject: "3 new, 2 worse", html: "<p>3 new</p>", text: "3 new", attachments: [] },
};

function open(options: Partial<AcsMailerOptions> = {}) {
  const base = { endpoint: inbox.url, credential: credentialFor(), from: "KBs <kb@example.org>" };
  return createAcsMailer({ ...base, now, pollMs: 5, timeoutMs: 2_000, ...options });
}

const send = (mail: Partial<OutgoingMail> = {}, options: Partial<AcsMailerOptions> = {}) =>
  open(options).send({ ...digest, ...mail });

const reasonOf = (outcome: SendOutcome) => (outcome.status === "sent" ? "" : outcome.reason);

describe("what is sent", () => {
  test("is one mail for all readers, who are in bcc, without tracking and as the bare address", async () => {
    await send({ to: ["Ops <ops@example.org>", "ciso@example.org"] });
    expect(inbox.operations.ids).toHaveLength(1);
    expect(inbox.mails[0]?.request).toMatchObject({
      senderAddress: "kb@example.org",
      recipients: {
        to: [],
        bcc: [{ address: "ops@example.org", displayName: "Ops" }, { address: "ciso@example.org" }],
      },
      userEngagementTrackingDisabled: true,
    });
  });

  test("names a single reader, whom nobody else sees", async () => {
    await send({ to: ["ops@example.org"] });
    expect(inbox.mails[0]?.request).toMatchObject({ recipients: { to: [{ address: "ops@example.org" }] } });
  });

  test("has an id made from the key of the send: a UUID of version 5", async () => {
    // Computed with uuid.uuid5 of Python's library.
    expect(operationId("1")).toBe("e4d137bc-f241-55cd-a7b6-34ea15402ebe");
    expect(await send()).toEqual({ status: "sent", messageId: operationId("1") });
    await send({ sendKey: "2" });
    expect(inbox.operations.ids).toEqual([operationId("1"), operationId("2")]);
  });

  test("never goes through a proxy to this machine", async () => {
    vi.stubEnv("HTTPS_PROXY", "http://127.0.0.1:1");
    vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:1");
    expect(await send()).toMatchObject({ status: "sent" });
  });
});

describe("what becomes of it", () => {
  test("is waited for while it runs", async () => {
    Object.assign(inbox.operations, { running: 2, pauseSeconds: 0 });
    expect(await send()).toEqual({ status: "sent", messageId: operationId("1") });
    expect(inbox.operations.questions).toBe(3);
  });

  test("is not asked about more often than Azure says", async () => {
    Object.assign(inbox.operations, { running: 1, pauseSeconds: 60 });
    expect(await send()).toMatchObject({ status: "sent" });
    expect(inbox.operations.questions).toBe(1);
  });

  test("is sent where it still runs when the time is up: Azure has accepted it", async () => {
    inbox.operations.running = Number.POSITIVE_INFINITY;
    expect(await send({}, { timeoutMs: 500 })).toEqual({ status: "sent", messageId: operationId("1") });
  });

  test.each([
    ["429", emailFault(429, "TooManyRequests", "Slow down.", { "Retry-After": "60" })],
    ["500", emailFault(500, "InternalServerError", "")],
    ["401", emailFault(401, "Denied", "")],
  ])("is sent where Azure has accepted it and answers the question with %s", async (_, fault) => {
    inbox.operations.faults.push(fault);
    expect(await send()).toEqual({ status: "sent", messageId: operationId("1") });
    expect(await send({ sendKey: "2" })).toMatchObject({ status: "sent" });
  });

  test("is a failure to try again where Azure could not send it", async () => {
    inbox.operations.failure = {
      code: "EmailDropped",
      message: "Email was dropped after several attempts to deliver.",
    };
    const reason =
      "Azure accepted the mail, but could not send it (EmailDropped: Email was dropped after several attempts to deliver).";
    expect(await send()).toEqual({ status: "failed", reason });
  });

  test("is refused where all readers are on Azure's suppression list", async () => {
    inbox.operations.failure = { code: "EmailDroppedAllRecipientsSuppressed", message: "Suppressed." };
    expect(await send()).toEqual({ status: "refused", reason: expect.stringContaining("suppression list") });
  });
});

describe("a repeat of a send", () => {
  test("asks first, and sends nothing that Azure has", async () => {
    await send();
    expect(await send({ isRepeat: true })).toEqual({ status: "sent", messageId: operationId("1") });
    expect(inbox.operations.ids).toHaveLength(1);
    expect(inbox.mails).toHaveLength(2);
  });

  test("is sent where Azure still works on the earlier try", async () => {
    inbox.operations.running = Number.POSITIVE_INFINITY;
    await send({}, { timeoutMs: 50 });
    expect(await send({ isRepeat: true })).toMatchObject({ status: "sent" });
  });

  test("sends what never arrived", async () => {
    expect(await send({ isRepeat: true })).toMatchObject({ status: "sent" });
    expect(inbox.mails).toHaveLength(2);
  });

  test("says of a failed operation that the mail may be sent anew", async () => {
    inbox.operations.failure = { code: "EmailDropped", message: "Dropped." };
    await send();
    expect(await send({ isRepeat: true })).toEqual({
      status: "failed",
      reason: expect.stringContaining("EmailDropped"),
    });
    inbox.operations.failure = null;
    expect(await send({ sendKey: "2" })).toMatchObject({ status: "sent" });
  });

  test.each([
    ["403", emailFault(403, "Forbidden", ""), { isAccount: true }],
    ["429", emailFault(429, "TooManyRequests", "", { "Retry-After": "300" }), { retryAfterSeconds: 300 }],
    ["503", emailFault(503, "ServiceUnavailable", ""), {}],
    ["a page", { status: 200, headers: {}, body: "<html>Sign in</html>" }, { isAccount: true }],
    [
      "another status",
      { status: 200, headers: { "Content-Type": "application/json" }, body: '{"status":"Odd"}' },
      { isAccount: true },
    ],
  ])("sends nothing while the question is answered with %s: it stays unknown", async (_, fault, more) => {
    inbox.operations.faults.push(fault);
    const reason = expect.stringMatching(/^It is not known what became of an earlier try\. /);
    expect(await send({ isRepeat: true })).toEqual({ status: "unknown", reason, ...more });
    expect(inbox.operations.ids).toEqual([]);
  });

  test("sends nothing while nothing listens or there is no token", async () => {
    const nowhere = await send({ isRepeat: true }, { endpoint: "http://127.0.0.1:1" });
    expect(nowhere).toEqual({ status: "unknown", reason: expect.stringContaining("ECONNREFUSED") });
    const getToken = async () => Promise.reject(new Error("The app has no identity."));
    const outcome = await send({ isRepeat: true }, { credential: { getToken } });
    const reason = "It is not known what became of an earlier try. The app has no identity.";
    expect(outcome).toEqual({ status: "unknown", isAccount: true, reason });
  });
});

describe("a send under an id that another process used in the meantime", () => {
  test("is sent, and arrives once", async () => {
    await send();
    expect(await send()).toEqual({ status: "sent", messageId: operationId("1") });
    expect(inbox.mails).toHaveLength(2);
  });

  test("stays unknown where Azure cannot say so", async () => {
    await send();
    inbox.operations.faults.push(emailFault(429, "TooManyRequests", ""));
    expect(await send()).toMatchObject({ status: "unknown" });
  });
});

describe("Azure's answers", () => {
  test.each<[string, InboxFault, SendOutcome["status"]]>([
    ["a 429", throttledFor(60), "failed"],
    ["a 503", acsFaults.busy, "failed"],
    ["a 500, after which it may have been accepted", acsFaults.broken, "unknown"],
    ["a reset", { kept: false, connection: "reset" }, "unknown"],
    ["a redirect", { status: 307, headers: { Location: "http://127.0.0.1:1/emails:send" } }, "failed"],
  ])("%s is not tried again here", async (_, fault, status) => {
    inbox.faults.push(fault);
    expect(await send()).toMatchObject({ status });
    expect(inbox.faults).toEqual([]);
    expect(inbox.mails).toEqual([]);
  });

  test("a rate limit holds for all mails of this process until it ends", async () => {
    const clock = { now: instant };
    const mailer = open({ now: () => new Date(clock.now) });
    inbox.faults.push(throttledFor(600));
    await mailer.send(digest);
    clock.now += 240_000;
    expect(await mailer.send({ ...digest, sendKey: "2" })).toMatchObject({ status: "failed", retryAfterSeconds: 360 });
    clock.now += 361_000;
    expect(await mailer.send({ ...digest, sendKey: "2" })).toMatchObject({ status: "sent" });
  });

  test("an answer that is neither yes nor no leaves it open", async () => {
    const server = await startHttpServer(() => ({ status: 204 }));
    expect(await send({}, { endpoint: server.url })).toMatchObject({ status: "unknown" });
    await server.close();
  });

  test("no reason contains the token, a line break or more than a few words of the answer", async () => {
    const authorization = await credentialFor().getToken("");
    const message = `Bearer ${authorization?.token}\r\nERROR forged\u202e${"x".repeat(5_000)}`;
    for (const status of [400, 401, 404, 429, 500]) {
      inbox.faults.push({ status, errors: [{ message, field: "Code", help: null }] });
      const reason = reasonOf(await send());
      expect(reason).toContain("Code: ");
      expect(reason).not.toMatch(/canary|[\p{Cc}\p{Cf}]/u);
      expect(reason.length).toBeLessThan(700);
    }
  });
});

describe("what never leaves", () => {
  test("a mail for which there is no token: the account's fault, in the credential's words", async () => {
    const getToken = async () => Promise.reject(new Error("The app has no identity."));
    const outcome = await send({}, { credential: { getToken } });
    expect(outcome).toEqual({ status: "failed", isAccount: true, reason: "The app has no identity." });
  });

  test("a mail whose token took longer than there was time", async () => {
    const never = { getToken: () => new Promise<AccessToken>(() => {}) };
    const outcome = await send({}, { credential: never, timeoutMs: 100 });
    expect(outcome).toEqual({ status: "failed", reason: expect.stringMatching(/within 0.1 s.*was not sent/) });
  });

  test("a mail of a process that was frozen before it left: another has taken it over", async () => {
    const clock = { now: instant };
    const credential: TokenCredential = {
      getToken: async (...args) => {
        clock.now += 11 * 60_000;
        return credentialFor().getToken(...args);
      },
    };
    const outcome = await send({}, { credential, now: () => new Date(clock.now) });
    expect(outcome).toEqual({ status: "failed", reason: expect.stringContaining("stopped for a while") });
    expect(inbox.operations.ids).toEqual([]);
  });

  test("a token, to any other host: what an operation's address names is not followed", async () => {
    const heard: (string | undefined)[] = [];
    const thief = createServer((request, response) => {
      heard.push(request.headers.authorization);
      response.end("{}");
    }).listen(0, "127.0.0.1");
    await vi.waitFor(() => expect(thief.listening).toBe(true));
    const location = `https://127.0.0.1:${(thief.address() as AddressInfo).port}/emails/operations/1`;
    const server = await startHttpServer(() => ({
      status: 202,
      headers: { "Operation-Location": location },
      body: { id: "1", status: "Running" },
    }));
    expect(await send({}, { endpoint: server.url })).toMatchObject({ status: "sent" });
    expect(heard).toEqual([]);
    thief.close();
    await server.close();
  });
});

describe("a check without a mail", () => {
  test("is passed where Azure lets the app ask", async () => {
    await expect(tryAcs({ endpoint: inbox.url, credential: credentialFor(), now })).resolves.toBeUndefined();
    expect(inbox.operations.questions).toBe(1);
  });

  test("fails where it does not, with what to do", async () => {
    const options = { endpoint: inbox.url, credential: credentialFor("https://storage.azure.com"), now };
    await expect(tryAcs(options)).rejects.toThrow(
      /^Azure does not let this app send mail \(401: Denied.*infra\/mail\.bicep/,
    );
    await expect(tryAcs({ ...options, endpoint: "http://127.0.0.1:1" })).rejects.toThrow("ECONNREFUSED");
  });

  test("finds readers and mails that Azure would refuse, and delivers none", async () => {
    const check = createAcsCheck({ from: "kb@example.org" });
    expect(await check.send(digest)).toEqual({ status: "sent", messageId: null });
    const to = Array.from({ length: 51 }, (_, n) => `a${n}@example.org`);
    expect(await check.send({ ...digest, to })).toMatchObject({ status: "refused" });
    expect(await check.send({ ...digest, text: "x".repeat(10_000_000) })).toMatchObject({ status: "refused" });
    expect(inbox.operations.questions).toBe(0);
  });
});
