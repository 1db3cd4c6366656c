import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Azurite } from "../../local/azurite.ts";
import { type IdentityEndpoint, reporterResources, startIdentityEndpoint } from "../../local/identity-endpoint.ts";
import { type Inbox, startInbox } from "../../local/inbox.ts";
import { defenderAudience, type SimulatedTenant, startTenant } from "../../local/simulated-tenant.ts";
import { type AppProcess, startAppProcess } from "../support/app-process.ts";
import { uploadBlob } from "../support/blobs.ts";
import { createCertificate } from "../support/certificate.ts";
import { type HttpServer, startHttpServer } from "../support/http-server.ts";
import { startKeyedAzurite } from "../support/keyed-azurite.ts";

const storage = "https://storage.azure.com";
const governmentDefender = "https://api-gov.securitycenter.microsoft.us";

type Claims = Readonly<Record<string, unknown>>;

let dir: string;
let azurite: Azurite;
let tenant: SimulatedTenant;
let inbox: Inbox;
let identity: IdentityEndpoint;
let counterfeiter: HttpServer;
let app: AppProcess;
/** Claims that replace those of a genuine token, by audience. */
let counterfeits: Readonly<Record<string, Claims>>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "keyless-"));
  const { cert, key } = createCertificate();
  const paths = { cert: join(dir, "cert.pem"), key: join(dir, "key.pem") };
  await writeFile(paths.cert, cert);
  await writeFile(paths.key, key);
  azurite = (await startKeyedAzurite({ oauth: paths })).azurite;
  tenant = await startTenant({ estate });
  inbox = await startInbox({ apiKey: "SG.keyless-inbox-key", now: () => new Date() });
  identity = await startIdentityEndpoint({ now: () => new Date() });
  counterfeiter = await startCounterfeiter();
}, 60_000);

afterAll(async () => {
  await Promise.all([tenant, inbox, identity, counterfeiter, azurite].map((neighbour) => neighbour.close()));
  await rm(dir, { recursive: true });
}, 60_000);

beforeEach(() => {
  counterfeits = {};
  Object.assign(identity.behaviour, { resources: reporterResources, lifetimeSeconds: 86_400, fault: null });
});

afterEach(async () => {
  await app.close();
  const output = app.output();
  expect(output).not.toContain(identity.header);
  expect(output).not.toMatch(/Bearer|eyJ/);
}, 60_000);

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

/** Passes on the answers of the identity endpoint, with counterfeit claims in its tokens if there are any. */
function startCounterfeiter(): Promise<HttpServer> {
  return startHttpServer(async ({ path, headers }, response) => {
    const asked = new URL(path, identity.url);
    const header = String(headers["x-identity-header"]);
    const honest = await fetch(asked, { headers: { "X-IDENTITY-HEADER": header } }).catch(() => null);
    if (!honest) return void response.destroy();
    const body = (await honest.json()) as Record<string, unknown>;
    const claims = counterfeits[String(body.resource)];
    const token = claims ? { access_token: forge(String(body.access_token), claims) } : {};
    return { status: honest.status, body: { ...body, ...token } };
  });
}

function forge(token: string, claims: Claims): string {
  const [head = "", payload = ""] = token.split(".");
  const honest = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  return `${head}.${Buffer.from(JSON.stringify({ ...honest, ...claims })).toString("base64url")}.`;
}

const yesterday = () => Math.floor(Date.now() / 1000) - 86_400;

/** The complete environment of the app: no key except that of the mail service. */
async function startApp(settings: Readonly<Record<string, string>> = {}): Promise<void> {
  app = await startAppProcess({
    SOFTWARE_IDS: "microsoft-_-windows_10",
    MAIL_TO: "endpoints@contoso.example",
    MAIL_FROM: "reporter@contoso.example",
    MAIL_WHEN: "always",
    REPORT_GRACE_MINUTES: "0",
    SENDGRID_API_KEY: "SG.keyless-inbox-key",
    SENDGRID_URL: inbox.url,
    DEFENDER_URL: tenant.url,
    REPORTER_STORAGE__tableServiceUri: azurite.tableUri,
    REPORTER_STORAGE__queueServiceUri: azurite.queueUri,
    REPORTER_STORAGE__credential: "managedidentity",
    IDENTITY_ENDPOINT: `${counterfeiter.url}/msi/token`,
    IDENTITY_HEADER: identity.header,
    NODE_EXTRA_CA_CERTS: join(dir, "cert.pem"),
    ...settings,
  });
}

/**
 * A watchlist of two products. Watchlists share the snapshots of a day: each test takes products of its own, so that
 * there is something to read.
 */
function watching(name: string): Record<string, string> {
  const softwareIds = [`contoso-_-${name} 1`, `contoso-_-${name} 2`];
  const watchlists = [{ name, softwareIds, mailTo: ["endpoints@contoso.example"] }];
  return { SOFTWARE_IDS: "", MAIL_TO: "", WATCHLISTS: JSON.stringify(watchlists) };
}

/** A scheduled run from start to end. */
async function run(name: string, settings: Readonly<Record<string, string>> = {}) {
  await startApp({ ...watching(name), ...settings });
  const [calls, tokens] = [tenant.calls.length, identity.issued.length];
  await app.fireTimer();
  await app.drain();
  return {
    report: await reportOf("latest"),
    mail: lastMailOf(name),
    statuses: tenant.calls.slice(calls).map(({ status }) => status),
    audiences: identity.issued.slice(tokens).map(({ resource }) => resource),
  };
}

async function reportOf(run: string) {
  const answer = await fetch(`${app.url}/api/report?format=json&run=${run}`);
  return (await answer.json()) as {
    totals: Record<string, number>;
    products: { state: string; failure: { reason: string; permanent: boolean } | null }[];
  };
}

function lastMailOf(name: string) {
  return inbox.mails.findLast(({ customArgs }) => customArgs.watchlist === name);
}

describe("with a managed identity and no shared key anywhere", { timeout: 60_000 }, () => {
  test("the emulator's well-known key opens nothing, so no test here can depend on it", async () => {
    await startApp({
      REPORTER_STORAGE: azurite.connectionString,
      REPORTER_STORAGE__tableServiceUri: "",
      REPORTER_STORAGE__queueServiceUri: "",
      REPORTER_STORAGE__credential: "",
    });
    await expect(app.fireTimer()).rejects.toThrow();
    expect(app.output()).toMatch(/Azure Storage returned 40[03] \w+ for POST \/runs\/messages/);
  });

  test("a scheduled run reads, commits and mails, and its report is served", async () => {
    const { report, mail, statuses, audiences } = await run("honest");
    expect(report.totals).toMatchObject({ read: 2, notRead: 0, missingKbs: 1 });
    expect(mail?.subject).toContain("Watching 2 products");
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(audiences).toContain(storage);
    expect(audiences.filter((audience) => audience === defenderAudience)).toHaveLength(1);
    expect(app.output()).not.toMatch(/error|warn/);
  });

  test("watchlists are read from a blob, and a change runs at the next timer without a restart", async () => {
    const listed = (name: string) => ({
      name,
      softwareIds: [`contoso-_-${name}`],
      mailTo: ["endpoints@contoso.example"],
    });
    const broken = { ...listed("blob 2"), mailTo: "nobody" };
    const url = await uploadBlob(azurite, JSON.stringify([listed("blob 1"), broken]));
    await startApp({ SOFTWARE_IDS: "", MAIL_TO: "", WATCHLISTS_URL: url });
    await app.fireTimer();
    await app.drain();
    expect([lastMailOf("blob 1")?.subject, lastMailOf("blob 2")]).toEqual([expect.any(String), undefined]);
    expect(app.output()).toContain("is not a mail address. Allowed");
    await uploadBlob(azurite, JSON.stringify([listed("blob 1"), listed("blob 2")]));
    await app.fireTimer();
    await app.drain();
    expect(lastMailOf("blob 2")?.subject).toContain("Watching 1 product");
  });

  test("tokens that live a minute are enough", async () => {
    identity.behaviour.lifetimeSeconds = 60;
    const { report, mail } = await run("short-lived");
    expect(report.totals).toMatchObject({ read: 2, notRead: 0 });
    expect(mail).toBeDefined();
  });
});

describe("a token that Defender refuses", { timeout: 60_000 }, () => {
  const doubted = "rejects the app's token";
  const noRole =
    "lacks the app role Software.Read.All of WindowsDefenderATP. Grant it with `npm run grant`. A fix can take up to 24 hours";

  test.each([
    ["for another audience", { aud: "https://graph.microsoft.com" }, 401, doubted],
    ["that is past its time", { exp: yesterday() }, 401, doubted],
    ["without the role", { roles: ["Machine.Read.All"] }, 403, noRole],
  ])("%s reads nothing, and report and mail say why and what to do", async (what, claims, status, reason) => {
    counterfeits = { [defenderAudience]: claims };
    const { report, mail, statuses } = await run(`token ${what}`);
    expect(new Set(statuses)).toEqual(new Set([status]));
    // One fresh token for a 401, and no further try: retrying does not help what a person must fix.
    expect(statuses.length).toBe(2 * (status === 401 ? 2 : 1));
    expect(report.totals).toMatchObject({ read: 0, notRead: 2 });
    for (const { state, failure } of report.products) {
      expect(state).toBe("not-read");
      expect(failure).toMatchObject({ permanent: true, reason: expect.stringContaining(reason) });
    }
    expect(mail?.subject).toContain("None of the 2 products could be read");
    expect(mail?.text?.replace(/\s+/g, " ")).toContain(reason);
    expect(mail?.html).toContain("None of the 2 products could be read");
  });

  test("of another cloud, because DEFENDER_CLOUD is not the tenant's, is named as the cause", async () => {
    identity.behaviour.resources = { ...reporterResources, [governmentDefender]: ["Software.Read.All"] };
    const { report, statuses, audiences } = await run("wrong cloud", { DEFENDER_CLOUD: "gcc-high" });
    expect(audiences).toContain(governmentDefender);
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(report.products[0]?.failure?.reason).toContain("Check that DEFENDER_CLOUD is the tenant's cloud");
  });

  test("is not even used if the identity may not have one", async () => {
    identity.behaviour.resources = { [storage]: [] };
    const { report, statuses } = await run("no token");
    expect(statuses).toEqual([]);
    expect(report.products[0]?.failure).toMatchObject({
      permanent: false,
      reason: expect.stringMatching(
        /^Could not get a token for Defender: .* Check that an identity is assigned to the app/,
      ),
    });
  });
});

describe("a token that storage refuses", { timeout: 60_000 }, () => {
  test.each([
    ["for another audience", { aud: "https://graph.microsoft.com" }],
    ["that is past its time", { exp: yesterday() }],
  ])("%s fails the timer and the page, and the log says what to check", async (_what, claims) => {
    counterfeits = { [storage]: claims };
    await startApp();
    await expect(app.fireTimer()).rejects.toThrow(/Could not queue the runs of home\./);
    const answer = await fetch(`${app.url}/api/report?format=json`);
    expect([answer.status, await answer.text()]).toEqual([500, ""]);
    expect(app.output()).toMatch(
      /Azure Storage returned 40[13] \w+ for POST \/runs\/messages.*Storage Queue Data Contributor/,
    );
    expect(app.output()).toMatch(/Azure Storage returned 40[13] \w+ for GET \/Runs.*Storage Table Data Contributor/);
  });

  test("is not even used if there is no identity", async () => {
    identity.behaviour.resources = {};
    await startApp();
    await expect(app.fireTimer()).rejects.toThrow();
    expect(app.output()).toContain("Check that an identity is assigned to the app");
  });
});

describe("an identity endpoint that is down", { timeout: 60_000 }, () => {
  const noAnswer = "Could not get a token for Defender: the app's managed identity did not return a token";

  /** Handles the queue with the endpoint down. The app has tokens for storage by then, but none for Defender. */
  async function handleWithoutTokens(queueing: () => Promise<unknown>): Promise<void> {
    await app.drain();
    await queueing();
    identity.behaviour.fault = "down";
    await app.drain();
    expect(app.output()).toContain(noAnswer);
  }

  test("delays a scheduled run within its grace, and once it is back the same run reads everything", async () => {
    const settings = { ...watching("held back"), REPORT_GRACE_MINUTES: "60" };
    await startApp(settings);
    await handleWithoutTokens(app.fireTimer);
    expect((await fetch(`${app.url}/api/report`)).status).toBe(404);
    expect(lastMailOf("held back")).toBeUndefined();
    await app.close();

    identity.behaviour.fault = null;
    // The run waits five minutes before it looks again.
    await azurite.turnClock(new Date(Date.now() + 6 * 60_000));
    onTestFinished(azurite.restoreClock);
    await startApp(settings);
    await app.drain();
    expect((await reportOf("latest")).totals).toMatchObject({ read: 2, notRead: 0, missingKbs: 1 });
    expect(lastMailOf("held back")?.subject).toContain("Watching 2 products");
  });

  test("makes a run asked for claim nothing: earlier counts remain, and report and mail say why", async () => {
    await run("asked for");
    await app.close();
    await startApp(watching("asked for"));
    let runId = "";
    await handleWithoutTokens(async () => {
      const asked = await fetch(`${app.url}/api/runs`, { method: "POST", body: '{"mail": true}' });
      ({ runId } = (await asked.json()) as { runId: string });
    });
    const { totals, products } = await reportOf(runId);
    expect(totals).toMatchObject({ read: 0, notRead: 2, resolved: 0, improved: 0, missingKbs: 1 });
    for (const { state, failure } of products) {
      expect(state).toBe("not-read");
      expect(failure).toMatchObject({ permanent: false, reason: expect.stringContaining(noAnswer) });
    }
    const mail = lastMailOf("asked for");
    expect(mail?.subject).toContain("None of the 2 products could be read");
    expect(mail?.text?.replace(/\s+/g, " ")).toContain(noAnswer);
  });
});
