import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Host, startHost } from "../../local/host.ts";
import { type LocalWorld, startWorld } from "../../local/world.ts";
import { keepLogBook } from "../support/host-log-book.ts";

const [windows10, windows11] = ["microsoft-_-windows_10", "microsoft-_-windows_11"];
const machines = new Map([
  [windows10, 240],
  [windows11, 12],
]);

let world: LocalWorld;
let host: Host;

beforeAll(async () => {
  world = await startWorld({
    estate: {
      software: (id) => anEntity(id),
      missingKbs: (id) => [aDefenderKb("5066835", machines.get(id) ?? 0)],
      trouble: () => ({ statuses: [], allDay: false }),
    },
  });
  host = await startHost({
    appDir: process.cwd(),
    port: 0,
    hostKey: null,
    storageConnectionString: world.storageConnectionString,
    env: { ...world.settings, SOFTWARE_IDS: `${windows10},${windows11}` },
    log: () => {},
  });
}, 60_000);

afterAll(async () => {
  await host?.close();
  await world?.close();
});

function anEntity(id: string) {
  const [vendor = "", name = ""] = id.split("-_-");
  const counts = { weaknesses: 1, installedMachines: 300, exposedMachines: 250, impactScore: 1 };
  return { id, name, vendor, ...counts, publicExploit: false, activeAlert: false };
}

function aDefenderKb(id: string, machineMissedOn: number) {
  const url = `https://support.microsoft.com/kb/${id}`;
  return { id, name: "October 2026 Security Updates", productsNames: [], url, machineMissedOn, cveAddressed: 126 };
}

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${host.url}/api/${path}`, { headers, redirect: "manual" });

describe("the built app", () => {
  test("registers these functions and no others", () => {
    const key = "function";
    const read = ["GET", "HEAD"];
    const mail = "api/runs/{watchlist}/{runId}/mail";
    expect(host.registrations).toEqual([
      { name: "actions", trigger: "http", route: "api/actions", methods: read, authLevel: key },
      { name: "advance-run", trigger: "queue", queueName: "runs", connection: "REPORTER_STORAGE" },
      { name: "cancel-mail", trigger: "http", route: mail, methods: ["DELETE"], authLevel: key },
      { name: "doctor", trigger: "http", route: "api/doctor", methods: ["POST"], authLevel: key },
      { name: "health", trigger: "http", route: "api/health", methods: read, authLevel: "anonymous" },
      { name: "history", trigger: "http", route: "api/history", methods: read, authLevel: key },
      { name: "home", trigger: "http", route: "/", methods: read, authLevel: key },
      { name: "openapi", trigger: "http", route: "api/openapi.json", methods: read, authLevel: key },
      { name: "overview", trigger: "http", route: "api/overview", methods: read, authLevel: key },
      { name: "preview", trigger: "http", route: "api/preview", methods: ["POST"], authLevel: key },
      { name: "products", trigger: "http", route: "api/products", methods: read, authLevel: key },
      { name: "reasons", trigger: "http", route: "api/reasons", methods: read, authLevel: key },
      { name: "refresh-advisories", trigger: "timer", schedule: "0 17 * * * *" },
      { name: "report", trigger: "http", route: "api/report", methods: read, authLevel: key },
      { name: "resend", trigger: "http", route: mail, methods: ["POST"], authLevel: key },
      { name: "run-status", trigger: "http", route: "api/runs/{watchlist}/{runId}", methods: read, authLevel: key },
      { name: "schedule-runs", trigger: "timer", schedule: "0 0 5 * * *" },
      { name: "start-run", trigger: "http", route: "api/runs", methods: ["POST"], authLevel: key },
    ]);
  });

  test("has one entry file, as package.json's main finds it, that registers each file of functions/", () => {
    expect(readdirSync("dist/functions").filter((file) => file.endsWith(".js"))).toEqual(["index.js"]);
    expect(JSON.parse(readFileSync("package.json", "utf8")).main).toBe("dist/functions/*.js");
    const sources = readdirSync("functions").map((file) => file.replace(/\.ts$/, ""));
    expect(host.registrations.map(({ name }) => name).toSorted()).toEqual(sources.toSorted());
  });

  test("leaves the host's own module outside and names no path of the machine that built it", () => {
    const files = readdirSync("dist", { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".js"));
    const texts = files.map((file) => readFileSync(`dist/${file}`, "utf8"));
    expect(texts.some((text) => text.includes('require("@azure/functions-core")'))).toBe(true);
    expect(texts.filter((text) => text.includes(process.cwd()))).toEqual([]);
  });
});

describe("before the first run", () => {
  test("the doctor checks the app step by step", async () => {
    const answer = await fetch(`${host.url}/api/doctor`, { method: "POST" });
    const { ok, findings } = (await answer.json()) as { ok: boolean; findings: { check: string }[] };
    expect([answer.status, ok]).toEqual([200, true]);
    expect(findings.map(({ check }) => check)).toContain("table Runs");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(world.inbox.mails).toHaveLength(0);
  });

  test("the report says how to start one", async () => {
    const answer = await get("report?format=json");
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(((await answer.json()) as { detail: string }).detail).toContain("POST /api/runs");
    const page = await get("report", { accept: "text/html" });
    expect([page.status, page.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
  });

  test("health is good, because the first run is not late yet, and an anonymous caller gets no more than that", async () => {
    const answer = await get("health");
    expect([answer.status, await answer.json()]).toEqual([200, { status: "healthy" }]);
  });
});

describe("the timer, fired twice for one day", () => {
  beforeAll(async () => {
    await host.fireTimer("schedule-runs");
    await host.fireTimer("schedule-runs");
    await host.drainQueues();
  });

  test("makes one run and sends one mail", async () => {
    expect(world.inbox.mails).toHaveLength(1);
    const history = (await (await get("history")).json()) as { runs: unknown[] };
    expect(history.runs).toHaveLength(1);
  });

  test("leaves the app healthy", async () => {
    const answer = await get("health");
    expect([answer.status, await answer.json()]).toEqual([200, { status: "healthy" }]);
    expect((await get("health?code=k")).headers.get("location")).toBe("/api/reasons?code=k");
    const feeds = { msrc: null, kev: null };
    expect(await (await get("reasons")).json()).toEqual({ status: "healthy", reasons: [], feeds });
  });
});

describe("a run asked for over HTTP", () => {
  test("is reported as queued, made, and compared with the scheduled one", async () => {
    machines.set(windows10, 252);
    const asked = await fetch(`${host.url}/api/runs`, { method: "POST", body: '{"watchlist": "default"}' });
    expect(asked.status).toBe(202);
    const location = `${host.url}${asked.headers.get("location")}`;
    expect(await (await fetch(location)).json()).toMatchObject({ state: "queued", read: 0, total: 2 });
    await host.drainQueues();
    expect(await (await fetch(location)).json()).toMatchObject({ state: "committed", read: 2, mail: "none" });
    const { runId } = (await asked.json()) as { runId: string };
    const report = (await (await get(`report?format=json&run=${runId}`)).json()) as { totals: unknown };
    expect(report.totals).toMatchObject({ worsened: 1, new: 0, missingKbs: 1 });
    const latest = (await (await get("report?format=json")).json()) as { totals: unknown; newerRuns: unknown };
    expect(latest).toMatchObject({ totals: { worsened: 0 }, newerRuns: [runId] });
    expect(world.inbox.mails).toHaveLength(1);
  });

  test.each([
    ["html", "text/html; charset=utf-8"],
    ["json", "application/json; charset=utf-8"],
    ["csv", "text/csv; charset=utf-8"],
    ["text", "text/plain; charset=utf-8"],
  ])("has its report as %s, by name and by Accept, and a 304 for a caller who has it", async (format, type) => {
    const named = await get(`report?format=${format}`);
    const accepted = await get("report", { accept: type.replace(/;.*/, "") });
    for (const answer of [named, accepted]) {
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, type]);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(await answer.text()).toContain("5066835");
    }
    const tag = named.headers.get("etag") ?? "";
    expect((await get(`report?format=${format}`, { "if-none-match": tag })).status).toBe(304);
  });

  test("has a page whose policy allows only its own style and script", async () => {
    const page = await get("report?format=html");
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe-inline");
    const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1] ?? "none";
    const text = (await page.text()).replace(/(<script\b[^>]*>).*?<\/script>/gs, "$1");
    expect(text).toContain("<script");
    for (const [tag] of text.matchAll(/<(script|style)\b[^>]*>/g)) expect(tag).toContain(nonce);
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
  });

  test.each([
    ["report?format=xml", 400, "format"],
    ["report?run=yesterday", 400, "run"],
    ["report?watchlist=other", 400, "watchlist"],
    ["report?softwareId=microsoft-_-teams", 400, "softwareId"],
    ["report?from=latest", 400, "from"],
    ["report?sort=name", 400, "sort"],
    ["history?days=-1", 400, "days"],
  ])("%s is refused by the parameter's name", async (path, status, parameter) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ status, parameter });
  });

  test("has no report of a day without a run", async () => {
    expect((await get("report?run=2026-01-01&format=json")).status).toBe(404);
  });
});

describe("the start page", () => {
  const start = (query = "") => fetch(`${host.url}/${query}`, { redirect: "manual" });

  test("of a single watchlist leads to its report, and other formats list it", async () => {
    const answer = await start();
    expect([answer.status, answer.headers.get("location")]).toEqual([307, "/api/report?watchlist=default"]);
    const overview = (await (await start("?format=json")).json()) as { watchlists: { totals: unknown }[] };
    expect(overview).toMatchObject({ total: 1, watchlists: [{ watchlist: "default", totals: { read: 2 } }] });
    expect(await (await get("overview?format=json")).json()).toEqual(overview);
  });
});

describe("the OpenAPI document", () => {
  test("describes each call that the app registers, and no other", async () => {
    const { paths } = (await (await get("openapi.json")).json()) as { paths: Record<string, object> };
    const described = Object.entries(paths).flatMap(([path, calls]) =>
      Object.keys(calls).map((method) => `${method.toUpperCase()} ${path}`),
    );
    // HEAD is GET without the body; one sentence of the document covers it.
    const registered = host.registrations.flatMap(({ route, methods = [] }) =>
      methods.flatMap((method) => (method === "HEAD" ? [] : [`${method} /${route?.replace(/^\//, "")}`])),
    );
    expect(described.toSorted()).toEqual(registered.toSorted());
  });

  test.each([
    ["GET", "report", "report?format=json"],
    ["GET", "report", "report?run=yesterday"],
    ["GET", "report", "report?run=2026-01-01"],
    ["GET", "history", "history"],
    ["GET", "history", "history?days=0"],
    ["GET", "runs/{watchlist}/{runId}", "runs/default/2026-01-01"],
    ["GET", "runs/{watchlist}/{runId}", "runs/default/today"],
    ["GET", "health", "health"],
    ["GET", "health", "health?code=a&code=b"],
    ["GET", "reasons", "reasons"],
    ["POST", "runs", "runs"],
    ["POST", "doctor", "doctor"],
  ])("holds for %s /api/%s, asked as %s", async (method, path, asked) => {
    const document = (await (await get("openapi.json")).json()) as OpenApi;
    const answer = await fetch(`${host.url}/api/${asked}`, { method });
    const type = (answer.headers.get("content-type") ?? "").replace(/;.*/, "");
    const response = document.paths[`/api/${path}`]?.[method.toLowerCase()]?.responses[answer.status];
    expect(response, `${answer.status} is described`).toBeDefined();
    expect(Object.keys(response?.content ?? {})).toContain(type);
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema(document, "document");
    const schema = `document#/paths/${pointer(`/api/${path}`)}/${method.toLowerCase()}/responses/${answer.status}`;
    const validate = ajv.getSchema(`${schema}/content/${pointer(type)}/schema`);
    expect(validate?.(await answer.json()), JSON.stringify(validate?.errors)).toBe(true);
  });
});

interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, object> }> }>>;
}

/** A name as a part of a JSON pointer in a URI. */
function pointer(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}

describe("HEAD", () => {
  test("is registered beside every GET", () => {
    for (const { methods = [] } of host.registrations) expect(methods.includes("HEAD")).toBe(methods.includes("GET"));
    expect(host.registrations.filter(({ methods }) => methods?.includes("GET"))).toHaveLength(10);
  });

  // The time and the nonce of a page are new in every response; the others are about the connection and the body.
  const fresh = ["date", "connection", "keep-alive", "content-length", "transfer-encoding"];
  const lasting = ({ headers }: Response) =>
    [...headers]
      .filter(([name]) => !fresh.includes(name))
      .map(([name, value]) => [name, value.replace(/'nonce-[^']+'/g, "")]);

  test.each([
    "report?format=html",
    "report?format=json",
    "report?format=csv",
    "overview?format=html",
    "overview?format=json",
    "report?run=yesterday",
    "report?run=2026-01-01&format=json",
    "history",
    "history?days=0",
    "health",
    "health?code=k",
    "reasons",
    "openapi.json",
    "runs/default/2026-01-01",
    "runs/default/today",
  ])("gets the status and headers of GET without its body: %s", async (path) => {
    for (const headers of [{}, { accept: "text/html" }]) {
      const [head, full] = await Promise.all(
        ["HEAD", "GET"].map((method) => fetch(`${host.url}/api/${path}`, { method, headers, redirect: "manual" })),
      );
      expect([head?.status, head && lasting(head)]).toEqual([full?.status, full && lasting(full)]);
      expect(await head?.text()).toBe("");
    }
  });
});

describe("an error in a browser", () => {
  test.each([
    ["report?format=xml", 400],
    ["report?run=2026-01-01", 404],
    ["history?x=1", 400],
    ["health?x=1", 400],
    ["reasons?x=1", 400],
    ["openapi.json?x=1", 400],
    ["runs/default/today", 400],
    ["runs/default/2026-01-01?x=1", 400],
  ])("is a page: %s", async (path, status) => {
    const page = await get(path, { accept: "text/html,application/xhtml+xml,*/*;q=0.8" });
    expect([page.status, page.headers.get("content-type")]).toEqual([status, "text/html; charset=utf-8"]);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await page.text()).toMatch(/^<!doctype html>\n.*<h1>/s);
  });
});

test("a body that the host drops starts nothing: it is refused, or the address alone says what to do", async () => {
  await host.drainQueues();
  const statuses: Record<string, number> = {};
  for (const { name, trigger, route = "", methods = [] } of host.registrations) {
    const method = methods.find((each) => each !== "GET" && each !== "HEAD");
    if (trigger !== "http" || method === undefined) continue;
    const path = route.replace("{watchlist}", "default").replace("{runId}", "2026-01-01");
    const chunked = { body: new Blob(['{"watchlist": "other", "mail": true}']).stream(), duplex: "half" } as const;
    const given = await fetch(`${host.url}/${path}`, { method, ...chunked });
    statuses[name] = given.status;
    await given.text();
  }
  expect(statuses).toEqual({ "start-run": 411, preview: 411, doctor: 200, resend: 404, "cancel-mail": 404 });
  expect(await host.drainQueues()).toMatchObject({ processed: 0 });
});

test.each(["doctor", "preview", "runs"])("POST %s refuses a parameter that it would not read", async (path) => {
  const refused = await fetch(`${host.url}/api/${path}?watchlist=default`, { method: "POST" });
  expect([refused.status, await refused.json()]).toEqual([400, expect.objectContaining({ parameter: "watchlist" })]);
});

describe("wrong settings", () => {
  test("stop the start with one message that names each, and shows no secret", () => {
    const settings = {
      SOFTWARE_IDS: "Microsoft Edge",
      MAIL_TO: "endpoints@",
      MAIL_FROM: "reporter@contoso.example",
      SENDGRID_API_KEY: "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/canary-secret)",
      REPORT_TIME_ZONE: "Europe/Atlantis",
      DEFENDER_URL: "http://api.example",
      WATCHLISTS: '[{"name": "canary-secret"',
      REPORTER_STORAGE: "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=canary-secret",
    };
    const script = `import { startHost } from "./local/host.ts"; await startHost({ appDir: ".", port: 0, env: ${JSON.stringify(settings)} });`;
    const run = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
    expect(run.status).not.toBe(0);
    const names = Object.keys(settings).filter((name) => !["MAIL_FROM", "REPORTER_STORAGE"].includes(name));
    for (const name of names) expect(run.stderr).toContain(name);
    expect(run.stderr).toContain("microsoft-_-edge");
    expect(run.stdout + run.stderr).not.toContain("canary-secret");
  });

  test("are one line of the log, an error, which the runbook's query finds", async () => {
    const book = keepLogBook();
    const env = {
      MAIL_TO: "a@\nb, \r\n c@",
      REPORT_TIME_ZONE: "Europe/\u2028Atlantis",
      AUTH: "entra\nkey",
      SOFTWARE_IDS: "a",
    };
    await expect(startHost({ appDir: process.cwd(), port: 0, env, log: book.sink })).rejects.toThrow();
    const errors = book.entries.filter(({ level }) => level === "error" || level === "warning");
    expect(errors).toEqual([expect.objectContaining({ level: "error" })]);
    for (const name of Object.keys(env)) expect(errors[0]?.message).toContain(name);
    const runbook = readFileSync("docs/operate.md", "utf8").split("## The app does not start\n")[1] ?? "";
    const [, searched = ""] = /contains '([^']+)'/.exec(runbook) ?? [];
    expect(searched).not.toBe("");
    expect(errors[0]?.message).toContain(searched);
  });
});
