import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { inspect } from "node:util";
import { TableClient } from "@azure/data-tables";
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  generateAccountSASQueryParameters,
  QueueClient,
  StorageSharedKeyCredential,
} from "@azure/storage-queue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Azurite } from "../../local/azurite.ts";
import { type IdentityEndpoint, startIdentityEndpoint } from "../../local/identity-endpoint.ts";
import { type Inbox, type InboxFault, startInbox } from "../../local/inbox.ts";
import { type SimulatedTenant, startTenant } from "../../local/simulated-tenant.ts";
import { type AppProcess, startAppProcess } from "../support/app-process.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { startHttpServer } from "../support/http-server.ts";
import { startKeyedAzurite } from "../support/keyed-azurite.ts";

const apiKey = "SG.canaryKeyId.canary-secret-of-the-mail-service";
// Like the platform's own keys, it looks different in a query and in a header.
const hostKey = "canary/FunctionKey+ofTheHost==";
const code = encodeURIComponent(hostKey);

/** Each watches one product, for which Defender has an answer of its own. */
const watchlistNames = ["fine", "unauthorized", "unlicensed", "forbidden", "broken", "poisoned"] as const;
const softwareOf = (watchlist: string) => `contoso-_-${watchlist}`;

let azurite: Azurite;
let accountKey: string;
let signature: string;
const wrongKey = randomBytes(64).toString("base64");
let tables: FaultProxy;
let queues: FaultProxy;
let tenant: SimulatedTenant;
let inbox: Inbox;
let identity: IdentityEndpoint;
let app: AppProcess;

/** All output of the app, by where it came out. */
const outlets = new Map<string, string>();
beforeAll(async () => {
  ({ azurite, accountKey } = await startKeyedAzurite());
  const direct = azurite.connectionString.replace(/AccountKey=[^;]+/, `AccountKey=${accountKey}`);
  tables = await startFaultProxy(direct, "Table");
  queues = await startFaultProxy(connectionStringOf(tables), "Queue");
  tenant = await startTenant({ estate });
  inbox = await startInbox({ apiKey, now: () => new Date(), fault: ({ body }) => mailFault(body) });
  identity = await startIdentityEndpoint({ now: () => new Date() });
  app = await startAppProcess(settings());
  await failInEveryWay();
  await askInEveryWay();
  await lookIntoStorage(direct);
  await app.close();
  outlets.set("the process", app.output());
  await startWhereNobodyGetsIn();
  await startWithSignature(direct);
}, 300_000);

afterAll(async () => {
  await Promise.all([tables, queues, tenant, inbox, identity, azurite].map((neighbour) => neighbour.close()));
}, 60_000);

const estate = {
  software: (id: string) => ({
    ...{ id, name: id, vendor: "contoso", weaknesses: 1, publicExploit: false, activeAlert: false },
    ...{ installedMachines: 300, exposedMachines: 250, impactScore: 1 },
  }),
  missingKbs: () => [
    { id: "5066835", name: "October 2026", productsNames: [], url: null, machineMissedOn: 240, cveAddressed: 126 },
  ],
  trouble: () => ({ statuses: [], allDay: false }),
};

function connectionStringOf({ connection }: FaultProxy): string {
  if (connection.kind !== "connectionString") throw new Error("The proxy needs a connection string.");
  return connection.connectionString;
}

function watchlistsNamed(...names: readonly string[]) {
  const mailTo = ["endpoints@contoso.example"];
  return names.map((name) => ({ name, softwareIds: [softwareOf(name)], mailTo, mailWhen: "always" }));
}

function settings(): Record<string, string> {
  return {
    WATCHLISTS: JSON.stringify(watchlistsNamed(...watchlistNames)),
    MAIL_FROM: "reporter@contoso.example",
    REPORT_GRACE_MINUTES: "0",
    REPORTER_STORAGE: connectionStringOf(queues),
    SENDGRID_API_KEY: apiKey,
    SENDGRID_URL: inbox.url,
    DEFENDER_URL: tenant.url,
    IDENTITY_ENDPOINT: identity.url,
    IDENTITY_HEADER: identity.header,
    TEST_HOST_KEY: hostKey,
    // Everything that the SDKs log, requests and answers included.
    AZURE_LOG_LEVEL: "verbose",
  };
}

// ---- what happens

/** Answers that contain the token of their request, as those of some proxies and debug pages do. */
const echo =
  (status: number, message: (token: string) => unknown) => (request: IncomingMessage, response: ServerResponse) => {
    const body = message(request.headers.authorization ?? "");
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };

function refusal(code: string, message: string) {
  return { error: { code, message, target: message } };
}

/** What happens to a watchlist's mail. A refusal quotes the key that came with it. */
function mailFault(body: unknown): InboxFault | null {
  const { personalizations } = body as { personalizations: { custom_args?: { watchlist?: string } }[] };
  const { watchlist = "" } = personalizations[0]?.custom_args ?? {};
  const errors = [{ message: `The key Bearer ${apiKey} may not`, field: apiKey, help: apiKey }];
  const faults: Readonly<Record<string, InboxFault>> = {
    unauthorized: { status: 400, errors },
    unlicensed: { status: 401, errors },
    forbidden: { status: 403, errors },
    broken: { status: 500, errors },
    poisoned: { kept: true, connection: "reset" },
  };
  return faults[watchlist] ?? null;
}

async function failInEveryWay(): Promise<void> {
  const fault = (watchlist: (typeof watchlistNames)[number], status: number, text: string) =>
    tenant.setFault(
      softwareOf(watchlist),
      echo(status, (token) => refusal(token.slice(0, 50), `${token} ${text}`)),
    );
  fault("unauthorized", 401, "is not taken.");
  fault("unlicensed", 401, "belongs to a tenant with no Tvm license.");
  fault("forbidden", 403, "misses application roles.");
  fault("broken", 500, "broke something.");
  await app.fireTimer();
  await app.drain();
  await poison();
}

/** A message that fails for the last time, because storage refuses everyone. */
async function poison(): Promise<void> {
  await post("runs", JSON.stringify({ watchlist: "poisoned", mail: true }), { "x-functions-key": hostKey });
  const messages = new QueueClient(connectionStringOf(queues), "runs");
  const { maxDequeueCount } = JSON.parse(readFileSync("host.json", "utf8")).extensions.queues;
  for (let failures = 1; failures < maxDequeueCount; failures++) {
    const { receivedMessageItems: received } = await messages.receiveMessages({ numberOfMessages: 32 });
    for (const { messageId, popReceipt } of received) await messages.updateMessage(messageId, popReceipt, undefined, 0);
  }
  const denied = { "odata.error": { code: "AuthenticationFailed", message: { lang: "en-US", value: "Not you." } } };
  tables.planForever({ status: 403, headers: { "content-type": "application/json" }, body: denied });
  await app.drain();
  await get("report?watchlist=fine", { "x-functions-key": hostKey });
  tables.planForever("pass");
}

async function askInEveryWay(): Promise<void> {
  const byHeader = { "x-functions-key": hostKey };
  for (const watchlist of watchlistNames) {
    for (const format of ["html", "json", "csv", "text"]) {
      await get(`report?watchlist=${watchlist}&format=${format}`, byHeader);
      await get(`report?watchlist=${watchlist}&format=${format}&code=${code}`);
    }
  }
  const paths = [
    "history?watchlist=fine",
    "history?watchlist=fine&format=csv",
    ...["json", "csv"].map((format) => `actions?watchlist=fine&format=${format}`),
    ...["json", "csv"].map((format) => `history?watchlist=fine&detail=entries&limit=1&format=${format}`),
    ...["html", "json", "csv"].map((format) => `overview?format=${format}`),
    `runs/fine/${new Date().toISOString().slice(0, 10)}`,
    "reasons",
  ];
  const wrong = [
    "report",
    "report?watchlist=fine&run=x",
    "report?watchlist=none&search=x",
    "history?watchlist=fine&days=x",
  ];
  for (const path of [...paths, ...wrong]) {
    await get(path, byHeader);
    await get(`${path}${path.includes("?") ? "&" : "?"}code=${code}`);
    await get(path);
  }
  for (const path of ["health", `health?code=${code}`]) await get(path);
  await get("openapi.json", byHeader);
  await post(`doctor?code=${code}`, "", {});
  const form = { "content-type": "application/x-www-form-urlencoded" };
  await post(`runs?code=${code}`, new URLSearchParams({ watchlist: "fine", code: hostKey }).toString(), form);
  await post(`runs?code=${code}`, '{"watchlist": ', {});
  await app.drain();
}

async function get(path: string, headers: Record<string, string> = {}): Promise<void> {
  await keepAnswer(`GET ${path}`, await fetch(`${app.url}/api/${path}`, { headers, redirect: "manual" }));
}

async function post(path: string, body: string, headers: Record<string, string>): Promise<void> {
  const request = { method: "POST", body, headers, redirect: "manual" } as const;
  await keepAnswer(`POST ${path}`, await fetch(`${app.url}/api/${path}`, request));
}

async function keepAnswer(asked: string, answer: Response): Promise<void> {
  const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  outlets.set(`${asked} ${outlets.size}`, `${answer.status}\n${headers}\n\n${await answer.text()}`);
}

async function lookIntoStorage(connectionString: string): Promise<void> {
  for (const table of ["Runs", "Snapshots", "Watchlists", "Walks"]) {
    const client = TableClient.fromConnectionString(connectionString, table, { allowInsecureConnection: true });
    const rows = await Array.fromAsync(client.listEntities());
    outlets.set(`table ${table}`, inspect(rows, { depth: 5, maxArrayLength: null, maxStringLength: null }));
  }
  const poison = await new QueueClient(connectionString, "runs-poison").peekMessages({ numberOfMessages: 32 });
  outlets.set("queue runs-poison", poison.peekedMessageItems.map(({ messageText }) => decode(messageText)).join("\n"));
  const sent = queues.requests.filter(({ method }) => method === "POST" || method === "PUT");
  outlets.set(
    "queue runs",
    sent.map(({ body }) => decode(/<MessageText>(.*)<\/MessageText>/.exec(body)?.[1] ?? "")).join("\n"),
  );
  const mails = inbox.mails.map((mail) => [
    JSON.stringify(mail.request),
    ...mail.attachments.map(({ content }) => content),
  ]);
  outlets.set("mails", mails.flat().join("\n"));
}

function decode(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}

/** Starts the app with other settings and records what it says. */
async function startOtherwise(name: string, differing: Readonly<Record<string, string>>): Promise<void> {
  app = await startAppProcess({ ...settings(), WATCHLISTS: JSON.stringify(watchlistsNamed(name)), ...differing });
  // With a storage account that refuses, the timer is expected to fail.
  await app.fireTimer().catch((error) => outlets.set(`timer of ${name}`, String(error)));
  await app.drain().catch(() => {});
  await get(`report?watchlist=${name}&format=json`, { "x-functions-key": hostKey });
  await post("doctor", "", { "x-functions-key": hostKey });
  await app.close();
  outlets.set(`the process of ${name}`, app.output());
}

async function startWhereNobodyGetsIn(): Promise<void> {
  const stranger = connectionStringOf(queues).replace(/AccountKey=[^;]+/, `AccountKey=${wrongKey}`);
  await startOtherwise("wrong-key", { REPORTER_STORAGE: stranger });
  const echoing = await startHttpServer((request) => ({ status: 400, body: { message: inspect(request) } }));
  // The identity SDK's own log, which is off by default, repeats the answers of the platform's endpoint.
  await startOtherwise("no-token", { IDENTITY_ENDPOINT: `${echoing.url}/msi/token`, AZURE_LOG_LEVEL: "" });
  await echoing.close();
}

/** A connection string may have a shared access signature instead of the key. It is in the address of every call. */
async function startWithSignature(connectionString: string): Promise<void> {
  const account = new StorageSharedKeyCredential("devstoreaccount1", accountKey);
  const rights = {
    expiresOn: new Date(Date.now() + 3_600_000),
    permissions: AccountSASPermissions.parse("rwdlacup"),
    resourceTypes: AccountSASResourceTypes.parse("sco").toString(),
    services: AccountSASServices.parse("qt").toString(),
  };
  const parameters = generateAccountSASQueryParameters(rights, account);
  signature = parameters.signature;
  const endpoint = (service: string) => new RegExp(`${service}Endpoint=[^;]+`).exec(connectionString)?.[0];
  const signed = `${endpoint("Table")};${endpoint("Queue")};SharedAccessSignature=${parameters}`;
  await startOtherwise("signature", { REPORTER_STORAGE: signed });
}

// ---- what came out

/** The forms in which a secret may appear: as it is, and encoded for a URL, HTML, JSON or a header. */
function formsOf(secret: string): string[] {
  const encoded = [encodeURIComponent(secret), Buffer.from(secret).toString("base64").replace(/=+$/, "")];
  return [secret, ...encoded, secret.replaceAll("/", "\\/"), secret.replaceAll("+", " ")];
}

function outletsThat(holds: (text: string) => boolean): string[] {
  return [...outlets].filter(([, text]) => holds(text)).map(([outlet]) => outlet);
}

describe("through runs that succeed and runs that fail in every way", () => {
  test("everything happened: refusals, failures, a poisoned message, and SDKs that log all they can", () => {
    const log = outlets.get("the process") ?? "";
    expect(new Set(tenant.calls.map(({ status }) => status))).toEqual(new Set([200, 401, 403, 500]));
    for (const said of ["product could not be read", "mail refused", "mail of unknown outcome", "mail sent"])
      expect(log).toContain(said);
    expect(log).toContain("mail not sent, will retry");
    expect(log).toMatch(/Azure Storage returned 403 AuthenticationFailed/);
    expect(log).toMatch(/azure:identity:/);
    expect(log).toMatch(/azure:core-rest-pipeline:/);
    expect(outlets.get("queue runs-poison")).toContain('"watchlist":"poisoned"');
    expect(outlets.get("queue runs")).toContain('"watchlist":"fine"');
    expect(outlets.get("mails")).toContain("Now watching 1 product");
    expect(outlets.get("table Runs")).toContain(
      "SendGrid refused the mail (400: The key Bearer [key] may not [[key]])",
    );
    expect(outlets.get("table Runs")).toContain("[token]");
    const findings = [...outlets].filter(([outlet]) => outlet.startsWith("POST doctor")).map(([, text]) => text);
    expect(findings).toHaveLength(4);
    for (const finding of findings) expect(finding).toContain('"status":"fault"');
    expect(outlets.get("timer of wrong-key")).toContain("Could not queue the runs of");
    expect(outlets.get("the process of no-token")).toContain("Could not get a token for Defender");
    expect(outlets.get("the process of signature")).toContain("run committed");
  });

  test.each([
    ["the SendGrid key", () => apiKey],
    ["the storage account's key", () => accountKey],
    ["a storage account's key that is wrong", () => wrongKey],
    ["the storage account's signature", () => signature],
    ["the identity endpoint's secret", () => identity.header],
  ])("%s is in no output", (_, secret) => {
    expect(secret().length).toBeGreaterThan(20);
    expect(outletsThat((text) => formsOf(secret()).some((form) => text.includes(form)))).toEqual([]);
  });

  test("no token, and no part of one, is in any output", () => {
    // Every token begins with the same head.
    const head = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url").slice(0, 16);
    expect(outletsThat((text) => text.includes(head) || /Bearer (?!\[key\])/.test(text))).toEqual([]);
  });

  test("the function key comes back only to a caller that sent it in an address, in the page's links and in redirects", () => {
    const holders = outletsThat((text) => formsOf(hostKey).some((form) => text.includes(form)));
    expect(holders.length).toBeGreaterThan(watchlistNames.length);
    for (const outlet of holders) {
      expect(outlet).toContain(`code=${code}`);
      const text = (outlets.get(outlet) ?? "")
        .replace(/^location: \/api\/[^\n]+$/m, "")
        .replace(/ (href|action|data-status|data-done)="(?!\w+:|\/\/)[^"]*"/g, "")
        .replace(/<input type="hidden" name="code" value="[^"]*"\/>/g, "");
      expect(formsOf(hostKey).filter((form) => text.includes(form))).toEqual([]);
    }
  });
});
