import { Readable } from "node:stream";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Azurite } from "../../../local/azurite.ts";
import { createDocument, type DocumentOptions } from "../../../shared/io/watchlists/document.ts";
import { unsignedToken, uploadBlob } from "../../support/blobs.ts";
import { createCertificate } from "../../support/certificate.ts";
import { type Handler, type HttpServer, startHttpServer } from "../../support/http-server.ts";
import { startIdentityAzurite } from "../../support/identity-azurite.ts";

const secret = "eyJzZWNyZXQiOjF9.c2VjcmV0.secret";
const path = "/devstoreaccount1/configuration/watchlists.json";
const patience = { tries: 3, tryMs: 10_000, pauseMs: 1 };

let server: HttpServer;

/** A blob as the service has it: the body under its ETag. */
function blob(body: string | Uint8Array, etag = '"0x1"'): Handler {
  return ({ headers }) =>
    headers["if-none-match"] === etag ? { status: 304, headers: { etag } } : { headers: { etag }, body };
}

function refusal(status: number, code?: string, headers: Record<string, string> = {}): Handler {
  return () => ({
    status,
    headers: { ...headers, ...(code && { "x-ms-error-code": code }) },
    body: `${secret} <xml/>`,
  });
}

function endless(): Readable {
  return new Readable({
    read() {
      this.push(Buffer.alloc(64 * 1024, " "));
    },
  });
}

function open(options: Partial<DocumentOptions> = {}) {
  return createDocument({ url: `${server.url}${path}`, token: async () => secret, patience, ...options });
}

beforeEach(async () => {
  server = await startHttpServer(blob("[]"));
});
afterEach(() => server.close());

describe("a document in a blob", () => {
  test("is read with the app's token, by a version of the API that takes tokens", async () => {
    expect(await open()(null)).toEqual({ text: "[]", etag: '"0x1"' });
    const [asked, ...others] = server.requests;
    const { method, headers } = asked ?? { method: "", headers: undefined };
    expect([others, method, asked?.path, headers?.authorization]).toEqual([[], "GET", path, `Bearer ${secret}`]);
    expect(headers?.["x-ms-version"]).toMatch(/^20(1[89]|2\d)-\d{2}-\d{2}$/);
    expect(headers?.["if-none-match"]).toBeUndefined();
  });

  test("is sent again only if it has changed", async () => {
    const read = open();
    expect(await read('"0x1"')).toBe("unchanged");
    server.handle(blob("[1]", '"0x2"'));
    expect(await read('"0x1"')).toEqual({ text: "[1]", etag: '"0x2"' });
  });

  test("may begin with a byte order mark, and have any characters", async () => {
    server.handle(blob(Buffer.from('\ufeff["Büro 🏢"]')));
    expect(await open()(null)).toMatchObject({ text: '["Büro 🏢"]' });
  });

  test("may have 16 MiB and not a byte more", async () => {
    const most = 16 * 1024 * 1024;
    server.handle(blob(Buffer.alloc(most, " ")));
    expect(await open()(null)).toMatchObject({ text: expect.stringMatching(/^ {100}/) });
    server.handle(blob(Buffer.alloc(most + 1, " ")));
    expect(await open()(null)).toEqual({ fault: "The document is larger than 16 MiB. Shorten it." });
  });

  test("without end is given up", async () => {
    const closed = Promise.withResolvers<void>();
    server.handle((_, response) => {
      response.on("close", closed.resolve);
      endless().pipe(response);
      return undefined;
    });
    expect(await open()(null)).toMatchObject({ fault: expect.stringContaining("larger than 16 MiB") });
    await closed.promise;
  });

  test.each([
    ["utf16le", [0xff, 0xfe, 0x5b, 0, 0x5d, 0], "The document is in UTF-16. Save it in UTF-8."],
    ["utf16be", [0xfe, 0xff, 0, 0x5b, 0, 0x5d], "The document is in UTF-16. Save it in UTF-8."],
    ["latin1", [0x5b, 0x22, 0xfc, 0x22, 0x5d], "The document is not in UTF-8. Save it in UTF-8."],
  ])("in another encoding is named: %s", async (_, bytes, fault) => {
    server.handle(blob(Uint8Array.from(bytes)));
    expect(await open()(null)).toEqual({ fault });
  });

  test.each([
    [
      403,
      "AuthorizationPermissionMismatch",
      /refused the document \(403 AuthorizationPermissionMismatch\)\. .* Storage Blob Data Reader/,
    ],
    [401, "InvalidAuthenticationInfo", /refused the document \(401 InvalidAuthenticationInfo\)/],
    [404, "BlobNotFound", /^There is no document at WATCHLISTS_URL \(404 BlobNotFound\)\. Upload it/],
    [400, undefined, /answered 400 when asked for the document\. Check WATCHLISTS_URL\.$/],
    [206, undefined, /answered 206/],
  ])("that is refused is not asked for again: %s %s", async (status, code, sentence) => {
    server.handle(refusal(status, code));
    const received = await open()('"0x1"');
    expect(received).toEqual({ fault: expect.stringMatching(sentence) });
    expect(server.requests).toHaveLength(1);
    expect(inspect(received)).not.toContain("secret");
  });

  test.each([301, 302, 307, 308])("is not followed elsewhere: %s", async (status) => {
    const other = await startHttpServer(blob("[]"));
    server.handle(refusal(status, undefined, { location: `${other.url}${path}` }));
    expect(await open()(null)).toEqual({ fault: expect.stringContaining(`answered ${status}`) });
    expect(other.requests).toEqual([]);
    await other.close();
  });

  test("is asked for again while the account is busy or breaks off", async () => {
    const answers: Handler[] = [
      refusal(503, "ServerBusy"),
      (_, response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("[");
        setImmediate(() => response.destroy());
        return undefined;
      },
      blob("[1]"),
    ];
    server.handle((request, response, index) => answers[index]?.(request, response, index));
    expect(await open()(null)).toMatchObject({ text: "[1]" });
  });

  test("is given up after three tries, and the reason says what happened", async () => {
    server.handle(refusal(500, "InternalError"));
    expect(await open()(null)).toEqual({
      fault:
        "The storage account answered 500 InternalError when asked for the document. This usually clears up on its own.",
    });
    expect(server.requests).toHaveLength(3);
    server.handle((_, response) => {
      response.destroy();
      return undefined;
    });
    expect(await open()(null)).toEqual({ fault: expect.stringMatching(/did not answer \(ECONNRESET\) when asked/) });
  });

  test("that does not come is waited for as long as a try may take", async () => {
    server.handle((_, response) => {
      response.writeHead(200);
      response.write("[");
      return undefined;
    });
    const hasty = open({ patience: { tries: 2, tryMs: 50, pauseMs: 1 } });
    expect(await hasty(null)).toEqual({ fault: expect.stringContaining("did not answer within 0.05 seconds") });
    expect(server.requests).toHaveLength(2);
  });

  test("is not asked for without a token, and the reason holds none", async () => {
    const token = () => Promise.reject(new Error(`The identity has none. ${secret}`));
    expect(await open({ token })(null)).toEqual({
      fault: "Could not get a token for the document. The identity has none. [token]",
    });
    expect(server.requests).toEqual([]);
  });

  test("on this machine is read without the proxy", async () => {
    const proxy = await startHttpServer(() => ({ status: 502 }));
    process.env.HTTP_PROXY = proxy.url;
    process.env.HTTPS_PROXY = proxy.url;
    try {
      expect(await open()(null)).toMatchObject({ text: "[]" });
      expect(proxy.requests).toEqual([]);
    } finally {
      delete process.env.HTTP_PROXY;
      delete process.env.HTTPS_PROXY;
      await proxy.close();
    }
  });
});

describe("a document at a server whose certificate", () => {
  const trusted = getCACertificates("default");
  const tls = createCertificate();
  let secure: HttpServer;
  beforeAll(async () => {
    secure = await startHttpServer(blob("[]"), tls);
  });
  afterAll(async () => {
    setDefaultCACertificates(trusted);
    await secure.close();
  });

  test("is not trusted gets no token", async () => {
    const read = open({ url: `${secure.url}${path}` });
    expect(await read(null)).toEqual({ fault: expect.stringContaining("DEPTH_ZERO_SELF_SIGNED_CERT") });
    expect(secure.requests).toEqual([]);
  });

  test("is trusted is read", async () => {
    setDefaultCACertificates([...trusted, tls.cert]);
    expect(await open({ url: `${secure.url}${path}` })(null)).toMatchObject({ text: "[]" });
  });
});

describe("a document in the storage emulator", () => {
  let azurite: Azurite;
  let url: string;

  beforeAll(async () => {
    azurite = await startIdentityAzurite();
    url = await uploadBlob(azurite, "[1]");
  });

  afterAll(async () => {
    await azurite.close();
  });

  test("is read by its token, and again once it was uploaded anew", async () => {
    const token = async () => unsignedToken();
    expect(await open({ url: `${url}.old`, token })(null)).toEqual({
      fault: expect.stringContaining("(404 BlobNotFound)"),
    });
    const read = open({ url, token });
    const first = await read(null);
    if (typeof first === "string" || "fault" in first) throw new Error("It was not read.");
    expect(first).toEqual({ text: "[1]", etag: expect.stringMatching(/^"/) });
    expect(await read(first.etag)).toBe("unchanged");
    await uploadBlob(azurite, "[2]");
    expect(await read(first.etag)).toMatchObject({ text: "[2]" });
  });

  test("is refused to a token for another service, with what to do", async () => {
    const read = open({ url, token: async () => unsignedToken("https://graph.microsoft.com") });
    expect(await read(null)).toEqual({
      fault: expect.stringMatching(/^The storage account refused the document \(40[13] \w+\)/),
    });
  });
});
