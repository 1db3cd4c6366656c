import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { QueueClient } from "@azure/storage-queue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { reporterResources } from "../../local/identity-endpoint.ts";
import { emailFault } from "../../local/inbox/email-api.ts";
import { defenderAudience } from "../../local/simulated-tenant.ts";
import { type LocalWorld, startWorld } from "../../local/world.ts";
import { openConnections } from "../../shared/connections.ts";
import { examine } from "../../shared/http/doctor.ts";
import type { Finding, Probes } from "../../shared/http/finding.ts";
import { createCredential } from "../../shared/io/credential.ts";
import { createDefender } from "../../shared/io/defender/defender.ts";
import { createMailer, fingerprint } from "../../shared/io/mail/sendgrid.ts";
import { createQueueProbe, createRunQueue } from "../../shared/io/storage/run-queue.ts";
import { createStore } from "../../shared/io/storage/tables.ts";
import type { Ports } from "../../shared/ports.ts";
import { clouds } from "../../shared/settings/clouds.ts";
import { readSettings } from "../../shared/settings.ts";
import { emulator, uniqueName } from "../support/azurite.ts";
import { aWatchlist } from "../support/builders.ts";
import { fakeFeeds } from "../support/fake-feeds.ts";
import { createFakeStore } from "../support/fake-store.ts";
import { configured, fakeWorld } from "../support/fake-world.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";

const windows11 = "microsoft-_-windows_11";
const edge = "microsoft-_-edge_chromium-based";
const tables = { snapshotsTable: uniqueName("snapshots"), runsTable: uniqueName("runs") };
const queue = uniqueName("q");
const patience = { tryMs: 5_000, tries: 1, retryMs: 1 };

let world: LocalWorld;

beforeAll(async () => {
  const counts = { weaknesses: 7, installedMachines: 9, exposedMachines: 9, impactScore: 1 };
  world = await startWorld({
    estate: {
      software: (id) =>
        [windows11, edge].includes(id)
          ? { id, name: id, vendor: "microsoft", ...counts, publicExploit: false, activeAlert: false }
          : null,
      missingKbs: (id) => (id === windows11 ? [aDefenderKb("5066835"), aDefenderKb("5066793")] : []),
      trouble: () => ({ statuses: [], allDay: false }),
    },
  });
  // The identity library reads them once, from the process.
  process.env.IDENTITY_ENDPOINT = world.settings.IDENTITY_ENDPOINT;
  process.env.IDENTITY_HEADER = world.settings.IDENTITY_HEADER;
}, 60_000);

afterAll(() => world.close());

function aDefenderKb(id: string) {
  return { id, name: null, productsNames: null, url: null, machineMissedOn: 1, cveAddressed: 1 };
}

interface Setup {
  softwareId: string;
  from: string;
  apiKey: string;
  cloud: keyof typeof clouds;
  tableConnection: ReturnType<typeof emulator>;
  queueConnection: ReturnType<typeof emulator>;
}

/** The app's own connections, set up as the app does, and every token that was issued. */
function setUp(parts: Partial<Setup> = {}): { ports: Ports; probes: Probes; tokens: string[] } {
  const { scope, authorityHost } = clouds[parts.cloud ?? "public"];
  const credential = createCredential({ kind: "managed", clientId: null, appId: null, authorityHost });
  const { tableConnection = emulator(), queueConnection = emulator() } = parts;
  const tokens: string[] = [];
  const mail = {
    ...{
      from: parts.from ?? world.settings.MAIL_FROM ?? "",
      apiKey: parts.apiKey ?? world.settings.SENDGRID_API_KEY ?? "",
    },
    ...{ region: "global" as const, url: world.inbox.url },
  };
  const ports: Ports = {
    ...fakeWorld([aWatchlist({ softwareIds: [parts.softwareId ?? windows11] })]).ports,
    defender: createDefender({
      ...{ credential, scope, baseUrl: world.tenant.url, callsPerMinute: 100, callsPerHour: 1_500 },
      timing: { notFoundPauses: [1, 1, 1], retries: [1] },
    }),
    store: createStore(tableConnection, { ...tables, patience }),
    queue: createRunQueue(queueConnection, { queue, patience }),
    mailer: createMailer({ ...mail, sandbox: false }),
  };
  const probes: Probes = {
    defenderScope: scope,
    defenderToken: async (tenant) => {
      const token = (await credential(tenant).getToken(scope))?.token ?? "";
      tokens.push(token);
      return token;
    },
    consentUrl: () => null,
    tryQueue: createQueueProbe(queueConnection, { queue: uniqueName("probe"), patience }),
    warnings: [],
    keyFingerprint: fingerprint(mail.apiKey),
    sandbox: createMailer({ ...mail, sandbox: true }),
  };
  return { ports, probes, tokens };
}

/** Straight from the identity endpoint, because the identity library caches a token for the life of the process. */
async function freshToken(): Promise<string> {
  const url = `${world.identity.url}?api-version=2019-08-01&resource=${encodeURIComponent(defenderAudience)}`;
  const answer = await fetch(url, { headers: { "X-IDENTITY-HEADER": world.identity.header } });
  return ((await answer.json()) as { access_token: string }).access_token;
}

async function examineWith(parts: Partial<Setup> = {}): Promise<Finding[]> {
  const { ports, probes } = setUp(parts);
  return examine(ports, probes);
}

const faulty = (findings: readonly Finding[]) => findings.filter(({ status }) => status === "fault");
const checks = (findings: readonly Finding[]) => findings.map(({ check }) => check);

describe("with nothing wrong", () => {
  test("everything that a run needs is checked and passes", async () => {
    const findings = await examineWith();
    expect(checks(findings)).toEqual([
      ...["settings", "token", "walk", `read of ${windows11}`],
      ...["table Snapshots", "table Runs", "table Watchlists", "table Walks", "queue runs", "mail"],
    ]);
    expect(faulty(findings)).toEqual([]);
    expect(findings[2]?.detail).toMatch(/^Reading 1 product takes less than a minute/);
    expect(findings[3]?.detail).toContain("2 missing KBs");
    // A person compares it with the fingerprint of the key in the vault.
    expect(findings.at(-1)?.detail).toContain(
      `the key with the fingerprint ${fingerprint(world.settings.SENDGRID_API_KEY ?? "")}`,
    );
  });

  test("nothing is left behind: no row, no message, no mail", async () => {
    const { ports, probes } = setUp();
    await examine(ports, probes);
    const nobody = { tenant: "(doctor)", watchlist: "(doctor)" };
    const { store } = ports;
    expect(await store.readSnapshot({ ...nobody, softwareId: "(doctor)", runId: "2000-01-01" })).toBeNull();
    expect(await store.listRuns(nobody)).toEqual([]);
    expect((await store.listStatuses()).filter(({ tenant }) => tenant === "(doctor)")).toEqual([]);
    expect(await store.listRequests("(doctor)")).toEqual([]);
    expect(world.inbox.mails).toEqual([]);
  });

  test("no finding contains a token or a key", async () => {
    const { ports, probes, tokens } = setUp();
    const said = JSON.stringify(await examine(ports, probes));
    expect(tokens.length).toBeGreaterThan(0);
    for (const secret of [...tokens, world.settings.SENDGRID_API_KEY ?? ""]) expect(said).not.toContain(secret);
    expect(said).not.toMatch(/eyJ/);
  });

  test("it can be repeated at once", async () => {
    const { ports, probes } = setUp();
    await examine(ports, probes);
    expect(faulty(await examine(ports, probes))).toEqual([]);
  });

  test("a product without KBs is reported with its weaknesses, because empty does not mean patched", async () => {
    const findings = await examineWith({ softwareId: edge });
    expect(findings.find(({ check }) => check === `read of ${edge}`)?.detail).toContain("7 weaknesses");
  });
});

describe("with Azure Communication Services", () => {
  const mailTo = (count: number) => Array.from({ length: count }, (_, n) => `a${n}@contoso.com`);

  /** The mail finding of an app that is set up from its settings alone. */
  async function findMail(settings: Record<string, string> = {}): Promise<Finding | undefined> {
    const acs = { MAIL_TRANSPORT: "acs", ACS_ENDPOINT: world.inbox.url, SOFTWARE_IDS: windows11 };
    const { SENDGRID_API_KEY: _, ...others } = world.settings;
    const { ports, probes } = openConnections(readSettings({ ...others, ...acs, ...settings }));
    const { mailer, watchlists } = ports;
    const findings = await examine({ ...setUp().ports, mailer, watchlists }, probes);
    return findings.find(({ check }) => check === "mail");
  }

  test("the mail is checked as far as that goes without sending one, by one question", async () => {
    const { questions } = world.inbox.operations;
    const finding = await findMail();
    expect(finding?.status).toBe("ok");
    expect(finding?.detail).toMatch(
      /^Azure Communication Services lets the app ask.*recipients of 1 watchlist.*no sandbox/,
    );
    expect(world.inbox.operations.questions).toBe(questions + 1);
    expect(world.inbox.mails).toEqual([]);
  });

  test("it is a fault if the app has no role there", async () => {
    world.inbox.operations.faults.push(emailFault(403, "Forbidden", ""));
    const detail = expect.stringMatching(
      /^Azure does not let this app send mail \(403: Forbidden\).*infra\/mail\.bicep/,
    );
    expect(await findMail()).toMatchObject({ status: "fault", detail });
  });

  test("it is a fault if a watchlist has more readers than a mail may have", async () => {
    expect(await findMail({ MAIL_TO: mailTo(50).join() })).toMatchObject({ status: "ok" });
    const detail = expect.stringContaining("51 recipients, but Azure Communication Services allows 1 to 50");
    expect(await findMail({ MAIL_TO: mailTo(51).join() })).toMatchObject({ status: "fault", detail });
  });

  test("the app that is set up so sends as its identity", async () => {
    const acs = { MAIL_TRANSPORT: "acs", ACS_ENDPOINT: world.inbox.url, SOFTWARE_IDS: windows11 };
    const { ports } = openConnections(readSettings({ ...world.settings, ...acs }));
    const mail = { ...{ tenant: "home", watchlist: "default", runId: "2026-11-23", sendKey: "1", isRepeat: false } };
    const text = { subject: "3 new", html: "<p>3 new</p>", text: "3 new", attachments: [] };
    const outcome = await ports.mailer.send({ ...mail, to: ["ops@contoso.com"], together: false, ...text });
    expect(outcome).toMatchObject({ status: "sent" });
    expect(world.inbox.operations.ids).toHaveLength(1);
    expect(world.identity.issued.map(({ resource }) => resource)).toContain("https://communication.azure.com");
  });
});

describe("the finding with the fault", () => {
  test("is the token's if the identity lacks the role, and Defender is not called", async () => {
    const { ports, probes } = setUp();
    const { behaviour } = world.identity;
    const { resources } = behaviour;
    behaviour.resources = { ...reporterResources, [defenderAudience]: ["Machine.Read.All"] };
    const calls = world.tenant.calls.length;
    const findings = await examine(ports, { ...probes, defenderToken: freshToken });
    behaviour.resources = resources;
    expect(checks(faulty(findings))).toEqual(["token"]);
    expect(faulty(findings)[0]?.detail).toMatch(
      /only Machine\.Read\.All but needs Software\.Read\.All.*npm run grant.*24 hours/,
    );
    expect(findings.find(({ status }) => status === "skipped")?.check).toBe(`read of ${windows11}`);
    expect(world.tenant.calls).toHaveLength(calls);
  });

  test("is the token's if the cloud is another", async () => {
    const [fault, ...others] = faulty(await examineWith({ cloud: "gcc-high" }));
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ check: "token", detail: expect.stringContaining("change DEFENDER_CLOUD") });
  });

  test("is all tables' if the identity cannot write there, and Defender is not called", async () => {
    const proxy = await startFaultProxy(emulator().connectionString, "Table");
    const body = { "odata.error": { code: "AuthorizationPermissionMismatch", message: { value: "No." } } };
    proxy.planForever({ status: 403, body });
    const calls = world.tenant.calls.length;
    const findings = await examineWith({ tableConnection: proxy.connection as ReturnType<typeof emulator> });
    await proxy.close();
    expect(checks(faulty(findings))).toEqual(["table Snapshots", "table Runs", "table Watchlists", "table Walks"]);
    expect(faulty(findings)[0]?.detail).toContain("Storage Table Data Contributor");
    expect(findings.find(({ status }) => status === "skipped")?.detail).toMatch(
      /^Defender was not asked, because its calls/,
    );
    expect(world.tenant.calls).toHaveLength(calls);
  });

  test("is the queue's if the identity cannot use it", async () => {
    const proxy = await startFaultProxy(emulator().connectionString, "Queue");
    const headers = { "x-ms-error-code": "AuthorizationPermissionMismatch", "content-type": "application/xml" };
    const body = "<Error><Code>AuthorizationPermissionMismatch</Code><Message>No.</Message></Error>";
    proxy.planForever({ status: 403, headers, body });
    const findings = await examineWith({ queueConnection: proxy.connection as ReturnType<typeof emulator> });
    await proxy.close();
    expect(checks(faulty(findings))).toEqual(["queue runs"]);
    expect(faulty(findings)[0]?.detail).toContain("Storage Queue Data Contributor");
  });

  test("is the queue's if messages failed for good", async () => {
    const poison = new QueueClient(emulator().connectionString, `${queue}-poison`);
    await poison.create();
    await poison.sendMessage("given up");
    const findings = await examineWith();
    await poison.delete();
    expect(checks(faulty(findings))).toEqual(["queue runs"]);
    expect(faulty(findings)[0]?.detail).toContain("runs-poison");
  });

  test("is the mail's if SendGrid does not accept the key", async () => {
    const [fault, ...others] = faulty(await examineWith({ apiKey: "SG.revoked" }));
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ check: "mail", detail: expect.stringContaining("SENDGRID_API_KEY") });
    expect(fault?.detail).toContain(`fingerprint ${fingerprint("SG.revoked")} `);
  });

  test("is the mail's if the sender is not verified", async () => {
    const [fault, ...others] = faulty(await examineWith({ from: "someone@elsewhere.example" }));
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ check: "mail", detail: expect.stringContaining("MAIL_FROM") });
  });

  test("is the read's if Defender does not find the product", async () => {
    const id = "microsoft-_-windows_95";
    const [fault, ...others] = faulty(await examineWith({ softwareId: id }));
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ check: `read of ${id}`, detail: expect.stringContaining("check its id") });
  });

  test("is the read's if Defender lists nothing for a product that it does not know", async () => {
    const { ports, probes } = setUp();
    const defender = { ...ports.defender, getMissingKbs: async () => [], getSoftware: async () => null };
    const [fault] = faulty(await examine({ ...ports, defender }, probes));
    expect(fault?.detail).toContain("does not know this product");
  });

  test("names the tenant if it is not the app's own", async () => {
    const { ports, probes } = setUp();
    const watchlists = configured([aWatchlist(), aWatchlist({ name: "customer", tenant: "contoso.example" })]);
    const findings = await examine({ ...ports, watchlists }, probes);
    expect(faulty(findings).map(({ check }) => check)).toContain("token of tenant contoso.example");
  });
});

describe("MSRC and CISA", () => {
  async function examined(fill: (store: Ports["store"]) => Promise<void>): Promise<Finding | undefined> {
    const { ports, probes } = setUp();
    const store = createFakeStore();
    await fill(store);
    const now = () => new Date("2026-11-23T06:00:00Z");
    const findings = await examine({ ...ports, feeds: fakeFeeds(), store, now }, probes);
    return findings.find(({ check }) => check === "advisories");
  }
  const state = { validators: {}, readAt: "2026-11-23T05:17:00.000Z" };

  test("are read at the ages that it says", async () => {
    const finding = await examined(async (store) => {
      await store.saveMonth({ id: "2026-Nov", changedAt: "1", kbs: [] });
      await store.saveFeed("msrc", state);
    });
    expect(finding).toEqual({
      ...{ check: "advisories", status: "ok" },
      detail: "MSRC: 1 month, read 43 minutes ago. CISA: 0 CVEs, not read yet, which happens once an hour.",
    });
  });

  test("have faults at once, not after two days", async () => {
    const reason = "CISA's catalogue is not JSON in UTF-8.";
    const finding = await examined(async (store) => {
      await store.saveKev([{ cve: "CVE-2020-0601", since: "2022-01-01", ransomware: false }], state);
      await store.saveFeed("kev", { ...state, fault: { reason, since: "2026-11-23T05:17:00.000Z" } });
    });
    expect(finding?.status).toBe("fault");
    expect(finding?.detail).toBe(
      `CISA's catalogue could not be read since 2026-11-23T05:17:00.000Z. ${reason} It is tried again every hour.`,
    );
  });
});

describe("npm run doctor", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "doctor-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  // In its own folder, so that no other local.settings.json is read.
  function run(...args: string[]): { status: number | null; stdout: string } {
    const env = { PATH: process.env.PATH };
    return spawnSync(process.execPath, [resolve("local/doctor.ts"), ...args], { cwd: folder, env, encoding: "utf8" });
  }

  test("shows a fault in the local world and exits with 1", () => {
    const { status, stdout } = run("--fault", "bad-sendgrid-key");
    expect([status, stdout]).toEqual([1, expect.stringMatching(/^fault {3}mail: .*SENDGRID_API_KEY/m)]);
    expect(stdout.match(/^ok /gm)).toHaveLength(10);
  });

  test("lists everything that is wrong with the settings before it tries anything", () => {
    const Values = {
      ...{ SOFTWARE_IDS: "Microsoft Edge", MAIL_TO: "nobody", SENDGRID_API_KEY: "canary" },
      REPORTER_STORAGE: "AccountName=canary",
    };
    writeFileSync(join(folder, "local.settings.json"), JSON.stringify({ Values }));
    const { status, stdout } = run();
    expect(status).toBe(1);
    for (const name of [...Object.keys(Values), "MAIL_FROM"]) {
      expect(stdout).toMatch(new RegExp(`^fault {3}settings: ${name}: `, "m"));
    }
    expect(stdout).not.toContain("canary");
  });
});
