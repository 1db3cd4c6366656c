import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Azurite } from "../../local/azurite.ts";
import { type IdentityEndpoint, reporterResources, startIdentityEndpoint } from "../../local/identity-endpoint.ts";
import { type Inbox, startInbox } from "../../local/inbox.ts";
import { defenderAudience, type SimulatedTenant, startTenant } from "../../local/simulated-tenant.ts";
import { startWorld } from "../../local/world.ts";
import { proxyVariables } from "../../shared/settings/proxies.ts";
import { type AppProcess, startAppProcess } from "../support/app-process.ts";
import { uploadBlob } from "../support/blobs.ts";
import { createCertificate } from "../support/certificate.ts";
import { type ConnectProxy, startConnectProxy, startTlsFront, type TlsFront } from "../support/connect-proxy.ts";
import { type HttpServer, startHttpServer } from "../support/http-server.ts";
import { startKeyedAzurite } from "../support/keyed-azurite.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const hosts = {
  defender: "api.securitycenter.microsoft.com",
  login: "login.microsoftonline.com",
  mail: "api.sendgrid.com",
  table: "streporter.table.core.windows.net",
  queue: "streporter.queue.core.windows.net",
  blob: "streporter.blob.core.windows.net",
};
/** The emulator finds the account in the path alone. */
const account = "streporter";
const apiKey = "SG.key-behind-a-proxy";
const otherTenant = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

const estate = {
  software: (id: string) => {
    const counts = { weaknesses: 1, installedMachines: 300, exposedMachines: 250, impactScore: 1 };
    return { id, name: id, vendor: "microsoft", ...counts, publicExploit: false, activeAlert: false };
  },
  missingKbs: () => {
    const names = { name: "October 2026 Security Updates", productsNames: ["windows_10"], url: null };
    return [{ id: "5066835", ...names, machineMissedOn: 240, cveAddressed: 126 }];
  },
  trouble: () => ({ statuses: [], allDay: false }),
};

/** A watchlist of the home tenant and one of another. */
const watchlists = [
  { name: "ours", softwareIds: ["microsoft-_-windows_10"], mailTo: ["endpoints@contoso.example"] },
  { name: "theirs", softwareIds: ["microsoft-_-windows_11"], mailTo: ["it@fabrikam.example"], tenantId: otherTenant },
];

const proxied = ({ url }: ConnectProxy) => ({
  HTTPS_PROXY: url,
  http_proxy: url,
  ALL_PROXY: url,
  NO_PROXY: "intranet.example",
});

async function runOnce(app: AppProcess): Promise<void> {
  await app.fireTimer();
  await app.drain();
}

describe("behind a corporate proxy, with real hosts", () => {
  let dir: string;
  let azurite: Azurite;
  let identity: IdentityEndpoint;
  let tenant: SimulatedTenant;
  let inbox: Inbox;
  let entra: HttpServer;
  let fronts: TlsFront[];
  let proxy: ConnectProxy;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "proxied-"));
    const certificate = createCertificate(Object.values(hosts));
    const paths = { cert: join(dir, "cert.pem"), key: join(dir, "key.pem") };
    await writeFile(paths.cert, certificate.cert);
    await writeFile(paths.key, certificate.key);
    ({ azurite } = await startKeyedAzurite({ oauth: paths }, account));
    identity = await startIdentityEndpoint({ now: () => new Date() });
    identity.behaviour.resources = { ...reporterResources, "api://AzureADTokenExchange": [] };
    tenant = await startTenant({ estate });
    inbox = await startInbox({ apiKey, now: () => new Date() });
    entra = await startHttpServer(answerAsEntra, certificate);
    const connectionString = azurite.connectionString.replaceAll("/devstoreaccount1", `/${account}`);
    await uploadBlob({ ...azurite, connectionString }, JSON.stringify(watchlists));
    const [defender, mail] = await Promise.all([tenant, inbox].map(({ url }) => startTlsFront(url, certificate)));
    fronts = [defender, mail].flatMap((front) => front ?? []);
    const ports = {
      ...{ defender: defender?.port, mail: mail?.port, login: entra.port },
      ...{ table: portOf(azurite.tableUri), queue: portOf(azurite.queueUri), blob: portOf(blobUri(azurite)) },
    };
    proxy = await startConnectProxy(
      Object.fromEntries(
        Object.entries(hosts).map(([what, host]) => [`${host}:443`, Number(Reflect.get(ports, what))]),
      ),
    );
  });

  afterAll(async () => {
    await proxy.close();
    await Promise.all([...fronts, tenant, inbox, identity, entra, azurite].map((neighbour) => neighbour.close()));
    await rm(dir, { recursive: true });
  });

  /** Signs in the app registration: its answer is what the identity endpoint gives for Defender. */
  async function answerAsEntra({ path }: { path: string }) {
    const base = `https://${hosts.login}/${otherTenant}`;
    if (path.includes("openid-configuration")) {
      const endpoints = { token_endpoint: `${base}/oauth2/v2.0/token`, authorization_endpoint: `${base}/authorize` };
      return { body: { ...endpoints, issuer: `${base}/v2.0`, jwks_uri: `${base}/keys` } };
    }
    const asked = new URL(`?api-version=2019-08-01&resource=${encodeURIComponent(defenderAudience)}`, identity.url);
    const given = await fetch(asked, { headers: { "x-identity-header": identity.header } });
    const { access_token } = (await given.json()) as { access_token: string };
    return { body: { access_token, expires_in: 3_600, token_type: "Bearer" } };
  }

  /** All that must never be readable on its way: names of headers, and what is secret in them. Tokens begin with `eyJhbGci`. */
  function expectNothingInClear() {
    for (const secret of [/identity-header/i, identity.header, /bearer/i, "eyJhbGci", apiKey, "client_assertion"]) {
      expect(proxy.sent()).not.toMatch(secret);
    }
  }

  test("a run reads watchlists, storage, Defender and sign-ins and mails through it, and it sees no secret", async () => {
    const app = await startAppProcess({
      ...proxied(proxy),
      WATCHLISTS_URL: `https://${hosts.blob}/${account}/configuration/watchlists.json`,
      MAIL_FROM: "reporter@contoso.example",
      MAIL_WHEN: "always",
      REPORT_GRACE_MINUTES: "0",
      SENDGRID_API_KEY: apiKey,
      DEFENDER_APP_ID: "11111111-2222-3333-4444-555555555555",
      REPORTER_STORAGE__tableServiceUri: `https://${hosts.table}/${account}`,
      REPORTER_STORAGE__queueServiceUri: `https://${hosts.queue}/${account}`,
      REPORTER_STORAGE__credential: "managedidentity",
      IDENTITY_ENDPOINT: identity.url,
      IDENTITY_HEADER: identity.header,
      NODE_EXTRA_CA_CERTS: join(dir, "cert.pem"),
    });
    onTestFinished(app.close);
    await runOnce(app);
    expect(inbox.mails.map(({ customArgs }) => customArgs.watchlist).sort()).toEqual(["ours", "theirs"]);
    for (const { text } of inbox.mails) expect(text).toContain("KB5066835");
    const doctor = await fetch(`${app.url}/api/doctor`, { method: "POST" });
    const { findings } = (await doctor.json()) as { findings: { status: string }[] };
    expect(findings.filter(({ status }) => status !== "ok")).toEqual([]);

    const expected = Object.values(hosts).map((host) => `CONNECT ${host}:443 HTTP/1.1`);
    expect([...new Set(proxy.asked)].sort()).toEqual(expected.sort());
    expectNothingInClear();
  });

  test.skipIf(process.platform === "win32")(
    "the doctor reads a developer's tenant through it, and the emulator without",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "developer-"));
      onTestFinished(() => rm(folder, { recursive: true }));
      const { body } = await answerAsEntra({ path: "/token" });
      const token = { accessToken: Reflect.get(body, "access_token"), expires_on: 4_102_444_800, tokenType: "Bearer" };
      await writeFile(join(folder, "az"), `#!/bin/sh\necho '${JSON.stringify(token)}'\n`, { mode: 0o755 });
      const Values = {
        SOFTWARE_IDS: "microsoft-_-windows_10",
        MAIL_TO: "endpoints@contoso.example",
        MAIL_FROM: "reporter@contoso.example",
        SENDGRID_API_KEY: apiKey,
        REPORTER_STORAGE: "UseDevelopmentStorage=true",
      };
      await writeFile(join(folder, "local.settings.json"), JSON.stringify({ Values }));
      const before = proxy.asked.length;
      const path = [folder, process.env.PATH].join(delimiter);
      const env = { PATH: path, ...proxied(proxy), NODE_EXTRA_CA_CERTS: join(dir, "cert.pem") };
      const doctor = spawn(process.execPath, [resolve("local/doctor.ts")], { cwd: folder, env });
      let output = "";
      for (const stream of [doctor.stdout, doctor.stderr]) {
        stream.on("data", (chunk) => {
          output += chunk;
        });
      }
      const [code] = await once(doctor, "close");
      expect(output).not.toMatch(/^fault/m);
      expect(code).toBe(0);
      const expected = [hosts.defender, hosts.mail].map((host) => `CONNECT ${host}:443 HTTP/1.1`);
      expect([...new Set(proxy.asked.slice(before))].sort()).toEqual(expected.sort());
      expectNothingInClear();
    },
  );
});

describe("with everything on this machine", () => {
  test("a run goes round any proxy", async () => {
    const proxy = await startConnectProxy({});
    const world = await startWorld({ estate });
    onTestFinished(() => Promise.all([proxy.close(), world.close()]).then(() => undefined));
    const app = await startAppProcess({
      ...proxied(proxy),
      ...world.settings,
      SOFTWARE_IDS: "microsoft-_-windows_10",
      MAIL_WHEN: "always",
    });
    onTestFinished(app.close);
    await runOnce(app);
    expect(world.inbox.mails).toHaveLength(1);
    expect(proxy.asked).toEqual([]);
    expect(proxy.sent()).toBe("");
  });
});

describe("the variables of proxies", () => {
  const proxy = "http://proxy.example:3128";
  const exceptionsOf = (env: Readonly<Record<string, string>>) =>
    proxyVariables({ HTTPS_PROXY: proxy, ...env }).NO_PROXY?.split(",") ?? [];

  test("stay as they are where there is no proxy", () => {
    expect(proxyVariables({ NO_PROXY: "a.example", IDENTITY_ENDPOINT: "http://169.254.131.2:8081/msi/token" })).toEqual(
      {},
    );
  });

  test("name this machine and the metadata service, in both spellings", () => {
    const { NO_PROXY, no_proxy } = proxyVariables({ all_proxy: proxy });
    expect(NO_PROXY?.split(",")).toEqual(["localhost", "127.0.0.1", "::1", "[::1]", "169.254.169.254"]);
    expect(no_proxy).toBe(NO_PROXY);
  });

  test.each<[string, Record<string, string>, string]>([
    ["the identity endpoint's host", { IDENTITY_ENDPOINT: "http://169.254.131.2:8081/msi/token" }, "169.254.131.2"],
    ["a token endpoint by name", { MSI_ENDPOINT: "http://tokens.internal/msi" }, "tokens.internal"],
    ["loopback by another number", { DEFENDER_URL: "http://127.0.0.2:80" }, "127.0.0.2"],
    ["a link-local address", { SENDGRID_URL: "https://169.254.7.7" }, "169.254.7.7"],
    [
      "an emulator",
      { REPORTER_STORAGE__tableServiceUri: "https://azurite.internal:10002/devstoreaccount1" },
      "azurite.internal",
    ],
    [
      "an emulator of a connection string",
      { REPORTER_STORAGE: "AccountName=a;TableEndpoint=http://127.3.3.3:1/a;" },
      "127.3.3.3",
    ],
  ])("name %s", (_what, env, host) => {
    expect(exceptionsOf(env)).toContain(host);
  });

  test("do not name the hosts that a proxy leads to", () => {
    const env = {
      DEFENDER_URL: "https://eu.api.security.microsoft.com",
      REPORTER_STORAGE__tableServiceUri: "https://streporter.table.core.windows.net",
    };
    expect(exceptionsOf(env)).toEqual(exceptionsOf({}));
  });

  test("keep what the operator excepts, in the form that every library reads", () => {
    const env = { NO_PROXY: "A.example *.b.example", no_proxy: ".c.example,,d.example" };
    expect(exceptionsOf(env).slice(0, 4)).toEqual(["a.example", ".b.example", ".c.example", "d.example"]);
    expect(exceptionsOf(env)).toContain("localhost");
  });

  test("are the same when they are read again", () => {
    const once = {
      HTTPS_PROXY: proxy,
      NO_PROXY: "a.example",
      ...proxyVariables({ HTTPS_PROXY: proxy, NO_PROXY: "a.example" }),
    };
    expect({ ...once, ...proxyVariables(once) }).toEqual(once);
  });

  test("name no proxy where every host is excepted", () => {
    expect(proxyVariables({ HTTPS_PROXY: proxy, http_proxy: proxy, NO_PROXY: "a.example, *" })).toEqual({
      HTTPS_PROXY: "",
      http_proxy: "",
    });
  });

  test("get the scheme that a proxy's address lacks", () => {
    expect(proxyVariables({ https_proxy: "proxy.example:3128" }).https_proxy).toBe(proxy);
  });
});

function portOf(uri: string): number {
  return Number(new URL(uri).port);
}

function blobUri({ connectionString }: Azurite): string {
  return /BlobEndpoint=([^;]+)/.exec(connectionString)?.[1] ?? "";
}
