import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect as connectTcp, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { bundle } from "../../scripts/bundle.ts";
import { type CredentialOptions, createCredential } from "../../shared/io/credential.ts";
import { createDefender } from "../../shared/io/defender/defender.ts";
import { createCertificate } from "../support/certificate.ts";
import { type Handler, type HttpServer, type ReceivedRequest, startHttpServer } from "../support/http-server.ts";

// The identity library remembers the endpoint and the tokens for the process: one endpoint for all tests, and a
// resource of its own for each token that must be new.
const secretHeader = "header-secret-canary";
const appId = "11111111-2222-3333-4444-555555555555";
const clientId = "99999999-8888-7777-6666-555555555555";
const tenant = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

let endpoint: HttpServer;
let resources = 0;

beforeAll(async () => {
  endpoint = await startHttpServer(() => undefined);
  vi.stubEnv("IDENTITY_ENDPOINT", `${endpoint.url}/msi/token`);
  vi.stubEnv("IDENTITY_HEADER", secretHeader);
  vi.stubEnv("NO_PROXY", "127.0.0.1");
});

beforeEach(() => {
  endpoint.requests.length = 0;
  endpoint.handle(giving(86_400));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await endpoint.close();
});

/** The platform's identity endpoint: checks the secret header, gives tokens that are good for this many seconds. */
function giving(seconds: number): Handler {
  return ({ headers, path }, _response, index) => {
    if (headers["x-identity-header"] !== secretHeader) return { status: 401, body: { message: "Unauthorized" } };
    const resource = queryOf(path).get("resource");
    const expires = Math.floor(Date.now() / 1_000) + seconds;
    const body = { access_token: `token-${index + 1}`, expires_on: String(expires), resource, token_type: "Bearer" };
    return { body };
  };
}

function queryOf(path: string): URLSearchParams {
  return new URL(path, "http://127.0.0.1").searchParams;
}

function newScope(): string {
  resources += 1;
  return `https://resource-${resources}.example/.default`;
}

function create(options: Partial<CredentialOptions> = {}) {
  const authorityHost = "https://login.microsoftonline.com";
  return createCredential({ kind: "managed", clientId, appId, authorityHost, ...options });
}

/** The credential as it is deployed, without the packages that the build leaves out. */
async function deployedCredential(): Promise<typeof createCredential> {
  const outdir = await mkdtemp(join(tmpdir(), "bundle-"));
  onTestFinished(() => rm(outdir, { recursive: true }));
  await bundle({ entryPoints: ["shared/io/credential.ts"], outdir, outExtension: { ".js": ".mjs" } });
  return (await import(pathToFileURL(join(outdir, "credential.mjs")).href)).createCredential;
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.unreachable("a failure was expected"),
    (error) => error,
  );
}

describe("the managed identity", () => {
  test("is asked at the platform's endpoint, with its secret, for the resource and as the identity chosen", async () => {
    const scope = newScope();
    const token = await create()("home").getToken(scope);
    expect(token?.token).toBe("token-1");
    expect(endpoint.requests).toHaveLength(1);
    const [{ method, path, headers }] = endpoint.requests as [ReceivedRequest];
    expect({ method, header: headers["x-identity-header"] }).toEqual({ method: "GET", header: secretHeader });
    expect(path.startsWith("/msi/token?")).toBe(true);
    expect(queryOf(path).get("resource")).toBe(scope.replace("/.default", ""));
    expect(queryOf(path).get("client_id")).toBe(clientId);
  });

  test("is the system-assigned one where none is named", async () => {
    await create({ clientId: null })("home").getToken(newScope());
    expect(queryOf(String(endpoint.requests[0]?.path)).has("client_id")).toBe(false);
  });

  test("says when its token expires, and is not asked again before", async () => {
    const scope = newScope();
    const credential = create()("home");
    const before = Date.now();
    const token = await credential.getToken(scope);
    const life = (token?.expiresOnTimestamp ?? 0) - before;
    expect(life).toBeGreaterThan(86_390_000);
    expect(life).toBeLessThan(86_410_000);
    expect((await credential.getToken(scope))?.token).toBe(token?.token);
    expect(endpoint.requests).toHaveLength(1);
  });

  test("is asked again for a token that expires soon", async () => {
    endpoint.handle(giving(60));
    const scope = newScope();
    const credential = create()("home");
    expect((await credential.getToken(scope))?.token).toBe("token-1");
    expect((await credential.getToken(scope))?.token).toBe("token-2");
  });

  test("is one object for a tenant", () => {
    const credentialOf = create();
    expect(credentialOf("home")).toBe(credentialOf("home"));
    expect(credentialOf(tenant)).toBe(credentialOf(tenant));
    expect(credentialOf(tenant)).not.toBe(credentialOf("home"));
  });

  test("may be slow", async () => {
    const quick = giving(3_600);
    endpoint.handle(async (...given) => {
      await sleep(300);
      return quick(...given);
    });
    expect((await create()("home").getToken(newScope()))?.token).toBe("token-1");
  });

  const refused = /^The app's managed identity was refused a token\. .*AZURE_CLIENT_ID.*\.$/;
  const noAnswer = /^The app's managed identity did not return a token\. This usually clears up.*restart the app\.$/;
  test.each<[string, Handler, RegExp, number?]>([
    [
      "does not know the identity",
      (_request, _response, index) => ({
        status: 400,
        body: {
          statusCode: 400,
          message: `No User Assigned Identity found. Trace: ${index}`,
          correlationId: `${index}`,
        },
      }),
      refused,
    ],
    ["forbids", () => ({ status: 403, body: { error: { code: "Forbidden", message: "denied" } } }), refused],
    ["does not take the header", () => ({ status: 401, body: "Unauthorized" }), noAnswer],
    ["answers a page", () => ({ body: "<html>token?</html>" }), noAnswer],
    ["never answers", () => undefined, noAnswer, 300],
    ["gives no token", () => ({ body: { resource: "x" } }), noAnswer],
    ["fails in passing", () => ({ status: 500, body: { statusCode: 500, message: "Unexpected error." } }), noAnswer],
    ["is busy", () => ({ status: 429, body: { statusCode: 429, message: "Too many requests." } }), noAnswer],
  ])(
    "whose endpoint %s fails with the same words each time, without secrets",
    async (_name, handler, sentence, timeout = 10_000) => {
      endpoint.handle(handler);
      const credentialOf = create({ timeout });
      const [first, second] = [
        await failure(credentialOf("home").getToken(newScope())),
        await failure(credentialOf("home").getToken(newScope())),
      ];
      expect(first.message).toMatch(sentence);
      expect(second.message).toBe(first.message);
      expect(first.cause).toBeInstanceOf(Error);
      expect(inspect(first, { depth: 20, showHidden: true })).not.toContain(secretHeader);
    },
  );

  test("that gives no token makes a read of Defender fail with what to do, and nothing is sent to Defender", async () => {
    endpoint.handle(() => ({ status: 400, body: { statusCode: 400, message: "No User Assigned Identity found." } }));
    const api = await startHttpServer(() => ({ body: { value: [] } }));
    onTestFinished(() => api.close());
    const defender = createDefender({
      credential: create(),
      baseUrl: api.url,
      scope: newScope(),
      callsPerMinute: 100,
      callsPerHour: 1_500,
    });
    const error = await failure(defender.getMissingKbs("home", "microsoft-_-windows_11"));
    expect(error).toMatchObject({ name: "DefenderError", permanent: false });
    expect(error.message).toMatch(/^Could not get a token for Defender: the app's managed identity was refused/);
    expect(api.requests).toHaveLength(0);
  });
});

describe("another tenant", () => {
  async function startEntra(handler: Handler): Promise<HttpServer> {
    const certificate = createCertificate();
    const trusted = getCACertificates("default");
    setDefaultCACertificates([...trusted, certificate.cert]);
    const entra = await startHttpServer((request, response, index) => {
      if (!request.path.includes("openid-configuration")) return handler(request, response, index);
      const base = `${entra.url}/${tenant}`;
      return {
        body: {
          token_endpoint: `${base}/oauth2/v2.0/token`,
          authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
          issuer: `${base}/v2.0`,
          jwks_uri: `${base}/discovery/v2.0/keys`,
        },
      };
    }, certificate);
    onTestFinished(async () => {
      setDefaultCACertificates(trusted);
      await entra.close();
    });
    return entra;
  }

  test("gives the app registration a token for the managed identity's, without any secret", async () => {
    const entra = await startEntra(() => ({
      body: { access_token: "foreign-token", expires_in: 3_600, token_type: "Bearer" },
    }));
    const token = await create({ authorityHost: entra.url })(tenant).getToken("https://defender.example/.default");
    expect(token?.token).toBe("foreign-token");
    expect(queryOf(String(endpoint.requests[0]?.path)).get("resource")).toBe("api://AzureADTokenExchange");
    const request = entra.requests.find(({ method }) => method === "POST");
    expect(request?.path.split("?")[0]).toBe(`/${tenant}/oauth2/v2.0/token`);
    const form = new URLSearchParams(request?.body);
    expect(Object.fromEntries(form)).toMatchObject({
      client_id: appId,
      client_assertion: "token-1",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      grant_type: "client_credentials",
    });
    expect(form.get("scope")).toContain("https://defender.example/.default");
    expect(form.has("client_secret")).toBe(false);
  });

  test("gives a token to the deployed app too", async () => {
    const entra = await startEntra(() => ({
      body: { access_token: "foreign-token", expires_in: 3_600, token_type: "Bearer" },
    }));
    const deployed = await deployedCredential();
    const credential = deployed({ kind: "managed", clientId, appId, authorityHost: entra.url })(tenant);
    expect(await credential.getToken("https://defender.example/.default")).toMatchObject({ token: "foreign-token" });
    expect(entra.requests.some(({ body }) => body.includes("client_assertion=token-1"))).toBe(true);
  });

  const tooMany = (seconds: number) => ({
    status: 429,
    headers: { "retry-after": `${seconds}` },
    body: { error: "temporarily_unavailable", error_description: "AADSTS90055: Too many requests." },
  });
  const signInsAt = ({ requests }: HttpServer) => requests.flatMap(({ method, at }) => (method === "POST" ? [at] : []));

  test("is waited for where its sign-in is throttled, and others wait too", async () => {
    const given = { body: { access_token: "foreign-token", expires_in: 3_600, token_type: "Bearer" } };
    const entra = await startEntra(() => (signInsAt(entra).length === 1 ? tooMany(1) : given));
    const credentialOf = create({ authorityHost: entra.url });
    const others = Array.from({ length: 11 }, (_, index) => `aaaaaaaa-bbbb-cccc-dddd-00000000000${index % 10}`);
    // One is asked alone, so that the service's first answer is its own.
    const first = credentialOf(tenant).getToken(newScope());
    await vi.waitFor(() => expect(signInsAt(entra)).toHaveLength(1));
    const tokens = await Promise.all([first, ...others.map((other) => credentialOf(other).getToken(newScope()))]);
    for (const token of tokens) expect(token?.token).toBe("foreign-token");
    const [throttledAt = 0, ...later] = signInsAt(entra).sort((a, b) => a - b);
    expect(later).toHaveLength(12);
    expect(Number(later.at(-1)) - throttledAt).toBeGreaterThanOrEqual(2_000);
  });

  test("that asks for a long wait makes a read of Defender fail in passing, with the time to come back", async () => {
    const entra = await startEntra(() => tooMany(600));
    const api = await startHttpServer(() => ({ body: { value: [] } }));
    onTestFinished(() => api.close());
    const defender = createDefender({
      ...{ credential: create({ authorityHost: entra.url }), baseUrl: api.url, scope: newScope() },
      ...{ callsPerMinute: 100, callsPerHour: 1_500 },
    });
    const error = await failure(defender.getMissingKbs(tenant, "microsoft-_-windows_11"));
    expect(error).toMatchObject({ name: "DefenderError", permanent: false, retryAfterSeconds: 600 });
    expect(error.message).toBe(
      "Could not get a token for Defender: sign-ins to other tenants are throttled. They continue on their own.",
    );
    expect(signInsAt(entra)).toHaveLength(1);
    expect(api.requests).toHaveLength(0);
  });

  test("that refuses is named with the code and what to do, in the same words each time", async () => {
    const entra = await startEntra((_request, _response, index) => ({
      status: 400,
      body: {
        error: "unauthorized_client",
        error_description: `AADSTS700016: Application was not found. Trace ID: ${index}`,
        error_codes: [700016],
        trace_id: `${index}`,
      },
    }));
    const credential = create({ authorityHost: entra.url, clientId: null })(tenant);
    const first = await failure(credential.getToken(newScope()));
    const second = await failure(credential.getToken(newScope()));
    expect(first.message).toMatch(
      new RegExp(`^The tenant ${tenant} .*${appId} no token \\(AADSTS700016\\)\\. .*consented`),
    );
    expect(second.message).toBe(first.message);
  });

  test("is not blamed if the managed identity gives no token", async () => {
    endpoint.handle(() => ({ status: 400, body: { statusCode: 400, message: "No User Assigned Identity found." } }));
    const entra = await startEntra(() => expect.unreachable("nothing to send"));
    const credential = create({ authorityHost: entra.url, clientId: "77777777-8888-7777-6666-555555555555" })(tenant);
    expect((await failure(credential.getToken(newScope()))).message).toMatch(/^The app's managed identity was refused/);
  });

  test("of a government cloud is signed in to in that cloud, with a token for its exchange", async () => {
    const proxy = await startRefusingProxy();
    vi.stubEnv("HTTPS_PROXY", proxy.url);
    onTestFinished(() => void vi.stubEnv("HTTPS_PROXY", undefined));
    const credential = create({ authorityHost: "https://login.microsoftonline.us", timeout: 1_000 })(tenant);
    expect((await failure(credential.getToken(newScope()))).message).toMatch(/^The tenant /);
    expect(queryOf(String(endpoint.requests[0]?.path)).get("resource")).toBe("api://AzureADTokenExchangeUSGov");
    expect(proxy.asked[0]).toBe("CONNECT login.microsoftonline.us:443 HTTP/1.1");
  });

  test("without an app registration fails with the setting that is missing", async () => {
    const error = await failure(Promise.resolve(create({ appId: null })(tenant).getToken(newScope())));
    expect(error.message).toContain("DEFENDER_APP_ID");
    expect(error.message).toContain(tenant);
    expect(endpoint.requests).toHaveLength(0);
  });

  test("that echoes the managed identity's token in its refusal does not bring it into the error", async () => {
    const assertion = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLW9mLXRoZS1pZGVudGl0eQ";
    endpoint.handle(async (...given) => {
      const honest = await giving(86_400)(...given);
      return { body: { ...(honest?.body as object), access_token: assertion } };
    });
    const entra = await startEntra(({ body }) => ({
      status: 401,
      body: {
        error: "invalid_client",
        error_description: `AADSTS700213: ${body} and ${encodeURIComponent(body)}`,
        error_codes: [700213],
        claims: body,
      },
    }));
    const identity = "66666666-8888-7777-6666-555555555555";
    const error = await failure(create({ authorityHost: entra.url, clientId: identity })(tenant).getToken(newScope()));
    expect(entra.requests.some(({ body }) => body.includes(assertion))).toBe(true);
    expect(error.message).toContain("(AADSTS700213)");
    // The head of a token is the same in all of them, and not a secret.
    const [, ...secrets] = assertion.split(".");
    for (const secret of secrets) expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(secret);
  });
});

/** A proxy that records where callers want to go and refuses them all. */
async function startRefusingProxy(): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      asked.push(String(data).split("\r\n")[0] ?? "");
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe.skipIf(process.platform === "win32")("a developer", () => {
  /** Installs a command that records its arguments and prints a text. */
  async function installCommand(name: string, script: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "commands-"));
    const file = join(folder, name);
    await writeFile(file, `#!/bin/sh\necho "$@" > ${join(folder, "arguments")}\n${script}\n`);
    await chmod(file, 0o755);
    const path = process.env.PATH ?? "";
    vi.stubEnv("PATH", `${folder}${delimiter}${path}`);
    onTestFinished(async () => {
      vi.stubEnv("PATH", path);
      await rm(folder, { recursive: true });
    });
    return join(folder, "arguments");
  }

  const given = `echo '{"accessToken":"developer-token","expires_on":4102444800,"tokenType":"Bearer"}'`;

  test("is the person signed in with az", async () => {
    const args = await installCommand("az", given);
    const token = await create({ kind: "developer" })("home").getToken("https://defender.example/.default");
    expect(token).toMatchObject({ token: "developer-token", expiresOnTimestamp: 4_102_444_800_000 });
    const said = await readFile(args, "utf8");
    expect(said).toContain("--resource https://defender.example");
    expect(said).not.toContain("--tenant");
  });

  test("is the person signed in with az for the deployed app too", async () => {
    await installCommand("az", given);
    const deployed = await deployedCredential();
    const credential = deployed({ kind: "developer", clientId, appId, authorityHost: "https://login.example" })("home");
    expect(await credential.getToken("https://defender.example/.default")).toMatchObject({ token: "developer-token" });
  });

  test("is asked for the tenant that is read", async () => {
    const args = await installCommand("az", given);
    await create({ kind: "developer", appId: null })(tenant).getToken("https://defender.example/.default");
    expect(await readFile(args, "utf8")).toContain(`--tenant ${tenant}`);
  });

  test("who is not signed in learns how", async () => {
    await installCommand("azd", `echo "ERROR: not logged in, run \\\`azd auth login\\\` to login" >&2; exit 1`);
    await installCommand("az", `echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`);
    const credentialOf = create({ kind: "developer" });
    const home = await failure(credentialOf("home").getToken(newScope()));
    expect(home.message).toMatch(/^You are not signed in\. Run `az login` or `azd auth login`\.$/);
    const other = await failure(credentialOf(tenant).getToken(newScope()));
    expect(other.message).toContain(`az login --tenant ${tenant}`);
    expect(endpoint.requests).toHaveLength(0);
  });
});

// Last, because it closes the endpoint.
describe("an identity endpoint that is down", () => {
  test("counts as one that did not answer", async () => {
    await endpoint.close();
    const refusedConnection = new Promise((resolve) => {
      connectTcp(endpoint.port, "127.0.0.1").once("error", resolve);
    });
    expect(await refusedConnection).toMatchObject({ code: "ECONNREFUSED" });
    const error = await failure(create()("home").getToken(newScope()));
    expect(error.message).toMatch(/^The app's managed identity did not return a token\./);
  });
});
